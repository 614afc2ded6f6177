import type { Log } from '../../log/log.ts'
import type { Clock } from '../../system/clock.ts'
import type { CarriedTracks } from './session.ts'

/** How far behind a topic or a whole replication is. */
interface Behind {
  readonly records: number
  /** Guessed from the mean size of what was carried. */
  readonly bytes: number
  /** Age of the oldest record that is not carried, as far as the last one that was tells; 0: nothing is behind. */
  readonly ms: number
}

export interface TopicProgress {
  readonly topic: string
  readonly behind: Behind
  /** Carried since the connection was made. */
  readonly records: number
  /** Timestamp of the newest record carried. */
  readonly lastTimestamp?: number
  /** Taken by retention before they were carried. */
  readonly lost: number
}

export interface MeterView {
  readonly behind: Behind
  /** Over the last seconds. */
  readonly recordsPerSecond: number
  readonly bytesPerSecond: number
  /** When the backlog will be gone at this pace; undefined: it does not shrink. */
  readonly etaMs?: number
  readonly lost: number
  readonly topics: readonly TopicProgress[]
}

interface Sample {
  readonly at: number
  readonly records: number
  readonly bytes: number
  readonly behind: number
}

/** Samples that a rate is made of: one a second. */
const SAMPLES = 10
/** Size of a record before any was carried. */
const GUESSED_BYTES = 150

/** Looks at how a replication gets on, about once a second. */
export class Meter {
  readonly #clock: Clock
  #samples: Sample[] = []
  #topics: TopicProgress[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws LogError where the source does not say where it ends; what was known stands. */
  async look(source: Log, carried: readonly CarriedTracks[]): Promise<void> {
    const topics = await Promise.all(carried.map((one) => this.#progress(source, one)))
    const all = carried.flatMap(({ tracks }) => tracks)
    this.#topics = topics.sort((a, b) => (a.topic < b.topic ? -1 : 1))
    this.#samples.push({
      at: this.#clock.monotonic(),
      records: sum(all, ({ records }) => records),
      bytes: sum(all, ({ bytes }) => bytes),
      behind: sum(topics, ({ behind }) => behind.records),
    })
    if (this.#samples.length > SAMPLES) this.#samples.shift()
  }

  /** What was carried belongs to a connection that is no more. */
  reset(): void {
    this.#samples = []
  }

  view(): MeterView {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    const seconds = first && last ? (last.at - first.at) / 1000 : 0
    const rate = (of: (sample: Sample) => number) => (seconds > 0 ? (of(last!) - of(first!)) / seconds : 0)
    const topics = this.#topics
    const behind = {
      records: sum(topics, (topic) => topic.behind.records),
      bytes: sum(topics, (topic) => topic.behind.bytes),
      ms: Math.max(0, ...topics.map((topic) => topic.behind.ms)),
    }
    const shrinking = -rate((sample) => sample.behind)
    return {
      behind,
      recordsPerSecond: rate(({ records }) => records),
      bytesPerSecond: rate(({ bytes }) => bytes),
      ...(behind.records === 0 && { etaMs: 0 }),
      ...(behind.records > 0 && shrinking > 0 && { etaMs: Math.ceil((behind.records / shrinking) * 1000) }),
      lost: sum(topics, ({ lost }) => lost),
      topics,
    }
  }

  async #progress(source: Log, { topic, tracks }: CarriedTracks): Promise<TopicProgress> {
    const ends = await source.ends(topic.name)
    const behind = sum(tracks, (track) => track.behind(ends[track.partition]?.end ?? 0))
    const records = sum(tracks, (track) => track.records)
    const mean = records === 0 ? GUESSED_BYTES : sum(tracks, ({ bytes }) => bytes) / records
    const newest = Math.max(-1, ...tracks.map(({ lastTimestamp }) => lastTimestamp ?? -1))
    const oldest = Math.min(...tracks.map((track) => track.since(ends[track.partition]?.end ?? 0) ?? Infinity))
    const ms = oldest === Infinity ? 0 : Math.max(0, Math.round(this.#clock.now() - oldest))
    return {
      topic: topic.name,
      behind: { records: behind, bytes: Math.round(behind * mean), ms: behind === 0 ? 0 : ms },
      records,
      ...(newest >= 0 && { lastTimestamp: newest }),
      lost: sum(tracks, (track) => track.lost),
    }
  }
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
