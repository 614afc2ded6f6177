import type { Json } from '../../model/json-value.ts'
import type { SequenceConfig } from './config.ts'
import type { Planned, Sighting } from './sightings.ts'

/** What is wrong: with the place of a part in the sequence, or with the part itself. */
export type DeviationClass = 'missing' | 'swap' | 'extra' | 'late' | 'wrong-variant'

export interface Deviation {
  readonly order: string
  readonly class: DeviationClass
  /** Checkpoint that told. */
  readonly checkpoint: number
  readonly since: number
  /** When it would be at the line from where it was seen; ms since the epoch. What the plan says, or the line, is better. */
  readonly reaches: number
  /** For people: what was seen, what was wanted. */
  readonly says: string
}

/** A part on its way. */
export interface Item extends Planned {
  /** The furthest checkpoint that has seen it; -1: none. */
  at: number
}

/** A line as its checkpoints see it. Times are event times, ms since the epoch. */
export interface LineState {
  /** By position, rising. */
  items: Item[]
  /** For each checkpoint, the position from which on nothing has been seen; undefined: nothing has been seen at all. */
  readonly next: (number | undefined)[]
  /** The last part that was fitted, and when: from there on the takt tells when the others are. */
  fitted: { readonly position: number; readonly time: number } | undefined
  /** By order, and `ORDER#variant`. */
  readonly deviations: Map<string, Deviation>
  readonly alarms: Map<string, string>
  time: number
}

/** Parts that have been fitted and are still known, so that one that is seen again is told. */
const KEPT_FITTED = 50

/** Most deviations that are known at a time: beyond them it is the plan that is wrong, not the parts. */
const MOST_DEVIATIONS = 200

/** A jump over more than this is no gap: the reader was off, or the plan was another. */
const LONGEST_GAP = 50

export function newLine(checkpoints: number): LineState {
  return {
    items: [],
    next: Array.from({ length: checkpoints }, () => undefined),
    fitted: undefined,
    deviations: new Map(),
    alarms: new Map(),
    time: -Infinity,
  }
}

/** Takes what was planned, seen or put right into the state of the line. */
export function takeSighting(state: LineState, sighting: Sighting, time: number, config: SequenceConfig): void {
  state.time = Math.max(state.time, time)
  switch (sighting.kind) {
    case 'planned':
      plan(state, sighting.positions)
      break
    case 'seen':
      see(state, sighting, time, config)
      break
    case 'resolved':
      state.deviations.delete(sighting.order)
      state.deviations.delete(variantId(sighting.order))
      break
  }
  forgetFitted(state, config.checkpoints.length - 1)
}

/**
 * When an item is at the line: as planned, or by the takt from the part that was fitted last, which goes on from now where
 * the line stands still; undefined: nobody knows.
 */
export function dueAt({ fitted }: LineState, item: Planned, taktMs: number, now: number): number | undefined {
  if (item.due !== undefined || fitted === undefined) return item.due
  const takts = item.position - fitted.position
  if (takts <= 0) return fitted.time + takts * taktMs
  return Math.max(fitted.time + taktMs, now) + (takts - 1) * taktMs
}

/** The part that a checkpoint has to see next. */
export function expectedAt(state: LineState, checkpoint: number): Item | undefined {
  const next = state.next[checkpoint]
  return state.items.find((item) => item.position >= (next ?? -Infinity) && item.at < checkpoint)
}

/** From its first position on a plan replaces what was planned and not seen; what was seen keeps where it is. */
function plan(state: LineState, positions: readonly Planned[]): void {
  const first = positions[0]!.position
  const seen = new Map(state.items.map((item) => [item.order, item.at]))
  const orders = new Set(positions.map(({ order }) => order))
  const kept = state.items.filter((item) => !orders.has(item.order) && (item.position < first || item.at >= 0))
  const taken = new Set(kept.map(({ position }) => position))
  const added = positions.flatMap((one) => (taken.has(one.position) ? [] : [{ ...one, at: seen.get(one.order) ?? -1 }]))
  state.items = [...kept, ...added].sort((a, b) => a.position - b.position)
  for (const [id, { order, class: what, checkpoint }] of state.deviations) {
    const item = itemOf(state, order)
    const next = state.next[checkpoint]
    const isAhead = item !== undefined && next !== undefined && item.position >= next
    if (what === 'extra' ? orders.has(order) : item === undefined || isAhead) state.deviations.delete(id)
  }
}

type Seen = Extract<Sighting, { kind: 'seen' }>

