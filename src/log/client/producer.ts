import type { Clock, Timer } from '../../system/clock.ts'
import { LogError } from '../log.ts'
import type { Appended, NewRecord } from '../log.ts'
import { partitionOf } from '../partitioner.ts'
import { checkRecords, closedError, MAX_RECORD_BYTES, overrunError, unknownTopicError } from '../refusals.ts'
import type { Cluster } from './cluster.ts'
import { Call } from './gathered-batch.ts'
import type { GatheredBatch } from './gathered-batch.ts'
import { Identities } from './identities.ts'
import { API, byTopic, readProduce, writeProduce } from './messages.ts'
import type { ProduceOutcome } from './messages.ts'
import { PartitionQueue } from './partition-queue.ts'
import { brokerError, isRetriable, KAFKA_ERROR } from './protocol-faults.ts'
import { Slabs } from './slabs.ts'

export interface ProducerOptions {
  readonly compression: 'none' | 'zstd'
  readonly maxPendingBytes: number
  /** How long a batch is tried before its appends reject, ms. */
  readonly deliveryMs: number
}

/** Requests that one broker has of us at a time. */
const MAX_IN_FLIGHT = 5
/** Where a request is full. */
const REQUEST_BYTES = 8 * 1024 * 1024
/** How long the broker may take over a request; after that its connection is given up and the batches sent again. */
const REQUEST_MS = 30_000
/** How long it may take before others are asked whether it is still the right one. */
const SUSPECT_MS = 4_000
const SWEEP_MS = 1_000
/** Memory of batches kept for the next ones at most; there is no use for more than may be pending. */
const KEPT_SLAB_BYTES = 16 * 1024 * 1024

/**
 * The way into the log. Records are encoded into the open batch of their partition when they are handed over; at the
 * end of the event loop's turn every partition that has nothing with its broker sends what it has, all partitions of
 * a broker in one request.
 */
export class Producer {
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #options: ProducerOptions
  readonly #identities: Identities
  readonly #slabs: Slabs
  readonly #queues = new Map<string, PartitionQueue[]>()
  /** Queues whose head may be sent. */
  readonly #due = new Set<PartitionQueue>()
  readonly #inFlight = new Map<number, number>()
  readonly #failing = new Map<PartitionQueue, LogError>()
  readonly #sweeper: Timer
  #pendingBytes = 0
  #scheduled = false
  #keyless = 0
  #closed = false
  #roomWaiters: (() => void)[] = []
  #idleWaiters: (() => void)[] = []

