import type { Expression } from '../../component/expression/expression.ts'
import { numberOf } from '../../component/expression/when.ts'
import type { Json } from '../../model/json-value.ts'
import { shown } from './message.ts'
import type { Rule, RuleAlarm } from './rule.ts'

export interface RateSettings {
  readonly value: Expression
  /** Change in `perMs` above which, or below which, it is an alarm. */
  readonly above?: number
  readonly below?: number
  readonly perMs: number
  /** The change is measured over this time; a machine's noise is smaller against a longer one. */
  readonly overMs: number
  /** As in the config, for messages: `1m`. */
  readonly per: string
}

interface RateState {
  /** Value by time: the newest, and behind it some that are apart by a part of `overMs`. Oldest first. */
  points: [time: number, value: number][]
  rate: number | undefined
}

/** Points that are kept of the time over which a rate is measured. */
const POINTS = 32

/**
 * How fast a value changes: the difference between now and the start of the window, divided by the time between. Known
 * once half of the window is there; unknown for as long as the value is, and a value that was unknown for a whole window
 * begins anew.
 */
export function rateRule(settings: RateSettings, alarm: RuleAlarm): Rule<RateState> {
  const { value, above, below, per } = settings
  return {
    tags: value.tags,
    alarms: [alarm],
    create: () => ({ points: [], rate: undefined }),
    judge(state, row, isNew) {
      const number = numberOf(value, row)
      if (isNew && number !== undefined) add(state, row.time, number, settings)
      const { rate } = state
      if (number === undefined || rate === undefined) return [undefined]
      return [(above !== undefined && rate > above) || (below !== undefined && rate < below)]
    },
    tell({ rate }) {
      const wanted = [below === undefined ? '' : `at least ${below}`, above === undefined ? '' : `at most ${above}`]
      return {
        says: `${value.text} changes by ${shown(rate)} per ${per}, want ${wanted.filter(Boolean).join(' and ')}`,
        detail: {
          rate: rate ?? null,
          per,
          ...(above === undefined ? {} : { above }),
          ...(below === undefined ? {} : { below }),
        },
      }
    },
    save: ({ points, rate }) => ({ points, rate: rate ?? null }),
    restore(json: Json) {
      const { points, rate } = json as unknown as { points: [number, number][]; rate: number | null }
      return { points, rate: rate ?? undefined }
    },
  }
}

function add(state: RateState, time: number, value: number, { overMs, perMs }: RateSettings): void {
  const { points } = state
  // The newest point gives its place up until it is far enough from the one before.
  const [beforeLast] = points.at(-2) ?? [-Infinity]
  if (points.length >= 2 && points.at(-1)![0] - beforeLast < overMs / POINTS) points.pop()
  points.push([time, value])
  // One from before the window, or from its start, is the one to compare with.
  while (points.length > 1 && points[1]![0] <= time - overMs) points.shift()
  const [from, first] = points[0]!
  const known = time - from
  state.rate = known >= overMs / 2 && known <= 2 * overMs ? ((value - first) / known) * perMs : undefined
  if (known > 2 * overMs) state.points = [[time, value]]
}
