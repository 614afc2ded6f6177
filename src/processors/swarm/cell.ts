import type { Json } from '../../model/json-value.ts'
import type { Place } from '../../model/geohash.ts'
import type { Sighting } from './sighting.ts'

/** What a cell knows of the cars in it and beside it, and of what they have seen. Times are event times, ms. */
export interface CellState {
  readonly cars: Map<string, Presence>
  readonly hazards: Map<string, HazardState>
}

interface Presence extends Place {
  /** The cell that the car is in: this one or one beside it. */
  readonly cell: string
  /** Since when it is in that one. */
  readonly since: number
}

/** A hazard of one kind in this cell. */
export interface HazardState {
  /** The last report of each car, in this cell or one beside it. */
  readonly reports: Map<string, Report>
  /** When a car saw it here last. */
  lastHere: number
  /** Cars that have driven through since, and have not seen it. */
  readonly passes: Set<string>
  /** Undefined: not enough cars have seen it. */
  confirmed: Confirmed | undefined
}

export interface Report extends Place {
  readonly cell: string
  readonly time: number
}

export interface Confirmed extends Place {
  readonly id: string
  readonly since: number
  /** Cars that have been warned, and not been told that it is over. */
  readonly warned: Set<string>
}

/** What it takes for a hazard to be one, and to be over. */
export interface Limits {
  readonly cars: number
  readonly within: number
  readonly expires: number
  readonly passes: number | undefined
}

export function newCell(): CellState {
  return { cars: new Map(), hazards: new Map() }
}

export function hazardOf({ hazards }: CellState, hazard: string): HazardState {
  let state = hazards.get(hazard)
  if (state === undefined) {
    state = { reports: new Map(), lastHere: -Infinity, passes: new Set(), confirmed: undefined }
    hazards.set(hazard, state)
  }
  return state
}

/** Notes where a car is; of a hazard here that it has not seen on its way through, it is a pass. */
export function notePresence(
  state: CellState,
  key: string,
  sighting: Extract<Sighting, { kind: 'here' | 'left' }>,
  time: number,
): void {
  const { car } = sighting
  const before = state.cars.get(car)
  const isHere = sighting.kind === 'here' && sighting.cell === key
  if (before?.cell === key && !isHere) {
    for (const hazard of state.hazards.values()) {
      const report = hazard.reports.get(car)
      const hasSeen = report !== undefined && report.cell === key && report.time >= before.since
      if (!hasSeen && before.since >= hazard.lastHere) hazard.passes.add(car)
    }
  }
  if (sighting.kind === 'left') {
    state.cars.delete(car)
    for (const { confirmed } of state.hazards.values()) confirmed?.warned.delete(car)
  } else {
    const { cell, lat, lon } = sighting
    state.cars.set(car, { cell, lat, lon, since: before?.cell === cell ? before.since : time })
  }
}

/** Notes that a car sees a hazard, in this cell or one beside it. */
export function noteReport(
  state: CellState,
  key: string,
  sighting: Extract<Sighting, { kind: 'report' }>,
  time: number,
): void {
  const { car, cell, lat, lon, hazard: kind } = sighting
  const hazard = hazardOf(state, kind)
  if ((hazard.reports.get(car)?.time ?? -Infinity) <= time) hazard.reports.set(car, { cell, lat, lon, time })
  if (cell !== key) return
  hazard.lastHere = Math.max(hazard.lastHere, time)
  hazard.passes.clear()
}

/** Forgets reports that no longer count. */
export function forgetReports({ reports }: HazardState, { within }: Limits, now: number): void {
  for (const [car, { time }] of reports) if (time <= now - within) reports.delete(car)
}

/**
 * Whether enough cars have seen it: so many here, or here and in the cells around, of which this one has the most; of two
 * with equally many it is the one that was told of last, then the first by name. So a hazard at an edge is one hazard.
 */
