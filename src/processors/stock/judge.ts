import { derivedEvent, higher, sayAlarm, type AlarmSaying } from '../../component/derived.ts'
import type { StepContext } from '../../component/topology.ts'
import type { StockState } from './account.ts'
import type { ReorderConfig, StockConfig } from './config.ts'
import { callMissing, onOrder } from './kanban.ts'
import { tidy } from './lots.ts'
import type { Account } from './posting.ts'
import { usedPerHour } from './usage.ts'

const HOUR_MS = 3_600_000

/** A cover that is back to this much of what is wanted is well again: an alarm does not come and go at its limit. */
const WELL_AGAIN = 1.1

/** What holds for one account. */
export interface Rules extends Account {
  /** Name of the processor. */
  readonly name: string
  /** Of the material, where the config has it. */
  readonly unit: string | undefined
  readonly cover: {
    readonly window: number
    readonly below: number | undefined
    readonly priority: StockConfig['cover']['priority']
  }
  readonly difference: StockConfig['difference']
  /** `from` in full. */
  readonly reorder: ReorderConfig | undefined
}

/** Says what follows from the books as they are now: alarms, and the call for more. */
export function judge(state: StockState, rules: Rules, context: StepContext): void {
  const time = Math.max(state.time, context.time)
  const say = (part: string, saying: AlarmSaying | undefined) => {
    const alarm = { asset: rules.place, name: rules.name, part: `${rules.material}.${part}` }
    sayAlarm(state.alarms, alarm, saying, time, context)
  }
  say('negative', negative(state, rules))
  say('cover', shortCover(state, rules, context))
  say('difference', difference(state, rules, time, context))
  if (rules.reorder !== undefined) {
    callMore(state, rules, rules.reorder, time, context)
    say('late', late(state, rules, rules.reorder, time, context))
  }
}

/** What is used up an hour: planned, while a plan holds, else measured. */
function demandPerHour({ planned, usage }: StockState, windowMs: number, now: number): number {
  if (planned !== undefined && now < planned.until) return (planned.quantity / (planned.until - planned.from)) * HOUR_MS
  return usedPerHour(usage, windowMs, now)
}

/** How long the stock lasts, in hours; undefined: nothing is used. */
export function coverHours(state: StockState, windowMs: number, now: number): number | undefined {
  const perHour = demandPerHour(state, windowMs, now)
  return perHour > 0 ? tidy(Math.max(state.quantity, 0) / perHour) : undefined
}

/** More went out than was ever there: movements are missing, or a bill of material is wrong. */
function negative({ quantity, unit }: StockState, { material }: Rules): AlarmSaying | undefined {
  if (quantity >= 0) return undefined
  const message = `Count "${material}": stock is ${quantity}${unitText(unit)}, want at least 0; a movement is missing`
  return { priority: 'low', message, detail: { quantity } }
}

function shortCover(state: StockState, rules: Rules, context: StepContext): AlarmSaying | undefined {
  const { window, below, priority } = rules.cover
  const hours = coverHours(state, window, context.now)
  if (below === undefined || hours === undefined) return undefined
  const wanted = below / HOUR_MS
  const isUp = state.alarms.has(`${rules.material}.cover`)
  if (hours >= wanted * (isUp ? WELL_AGAIN : 1)) return undefined
  const stock = `${state.quantity}${unitText(state.unit)}`
  const message = `Bring "${rules.material}": ${stock} last ${hours.toFixed(1)} h, want at least ${wanted.toFixed(1)} h`
  const detail = { quantity: state.quantity, hours, wantedHours: wanted, onOrder: onOrder(state.calls) }
  return { priority: hours < wanted / 2 ? higher(priority) : priority, message, detail }
}

/** Ours against the ERP's, both of the same time. */
function difference(state: StockState, rules: Rules, time: number, context: StepContext): AlarmSaying | undefined {
  const { booked } = state
  const by = booked === undefined ? 0 : tidy(booked.ours - booked.quantity)
  const { above, percent, for: forMs, priority } = rules.difference
  const tolerated = Math.max(above, (percent / 100) * Math.abs(booked?.quantity ?? 0))
  if (booked === undefined || Math.abs(by) <= tolerated) {
    state.differsSince = undefined
    context.clearTimer('difference')
    return undefined
  }
  state.differsSince ??= booked.time
  if (time < state.differsSince + forMs) {
    context.setTimer('difference', state.differsSince + forMs)
    return undefined
  }
  const message = `Check "${rules.material}": the ERP has ${booked.quantity}, movements say ${booked.ours}, want no difference above ${tidy(tolerated)}`
  return { priority, message, detail: { booked: booked.quantity, stock: booked.ours, difference: by, at: booked.time } }
}

function callMore(state: StockState, rules: Rules, reorder: ReorderConfig, time: number, context: StepContext): void {
  const before = onOrder(state.calls)
  const call = callMissing(state.calls, reorder, state.quantity, time)
  if (call === undefined) return
  const { material, place, name } = rules
  const data = {
    material,
    place,
    ...(reorder.from !== undefined && { from: reorder.from }),
    quantity: call.quantity,
    cards: Math.round(call.quantity / reorder.quantity),
    call: call.number,
    stock: state.quantity,
    onOrder: before,
    due: new Date(time + reorder.within).toISOString(),
  }
  const said = { type: 'kanban.called', asset: place, time, receivedTime: context.received, source: name, data }
  context.emit({ kind: 'event', event: derivedEvent(said, [material, place, call.number]) })
}

/** What was called has not come in time. */
function late(state: StockState, { material }: Rules, reorder: ReorderConfig, time: number, context: StepContext) {
  const [oldest] = state.calls.open
  if (oldest === undefined) {
    context.clearTimer('late')
    return undefined
  }
  const dueAt = oldest.time + reorder.within
  if (time < dueAt) {
    context.setTimer('late', dueAt)
    return undefined
  }
  const message = `Deliver "${material}": ${oldest.open} of call ${oldest.number} are not there, want them by ${new Date(dueAt).toISOString()}`
  return {
    priority: 'high' as const,
    message,
    detail: { call: oldest.number, open: oldest.open, calledAt: oldest.time },
  }
}

function unitText(unit: string | undefined): string {
  return unit === undefined ? '' : ` ${unit}`
}
