import type { Ends } from './ends.ts'

/** What maintenance costs, in any currency. */
export interface Costs {
  /** Planned, before it fails. */
  readonly planned: number
  /** After it has failed: repair, what breaks along, lost production. */
  readonly failure: number
}

/** Where nothing else is known: a failure costs five times as much. Then costs are in planned maintenances. */
const COSTS: Costs = { planned: 1, failure: 5 }

export interface Situation {
  /** How long it has been in use since it was new or as good as new. */
  readonly age: number
  /** How far ahead maintenance is planned. */
  readonly horizon: number
  readonly costs?: Costs
  /** Unit of the age, for the text: `cycles`. */
  readonly unit: string
}

/** Times are from now, in the unit of the age; money in that of the costs. */
export interface Advice {
  /** Maintain `now`; `plan` it within the horizon; `none` is due before the end of it. */
  readonly action: 'now' | 'plan' | 'none'
  /** When maintenance costs least per time of use; at the end of the look-out where it is later than that. */
  readonly until: number
  readonly why: string
  /** What it costs to do nothing until the end of the horizon, against maintaining at the best moment. At least 0. */
  readonly costOfWaiting: number
  /** Probability that it fails within the horizon. */
  readonly failure: number
}

/** Moments that are compared. */
const MOMENTS = 200
/** What is looked at up to the time by which it has failed so surely, or so surely as can be said. */
const SURELY = 0.95

/**
 * When to maintain: at the moment that makes the mean cost of this life over its mean length least. That is age
 * replacement (Barlow, Hunter: Optimum preventive maintenance policies, Operations Research 8, 1960) with the distribution of
 * the remaining life of this very asset in place of that of its kind (Elwany, Gebraeel: Sensor-driven prognostic models for
 * equipment replacement and spare parts inventory, IIE Transactions 40, 2008). A moment that is not the best one costs
 * what this life costs more than its length is worth at the best rate (marginal cost: Berg, J. Appl. Prob. 17, 1980).
 */
export function advise(ends: Ends, { age, horizon, costs = COSTS, unit }: Situation): Advice {
  const { planned, failure } = costs
  const cost = (moment: number) => planned + (failure - planned) * ends.within(moment)
  const length = (moment: number) => age + ends.meanUpTo(moment)
  const far = Math.max(horizon, finite(ends.quantile(SURELY)))
  let until = 0
  let best = age > 0 ? cost(0) / age : Infinity
  for (let step = 1; step <= MOMENTS; step += 1) {
    const moment = (far * step) / MOMENTS
    const rate = cost(moment) / length(moment)
    if (rate >= best) continue
    best = rate
    until = moment
  }
  const costOfWaiting = Math.max(0, cost(horizon) - best * length(horizon))
  const action = until === 0 ? 'now' : until < horizon ? 'plan' : 'none'
  const within = ends.within(horizon)
  return { action, until, why: whyOf(action, until, within, { horizon, unit }), costOfWaiting, failure: within }
}

function finite(time: number): number {
  return Number.isFinite(time) ? time : 0
}

function whyOf(
  action: Advice['action'],
  until: number,
  failure: number,
  { horizon, unit }: { readonly horizon: number; readonly unit: string },
): string {
  const risk = `it fails within ${short(horizon)} ${unit} with probability ${short(failure)}`
  switch (action) {
    case 'now':
      return `${risk}; every further use risks more than it is worth`
    case 'plan':
      return `${risk}; maintenance costs least after ${short(until)} ${unit} more`
    default:
      return `${risk}; maintenance would come too early`
  }
}

function short(number: number): string {
  return String(Number(number.toPrecision(2)))
}
