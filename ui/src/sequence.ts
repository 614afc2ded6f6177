import type { AlarmView, EventView, JsonValue, ValuesView } from '../../src/api/contract.ts'
import { fieldOf, numberOf, textOf } from './event-fields.ts'
import { alignTracks, type Planned, type Seen, type Tracks } from './tracks.ts'

/** A line with a plan, as events, alarms and tags tell it. */
export interface Line {
  readonly path: string
  /** What deviates, the one that is at the line first at the top. */
  readonly deviations: readonly Deviation[]
  /** Those that have seen parts of the plan: the one furthest from the line first. */
  readonly checkpoints: readonly { readonly path: string; readonly tracks: Tracks }[]
  /** What the processor says of each checkpoint. */
  readonly figures: readonly CheckpointFigures[]
}

interface CheckpointFigures {
  readonly name: string
  /** Highest position that has come. */
  readonly position: number | undefined
  /** Parts between it and the next one. */
  readonly buffer: number | undefined
}

interface Deviation {
  readonly alarm: AlarmView
  readonly order: string
  readonly kind: string
  /** When it is at the line; ms since the epoch. */
  readonly due: number | undefined
}

/** Events are the newest first. */
export function linesOf(
  planned: readonly EventView[],
  seen: readonly EventView[],
  alarms: readonly AlarmView[],
  values: ValuesView | undefined,
): Line[] {
  const plans = Map.groupBy(planned, ({ asset }) => asset)
  const sightings = Map.groupBy(seen, ({ asset }) => asset)
  const lines = [...plans].map(([path, events]): Line => {
    const plan = planOf([...events].reverse())
    const orders = new Set(plan.map(({ order }) => order))
    const checkpoints = [...sightings].flatMap(([at, own]) => {
      const parts = [...own].reverse().flatMap(seenIn)
      return parts.some(({ order }) => orders.has(order)) ? [{ path: at, tracks: alignTracks(plan, parts) }] : []
    })
    checkpoints.sort((a, b) => b.tracks.next - a.tracks.next)
    return { path, checkpoints, deviations: deviationsOf(path, alarms), figures: figuresOf(path, values) }
  })
  return lines.sort((a, b) => b.deviations.length - a.deviations.length || (a.path < b.path ? -1 : 1))
}

/** From its first position on a plan replaces what was planned before. */
function planOf(events: readonly EventView[]): Planned[] {
  let plan: Planned[] = []
  for (const { data } of events) {
    const positions = positionsIn(data)
    const first = positions[0]
    if (first === undefined) continue
    const orders = new Set(positions.map(({ order }) => order))
    plan = [...plan.filter(({ position, order }) => position < first.position && !orders.has(order)), ...positions]
  }
  return plan
}

function positionsIn(data: JsonValue): Planned[] {
  const list = fieldOf(data, 'positions')
  if (!Array.isArray(list)) return []
  let last = 0
  return (list as readonly JsonValue[]).flatMap((entry) => {
    const [order, variant] = ['order', 'variant'].map((name) => textOf(entry, name))
    if (order === undefined) return []
    last = numberOf(entry, 'position') ?? last + 1
    return [{ order, position: last, ...(variant !== undefined && { variant }) }]
  })
}

function seenIn({ data, time }: EventView): Seen[] {
  const [order, variant] = ['order', 'variant'].map((name) => textOf(data, name))
  return order === undefined ? [] : [{ order, time, ...(variant !== undefined && { variant }) }]
}

function deviationsOf(line: string, alarms: readonly AlarmView[]): Deviation[] {
  const own = alarms.filter(({ asset, alarm, isActive }) => asset === line && isActive && alarm.includes('.order.'))
  const deviations = own.map((alarm): Deviation => {
    const [order = '?', kind = '?'] = ['order', 'class'].map((name) => textOf(alarm.detail, name))
    return { alarm, order, kind, due: numberOf(alarm.detail, 'due') }
  })
  return deviations.sort((a, b) => (a.due ?? Infinity) - (b.due ?? Infinity))
}

function figuresOf(line: string, values: ValuesView | undefined): CheckpointFigures[] {
  const own = values?.assets.find(({ path }) => path === line)?.values ?? {}
  const names = Object.keys(own).flatMap((tag) => /^(.+)\.(?:position|buffer)$/.exec(tag)?.[1] ?? [])
  const number = (tag: string) => (typeof own[tag] === 'number' ? own[tag] : undefined)
  return [...new Set(names)]
    .map((name) => ({ name, position: number(`${name}.position`), buffer: number(`${name}.buffer`) }))
    .sort((a, b) => (b.position ?? 0) - (a.position ?? 0))
}
