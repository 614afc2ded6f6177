import { z } from 'zod'
import { ALARM_ACTIONS, ALARM_PRIORITIES } from '../model/alarm.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { durationField } from './fields.ts'
import type { DeliverySettings } from './sink.ts'
import { keyOf, type Fact } from './topology.ts'

/** Fields of a sink's config that say what goes out; the same for every sink. */
export const selectionFields = {
  topics: z
    .array(z.enum(['telemetry', 'derived', 'events', 'alarms']))
    .min(1)
    .describe('Kinds of topics'),
  on: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .transform((given): readonly string[] => (typeof given === 'string' ? [given] : given))
    .optional()
    .describe('Patterns of assets below the site; default: all'),
  severity: z.enum(ALARM_PRIORITIES).default('low').describe('Of alarms: this priority and higher ones'),
  actions: z
    .array(z.enum(ALARM_ACTIONS))
    .min(1)
    .optional()
    .describe('Of alarms: only these steps, e.g. [raise, clear]; default: all'),
  types: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe('Of events: only these types; a trailing * is a beginning'),
  from: z.enum(['start', 'end']).default('end').describe('Where it begins in the log when it is new'),
  fresh: durationField
    .optional()
    .describe('What Millrace was told longer ago than this does not go out any more; default: all does'),
  retryFor: durationField.prefault('1h').describe('For so long a delivery is tried; then it is let go, and counted'),
} as const

const selectionSchema = z.object(selectionFields)
type Selection = z.output<typeof selectionSchema>

/** What these fields say. An alarm without a priority, such as a `clear`, goes out whatever `severity` is. */
export function deliveryOf(selection: Selection, batch: number): DeliverySettings {
  const { topics, on, severity, actions, types, from, fresh, retryFor } = selection
  const least = ALARM_PRIORITIES.indexOf(severity)
  const isType = types && types.map(beginning)
  return {
    topics: [...new Set(topics)],
    batch,
    from,
    freshMs: fresh ?? Infinity,
    retryForMs: retryFor,
    selector(site: string) {
      const matches = on?.map((pattern) => pathMatcher(site, pattern))
      return (fact: Fact): boolean => {
        if (matches !== undefined && !matches.some((match) => match(keyOf(fact)))) return false
        if (fact.kind === 'event') return isType === undefined || isType.some((is) => is(fact.event.type))
        if (fact.kind !== 'alarm') return true
        const { action, priority } = fact.alarm
        if (actions !== undefined && !actions.includes(action)) return false
        return priority === undefined || ALARM_PRIORITIES.indexOf(priority) >= least
      }
    },
  }
}

function beginning(type: string): (other: string) => boolean {
  return type.endsWith('*') ? (other) => other.startsWith(type.slice(0, -1)) : (other) => other === type
}
