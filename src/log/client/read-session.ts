import { LogError } from '../log.ts'
import type { Position, ReadBatch, ReadOptions } from '../log.ts'
import type { Reading } from '../group/reading.ts'
import type { PartitionRef } from '../groups.ts'
import { letGo } from '../let-go.ts'
import { beyondEndError, unknownTopicError } from '../refusals.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import { unpack, unpackLots } from './fetched.ts'
import type { Unpacked, UnpackedLots } from './fetched.ts'
import { API, byTopic, readFetch, writeFetch } from './messages.ts'
import type { FetchAnswer, FetchedPartition } from './messages.ts'
import { askEnds } from './offsets.ts'
import { brokerError, isAccessFault, KAFKA_ERROR } from './protocol-faults.ts'

const PARTITION_BYTES = 1024 * 1024
/** Most bytes of one answer, all partitions together. */
const ANSWER_BYTES = 16 * 1024 * 1024
/** Long poll: how long the broker holds a fetch that finds nothing. */
const WAIT_MS = 5_000
/** The same where positions come while it waits: they are fetched with the next one. */
const OPEN_WAIT_MS = 500
/** The same while it is not known yet that there is nothing more. */
const FIRST_WAIT_MS = 100
/** How long it may take over an answer beyond that. */
const GRACE_MS = 10_000
/** The same before others are asked whether it is still the right one. */
const SUSPECT_MS = WAIT_MS + 2_000
/** After this the leader is asked again which copy is the best: the one that was may have fallen behind. */
const FOLLOW_MS = 60_000

/** Where the reading of one partition stands. */
interface Cursor {
  readonly topic: string
  readonly partition: number
  offset: number
  /** Where `untilEnd` stops. */
  end: number
  /** What retention took since the last batch. */
  skipped: number
  /** A fetch for it is under way, or it is done. */
  idle: boolean
  /** The copy that the leader wants asked instead of itself, and until when (monotonic ms). */
  follower: number | undefined
  followUntil: number
  /** Nobody reads it here any more; what a fetch still brings of it is dropped. */
  gone: boolean
}

interface Handed {
  readonly cursor: Cursor
  readonly batches: Iterable<ReadBatch>
}

interface Fetched {
  readonly node: number
  readonly cursors: readonly Cursor[]
  readonly answer?: FetchAnswer
  /** All bytes of the answer. */
  readonly bytes?: Uint8Array
  readonly failure?: unknown
}

/**
 * One `read`: a fetch per broker that leads some of the positions, on a connection of its own, and the next one under
 * way while the caller works on the batches of the last.
 */
export class ReadSession implements Reading {
  readonly #cluster: Cluster
  readonly #options: ReadOptions
  readonly #cursors: Cursor[]
  readonly #connections = new Map<number, Promise<Connection>>()
  readonly #fetches = new Map<number, Promise<Fetched>>()
  readonly #stop = new AbortController()
  /** Positions may still come; otherwise it ends when there are none left to read. */
  readonly #open: boolean
  /** Not looked up yet. */
  #fresh: Cursor[]
  #came = Promise.withResolvers<undefined>()
  #failures = 0
  /** The last answer had no records at all. */
  #dry = false
  #fault: LogError | undefined

  constructor(cluster: Cluster, positions: readonly Position[], options: ReadOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#cursors = []
    this.#fresh = positions.map(cursorAt)
    this.#open = positions.length === 0
  }

