import type { TagView, TwinView } from '../../src/api/contract.ts'

export interface Point {
  /** Source time, ms since the epoch. */
  readonly at: number
  readonly value: number
}

/** Points kept of one tag, and assets of which points are kept: the page's memory has a bound. */
const BOUNDS = { points: 240, assets: 20 } as const

/** The last numbers of every tag of the assets that were looked at lately. */
export class Trends {
  readonly #assets = new Map<string, Map<string, Point[]>>()

  add(twin: TwinView): void {
    const tags = this.#assets.get(twin.path) ?? new Map<string, Point[]>()
    // Deleting first moves the asset to the young end of the map.
    this.#assets.delete(twin.path)
    this.#assets.set(twin.path, tags)
    if (this.#assets.size > BOUNDS.assets) this.#assets.delete(this.#assets.keys().next().value!)
    for (const tag of twin.tags) push(tags, tag)
  }

  of(path: string, tag: string): readonly Point[] {
    return this.#assets.get(path)?.get(tag) ?? []
  }
}

function push(tags: Map<string, Point[]>, { tag, value, sourceTime, severity }: TagView): void {
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number' || severity === 'bad') return
  const points = tags.get(tag) ?? []
  // The same moment again (the twin changed in another tag), or a late one: a trend goes forward.
  if (points.length > 0 && points.at(-1)!.at >= sourceTime) return
  // A new array each time, so that whoever drew the old one sees that it changed.
  tags.set(tag, [...points.slice(-(BOUNDS.points - 1)), { at: sourceTime, value: number }])
}

/** Where the points go in a box: x by time, y by value, flat in the middle where nothing moves. */
export function trendPath(points: readonly Point[], width: number, height: number): string {
  const first = points[0]!.at
  const span = points.at(-1)!.at - first || 1
  let low = Infinity
  let high = -Infinity
  for (const { value } of points) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const x = (at: number) => (((at - first) / span) * width).toFixed(1)
  const y = (value: number) => (high === low ? height / 2 : height - ((value - low) / (high - low)) * height).toFixed(1)
  return points.map(({ at, value }, index) => `${index === 0 ? 'M' : 'L'}${x(at)} ${y(value)}`).join('')
}
