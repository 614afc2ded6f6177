import { derivedEvent } from '../../component/derived.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import {
  forgetReports,
  hazardOf,
  isConfirmed,
  movedFrom,
  movedTo,
  newCell,
  notePresence,
  noteReport,
  placeOf,
  restoreCell,
  saveCell,
  type CellState,
  type Confirmed,
  type HazardState,
  type Limits,
} from './cell.ts'
import { distanceM } from '../../model/geohash.ts'
import type { Sighting } from './sighting.ts'

export interface HazardRules {
  /** Name of the processor. */
  readonly name: string
  /** Full path that cells are assets of. */
  readonly area: string
  /** Of each kind of hazard. */
  readonly limits: ReadonlyMap<string, Limits>
}

/**
 * Second stage, by cell: confirms what enough cars have seen, says when it is over, and warns every car that is in the
 * cell or beside it, once. Events are `hazard.confirmed` and `hazard.cleared` of the cell, and `hazard.warning` of the car.
 */
export function cellOperator(rules: HazardRules): Operator<CellState> {
  return {
    create: newCell,
    take(state, fact, context) {
      if (fact.kind !== 'keyed') return
      const sighting = fact.data as unknown as Sighting
      if (sighting.kind === 'report') noteReport(state, context.key, sighting, context.time)
      else notePresence(state, context.key, sighting, context.time)
      for (const kind of state.hazards.keys()) judge(state, kind, rules, context)
    },
    due(state, kind, context) {
      if (state.hazards.has(kind)) judge(state, kind, rules, context)
    },
    save: saveCell,
    restore: restoreCell,
    isIdle: ({ cars, hazards }) => cars.size === 0 && hazards.size === 0,
  }
}

/** Brings a kind of hazard to what the reports say now. */
function judge(state: CellState, kind: string, rules: HazardRules, context: StepContext): void {
  const limits = rules.limits.get(kind)
  if (limits === undefined) {
    // The config knows this kind no more.
    state.hazards.delete(kind)
    return
  }
  const hazard = hazardOf(state, kind)
  forgetReports(hazard, limits, context.now)
  if (hazard.confirmed === undefined && isConfirmed(hazard, context.key, limits))
    confirm(hazard, kind, limits, rules, context)
  const { confirmed } = hazard
  if (confirmed !== undefined) {
    const end = endOf(hazard, limits, context)
    if (end === undefined) warn(state, hazard, confirmed, kind, rules, context)
    else clear(state, hazard, confirmed, kind, end, rules, context)
  }
  const next = hazard.confirmed ? hazard.lastHere + limits.expires : nextForgotten(hazard, limits)
  if (next === undefined) {
    state.hazards.delete(kind)
    context.clearTimer(kind)
  } else {
    context.setTimer(kind, next)
  }
}

/** Why a hazard is over; undefined: it is not. */
function endOf(hazard: HazardState, limits: Limits, { key, now }: StepContext): { [name: string]: string } | undefined {
  const to = movedTo(hazard, key, limits)
  if (to !== undefined) return { reason: 'moved', movedTo: to }
  if (limits.passes !== undefined && hazard.passes.size >= limits.passes) return { reason: 'passed' }
  return now >= hazard.lastHere + limits.expires ? { reason: 'expired' } : undefined
}

/** When the next report is forgotten; undefined: there is none. */
function nextForgotten({ reports }: HazardState, { within }: Limits): number | undefined {
  const times = [...reports.values()].map(({ time }) => time)
  return times.length === 0 ? undefined : Math.min(...times) + within
}

function confirm(hazard: HazardState, kind: string, limits: Limits, rules: HazardRules, context: StepContext): void {
  const { key, time } = context
  const place = placeOf(hazard, key)
  const since = Math.min(...[...hazard.reports.values()].map((report) => report.time))
  const id = `${kind}-${key}-${time}`
  const from = movedFrom(hazard, key, limits)
  hazard.confirmed = { id, since, ...place, warned: new Set() }
  const data = {
    hazard: kind,
    id,
    cell: key,
    ...place,
    cars: hazard.reports.size,
    since: new Date(since).toISOString(),
    ...(from !== undefined && { movedFrom: from }),
  }
  tell('hazard.confirmed', `${rules.area}/${key}`, data, rules, context)
}

function clear(
  state: CellState,
  hazard: HazardState,
  confirmed: Confirmed,
  kind: string,
  end: { [name: string]: string },
  rules: HazardRules,
  context: StepContext,
): void {
  const { key } = context
  hazard.confirmed = undefined
  hazard.passes.clear()
  // What has ended it is no reason to confirm it again.
  for (const [car, { cell }] of hazard.reports) if (cell === key) hazard.reports.delete(car)
  tell('hazard.cleared', `${rules.area}/${key}`, { hazard: kind, id: confirmed.id, cell: key, ...end }, rules, context)
  for (const car of confirmed.warned) {
    if (!state.cars.has(car)) continue
    tell('hazard.warning', car, { hazard: kind, id: confirmed.id, cell: key, state: 'cleared' }, rules, context)
  }
}

/** Cars that have reported it know. */
function warn(
  state: CellState,
  hazard: HazardState,
  confirmed: Confirmed,
  kind: string,
  rules: HazardRules,
  context: StepContext,
): void {
  const { id, lat, lon, warned } = confirmed
  for (const [car, place] of state.cars) {
    if (warned.has(car)) continue
    warned.add(car)
    if (hazard.reports.has(car)) continue
    const distance = Math.round(distanceM(place, confirmed))
    const data = { hazard: kind, id, cell: context.key, state: 'active', lat, lon, distance }
    tell('hazard.warning', car, data, rules, context)
  }
}

function tell(
  type: string,
  asset: string,
  data: { readonly [name: string]: Json },
  { name }: HazardRules,
  context: StepContext,
): void {
  const { time, received } = context
  const event = { type, asset, time, receivedTime: received, source: name, data }
  context.emit({ kind: 'event', event: derivedEvent(event, [asset, data['id']!, data['state'] ?? null, time]) })
}
