import type { Calendar } from './calendar.ts'
import { count, newCounter, type CounterState, type Oddity } from './counter.ts'
import type { Entry } from './entry.ts'
import { motionOf, NO_COUNTS, type Segment } from './segment.ts'
import { COUNTERS, type Counter, type OeeSettings } from './settings.ts'
import { classInMode, modeOf, stateOf, type Mode } from './states.ts'

/** What is remembered of a machine between two entries. Plain JSON. */
export interface FoldState {
  /** Segments are told up to here; the open one ends here. */
  at: number
  /** The segment that may still grow; null at the very start. */
  open: Segment | null
  /** Time of its last reading; null before the first. */
  heard: number | null
  offline: boolean
  /** The state tag: null while Bad, undefined (absent) before it was told. */
  state?: string | number | null
  running?: boolean | null
  mode: Mode
  readonly counters: { readonly [counter in Counter]?: CounterState }
  order: string | null
  /** Whether anybody ever said which order runs. */
  ordersTold: boolean
  product: string | null
  /** PRI that the order itself brought, µs; null: that of the product. */
  orderCycleUs: number | null
  reason: string | null
  /** Cause of its last entry. */
  cause: string
}

export function newFold(at: number, settings: OeeSettings): FoldState {
  const counters: { [counter in Counter]?: CounterState } = {}
  for (const counter of COUNTERS) {
    if (settings.tags[counter] !== undefined) counters[counter] = newCounter(settings.counterMax[counter])
  }
  return {
    at,
    open: null,
    heard: null,
    offline: false,
    mode: 'production',
    counters,
    order: null,
    ordersTold: false,
    product: null,
    orderCycleUs: null,
    reason: null,
    cause: '',
  }
}

/** Makes segments of a machine's entries, in order of time. Deterministic: everything it knows is in its state. */
export class Fold {
  readonly #settings: OeeSettings
  readonly #calendar: Calendar

  constructor(settings: OeeSettings, calendar: Calendar) {
    this.#settings = settings
    this.#calendar = calendar
  }

  /** Takes the next entry; segments that it ends are added to `ended`. */
  take(state: FoldState, entry: Entry, ended: Segment[]): void {
    this.advance(state, entry.time, ended)
    this.#count(state, entry)
    apply(state, entry)
    state.cause = entry.cause
  }

  /** Time goes on to `to` without an entry. */
  advance(state: FoldState, to: number, ended: Segment[]): void {
    const { staleMs } = this.#settings
    while (state.at < to) {
      const staleAt = state.heard === null ? Infinity : state.heard + staleMs
      const known = state.at < staleAt
      const until = Math.min(to, this.#calendar.nextEdge(state.at), known ? staleAt : Infinity)
      this.#extend(state, until, known, ended)
    }
  }

  #extend(state: FoldState, until: number, fresh: boolean, ended: Segment[]): void {
    const { open, at } = state
    const now = this.#condition(state, fresh)
    if (open !== null && isSame(open, now) && this.#calendar.nextEdge(open.from) > at) {
      state.open = { ...open, to: until }
    } else {
      const goesOn = open !== null && motionOf(open) === motionOf(now)
      const since = goesOn ? open.since : at
      const begins = open === null || !isSame(open, now)
      const first = begins ? state.cause : open.first
      if (open !== null) ended.push(open)
      state.open = { from: at, to: until, ...now, since, begins, counts: NO_COUNTS, oddities: {}, first, last: first }
    }
    state.at = until
  }

  /** What is true of the machine now, as far as it is known. */
  #condition(state: FoldState, fresh: boolean): Condition {
    const { order, product, reason } = state
    const withoutOrder = state.ordersTold && order === null
    const { class: kind, label } = this.#stateNow(state, fresh, withoutOrder)
    return { class: kind, state: label, order, withoutOrder, product, cycleUs: this.#cycleUs(state), reason }
  }

