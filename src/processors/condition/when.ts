import type { When } from '../../component/expression/when.ts'
import type { Rule, RuleAlarm } from './rule.ts'
import { shown } from './message.ts'

/** The alarm is while an expression is true; or from when it is true until another one is. */
export function whenRule(when: When, clear: When | undefined, alarm: RuleAlarm): Rule<null> {
  const tags = [...new Set([...when.expression.tags, ...(clear?.expression.tags ?? [])])]
  return {
    tags,
    alarms: [alarm],
    create: () => null,
    judge(_state, row, _isNew, [isActive]) {
      if (!isActive || clear === undefined) return [when.expression.evaluate(row) as boolean | undefined]
      const isOver = clear.expression.evaluate(row)
      return [isOver === undefined ? undefined : isOver !== true]
    },
    tell(_state, row) {
      const values = when.expression.tags.map((tag) => `${tag} is ${shown(row.get(tag))}`)
      return { says: `${values.join(', ')}; alarm at ${when.text}`, detail: { when: when.text } }
    },
    save: () => null,
    restore: () => null,
  }
}
