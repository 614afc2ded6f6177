import type { Json } from '../../model/json-value.ts'
import type { Advice, Costs } from './advice.ts'

/** What was last advised of an asset, as far as the next advice is compared with it; plain JSON. */
export interface Advised {
  readonly action: Advice['action']
  /** Age at which maintenance is due. */
  readonly due: number
  readonly costOfWaiting: number
}

/** What is kept between advices. */
export interface AdviceState {
  /** null: nothing is advised. */
  last: Advised | null
  /** How many forecasts in a row were calmer than what was advised. */
  calm: number
}

const URGENCY = { none: 0, plan: 1, now: 2 } as const
/** Forecasts in a row that must be calmer before an advice is taken back: one that comes and goes is no advice. */
const CALM = 3
/** What moves by less than this share of the horizon does not change a plan. */
const MOVED = 1 / 3
/** A cost of waiting that has grown so many times, and by so many planned maintenances, is worth another word. */
const DEARER = 2
const DEARER_BY = 1

/**
 * Whether an advice is to be told: the first one, one that is more urgent, one that is calmer and stays so, one whose due time
 * has moved, or for which waiting has become much dearer. Remembers what it lets be told.
 */
export function isToBeTold(state: AdviceState, now: Advised, horizon: number, costs: Costs): boolean {
  const before = state.last
  const step = URGENCY[now.action] - URGENCY[before?.action ?? 'none']
  state.calm = step < 0 ? state.calm + 1 : 0
  const isTold = step > 0 || (step < 0 ? state.calm >= CALM : before !== null && hasMoved(before, now, horizon, costs))
  if (!isTold) return false
  state.calm = 0
  state.last = now.action === 'none' ? null : now
  return true
}

function hasMoved(before: Advised, now: Advised, horizon: number, { planned }: Costs): boolean {
  const dearer = now.costOfWaiting - before.costOfWaiting
  if (now.costOfWaiting >= DEARER * before.costOfWaiting && dearer >= DEARER_BY * planned) return true
  return now.action === 'plan' && Math.abs(now.due - before.due) >= MOVED * horizon
}

export function newAdvice(): AdviceState {
  return { last: null, calm: 0 }
}

export function saveAdvice({ last, calm }: AdviceState): Json {
  return { last: last && { ...last }, calm }
}