export function isConfirmed({ reports }: HazardState, key: string, { cars }: Limits): boolean {
  const counts = new Map<string, { count: number; newest: number }>()
  for (const { cell, time } of reports.values()) {
    const { count, newest } = counts.get(cell) ?? { count: 0, newest: -Infinity }
    counts.set(cell, { count: count + 1, newest: Math.max(newest, time) })
  }
  const here = counts.get(key)
  if (here === undefined) return false
  if (here.count >= cars) return true
  if (reports.size < cars) return false
  return [...counts].every(([cell, there]) => {
    if (cell === key || here.count !== there.count) return cell === key || here.count > there.count
    return here.newest === there.newest ? key < cell : here.newest > there.newest
  })
}

/** The cell beside this one that the hazard has moved to: enough cars have seen it there since it was last seen here. */
export function movedTo({ reports, lastHere }: HazardState, key: string, { cars }: Limits): string | undefined {
  const counts = new Map<string, number>()
  for (const { cell, time } of reports.values()) {
    if (cell !== key && time > lastHere) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count >= cars)
    .map(([cell]) => cell)
    .sort(byName)[0]
}

/** The cell beside this one that it was confirmed in before, by as many cars. */
export function movedFrom({ reports }: HazardState, key: string, { cars }: Limits): string | undefined {
  const firstHere = Math.min(...[...reports.values()].filter(({ cell }) => cell === key).map(({ time }) => time))
  const counts = new Map<string, number>()
  for (const { cell, time } of reports.values()) {
    if (cell !== key && time < firstHere) counts.set(cell, (counts.get(cell) ?? 0) + 1)
  }
  return [...counts]
    .filter(([, count]) => count >= cars)
    .map(([cell]) => cell)
    .sort(byName)[0]
}

function byName(a: string, b: string): number {
  return a < b ? -1 : 1
}

/** Where it is: the middle of what the cars in this cell have reported. */
export function placeOf({ reports }: HazardState, key: string): Place {
  const here = [...reports.values()].filter(({ cell }) => cell === key)
  const mean = (pick: (place: Place) => number) =>
    Math.round((here.reduce((sum, place) => sum + pick(place), 0) / here.length) * 1e6) / 1e6
  return { lat: mean(({ lat }) => lat), lon: mean(({ lon }) => lon) }
}

export function saveCell({ cars, hazards }: CellState): Json {
  return {
    cars: [...cars].map(([car, { cell, since, lat, lon }]) => [car, cell, since, lat, lon]),
    hazards: [...hazards].map(([kind, { reports, lastHere, passes, confirmed }]) => ({
      kind,
      reports: [...reports].map(([car, { cell, time, lat, lon }]) => [car, cell, time, lat, lon]),
      lastHere: Number.isFinite(lastHere) ? lastHere : null,
      passes: [...passes],
      confirmed: confirmed === undefined ? null : { ...confirmed, warned: [...confirmed.warned] },
    })),
  }
}

type SavedPlace = [car: string, cell: string, time: number, lat: number, lon: number]

interface SavedCell {
  cars: SavedPlace[]
  hazards: {
    kind: string
    reports: SavedPlace[]
    lastHere: number | null
    passes: string[]
    confirmed: (Omit<Confirmed, 'warned'> & { warned: string[] }) | null
  }[]
}

export function restoreCell(json: Json): CellState {
  const { cars, hazards } = json as unknown as SavedCell
  return {
    cars: new Map(cars.map(([car, cell, since, lat, lon]) => [car, { cell, since, lat, lon }])),
    hazards: new Map(
      hazards.map(({ kind, reports, lastHere, passes, confirmed }) => [
        kind,
        {
          reports: new Map(reports.map(([car, cell, time, lat, lon]) => [car, { cell, time, lat, lon }])),
          lastHere: lastHere ?? -Infinity,
          passes: new Set(passes),
          confirmed: confirmed === null ? undefined : { ...confirmed, warned: new Set(confirmed.warned) },
        },
      ]),
    ),
  }
}
