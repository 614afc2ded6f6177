import type { StoredRecord } from '../log/log.ts'
import { decodeEvent } from '../model/event-record.ts'
import type { Metrics } from '../system/metrics.ts'
import type { HeldEvent } from './held.ts'

/** Header in which a processor names what led to an event. */
const CAUSE_HEADER = 'cause'

/** Makes events of records of the topic; one that is none is passed over, since the topic is open to others. */
export class HeldEventDecoder {
  readonly #metrics: Metrics

  constructor(metrics: Metrics) {
    this.#metrics = metrics
  }

  decode(_topic: string, partition: number, records: readonly StoredRecord[]): HeldEvent[] {
    return records.flatMap((record) => heldEvent(partition, record) ?? this.#passOver())
  }

  #passOver(): [] {
    const help = 'Records that a view could not decode and passed over'
    this.#metrics.counter('millrace_undecodable_total', help, { view: 'events' }).add()
    return []
  }
}

/** The event of a record, as it is kept; undefined: it is none. */
export function heldEvent(partition: number, record: StoredRecord): HeldEvent | undefined {
  try {
    const { id, type, asset, time, receivedTime, source, data } = decodeEvent(record)
    const cause = record.headers.find(([name]) => name === CAUSE_HEADER)?.[1]
    return {
      partition,
      offset: record.offset,
      id,
      type,
      asset,
      time,
      receivedTime,
      source,
      cause: cause === undefined ? '' : Buffer.from(cause).toString(),
      data: JSON.stringify(data),
    }
  } catch {
    return undefined
  }
}