function see(state: LineState, seen: Seen, time: number, config: SequenceConfig): void {
  const { checkpoint, order } = seen
  // Without a plan nothing is out of sequence.
  if (state.items.length === 0) return
  const item = itemOf(state, order)
  const name = config.checkpoints[checkpoint]!.name
  if (item === undefined || item.at >= checkpoint) {
    const says = item === undefined ? `seen at ${name}, and in no plan` : `seen at ${name}, and it was there already`
    return deviate(state, order, 'extra', checkpoint, time, says, config)
  }
  const next = state.next[checkpoint]
  if (next !== undefined && item.position < next) behind(state, item, checkpoint, time, config)
  else ahead(state, item, checkpoint, time, config)
  item.at = checkpoint
  if (config.checkpoints[checkpoint]!.ahead === 0) state.fitted = newestFitted(state, item.position, time)
  checkVariant(state, item, seen, time, config)
}

/** It comes in its place, or before others that should have come: those are missing now. */
function ahead(state: LineState, item: Item, checkpoint: number, time: number, config: SequenceConfig): void {
  const next = state.next[checkpoint]
  const skipped = state.items.filter(
    (other) => next !== undefined && other.position >= next && other.position < item.position && other.at < checkpoint,
  )
  const { name } = config.checkpoints[checkpoint]!
  if (skipped.length <= LONGEST_GAP) {
    for (const other of skipped) {
      const says = `missing at ${name}, where "${item.order}" came in its place`
      deviate(state, other.order, 'missing', checkpoint, time, says, config)
    }
  }
  state.next[checkpoint] = item.position + 1
  // In its place at this checkpoint, whatever was the matter before it.
  state.deviations.delete(item.order)
}

/** It was missed, and comes after others that should have come after it. */
function behind(state: LineState, item: Item, checkpoint: number, time: number, config: SequenceConfig): void {
  const overtaken = state.items.filter(({ position, at }) => position > item.position && at >= checkpoint).length
  const { name } = config.checkpoints[checkpoint]!
  const what = overtaken <= config.swapWithin ? 'swap' : 'late'
  deviate(state, item.order, what, checkpoint, time, `came to ${name} ${overtaken} positions behind its place`, config)
}

function checkVariant(state: LineState, item: Item, seen: Seen, time: number, config: SequenceConfig): void {
  const { checkpoint, order } = seen
  const faults = (['variant', 'part'] as const).filter(
    (field) => seen[field] !== undefined && item[field] !== undefined && seen[field] !== item[field],
  )
  const [field] = faults
  if (field === undefined) {
    if (seen.variant !== undefined || seen.part !== undefined) state.deviations.delete(variantId(order))
    return
  }
  const { name } = config.checkpoints[checkpoint]!
  const says = `${field} at ${name} is "${seen[field]}", want "${item[field]}"`
  deviate(state, order, 'wrong-variant', checkpoint, time, says, config)
}

export function deviate(
  state: LineState,
  order: string,
  what: DeviationClass,
  checkpoint: number,
  time: number,
  says: string,
  { checkpoints, takt }: SequenceConfig,
): void {
  const id = what === 'wrong-variant' ? variantId(order) : order
  const before = state.deviations.get(id)
  if (before === undefined && state.deviations.size >= MOST_DEVIATIONS) return
  const reaches = time + checkpoints[checkpoint]!.ahead * takt
  state.deviations.set(id, { order, class: what, checkpoint, since: before?.since ?? time, reaches, says })
}

function newestFitted({ fitted }: LineState, position: number, time: number): LineState['fitted'] {
  return fitted !== undefined && fitted.position > position ? fitted : { position, time }
}

function forgetFitted(state: LineState, last: number): void {
  const fitted = state.items.filter(({ at }) => at === last)
  if (fitted.length <= KEPT_FITTED) return
  const edge = fitted[fitted.length - KEPT_FITTED]!.position
  for (const { order, position } of state.items) {
    if (position >= edge) break
    state.deviations.delete(order)
    state.deviations.delete(variantId(order))
  }
  state.items = state.items.filter(({ position }) => position >= edge)
}

export function itemOf({ items }: LineState, order: string): Item | undefined {
  return items.find((item) => item.order === order)
}

function variantId(order: string): string {
  return `${order}#variant`
}

export function saveLine({ items, next, fitted, deviations, alarms, time }: LineState): Json {
  return {
    items: items.map(({ ...item }) => item),
    next: next.map((position) => position ?? null),
    fitted: fitted === undefined ? null : { ...fitted },
    deviations: [...deviations].map(([id, deviation]) => [id, { ...deviation }]),
    alarms: [...alarms],
    time: Number.isFinite(time) ? time : null,
  }
}

interface SavedLine {
  items: Item[]
  next: (number | null)[]
  fitted: { position: number; time: number } | null
  deviations: [string, Deviation][]
  alarms: [string, string][]
  time: number | null
}

export function restoreLine(json: Json): LineState {
  const saved = structuredClone(json) as unknown as SavedLine
  return {
    items: saved.items,
    next: saved.next.map((position) => position ?? undefined),
    fitted: saved.fitted ?? undefined,
    deviations: new Map(saved.deviations),
    alarms: new Map(saved.alarms),
    time: saved.time ?? -Infinity,
  }
}