  constructor(cluster: Cluster, clock: Clock, options: ProducerOptions) {
    this.#cluster = cluster
    this.#clock = clock
    this.#options = options
    this.#slabs = new Slabs(Math.min(KEPT_SLAB_BYTES, options.maxPendingBytes))
    this.#identities = new Identities(cluster)
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep())
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** What holds appends up right now. */
  get lastError(): LogError | undefined {
    return [...this.#failing.values()].at(-1)
  }

  append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    try {
      return this.#take(topic, records)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async ready(): Promise<void> {
    while (this.#pendingBytes >= this.#options.maxPendingBytes && !this.#closed) {
      await new Promise<void>((resolve) => this.#roomWaiters.push(resolve))
    }
    if (this.#closed) throw closedError('wait for room')
  }

  /** Takes no more appends, waits up to `waitMs` for those under way, and rejects what is left. */
  async close(waitMs: number): Promise<void> {
    this.#closed = true
    if (this.#pendingBytes > 0) {
      const idle = new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
      const timer = this.#clock.after(waitMs, () => this.#wakeIdle())
      await idle
      timer.cancel()
    }
    this.#sweeper.cancel()
    for (const queue of this.#allQueues()) while (queue.head) this.#giveUp(queue, closedError('append'))
    for (const resolve of this.#roomWaiters.splice(0)) resolve()
  }

  #take(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    if (this.#closed) throw closedError(`append to "${topic}"`)
    const limit = 2 * this.#options.maxPendingBytes
    if (this.#pendingBytes >= limit) throw overrunError(topic, this.#pendingBytes, limit)
    const queues = this.#queuesOf(topic)
    checkRecords(topic, records, MAX_RECORD_BYTES)
    if (records.length === 0) return Promise.resolve([])
    const call = new Call()
    const now = this.#clock.monotonic()
    const keyless = this.#keyless++ % queues.length
    for (const record of records) {
      const queue = queues[record.key === null ? keyless : partitionOf(record.key, queues.length)]!
      this.#pendingBytes += queue.add(record, call, now)
      if (!queue.busy) this.#due.add(queue)
    }
    this.#schedule()
    return call.promise
  }

  #queuesOf(topic: string): PartitionQueue[] {
    const partitions = this.#cluster.partitions(topic)
    if (partitions === undefined) throw unknownTopicError('append to', topic)
    let queues = this.#queues.get(topic)
    if (!queues) {
      queues = []
      this.#queues.set(topic, queues)
    }
    for (let i = queues.length; i < partitions; i++) queues.push(new PartitionQueue(topic, i, this.#slabs))
    return queues
  }

  /** `setImmediate`: everything that arrived in this turn of the event loop goes together. */
  #schedule(): void {
    if (this.#scheduled || this.#due.size === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  /** Sends what is due, as far as brokers may have more requests of us. */
  #pump(): void {
    const requests = new Map<number, PartitionQueue[]>()
    for (const queue of this.#due) {
      if (queue.busy || !queue.head) {
        this.#due.delete(queue)
      } else if (queue.identity === undefined) {
        this.#due.delete(queue)
        void this.#identify(queue)
      } else {
        const node = this.#cluster.leader(queue.topic, queue.partition)
        if (node === undefined) this.#retry(queue, leaderless(queue))
        else if ((this.#inFlight.get(node) ?? 0) < MAX_IN_FLIGHT) push(requests, node, queue)
      }
    }
    for (const [node, queues] of requests) this.#start(node, queues)
  }

  /** Sends the heads of these queues in one request; what does not fit waits for the next. */
  #start(node: number, queues: readonly PartitionQueue[]): void {
    let bytes = 0
    const chosen = queues.filter((queue) => {
      if (bytes >= REQUEST_BYTES) return false
      bytes += queue.head!.bytes
      return true
    })
    for (const queue of chosen) {
      queue.busy = true
      this.#due.delete(queue)
    }
    this.#inFlight.set(node, (this.#inFlight.get(node) ?? 0) + 1)
    void this.#send(node, chosen).finally(() => {
      this.#inFlight.set(node, this.#inFlight.get(node)! - 1)
      this.#schedule()
    })
  }

  async #send(node: number, queues: readonly PartitionQueue[]): Promise<void> {
    let sent = false
    try {
      const connection = await this.#cluster.node(node)
      const batches = queues.map((queue) => ({
        topic: queue.topic,
        partition: queue.partition,
        bytes: queue.seal(this.#options.compression),
      }))
      sent = true
      const timeoutMs = Math.min(REQUEST_MS, this.#options.deliveryMs)
      const misplaced = () => queues.every(({ topic, partition }) => this.#cluster.leader(topic, partition) !== node)
      const watch = this.#cluster.watch(connection, SUSPECT_MS, misplaced)
      const answer = connection.request(API.produce, timeoutMs, (to) => writeProduce(to, byTopic(batches), timeoutMs))
      const body = await answer.finally(() => watch.cancel())
      this.#settle(queues, readProduce(body))
    } catch (error) {
      for (const queue of queues) {
        if (sent && queue.head) queue.head.uncertain = true
        this.#retry(queue, asLogError(error))
      }
    }
  }

  #settle(queues: readonly PartitionQueue[], outcomes: readonly ProduceOutcome[]): void {
    for (const queue of queues) {
      const outcome = outcomes.find((one) => one.topic === queue.topic && one.partition === queue.partition)
      if (outcome === undefined) this.#retry(queue, unanswered(queue))
      else if (outcome.error === 0) this.#stored(queue, outcome.baseOffset)
      else this.#refused(queue, outcome.error)
    }
  }

  #stored(queue: PartitionQueue, baseOffset: number): void {
    this.#failing.delete(queue)
    this.#finished(queue, queue.stored(baseOffset).bytes)
  }

  #refused(queue: PartitionQueue, error: number): void {
    const fault = brokerError(`append to "${queue.topic}" partition ${queue.partition}`, error)
    if (isRetriable(error)) return this.#retry(queue, fault)
    if (!isSequenceFault(error)) return this.#giveUp(queue, fault)
    // The broker has forgotten our sequence. Under another id it would store the batch, also if it holds it already.
    if (queue.head!.uncertain) return this.#giveUp(queue, uncertain(queue, fault))
    queue.renew()
    this.#retry(queue, fault)
  }

  /** The head is sent again, in its place, after a pause; or given up where it has been tried for too long. */
  #retry(queue: PartitionQueue, fault: LogError): void {
    this.#due.delete(queue)
    if (!queue.head) return
    this.#failing.set(queue, fault)
    if (this.#late(queue.head)) return this.#giveUp(queue, this.#lateError(queue, fault))
    queue.busy = true
    queue.failures++
    void this.#cluster
      .pause(queue.failures)
      .then(() => this.#cluster.refresh())
      .catch(() => {})
      .finally(() => this.#free(queue))
  }

  async #identify(queue: PartitionQueue): Promise<void> {
    queue.busy = true
    try {
      queue.identity = await this.#identities.other(queue.spent)
      this.#free(queue)
    } catch (error) {
      this.#retry(queue, asLogError(error))
    }
  }

  #giveUp(queue: PartitionQueue, fault: LogError): void {
    this.#failing.delete(queue)
    this.#finished(queue, queue.failed(fault).bytes)
  }

  #finished(queue: PartitionQueue, bytes: number): void {
    this.#pendingBytes -= bytes
    if (this.#pendingBytes < this.#options.maxPendingBytes) {
      for (const resolve of this.#roomWaiters.splice(0)) resolve()
    }
    if (this.#pendingBytes === 0) this.#wakeIdle()
    this.#free(queue)
  }

  #free(queue: PartitionQueue): void {
    queue.busy = false
    if (queue.head) this.#due.add(queue)
    this.#schedule()
  }

  /** Gives up what has waited too long without being with a broker. */
  #sweep(): void {
    for (const queue of this.#allQueues()) {
      if (queue.busy || !queue.head || !this.#late(queue.head)) continue
      this.#giveUp(queue, this.#lateError(queue, this.#failing.get(queue) ?? unanswered(queue)))
    }
  }

  #late(batch: GatheredBatch): boolean {
    return this.#clock.monotonic() - batch.since >= this.#options.deliveryMs
  }

  #lateError({ topic, partition }: PartitionQueue, cause: LogError): LogError {
    const within = `not durable within ${this.#options.deliveryMs} ms, want it durable (${cause.message})`
    const message = `Cannot append to "${topic}" partition ${partition}: ${within}`
    return new LogError(cause.code, message, { retriable: true, cause })
  }

  *#allQueues(): Generator<PartitionQueue> {
    for (const queues of this.#queues.values()) yield* queues
  }

  #wakeIdle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }
}

function push(requests: Map<number, PartitionQueue[]>, node: number, queue: PartitionQueue): void {
  const queues = requests.get(node)
  if (queues) queues.push(queue)
  else requests.set(node, [queue])
}

/** The broker no longer knows where this producer stands in the partition. */
function isSequenceFault(error: number): boolean {
  return (
    error === KAFKA_ERROR.outOfOrderSequence ||
    error === KAFKA_ERROR.duplicateSequence ||
    error === KAFKA_ERROR.invalidProducerEpoch ||
    error === KAFKA_ERROR.unknownProducer
  )
}

function leaderless({ topic, partition }: PartitionQueue): LogError {
  const message = `Cannot append to "${topic}" partition ${partition}: no broker leads it, want one`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}

function unanswered({ topic, partition }: PartitionQueue): LogError {
  const message = `Cannot append to "${topic}" partition ${partition}: the log did not answer for it, want an answer`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}

function uncertain({ topic, partition }: PartitionQueue, cause: LogError): LogError {
  const message = `Cannot append to "${topic}" partition ${partition}: it is unknown whether the log holds it, want certainty`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true, cause })
}

function asLogError(error: unknown): LogError {
  if (error instanceof LogError) return error
  return new LogError('LOG_UNAVAILABLE', `Cannot append: ${String(error)}`, { retriable: true, cause: error })
}
