import type { Log, Position, StoredRecord } from '../log/log.ts'
import { partitionOf } from '../log/partitioner.ts'
import { decodeAlarm } from '../model/alarm-record.ts'
import { ModelError } from '../model/errors.ts'
import { textOf } from '../system/text.ts'
import { keyOf, standingOf, type ShownAlarm, type StandingFilter } from './standing.ts'
import { newTracked, track, type Tracked } from './tracked.ts'

export interface PastAlarmsOptions {
  readonly log: Pick<Log, 'ends' | 'offsetsAt' | 'read'>
  /** Full name of the topic of their steps. */
  readonly topic: string
  readonly site: string
  /** Most steps that one question looks at; default 500,000. */
  readonly mostSteps?: number
}

export interface PastAlarms {
  /** Those that were not normal then, in no order. */
  readonly standing: ShownAlarm[]
  /**
   * Received time of the oldest step that was looked at, where there were older ones, or retention has removed some: an alarm
   * that has stood since before is not here. Absent: all steps were.
   */
  readonly knownFrom?: number
}

const MOST_STEPS = 500_000
const LOT = 500

/**
 * The alarms as people saw them at a moment: the fold of the steps that the hub had been told by then, out of the log. Their
 * order is that of the log, and `time` is by received times: what stands is what is known to stand.
 * @throws as `Log.ends` and `Log.read`
 */
export async function alarmsAt(
  { log, topic, site, mostSteps = MOST_STEPS }: PastAlarmsOptions,
  time: number,
  filter: StandingFilter,
  signal: AbortSignal,
): Promise<PastAlarms> {
  const reach = new Map((await log.offsetsAt(topic, Math.floor(time) + 1)).map((at) => [at.partition, at.offset]))
  const known = new Map<string, Tracked>()
  const { from, isCut } = await beginnings(log, topic, reach, mostSteps)
  let knownFrom: number | undefined
  const only = filter.exactly === undefined ? undefined : partitionOf(filter.exactly, from.length)
  for (const position of from) {
    if (only !== undefined && position.partition !== only) continue
    const end = reach.get(position.partition)!
    if (position.offset >= end) continue
    let isFirst = isCut.has(position.partition)
    for await (const { records, nextOffset } of log.read([position], { signal, untilEnd: true, lotRecords: LOT })) {
      for (const record of records) {
        if (record.offset >= end || record.timestamp > time) continue
        if (isFirst) knownFrom = Math.max(knownFrom ?? 0, record.timestamp)
        isFirst = false
        take(known, record)
      }
      if (nextOffset >= end) break
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    signal.throwIfAborted()
  }
  const standing = standingOf(known.values(), filter, site, time)
  return { standing, ...(knownFrom !== undefined && { knownFrom }) }
}

/** Where to read from, so that no more is read than may be; and the partitions of which something is left out. */
async function beginnings(
  log: PastAlarmsOptions['log'],
  topic: string,
  reach: ReadonlyMap<number, number>,
  mostSteps: number,
): Promise<{ from: Position[]; isCut: Set<number> }> {
  const ends = await log.ends(topic)
  const most = Math.floor(mostSteps / Math.max(1, ends.length))
  const isCut = new Set<number>()
  const from = ends.map(({ partition, start }) => {
    const offset = Math.max(start, (reach.get(partition) ?? 0) - most)
    if (offset > 0) isCut.add(partition)
    return { topic, partition, offset }
  })
  return { from, isCut }
}

function take(known: Map<string, Tracked>, { value, headers, timestamp }: StoredRecord): void {
  if (value === null) return
  try {
    const transition = decodeAlarm(value)
    const { asset, alarm } = transition
    const key = keyOf(asset, alarm)
    let tracked = known.get(key)
    if (tracked === undefined) known.set(key, (tracked = newTracked(asset, alarm)))
    const cause = headers.find(([name]) => name === 'cause')?.[1]
    track(tracked, transition, cause === undefined ? '' : textOf(cause), timestamp)
  } catch (error) {
    // Somebody else wrote into the topic: the view has said so in the log of the hub.
    if (!(error instanceof ModelError)) throw error
  }
}
