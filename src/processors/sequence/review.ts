import { derivedEvent, sayAlarm, type AlarmSaying } from '../../component/derived.ts'
import type { StepContext } from '../../component/topology.ts'
import type { AlarmPriority } from '../../model/alarm.ts'
import type { Json } from '../../model/json-value.ts'
import type { SequenceConfig } from './config.ts'
import { deviate, dueAt, expectedAt, itemOf, type Deviation, type LineState } from './line.ts'

/** What is past the line for so many takts has stopped it, or was put right by hand: it is told no longer. */
const PAST_TAKTS = 10

/** Soonest that a review is followed by the next without anything being seen. */
const SOONEST_MS = 1000

/** What a line's review works with. */
export interface LineRules extends SequenceConfig {
  /** Name of the processor. */
  readonly name: string
}

/**
 * Says what is to be said of a line as it is now, and when it has to be looked at again. It is worked out from the state
 * alone, so what is said is the same however often it is looked at.
 */
export function review(state: LineState, rules: LineRules, context: StepContext): void {
  findLate(state, rules, context)
  forgetPast(state, rules, context.now)
  sayDeviations(state, rules, context)
  sayBuffers(state, rules, context)
  const at = nextReview(state, rules, context.now)
  if (at === undefined) context.clearTimer('review')
  else context.setTimer('review', Math.max(at, context.now + SOONEST_MS))
}

/**
 * A part that should have been at a checkpoint by now: by the time it was planned for, else by how far the line has got; so
 * a line that stands still makes nothing late.
 */
function findLate(state: LineState, rules: LineRules, context: StepContext): void {
  rules.checkpoints.forEach(({ name, ahead }, checkpoint) => {
    if (state.next[checkpoint] === undefined) return
    const item = expectedAt(state, checkpoint)
    if (item === undefined || state.deviations.has(item.order)) return
    if (!isLate(state, item, ahead, rules, context.now)) return
    deviate(state, item.order, 'late', checkpoint, context.now, `has not come to ${name}, where it is the next`, rules)
  })
}

function isLate(
  { fitted }: LineState,
  item: { readonly position: number; readonly due?: number },
  ahead: number,
  { takt, tolerance }: LineRules,
  now: number,
): boolean {
  if (item.due !== undefined) return now >= item.due - ahead * takt + tolerance
  if (fitted === undefined || ahead === 0) return false
  return item.position - fitted.position <= ahead - tolerance / takt
}

/** When an order, or what stands in its place, is at the line. */
function lineTime(state: LineState, deviation: Deviation, { takt }: LineRules, now: number): number {
  const item = itemOf(state, deviation.order)
  return (item && dueAt(state, item, takt, now)) ?? deviation.reaches
}

function forgetPast(state: LineState, rules: LineRules, now: number): void {
  for (const [id, deviation] of state.deviations) {
    if (now > lineTime(state, deviation, rules, now) + PAST_TAKTS * rules.takt) state.deviations.delete(id)
  }
}

