import { badEvent } from '../../model/cloud-event.ts'
import type { Json } from '../../model/json-value.ts'
import { changeSince, forget, newHistory, note, type History } from './history.ts'
import { newCalls, type Call, type Calls } from './kanban.ts'
import { moveLot, tidy, type Lots } from './lots.ts'
import type { Posting } from './posting.ts'
import { newUsage, observe, use, type Usage } from './usage.ts'

/** All that is known of one material at one place. Times are event times, ms since the epoch. */
export interface StockState {
  quantity: number
  unit: string | undefined
  readonly lots: Lots
  readonly history: History
  readonly usage: Usage
  readonly calls: Calls
  /** When it was counted last: what happened up to then is in the count. */
  countedAt: number | undefined
  /** The ERP's figure, and ours of the same time. */
  booked: { readonly time: number; readonly quantity: number; ours: number } | undefined
  planned: { readonly from: number; readonly until: number; readonly quantity: number } | undefined
  /** Since when ours and the ERP's differ by more than is tolerated. */
  differsSince: number | undefined
  /** Alarms that are up, with their priority. */
  readonly alarms: Map<string, string>
  /** Newest time of a posting: that of what is derived. */
  time: number
}

export function newStock(): StockState {
  return {
    quantity: 0,
    unit: undefined,
    lots: new Map(),
    history: newHistory(),
    usage: newUsage(),
    calls: newCalls(),
    countedAt: undefined,
    booked: undefined,
    planned: undefined,
    differsSince: undefined,
    alarms: new Map(),
    time: -Infinity,
  }
}

/** What a count said against what the book had. */
export interface Correction {
  readonly counted: number
  readonly expected: number
}

/**
 * Takes a posting into the books of its account. The order in which postings come does not matter: each counts at its own
 * time, what happened before a count is in the count, and an ERP figure is set against the stock of its time.
 * @throws ModelError `BAD_EVENT` where it cannot be taken; nothing has changed then
 */
export function post(
  state: StockState,
  posting: Posting,
  time: number,
  now: number,
  windowMs: number,
): Correction | undefined {
  if (posting.kind === 'planned') {
    state.planned = { from: time, until: posting.until, quantity: posting.quantity }
    state.time = Math.max(state.time, time)
    return undefined
  }
  const { unit } = posting as { readonly unit?: string }
  if (unit !== undefined && state.unit !== undefined && unit !== state.unit) {
    throw badEvent(`"unit" is ${JSON.stringify(unit)}, want "${state.unit}" as before`)
  }
  const correction = postQuantity(state, posting, time, now, windowMs)
  state.unit ??= unit
  state.time = Math.max(state.time, time)
  forget(state.history)
  return correction
}

function postQuantity(
  state: StockState,
  posting: Exclude<Posting, { kind: 'planned' }>,
  time: number,
  now: number,
  windowMs: number,
): Correction | undefined {
  switch (posting.kind) {
    case 'counted':
      return count(state, posting.quantity, time)
    case 'booked':
      book(state, posting.quantity, time)
      return undefined
    default:
      move(state, posting, time)
      observe(state.usage, time)
      if (posting.quantity < 0) use(state.usage, windowMs, time, now, -posting.quantity)
      return undefined
  }
}

function move(
  state: StockState,
  { quantity, lot }: { readonly quantity: number; readonly lot?: string },
  time: number,
): void {
  if (state.countedAt !== undefined && time <= state.countedAt) return
  change(state, quantity, time)
  moveLot(state.lots, lot, quantity)
}

function count(state: StockState, counted: number, time: number): Correction {
  if (state.countedAt !== undefined && time < state.countedAt)
    throw badEvent('there is a later count, want a newer one')
  const expected = stockAt(state, time)
  if (expected === undefined) throw badEvent('it is a count of so long ago that too much has happened since')
  const difference = tidy(counted - expected)
  change(state, difference, time)
  moveLot(state.lots, undefined, difference)
  state.countedAt = time
  return { counted, expected }
}

function book(state: StockState, quantity: number, time: number): void {
  if (state.booked !== undefined && time < state.booked.time)
    throw badEvent('there is a later figure, want a newer one')
  const ours = stockAt(state, time)
  if (ours === undefined) throw badEvent('it is a figure of so long ago that too much has happened since')
  state.booked = { time, quantity, ours }
}

function change(state: StockState, quantity: number, time: number): void {
  state.quantity = tidy(state.quantity + quantity)
  note(state.history, time, quantity)
  if (state.booked !== undefined && time <= state.booked.time) state.booked.ours = tidy(state.booked.ours + quantity)
}

/** What was there at a time, as far as is known now. */
function stockAt({ quantity, history }: StockState, time: number): number | undefined {
  const since = changeSince(history, time)
  return since === undefined ? undefined : tidy(quantity - since)
}

export function saveStock(state: StockState): Json {
  const { quantity, unit, lots, history, usage, calls, countedAt, booked, planned, differsSince, alarms, time } = state
  return {
    quantity,
    unit: unit ?? null,
    lots: [...lots],
    entries: history.entries.map(([at, by]) => [at, by]),
    forgottenUpTo: Number.isFinite(history.forgottenUpTo) ? history.forgottenUpTo : null,
    usage: [...usage.parts].sort(([a], [b]) => a - b),
    since: usage.since ?? null,
    calls: calls.open.map((call) => ({ ...call })),
    count: calls.count,
    countedAt: countedAt ?? null,
    booked: booked === undefined ? null : { ...booked },
    planned: planned === undefined ? null : { ...planned },
    differsSince: differsSince ?? null,
    alarms: [...alarms],
    time: Number.isFinite(time) ? time : null,
  }
}

interface SavedStock {
  quantity: number
  unit: string | null
  lots: [string, number][]
  entries: [number, number][]
  forgottenUpTo: number | null
  usage: [number, number][]
  since: number | null
  calls: Call[]
  count: number
  countedAt: number | null
  booked: { time: number; quantity: number; ours: number } | null
  planned: { from: number; until: number; quantity: number } | null
  differsSince: number | null
  alarms: [string, string][]
  time: number | null
}

export function restoreStock(json: Json): StockState {
  const saved = structuredClone(json) as unknown as SavedStock
  return {
    quantity: saved.quantity,
    unit: saved.unit ?? undefined,
    lots: new Map(saved.lots),
    history: { entries: saved.entries, forgottenUpTo: saved.forgottenUpTo ?? -Infinity },
    usage: { parts: new Map(saved.usage), since: saved.since ?? undefined },
    calls: { open: saved.calls, count: saved.count },
    countedAt: saved.countedAt ?? undefined,
    booked: saved.booked ?? undefined,
    planned: saved.planned ?? undefined,
    differsSince: saved.differsSince ?? undefined,
    alarms: new Map(saved.alarms),
    time: saved.time ?? -Infinity,
  }
}
