import { ExpressionError } from '../../component/expression/expression.ts'
import type { When } from '../../component/expression/when.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import { severity } from '../../model/quality.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'
import type { SwarmConfig } from './config.ts'
import { geohash, isPlace, neighbourhood, type Place } from '../../model/geohash.ts'
import { sightingFact, type Sighting } from './sighting.ts'

type Scalar = number | string | boolean

interface CarState {
  /** Newest event time; what is older says where the car was. */
  time: number
  place: Place | undefined
  /** Undefined: it is nowhere. */
  cell: string | undefined
  /** Newest value of each tag that matters, and when it was. */
  readonly values: Map<string, readonly [value: Scalar, time: number]>
  /** Hazards that hold: since when, and when and where that was last told. */
  readonly holds: Map<string, Holding>
}

interface Holding {
  since: number
  toldAt: number | undefined
  toldIn: string | undefined
}

/**
 * First stage, by car: knows its position and what it sees, and tells the cell that it is in and those around it, but only
 * when it comes into another cell, or sees a hazard: then again in each cell, and at half the time in which it counts.
 */
export function carOperator(config: SwarmConfig): Operator<CarState> {
  const tags = [...new Set(Object.values(config.hazards).flatMap(({ when }) => when.expression.tags))]
  return {
    create: () => ({ time: -Infinity, place: undefined, cell: undefined, values: new Map(), holds: new Map() }),
    take(state, fact, context) {
      if (fact.kind !== 'reading' || context.time < state.time) return
      state.time = context.time
      note(state, fact.reading, tags, context.time)
      const place = placeIn(fact.reading, config)
      if (place !== undefined) move(state, place, config, context)
      if (state.cell === undefined) return
      context.setTimer('gone', context.time + config.gone)
      for (const [hazard, { when, within }] of Object.entries(config.hazards)) {
        look(state, hazard, when, (within ?? config.confirm.within) / 2, config.gone, context)
      }
    },
    due(state, _timer, context) {
      leave(state, [], context)
    },
    save: saveCar,
    restore: restoreCar,
    isIdle: ({ cell, values }) => cell === undefined && values.size === 0,
  }
}

function note(state: CarState, reading: Reading, tags: readonly string[], time: number): void {
  for (const tag of tags) {
    if (!Object.hasOwn(reading.values, tag)) continue
    const value = reading.values[tag]!
    const scalar = typeof value === 'bigint' ? Number(value) : value
    const isUsable = severity(qualityOf(reading, tag)) !== 'bad' && scalar !== null && typeof scalar !== 'object'
    if (isUsable) state.values.set(tag, [scalar, time])
    else state.values.delete(tag)
  }
}

function placeIn(reading: Reading, { position }: SwarmConfig): Place | undefined {
  const [lat, lon] = [position.lat, position.lon].map((tag) =>
    Object.hasOwn(reading.values, tag) && severity(qualityOf(reading, tag)) !== 'bad' ? reading.values[tag] : undefined,
  )
  if (typeof lat !== 'number' || typeof lon !== 'number') return undefined
  return isPlace({ lat, lon }) ? { lat, lon } : undefined
}

function move(state: CarState, place: Place, config: SwarmConfig, context: StepContext): void {
  const cell = geohash(place, config.cell)
  state.place = place
  if (cell === state.cell) return
  const around = neighbourhood(cell)
  leave(state, around, context)
  state.cell = cell
  for (const one of around) tell(one, { kind: 'here', car: context.key, cell, ...place }, context)
}

/** Takes leave of the cells that it was in or beside, but those in `but`. */
function leave(state: CarState, but: readonly string[], context: StepContext): void {
  if (state.cell === undefined) return
  for (const one of neighbourhood(state.cell)) {
    if (!but.includes(one)) tell(one, { kind: 'left', car: context.key }, context)
  }
  state.cell = undefined
  if (but.length > 0) return
  state.holds.clear()
  state.values.clear()
}

/** Looks whether it sees a hazard, and tells that where it is new, in another cell, or a while ago. */
function look(
  state: CarState,
  hazard: string,
  when: When,
  againMs: number,
  staleMs: number,
  context: StepContext,
): void {
  const { time } = context
  if (!isSeen(state, when, time - staleMs)) {
    state.holds.delete(hazard)
    return
  }
  const holding = state.holds.get(hazard) ?? { since: time, toldAt: undefined, toldIn: undefined }
  state.holds.set(hazard, holding)
  if (time - holding.since < when.forMs) return
  const cell = state.cell!
  if (holding.toldIn === cell && time < holding.toldAt! + againMs) return
  holding.toldAt = time
  holding.toldIn = cell
  for (const one of neighbourhood(cell)) {
    tell(one, { kind: 'report', car: context.key, cell, hazard, ...state.place! }, context)
  }
}

/** A tag that is missing, old, or of a type that cannot be compared, sees nothing. */
function isSeen({ values }: CarState, { expression }: When, oldest: number): boolean {
  const row = {
    get(tag: string) {
      const known = values.get(tag)
      return known === undefined || known[1] < oldest ? undefined : known[0]
    },
  }
  try {
    return expression.evaluate(row) === true
  } catch (error) {
    if (error instanceof ExpressionError) return false
    throw error
  }
}

function tell(cell: string, sighting: Sighting, context: StepContext): void {
  context.emit(sightingFact(cell, sighting, context.time, context.received))
}

function saveCar({ time, place, cell, values, holds }: CarState) {
  return {
    time: Number.isFinite(time) ? time : null,
    place: place === undefined ? null : [place.lat, place.lon],
    cell: cell ?? null,
    values: [...values].map(([tag, [value, at]]) => [tag, value, at]),
    holds: [...holds].map(([hazard, { since, toldAt, toldIn }]) => [hazard, since, toldAt ?? null, toldIn ?? null]),
  }
}

function restoreCar(json: unknown): CarState {
  const saved = json as {
    time: number | null
    place: [number, number] | null
    cell: string | null
    values: [string, Scalar, number][]
    holds: [string, number, number | null, string | null][]
  }
  return {
    time: saved.time ?? -Infinity,
    place: saved.place === null ? undefined : { lat: saved.place[0], lon: saved.place[1] },
    cell: saved.cell ?? undefined,
    values: new Map(saved.values.map(([tag, value, at]) => [tag, [value, at] as const])),
    holds: new Map(
      saved.holds.map(([hazard, since, toldAt, toldIn]) => [
        hazard,
        { since, toldAt: toldAt ?? undefined, toldIn: toldIn ?? undefined },
      ]),
    ),
  }
}
