import type { Event } from '../../model/event.ts'
import { jsonValue } from '../../model/json-value.ts'
import type { Fact, StepContext } from '../topology.ts'

/**
 * What happens with what comes too late: it goes to the log beside the results, as an event `reading.late`, or it is dropped and
 * counted.
 */
export type TooLate = 'side' | 'drop'

/**
 * A reading that came too late to be counted, as an event `reading.late`: whoever needs it to the last value can add it to what
 * was said without it.
 */
export function lateEvent(fact: Fact & { kind: 'reading' }, by: string, behindMs: number, context: StepContext): Event {
  const { reading } = fact
  return {
    id: `${by}:${context.cause}`,
    type: 'reading.late',
    asset: reading.asset,
    time: context.time,
    receivedTime: context.received,
    source: by,
    data: {
      behindMs,
      values: Object.fromEntries(Object.entries(reading.values).map(([tag, value]) => [tag, jsonValue(value)])),
      ...(reading.quality ? { status: { ...reading.quality } } : {}),
    },
  }
}

/** What is thrown for a fact that is dropped: the engine counts it and logs it. */
export function tooLate(behindMs: number): Error {
  return new Error(`Cannot take a fact: it is ${behindMs} ms too late`)
}
