import type { Log } from '../log/log.ts'
import { heldEvent } from './decode.ts'
import { keyOf, type HeldEvent } from './held.ts'
import { byPlace, eventFilter, pageOf, type EventsPage, type EventsQuery } from './query.ts'
import type { Json } from '../model/json-value.ts'

/** Most records of the log that one question looks at; it then answers with what it has found. */
const MOST_RECORDS = 500_000

/**
 * The events that were asked for, straight from the log, newest first: of a time of which not all are kept any more.
 * @throws as `Log.ends`
 */
export async function eventsInLog(
  log: Log,
  topic: string,
  site: string,
  query: EventsQuery,
  signal: AbortSignal,
): Promise<EventsPage> {
  const { takesSeries, takesPlace } = eventFilter(site, query)
  const to = Math.min(query.to ?? Infinity, (query.after?.receivedTime ?? Infinity) + 1)
  const positions = await log.offsetsAt(topic, query.from ?? 0)
  const ends = Number.isFinite(to) ? await log.offsetsAt(topic, to) : undefined
  const reach = new Map(ends?.map(({ partition, offset }) => [partition, offset]))
  const ahead = positions.filter(({ partition, offset }) => offset < (reach.get(partition) ?? Infinity))
  const found = new Map<string, HeldEvent>()
  let looked = 0
  const stop = new AbortController()
  const either = AbortSignal.any([signal, stop.signal])
  if (ahead.length === 0) return { events: [] }
  for await (const { partition, records } of log.read(ahead, { signal: either, untilEnd: true, lotRecords: 500 })) {
    const end = reach.get(partition) ?? Infinity
    for (const record of records) {
      if (record.offset >= end || record.timestamp < (query.from ?? 0) || record.timestamp >= to) continue
      const event = heldEvent(partition, record)
      if (event === undefined || !takesSeries(event) || !takesPlace(event)) continue
      found.set(nameOf(event, query.latest ?? false), event)
    }
    looked += records.length
    trim(found, query.limit)
    if (looked >= MOST_RECORDS) stop.abort()
  }
  return pageOf([...found.values()], query.limit)
}

function nameOf({ type, asset, source, id, data }: HeldEvent, latest: boolean): string {
  return latest ? JSON.stringify([type, asset, keyOf(JSON.parse(data) as Json)]) : JSON.stringify([source, id])
}

/** Pages are of the newest; of those that are found only so many are held. */
function trim(found: Map<string, HeldEvent>, limit: number): void {
  if (found.size < 4 * limit + 1_000) return
  const kept = [...found].sort(([, a], [, b]) => byPlace(a, b)).slice(0, limit + 1)
  found.clear()
  for (const [name, event] of kept) found.set(name, event)
}
