import { formatTime } from '../model/rfc3339.ts'
import { jsonValue, type Json } from '../model/json-value.ts'
import type { Value } from '../model/reading.ts'
import type { Outgoing } from './sink.ts'

/** A fact as others read it: the kind, its place, which is the same when it comes again, and what the record says. */
export function outgoingJson({ fact, place, receivedTime }: Outgoing): { readonly [name: string]: Json } {
  const about = { kind: fact.kind, place, receivedTime }
  switch (fact.kind) {
    case 'alarm':
      return { ...about, ...(fact.alarm as unknown as { readonly [name: string]: Json }) }
    case 'event': {
      const { id, type, source, asset, time, data } = fact.event
      return { ...about, specversion: '1.0', id, type, source, subject: asset, time: formatTime(time), data }
    }
    case 'reading': {
      const { asset, sourceTime, values, quality } = fact.reading
      const shown = Object.entries<Value | null>(values).map(([tag, value]) => [tag, jsonValue(value)] as const)
      return { ...about, asset, time: sourceTime, values: Object.fromEntries(shown), ...(quality && { quality }) }
    }
    default:
      return { ...about, key: fact.key, time: fact.time, data: fact.data }
  }
}