  async *batches(): AsyncGenerator<ReadBatch> {
    const stop = () => this.#close()
    this.#options.signal.addEventListener('abort', stop, { once: true })
    try {
      if (this.#options.signal.aborted) return
      yield* this.#read()
      if (this.#fault) throw this.#fault
    } finally {
      this.#options.signal.removeEventListener('abort', stop)
      this.#close()
    }
  }

  add(positions: readonly Position[]): void {
    this.#fresh.push(...positions.map(cursorAt))
    this.#came.resolve(undefined)
  }

  remove(partitions: readonly PartitionRef[]): void {
    const names = new Set(partitions.map(({ topic, partition }) => `${topic}/${partition}`))
    for (const cursor of [...this.#fresh, ...this.#cursors]) {
      if (names.has(`${cursor.topic}/${cursor.partition}`)) cursor.gone = true
    }
    this.#fresh = this.#fresh.filter(({ gone }) => !gone)
    for (let i = this.#cursors.length - 1; i >= 0; i--) if (this.#cursors[i]!.gone) this.#cursors.splice(i, 1)
  }

  /** Ends the reading with an error, also while it waits. */
  fail(fault: LogError): void {
    this.#fault = fault
    this.#close()
  }

  async *#read(): AsyncGenerator<ReadBatch> {
    while (!this.#stop.signal.aborted) {
      if (this.#fresh.length > 0 && !(await this.#untilStopped(() => this.#begin()))) return
      if (!this.#open && this.#cursors.every((cursor) => cursor.offset >= cursor.end)) return
      const fetched = await this.#nextFetched()
      if (this.#stop.signal.aborted) return
      if (!fetched) continue
      const handed = await this.#unpack(fetched)
      this.#fetchIdle()
      for (const { cursor, batches } of handed) {
        for (const batch of batches) {
          if (!cursor.gone) yield batch
          if (this.#stop.signal.aborted) return
        }
      }
      // Who reads in lots is done with each when it asks for the next.
      if (this.#options.lotRecords !== undefined && fetched.bytes !== undefined) letGo(fetched.bytes)
    }
  }

  /** What the first fetch to come back brings; undefined where positions came first. */
  async #nextFetched(): Promise<Fetched | undefined> {
    this.#came = Promise.withResolvers()
    if (this.#fresh.length > 0) return undefined
    this.#fetchIdle()
    const fetched = await Promise.race(
      this.#open ? [...this.#fetches.values(), this.#came.promise] : this.#fetches.values(),
    )
    if (!fetched) return undefined
    this.#fetches.delete(fetched.node)
    for (const cursor of fetched.cursors) cursor.idle = true
    return fetched
  }

  /** Learns the topics, and where to stop. */
  async #begin(): Promise<void> {
    const fresh = this.#fresh
    const described = await this.#cluster.describe([...byTopic(fresh).keys()])
    for (const { topic, partition } of fresh) {
      const found = described.topics.find(({ name }) => name === topic)
      const error = found?.error ?? KAFKA_ERROR.unknownTopic
      if (error === KAFKA_ERROR.unknownTopic) throw unknownTopicError('read', topic)
      if (error !== 0) throw brokerError(`read "${topic}"`, error)
      if (partition >= found!.leaders.length) throw unknownTopicError('read', `${topic}/${partition}`)
    }
    if (this.#options.untilEnd) await this.#place(fresh)
    this.#cursors.push(...fresh.filter(({ gone }) => !gone))
    this.#fresh = this.#fresh.filter((cursor) => !fresh.includes(cursor))
  }

  /** Asks where partitions start and end; moves what lies before the start, refuses what lies beyond the end. */
  async #place(cursors: readonly Cursor[]): Promise<void> {
    const ends = await askEnds(this.#cluster, cursors)
    for (const cursor of cursors) {
      const { start, end } = ends.find((one) => one.topic === cursor.topic && one.partition === cursor.partition)!
      if (cursor.offset > end) throw beyondEndError(cursor.topic, cursor.partition, cursor.offset, end)
      if (this.#options.untilEnd && cursor.end === Infinity) cursor.end = end
      if (cursor.offset >= start) continue
      cursor.skipped += start - cursor.offset
      cursor.offset = start
    }
  }

  /** Starts a fetch for every broker that leads positions nobody is fetching. */
  #fetchIdle(): void {
    const idle = new Map<number, Cursor[]>()
    for (const cursor of this.#cursors) {
      if (!cursor.idle || cursor.offset >= cursor.end) continue
      const node = this.#nodeFor(cursor)
      if (this.#fetches.has(node)) continue
      const cursors = idle.get(node)
      if (cursors) cursors.push(cursor)
      else idle.set(node, [cursor])
    }
    for (const [node, cursors] of idle) {
      for (const cursor of cursors) cursor.idle = false
      this.#fetches.set(node, this.#fetch(node, cursors))
    }
  }

  /** Who is asked: the copy that the leader named, for a while, else the leader; -1 where there is none. */
  #nodeFor(cursor: Cursor): number {
    const { topic, partition, follower, followUntil } = cursor
    if (follower !== undefined && this.#cluster.monotonic() < followUntil) return follower
    cursor.follower = undefined
    return this.#cluster.leader(topic, partition) ?? -1
  }

  /** Never rejects: a failure is part of the result, so that the others' fetches go on. */
  async #fetch(node: number, cursors: readonly Cursor[]): Promise<Fetched> {
    try {
      if (node === -1) throw new LogError('LOG_UNAVAILABLE', 'Cannot read: no broker leads it', { retriable: true })
      const connection = await this.#connect(node)
      const partitionBytes = this.#options.maxBytes ?? PARTITION_BYTES
      const dryMs = this.#open ? OPEN_WAIT_MS : WAIT_MS
      const waitMs = this.#dry ? dryMs : FIRST_WAIT_MS
      const limits = { waitMs, partitionBytes, answerBytes: ANSWER_BYTES, rack: this.#cluster.rack }
      const watch = this.#cluster.watch(connection, SUSPECT_MS, () => this.#misplaced(node, cursors))
      const request = connection.request(API.fetch, WAIT_MS + GRACE_MS, (to) => {
        writeFetch(to, byTopic(cursors), limits)
      })
      const body = await request.finally(() => watch.cancel())
      return { node, cursors, answer: readFetch(body), bytes: body.bytes }
    } catch (failure) {
      for (const cursor of cursors) cursor.follower = undefined
      return { node, cursors, failure }
    }
  }

  /** Whether a broker is no longer the one to ask for any of these. */
  #misplaced(node: number, cursors: readonly Cursor[]): boolean {
    if (!this.#cluster.nodes.includes(node)) return true
    return cursors.every(
      ({ topic, partition, follower }) => follower !== node && this.#cluster.leader(topic, partition) !== node,
    )
  }

  async #connect(node: number): Promise<Connection> {
    const known = await this.#connections.get(node)?.catch(() => undefined)
    if (known?.open) return known
    const connecting = this.#cluster.own(node)
    this.#connections.set(node, connecting)
    const connection = await connecting
    if (this.#stop.signal.aborted) connection.close()
    return connection
  }

  async #unpack({ answer, cursors, failure }: Fetched): Promise<Handed[]> {
    if (answer === undefined || answer.error !== 0) {
      await this.#recover(failure ?? brokerError('read', answer!.error))
      return []
    }
    this.#dry = answer.partitions.every((part) => part.batches.length === 0)
    const handed: Handed[] = []
    const lost: Cursor[] = []
    let trouble: unknown
    for (const part of answer.partitions) {
      const cursor = cursors.find((one) => one.topic === part.topic && one.partition === part.partition)!
      if (cursor.gone) continue
      const { follower } = cursor
      if (part.error !== 0) cursor.follower = undefined
      if (part.error === 0 && part.preferred >= 0) this.#follow(cursor, part.preferred)
      else if (part.error === 0) this.#advance(cursor, part, handed)
      // A follower that is behind or ahead says nothing about where the partition really starts and ends.
      else if (part.error === KAFKA_ERROR.offsetOutOfRange && follower === undefined) lost.push(cursor)
      else if (part.error === KAFKA_ERROR.offsetOutOfRange) trouble = behindError(cursor)
      else trouble = brokerError(`read "${part.topic}" partition ${part.partition}`, part.error)
    }
    if (lost.length > 0) await this.#untilStopped(() => this.#place(lost))
    if (trouble !== undefined) await this.#recover(trouble)
    else this.#failures = 0
    this.#rotate(answer)
    return handed
  }

  /** The leader answers without records where another copy is nearer. */
  #follow(cursor: Cursor, node: number): void {
    cursor.follower = node
    cursor.followUntil = this.#cluster.monotonic() + FOLLOW_MS
  }

  #advance(cursor: Cursor, part: FetchedPartition, into: Handed[]): void {
    const { lots, nextOffset } = this.#lots(cursor, part)
    if (nextOffset === cursor.offset && cursor.skipped === 0) return
    const { skipped } = cursor
    cursor.offset = nextOffset
    cursor.skipped = 0
    into.push({ cursor, batches: batchesOf(cursor, lots, nextOffset, skipped) })
  }

  #lots(cursor: Cursor, part: FetchedPartition): UnpackedLots {
    const { lotRecords } = this.#options
    if (!this.#dry && lotRecords !== undefined) return unpackLots(part, cursor.offset, lotRecords)
    const all = this.#dry ? { records: [], nextOffset: endOf(part, cursor) } : unpack(part, cursor.offset)
    return { lots: [all], nextOffset: all.nextOffset }
  }

  /** Brokers fill an answer in the order of the request: who was served goes to the back. */
  #rotate({ partitions }: FetchAnswer): void {
    const served = partitions.find(({ batches }) => batches.length > 0)
    if (!served) return
    const at = this.#cursors.findIndex((one) => one.topic === served.topic && one.partition === served.partition)
    if (at >= 0) this.#cursors.push(...this.#cursors.splice(at, 1))
  }

  /** Waits and asks anew who leads what, after a fault that may pass; throws any other. */
  async #recover(fault: unknown): Promise<void> {
    if (this.#stop.signal.aborted) return
    if (!(fault instanceof LogError) || !(fault.retriable || isAccessFault(fault))) throw fault
    this.#failures++
    await this.#cluster.pause(this.#failures, this.#stop.signal).catch(() => {})
    await this.#cluster.refresh().catch(() => {})
  }

  /** Tries until it succeeds; answers false where the reading was stopped meanwhile. */
  async #untilStopped(step: () => Promise<void>): Promise<boolean> {
    while (!this.#stop.signal.aborted) {
      try {
        await step()
        return !this.#stop.signal.aborted
      } catch (error) {
        await this.#recover(error)
      }
    }
    return false
  }

  #close(): void {
    this.#stop.abort()
    this.#came.resolve(undefined)
    for (const connecting of this.#connections.values()) {
      void connecting.then(
        (connection) => connection.close(),
        () => {},
      )
    }
  }
}

function cursorAt(position: Position): Cursor {
  return { ...position, end: Infinity, skipped: 0, idle: true, gone: false, follower: undefined, followUntil: 0 }
}

/** The lots of one partition as batches. */
function* batchesOf({ topic, partition }: Cursor, lots: Iterable<Unpacked>, end: number, skipped: number) {
  let lost = skipped
  for (const { records, nextOffset } of lots) {
    const batch: ReadBatch = { topic, partition, records, nextOffset, skipped: lost }
    yield nextOffset < end ? { ...batch, more: true } : batch
    lost = 0
  }
}

/**
 * Where to go on after an answer without any records, when no limit of size can have held one back: damage that was set
 * aside, or compaction, leaves offsets at the end of a partition that nobody will ever see.
 */
function endOf({ readableEnd }: FetchedPartition, { offset }: Cursor): number {
  return Math.max(readableEnd, offset)
}

function behindError({ topic, partition }: Cursor): LogError {
  const message = `Cannot read "${topic}" partition ${partition}: the copy that is nearest does not have it, want its leader`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}
