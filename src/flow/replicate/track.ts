import { Bell } from '../../component/bell.ts'
import { LogError, type Log, type ReadBatch } from '../../log/log.ts'
import type { System } from '../../system/system.ts'
import type { Outlet, Sent } from './outlet.ts'
import type { Pace } from './pace.ts'
import type { Range } from './positions.ts'
import type { Selected, Selection } from './selection.ts'

export interface TrackOptions {
  readonly source: Log
  readonly topic: string
  readonly partition: number
  readonly outlet: Outlet
  /** Made for each lane: what is held back of the backlog has nothing to do with what is fresh. */
  readonly selection: () => Selection
  readonly freshFirst: boolean
  readonly pace: Pace | undefined
  readonly system: Pick<System, 'clock' | 'random' | 'logger'>
  /** Awaited before each lot is sent: books go after what they count. */
  readonly before: (signal: AbortSignal) => Promise<void>
  /** Retention has taken records before they were carried; resolves when that is written down. */
  readonly onLost: (from: number, to: number) => Promise<void>
  readonly onMoved: () => void
  /** Most records that are objects at a time; default 500. */
  readonly lotRecords?: number
}

/** How far a partition has come; see `SavedPosition`. */
export interface Progress {
  readonly ranges: readonly Range[]
  readonly next: number
  readonly stamp: number | undefined
}

/** Most bytes of one read: with what a record gains on its way, one batch of the target's. */
const READ_BYTES = 256 * 1024
/** A record that is older than this is backlog. */
const FRESH_MS = 10_000
/** Objects die young, and a backlog of any length costs next to nothing, where there are few of them at a time. */
const LOT_RECORDS = 500
const RETRY = { firstMs: 100, mostMs: 10_000 } as const

/**
 * Carries one partition: what one fetch brings it sends, a few records at a time, and waits until all of it is durable
 * before the next, so that nothing overtakes anything, whatever happens. Fresh-first there are two lanes, each in order
 * within itself.
 */
export class Track {
  readonly topic: string
  readonly partition: number
  readonly #options: TrackOptions
  readonly #lanes: Lane[] = []
  readonly #backlogCame = new Bell()
  #ranges: Range[]
  #next: number
  #stamp: number | undefined
  #backlogStamp: number | undefined
  /** Carried since it was made. */
  records = 0
  bytes = 0
  lost = 0
  /** Timestamp of the last record sent; undefined: none yet. */
  lastTimestamp: number | undefined
  /** Why the source cannot be read right now. */
  fault: LogError | undefined

  constructor(options: TrackOptions, from: Progress) {
    this.topic = options.topic
    this.partition = options.partition
    this.#options = options
    this.#ranges = [...from.ranges]
    this.#next = from.next
    this.#stamp = from.stamp
  }

