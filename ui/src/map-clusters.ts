import { toScreen, type MapView, type Point } from './map-view.ts'
import type { Vehicle } from './vehicles.ts'

/** A vehicle on the canvas, or several that lie too close together to be told apart. */
export type Mark = Point & ({ readonly vehicle: Vehicle } | { readonly count: number; readonly stale: number })

/** Side of the cells in which vehicles become one mark, px. */
const CELL_PX = 56
/** So many vehicles in sight are shown one by one, wherever they are. */
const ONE_BY_ONE = 250
/** In a cell, so many are. */
const TOGETHER = 4

/** What is drawn of the vehicles in sight: each of them, or one mark for a cell of the canvas that is crowded. */
export function marksOf(view: MapView, vehicles: readonly Vehicle[]): Mark[] {
  const seen = vehicles.flatMap((vehicle) => {
    const { x, y } = toScreen(view, vehicle)
    return x < -8 || y < -8 || x > view.width + 8 || y > view.height + 8 ? [] : [{ x, y, vehicle }]
  })
  if (seen.length <= ONE_BY_ONE) return seen
  const cells = Map.groupBy(seen, ({ x, y }) => `${Math.floor(x / CELL_PX)},${Math.floor(y / CELL_PX)}`)
  return [...cells.values()].flatMap((cell) => (cell.length < TOGETHER ? cell : [together(cell)]))
}

function together(cell: readonly (Point & { readonly vehicle: Vehicle })[]): Mark {
  const mean = (axis: 'x' | 'y') => cell.reduce((sum, at) => sum + at[axis], 0) / cell.length
  return { x: mean('x'), y: mean('y'), count: cell.length, stale: cell.filter(({ vehicle }) => vehicle.stale).length }
}

/** The mark that is nearest to a point, within reach of a finger. */
export function markAt(marks: readonly Mark[], { x, y }: Point, reachPx: number): Mark | undefined {
  let best: Mark | undefined
  let least = reachPx
  for (const mark of marks) {
    const distance = Math.hypot(mark.x - x, mark.y - y)
    if (distance <= least) [best, least] = [mark, distance]
  }
  return best
}
