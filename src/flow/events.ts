import type { Log } from '../log/log.ts'
import { positionsAt, type Where } from '../log/positions.ts'
import { decodeEvent } from '../model/event-record.ts'
import type { Event } from '../model/event.ts'
import { topicName } from '../model/path.ts'

interface EventsOptions {
  readonly signal: AbortSignal
  readonly from: Where
  /** End with what is there now, instead of waiting for more. */
  readonly untilEnd: boolean
}

/** An event as the log has it, with the place it has there. */
export interface PlacedEvent {
  readonly partition: number
  readonly offset: number
  readonly event: Event
}

/**
 * The business events of a site as they lie in its log, in order within a partition. A record that is no event is passed
 * over: the topics are open to others.
 * @throws as `Log.read`
 */
export async function* readEvents(log: Log, site: string, options: EventsOptions): AsyncGenerator<PlacedEvent> {
  const { from, signal, untilEnd } = options
  const positions = await positionsAt(log, topicName(site, 'events'), from)
  for await (const { partition, records } of log.read(positions, { signal, untilEnd })) {
    for (const record of records) {
      const event = decoded(record)
      if (event !== undefined) yield { partition, offset: record.offset, event }
    }
  }
}

function decoded(record: Parameters<typeof decodeEvent>[0]): Event | undefined {
  try {
    return decodeEvent(record)
  } catch {
    return undefined
  }
}