  /** How far it has come, whatever is on its way. */
  get progress(): Progress {
    return { ranges: [...this.#ranges], next: this.#next, stamp: this.#stamp }
  }

  /** Everything below this is in the target. */
  get passed(): number {
    return this.#ranges[0]?.from ?? this.#next
  }

  /** Records still to be carried when the partition ends there. */
  behind(end: number): number {
    return this.#ranges.reduce((sum, { from, to }) => sum + to - from, Math.max(0, end - this.#next))
  }

  /**
   * Timestamp of the last record that was carried in order before what is behind; undefined where nothing is, or none
   * was carried yet.
   */
  since(end: number): number | undefined {
    if (this.behind(end) === 0) return undefined
    return this.#ranges.length > 0 ? this.#backlogStamp : this.#stamp
  }

  /**
   * Until the signal aborts; then what is under way is finished. A source that cannot be read is tried for ever.
   * @throws LogError where the target did not take something: what of it is there is then unknown.
   */
  async run(signal: AbortSignal): Promise<void> {
    const live = this.#lane()
    if (!this.#options.freshFirst) {
      while (this.#ranges.length > 0 && !signal.aborted) await this.#carryRange(live, signal)
      return this.#carryLive(live, signal)
    }
    const backlog = this.#lane()
    const stop = new AbortController()
    const both = AbortSignal.any([signal, stop.signal])
    const ending = (work: Promise<void>) => work.finally(() => stop.abort())
    await Promise.all([ending(this.#carryLive(live, both)), ending(this.#carryBacklog(backlog, both))])
  }

  /**
   * A place to go on from: what lies before it is durable, and nothing of what lies behind it was sent by this track
   * before this call.
   * What thinning holds back is sent first.
   */
  async cut(): Promise<Progress> {
    // With all lanes at rest at the same moment.
    const cutAlone = (index: number): Promise<Progress> =>
      index === this.#lanes.length
        ? Promise.resolve(this.progress)
        : this.#lanes[index]!.alone(async () => {
            await this.#lanes[index]!.settled()
            await this.#flush(this.#lanes[index]!)
            return cutAlone(index + 1)
          })
    return cutAlone(0)
  }

  #lane(): Lane {
    const lane = new Lane(this.#options.selection())
    this.#lanes.push(lane)
    return lane
  }

  async #carryBacklog(lane: Lane, signal: AbortSignal): Promise<void> {
    const wake = () => this.#backlogCame.ring()
    signal.addEventListener('abort', wake, { once: true })
    while (!signal.aborted) {
      if (this.#ranges.length > 0) await this.#carryRange(lane, signal)
      else await this.#backlogCame.wait()
    }
  }

  /** The first range, to its end. */
  async #carryRange(lane: Lane, signal: AbortSignal): Promise<void> {
    await this.#reading(lane, this.#ranges[0]!.from, signal, async (batch) => {
      // It may grow while a batch of it is under way.
      const range = this.#ranges[0]!
      await this.#carry(lane, batch, range, signal, (stamp) => {
        this.#ranges[0] = { from: Math.min(batch.nextOffset, range.to), to: this.#ranges[0]!.to }
        this.#backlogStamp = stamp ?? this.#backlogStamp
      })
      return signal.aborted || batch.nextOffset >= range.to
    })
    const [first] = this.#ranges
    if (first === undefined || first.from < first.to) return
    await lane.alone(async () => {
      await this.#flush(lane)
      this.#ranges.shift()
    })
  }

  async #carryLive(lane: Lane, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#options.freshFirst) await this.#leaveBacklog(lane)
      await this.#reading(lane, this.#next, signal, async (batch) => {
        if (this.#options.freshFirst && this.#isOld(batch) && (await this.#isFarBehind(batch))) return true
        await this.#carry(lane, batch, { from: this.#next, to: Infinity }, signal, (stamp) => {
          this.#next = batch.nextOffset
          this.#stamp = stamp ?? this.#stamp
        })
        return signal.aborted
      })
    }
  }

  /** Leaves what is there already to the backlog, and goes on at the end. */
  async #leaveBacklog(lane: Lane): Promise<void> {
    const end = await this.#end()
    if (end === undefined || end <= this.#next) return
    await lane.alone(async () => {
      await this.#flush(lane)
      const last = this.#ranges.at(-1)
      if (last?.to === this.#next) this.#ranges[this.#ranges.length - 1] = { from: last.from, to: end }
      else this.#ranges.push({ from: this.#next, to: end })
      this.#next = end
      this.#stamp = undefined
    })
    this.#backlogCame.ring()
  }

  #isOld({ records }: ReadBatch): boolean {
    const last = records.at(-1)
    return last !== undefined && this.#options.system.clock.now() - last.timestamp > FRESH_MS
  }

  async #isFarBehind({ nextOffset }: ReadBatch): Promise<boolean> {
    return ((await this.#end()) ?? 0) > nextOffset
  }

  async #end(): Promise<number | undefined> {
    const { source, topic, partition } = this.#options
    const ends = await source.ends(topic).catch(() => [])
    return ends.find((one) => one.partition === partition)?.end
  }

  /** Reads from an offset on until `take` says that it is enough; what was sent by then is durable. */
  async #reading(
    lane: Lane,
    from: number,
    signal: AbortSignal,
    take: (batch: ReadBatch) => Promise<boolean>,
  ): Promise<void> {
    const { system, topic, partition } = this.#options
    let offset = from
    for (let tries = 0; !signal.aborted; tries++) {
      let taking = false
      try {
        for await (const batch of this.#batches(offset, signal)) {
          taking = true
          const enough = await take(batch)
          if (enough || batch.more !== true) await lane.settled()
          taking = false
          offset = batch.nextOffset
          this.fault = undefined
          tries = 0
          if (enough) return
          // Before the next records become objects: those that wait for room grow old.
          await this.#options.outlet.ready()
        }
        await lane.settled()
        if (signal.aborted) return
      } catch (error) {
        if (taking || !(error instanceof LogError) || ENDS_ALL.includes(error.code)) throw error
        await lane.settled()
        this.fault = error
        system.logger.warn('Cannot read what is to be replicated; it is tried again', { topic, partition, error })
      }
      const waitMs = Math.min(RETRY.firstMs * 2 ** tries, RETRY.mostMs) * (0.5 + system.random.next() / 2)
      await system.clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  #batches(offset: number, signal: AbortSignal): AsyncIterable<ReadBatch> {
    const { source, topic, partition, lotRecords = LOT_RECORDS } = this.#options
    return source.read([{ topic, partition, offset }], { signal, maxBytes: READ_BYTES, lotRecords })
  }

  /**
   * Sends what of a batch lies within a range, which begins where the lane is; `done` moves the position on when it is
   * durable.
   */
  async #carry(lane: Lane, batch: ReadBatch, { from, to }: Range, signal: AbortSignal, done: Done) {
    const { pace, before, outlet } = this.#options
    if (batch.skipped > 0) await this.#loses(from, Math.min(from + batch.skipped, to))
    await before(signal)
    if (pace !== undefined && this.#isOld(batch)) await pace.take(sizeOf(batch), signal)
    // Not begun, so not to be finished: the position stays.
    if (signal.aborted) return
    await lane.alone(async () => {
      const selected: Selected[] = []
      for (const record of batch.records) if (record.offset < to) lane.selection.take(record, selected)
      const stamp = batch.records.at(-1)?.timestamp
      const sent = await outlet.send(selected, lane.settled())
      // What waits for an answer is bytes; the records are garbage while they are young.
      emptied(batch)
      lane.sent(sent.stored, () => {
        this.#count(sent)
        this.lastTimestamp = stamp ?? this.lastTimestamp
        done(stamp)
        this.#options.onMoved()
      })
    })
  }

  #count({ records, bytes }: Sent): void {
    this.records += records
    this.bytes += bytes
  }

  async #loses(from: number, to: number): Promise<void> {
    this.lost += to - from
    await this.#options.onLost(from, to)
  }

  async #flush({ selection }: Lane): Promise<void> {
    if (!selection.thins) return
    const held: Selected[] = []
    selection.flush(held)
    if (held.length === 0) return
    const sent = await this.#options.outlet.send(held)
    await sent.stored
    this.#count(sent)
  }
}