function sayDeviations(state: LineState, rules: LineRules, context: StepContext): void {
  const time = Math.max(state.time, context.time)
  for (const [id, deviation] of state.deviations) {
    const before = state.alarms.get(partOf(id))
    if (before?.split(' ')[1] !== deviation.class) tellDeviated(state, deviation, rules, time, context)
    say(state, rules, partOf(id), sayingOf(state, deviation, rules, time, context.now), time, context)
  }
  for (const part of state.alarms.keys()) {
    if (!part.startsWith('order.') || state.deviations.has(part.slice('order.'.length))) continue
    const data = { order: part.slice('order.'.length).replace(/#variant$/, '') }
    tell('sequence.restored', data, rules, time, context)
    say(state, rules, part, undefined, time, context)
  }
}

function partOf(id: string): string {
  return `order.${id}`
}

function sayingOf(state: LineState, deviation: Deviation, rules: LineRules, time: number, now: number): AlarmSaying {
  const { order, class: what, says, since } = deviation
  const due = lineTime(state, deviation, rules, now)
  const leftMs = due - time
  const left = leftMs > 0 ? `it is at the line in ${Math.round(leftMs / 6_000) / 10} min` : 'it is at the line now'
  const item = itemOf(state, order)
  const detail: { [name: string]: Json } = {
    order,
    class: what,
    since,
    due,
    checkpoint: rules.checkpoints[deviation.checkpoint]!.name,
  }
  if (item !== undefined) detail['position'] = item.position
  return { priority: priorityOf(leftMs, rules), kind: what, message: `Check "${order}": ${says}; ${left}`, detail }
}

function priorityOf(leftMs: number, { high, critical }: LineRules): AlarmPriority {
  if (leftMs <= critical) return 'critical'
  return leftMs <= high ? 'high' : 'medium'
}

function tellDeviated(
  state: LineState,
  deviation: Deviation,
  rules: LineRules,
  time: number,
  context: StepContext,
): void {
  const { order, class: what, checkpoint } = deviation
  const item = itemOf(state, order)
  const data = {
    order,
    class: what,
    checkpoint: rules.checkpoints[checkpoint]!.name,
    ...(item !== undefined && { position: item.position }),
    due: new Date(lineTime(state, deviation, rules, context.now)).toISOString(),
  }
  tell('sequence.deviated', data, rules, time, context)
}

function tell(type: string, data: Json, { name }: LineRules, time: number, context: StepContext): void {
  const { key, received } = context
  const event = { type, asset: key, time, receivedTime: received, source: name, data }
  context.emit({ kind: 'event', event: derivedEvent(event, [key, data, time]) })
}

/** Parts between a checkpoint and the next, and how far each has got, as tags of the line. */
function sayBuffers(state: LineState, rules: LineRules, context: StepContext): void {
  const time = Math.max(state.time, context.time)
  const values: { [tag: string]: number } = { deviations: state.deviations.size }
  rules.checkpoints.forEach(({ name, low }, checkpoint) => {
    const next = state.next[checkpoint]
    if (next === undefined) return
    values[`${name}.position`] = next - 1
    if (checkpoint === rules.checkpoints.length - 1) return
    const parts = state.items.filter(({ at }) => at === checkpoint).length
    values[`${name}.buffer`] = parts
    const isShort = low !== undefined && state.next[checkpoint + 1] !== undefined && parts < low
    const minutes = Math.round((parts * rules.takt) / 6_000) / 10
    const message = `Bring parts to ${name}: ${parts} are there, for ${minutes} min, want at least ${low}`
    const saying: AlarmSaying = { priority: 'high', message, detail: { parts, minutes } }
    say(state, rules, `${name}.buffer`, isShort ? saying : undefined, time, context)
  })
  const reading = { asset: context.key, sourceTime: time, receivedTime: context.received, values }
  context.emit({ kind: 'reading', reading })
}

function say(
  { alarms }: LineState,
  { name }: LineRules,
  part: string,
  saying: AlarmSaying | undefined,
  time: number,
  context: StepContext,
): void {
  sayAlarm(alarms, { asset: context.key, name, part }, saying, time, context)
}

/** When something that has been said becomes more urgent, or a part late, if nothing is seen until then. */
function nextReview(state: LineState, rules: LineRules, now: number): number | undefined {
  const { takt, high, critical, tolerance } = rules
  const times = [...state.deviations.values()].flatMap((deviation) => {
    const due = lineTime(state, deviation, rules, now)
    return [due - high, due - critical, due + PAST_TAKTS * takt + 1]
  })
  rules.checkpoints.forEach(({ ahead }, checkpoint) => {
    const due = state.next[checkpoint] === undefined ? undefined : expectedAt(state, checkpoint)?.due
    if (due !== undefined) times.push(due - ahead * takt + tolerance)
  })
  const later = times.filter((at) => at > now)
  return later.length === 0 ? undefined : Math.min(...later)
}
