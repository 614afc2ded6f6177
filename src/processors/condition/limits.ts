import type { Expression } from '../../component/expression/expression.ts'
import { numberOf } from '../../component/expression/when.ts'
import { shown } from './message.ts'
import type { Rule, RuleAlarm, Verdict } from './rule.ts'

export const LIMIT_NAMES = ['hihi', 'hi', 'lo', 'lolo'] as const
type LimitName = (typeof LIMIT_NAMES)[number]

export interface Limit extends RuleAlarm {
  readonly part: LimitName
  readonly at: number
}

/**
 * An alarm for each limit that a value may pass; each is one of its own, as each needs an answer of its own. Once active
 * it stays until the value is back by the deadband (ISA-18.2-2016 clause 10: alarm deadband).
 */
export function limitsRule(value: Expression, limits: readonly Limit[], deadband: number): Rule<null> {
  return {
    tags: value.tags,
    alarms: limits,
    create: () => null,
    judge(_state, row, _isNew, active) {
      const number = numberOf(value, row)
      return limits.map((limit, index) => passes(number, limit, active[index]! ? deadband : 0))
    },
    tell(_state, row, alarm) {
      const { part, at } = limits[alarm]!
      const number = numberOf(value, row)
      const wanted = isHigh(part) ? 'at most' : 'at least'
      return {
        says: `${value.text} is ${shown(number)}, want ${wanted} ${at} (${part})`,
        detail: { value: number ?? null, limit: at, kind: part, deadband },
      }
    },
    save: () => null,
    restore: () => null,
  }
}

function passes(value: number | undefined, { part, at }: Limit, deadband: number): Verdict {
  if (value === undefined) return undefined
  return isHigh(part) ? value > at - deadband : value < at + deadband
}

function isHigh(part: LimitName): boolean {
  return part === 'hi' || part === 'hihi'
}