/** Codes that no further reading mends: where to go on has to be worked out anew. */
const ENDS_ALL: readonly string[] = ['OFFSET_BEYOND_END', 'TOPIC_UNKNOWN', 'LOG_CLOSED']

/** Timestamp of the last record; undefined: there was none. */
type Done = (stamp: number | undefined) => void

/** The driver made the list for us, and has no further use for it. */
function emptied({ records }: ReadBatch): void {
  const list = records as unknown[]
  list.length = 0
}

function sizeOf({ records }: ReadBatch): number {
  let bytes = 0
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0)
  return bytes
}

/** One order of sending within a partition: work on it takes turns. */
class Lane {
  readonly selection: Selection
  #last: Promise<unknown> = Promise.resolve()
  #open: Promise<void> = Promise.resolve()

  constructor(selection: Selection) {
    this.selection = selection
  }

  /** Something is on its way; `then` is called when it and everything before it is durable. */
  sent(stored: Promise<unknown>, then: () => void): void {
    this.#open = Promise.all([stored, this.#open]).then(then)
    // Whoever waits hears of it, and somebody does before anything else is sent.
    this.#open.catch(() => {})
  }

  /** Resolves when everything that was sent so far is durable. @throws LogError as `Log.append` */
  settled(): Promise<void> {
    return this.#open
  }

  /** Does the work when what was begun before it has ended. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work)
    this.#last = mine.catch(() => {})
    return mine
  }
}