  #stateNow(
    state: FoldState,
    fresh: boolean,
    withoutOrder: boolean,
  ): { readonly class: Segment['class']; readonly label: string } {
    if (state.offline) return { class: 'unknown', label: 'offline' }
    if (!fresh || state.heard === null) return { class: 'unknown', label: 'no data' }
    if (Object.values(state.counters).some(({ bad }) => bad)) return { class: 'unknown', label: 'bad quality' }
    const { tags, stateNumbers, states } = this.#settings
    if (tags.state === undefined) return movement(state, withoutOrder)
    if (state.state === undefined) return { class: 'unknown', label: 'no data' }
    if (state.state === null) return { class: 'unknown', label: 'bad quality' }
    const { class: meaning, label } = stateOf(state.state, stateNumbers, states)
    if (meaning === null) return { class: 'unknown', label }
    return { class: classInMode(meaning, state.mode, withoutOrder), label }
  }

  #cycleUs({ orderCycleUs, product }: FoldState): number {
    if (orderCycleUs !== null) return orderCycleUs
    const { products, idealCycleMs } = this.#settings
    const own = product !== null && Object.hasOwn(products, product) ? products[product]!.idealCycleMs : idealCycleMs
    return Math.round((own ?? 0) * 1000)
  }

  /** Adds what the counters of an entry have counted to the time before it. */
  #count(state: FoldState, { set, cause }: Entry): void {
    const { open } = state
    const counts: [number, number, number, number] = [...(open?.counts ?? NO_COUNTS)]
    let oddities = open?.oddities ?? {}
    for (const [index, counter] of COUNTERS.entries()) {
      const value = set?.[counter]
      const known = state.counters[counter]
      if (known === undefined || typeof value !== 'number') continue
      const { counted, oddity } = count(known, value)
      counts[index]! += counted
      if (oddity !== undefined) oddities = addOddity(oddities, oddity)
    }
    if (open !== null) state.open = { ...open, counts, oddities, last: cause }
  }
}

type Condition = Pick<Segment, 'class' | 'state' | 'order' | 'withoutOrder' | 'product' | 'cycleUs' | 'reason'>

/** The state of a machine that only has a running tag, or a counter that moves or not. */
function movement(
  { running, mode }: FoldState,
  withoutOrder: boolean,
): { readonly class: Segment['class']; readonly label: string } {
  if (running === undefined) return { class: 'unknown', label: 'no data' }
  if (running === null) return { class: 'unknown', label: 'bad quality' }
  const kind = running ? 'running' : 'breakdown'
  return { class: classInMode(kind, mode, withoutOrder), label: running ? 'Running' : 'Stopped' }
}

/** What an entry says, taken into the state. Only a reading shows that the machine is there. */
function apply(state: FoldState, { set, order, offline, moving, time }: Entry): void {
  if (moving !== undefined) {
    state.running = moving
  } else if (offline) {
    state.offline = true
  } else if (order === undefined) {
    state.heard = time
    state.offline = false
    if (set !== undefined) applyTags(state, set)
  } else {
    state.ordersTold = true
    state.order = order.id
    state.product = order.product ?? (order.id === null ? null : state.product)
    state.orderCycleUs = order.cycleUs ?? null
  }
}

function applyTags(state: FoldState, set: NonNullable<Entry['set']>): void {
  if (set.state !== undefined) state.state = set.state as string | number | null
  if (set.running !== undefined) state.running = set.running as boolean | null
  if (set.mode !== undefined) state.mode = modeOf(String(set.mode))
  if (set.reason !== undefined) state.reason = nothing(set.reason)
  if (set.product !== undefined) {
    const product = nothing(set.product)
    if (product !== state.product) state.orderCycleUs = null
    state.product = product
  }
  if (set.order !== undefined) {
    const order = nothing(set.order)
    if (order !== state.order) state.orderCycleUs = null
    state.order = order
    state.ordersTold = true
  }
  for (const counter of COUNTERS) {
    const known = state.counters[counter]
    if (known !== undefined && set[counter] === null) known.bad = true
  }
}

/** Machines say that there is no order, product or reason by an empty text or a 0. */
function nothing(value: string | number | boolean | null): string | null {
  const text = String(value ?? '').trim()
  return text === '' || text === '0' ? null : text
}

function isSame(segment: Segment, now: Condition): boolean {
  return (
    segment.class === now.class &&
    segment.state === now.state &&
    segment.order === now.order &&
    segment.withoutOrder === now.withoutOrder &&
    segment.product === now.product &&
    segment.cycleUs === now.cycleUs &&
    segment.reason === now.reason
  )
}

function addOddity(oddities: Segment['oddities'], oddity: Oddity): Segment['oddities'] {
  return { ...oddities, [oddity]: (oddities[oddity] ?? 0) + 1 }
}
