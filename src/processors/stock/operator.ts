import { derivedEvent } from '../../component/derived.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import type { Value } from '../../model/reading.ts'
import { newStock, post, restoreStock, saveStock, type Correction, type StockState } from './account.ts'
import type { ReorderConfig, StockConfig } from './config.ts'
import { coverHours, judge, type Rules } from './judge.ts'
import { deliver, onOrder } from './kanban.ts'
import { tidy } from './lots.ts'
import { accountOf, type Posting } from './posting.ts'
import { nextPartAt } from './usage.ts'

/**
 * Second stage, by material and place: keeps the books of an account and says what follows from them, as tags of the place
 * (`MATERIAL`, `MATERIAL.cover`, ...), events and alarms.
 */
export function accountOperator(rulesOf: (key: string) => Rules): Operator<StockState> {
  return {
    create: (key) => ({ ...newStock(), unit: rulesOf(key).unit }),
    take(state, fact, context) {
      if (fact.kind !== 'keyed') return
      const rules = rulesOf(context.key)
      const posting = fact.data as unknown as Posting
      const correction = post(state, posting, context.time, context.now, rules.cover.window)
      if (posting.kind === 'moved' && posting.quantity > 0) deliver(state.calls, posting.quantity)
      if (correction !== undefined) tellCorrection(state, rules, correction, context)
      tell(state, rules, context)
    },
    due(state, _timer, context) {
      tell(state, rulesOf(context.key), context)
    },
    save: saveStock,
    restore: restoreStock,
  }
}

/** Brings the tags, the alarms and the timers up to date. */
function tell(state: StockState, rules: Rules, context: StepContext): void {
  judge(state, rules, context)
  const { window } = rules.cover
  const hours = coverHours(state, window, context.now)
  const { material, place } = rules
  const values: { [tag: string]: Value } = { [material]: state.quantity }
  if (hours !== undefined) values[`${material}.cover`] = hours
  if (rules.reorder !== undefined) values[`${material}.ordered`] = onOrder(state.calls)
  if (state.booked !== undefined) values[`${material}.difference`] = tidy(state.booked.ours - state.booked.quantity)
  if (hasLots(state)) values[`${material}.lots`] = Object.fromEntries(state.lots)
  const sourceTime = Math.max(state.time, context.time)
  context.emit({ kind: 'reading', reading: { asset: place, sourceTime, receivedTime: context.received, values } })
  // Consumption that is over makes what is there last longer, with time alone.
  if (state.usage.parts.size > 0) context.setTimer('usage', nextPartAt(window, context.now))
  else context.clearTimer('usage')
}

function hasLots({ lots }: StockState): boolean {
  return lots.size > 1 || (lots.size === 1 && !lots.has(''))
}

function tellCorrection(state: StockState, rules: Rules, correction: Correction, context: StepContext): void {
  const { material, place, name } = rules
  const { counted, expected } = correction
  const data: Json = {
    material,
    place,
    counted,
    expected,
    difference: tidy(counted - expected),
    ...(state.unit !== undefined && { unit: state.unit }),
  }
  const { time, received } = context
  const event = { type: 'stock.corrected', asset: place, time, receivedTime: received, source: name, data }
  context.emit({ kind: 'event', event: derivedEvent(event, [material, place, time]) })
}

/** The rules of each account, from its key. */
export function rulesFor(
  name: string,
  shared: Pick<Rules, 'difference' | 'cover'>,
  special: { readonly materials: StockConfig['materials']; readonly reorder: ReadonlyMap<string, ReorderConfig> },
): (key: string) => Rules {
  return (key) => {
    const account = accountOf(key)
    const material = materialIn(special.materials, account.material)
    return {
      ...account,
      name,
      unit: material.unit,
      cover: { ...shared.cover, below: material.below ?? shared.cover.below },
      difference: { ...shared.difference, above: material.above ?? shared.difference.above },
      reorder: special.reorder.get(key),
    }
  }
}

function materialIn(materials: StockConfig['materials'], name: string): StockConfig['materials'][string] {
  return Object.hasOwn(materials, name) ? materials[name]! : {}
}
