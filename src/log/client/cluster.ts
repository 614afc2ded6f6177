import type { Timer } from '../../system/clock.ts'
import type { Random } from '../../system/random.ts'
import type { Address } from '../../system/net.ts'
import { LogError } from '../log.ts'
import { closedError } from '../refusals.ts'
import { backoffMs } from './backoff.ts'
import { dial } from './connection.ts'
import type { Connection, Dialling } from './connection.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'
import { API, readMetadata, writeMetadata } from './messages.ts'
import type { Api, ClusterMetadata } from './messages.ts'
import { isAccessFault } from './protocol-faults.ts'

/** How long an answer that needs no waiting at the broker may take. */
export const ANSWER_MS = 10_000

/** The same for a question that any broker answers, while there is another one to ask. */
const LOOKUP_MS = 2_000

/** How long a broker that did not answer is asked last. */
const HUNG_MS = 10_000

/** How long a broker that refused us is left alone: it counts our tries, and a password is not mended in a second. */
const REFUSED_MS = 10_000

/** What a broker said that will not have us, and until when it is not asked again (monotonic ms). */
interface Refusal {
  readonly error: LogError
  readonly until: number
}

/**
 * Which brokers there are and who leads what. Connections are shared: one to each broker for work, and one for questions
 * that any broker answers, because a broker answers in order, and an append may wait at it for the other copies. Only
 * fetches and groups have connections of their own.
 */
export class Cluster {
  readonly #bootstrap: readonly Address[]
  readonly #dialling: Dialling
  readonly #random: Random
  readonly #connections = new Map<string, Promise<Connection>>()
  #nodes = new Map<number, Address>()
  #controller = -1
  readonly #leaders = new Map<string, readonly number[]>()
  readonly #refusals = new Map<string, Refusal>()
  /** Addresses that take long over something, and until when they are thought to (monotonic ms). */
  readonly #hung = new Map<string, number>()
  #refreshing: Promise<void> | undefined
  #reached = false
  #closed = false

  /** Where this client is, as the brokers name their racks; empty: nowhere. */
  readonly rack: string

  constructor(bootstrap: readonly Address[], dialling: Dialling, random: Random, rack: string) {
    this.rack = rack
    this.#bootstrap = bootstrap
    this.#dialling = dialling
    this.#random = random
  }

  /** Whether the last broker that was asked for anything new could be reached. */
  get reached(): boolean {
    return this.#reached && !this.#closed
  }

  /** Why a broker will not have us, or we do not believe it; undefined where the last one that was asked took us. */
  get refusal(): LogError | undefined {
    return [...this.#refusals.values()].at(-1)?.error
  }

  /** How many partitions a topic has; undefined where it is not known here. */
  partitions(topic: string): number | undefined {
    return this.#leaders.get(topic)?.length
  }

  /** The node that leads a partition; undefined where nobody is known to. */
  leader(topic: string, partition: number): number | undefined {
    const node = this.#leaders.get(topic)?.[partition]
    return node !== undefined && this.#nodes.has(node) ? node : undefined
  }

  /**
   * Asks for topics by name, or for all with null, and remembers who leads them.
   * @throws LogError `LOG_UNAVAILABLE` where no broker answered.
   */
  async describe(topics: readonly string[] | null): Promise<ClusterMetadata> {
    const metadata = readMetadata(await this.ask(API.metadata, (to) => writeMetadata(to, topics)))
    // One broker of several that cannot be reached is not the loss of the log.
    this.#reached = !this.#closed
    this.#nodes = new Map(metadata.nodes.map(({ id, host, port }) => [id, { host, port }]))
    this.#controller = metadata.controller
    for (const topic of metadata.topics) {
      if (topic.error === 0) this.#leaders.set(topic.name, topic.leaders)
    }
    return metadata
  }

  /** Asks again about every topic that is known, once for all who want it at the same time. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#describeKnown().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  /**
   * Asks what any broker knows. Whoever has not answered within 2 s is left for the next one, and asked last for a
   * while; the last one is given its time.
   * @throws LogError `LOG_UNAVAILABLE` where no broker answered; `LOG_VERSION`
   */
  async ask(api: Api, write: (to: Writer) => void): Promise<Reader> {
    const addresses = this.#inTurn()
    let failure: unknown
    for (const [index, address] of addresses.entries()) {
      const began = this.monotonic()
      try {
        if (index < addresses.length - 1) return await this.#askQuickly(address, api, write)
        return await (await this.#shared(address, 'questions')).request(api, ANSWER_MS, write)
      } catch (error) {
        if (error instanceof LogError && error.code === 'LOG_VERSION') throw error
        failure = error
        if (this.monotonic() - began >= LOOKUP_MS) this.suspect(address)
      }
    }
    throw failure
  }

  /** A connection to any broker that takes one; who hangs comes last. */
  async any(): Promise<Connection> {
    let failure: unknown
    for (const address of this.#inTurn()) {
      try {
        return await this.#shared(address)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** Whoever did not answer: for 10 s it is asked last. */
  suspect(address: Address): void {
    this.#hung.set(textOf(address), this.monotonic() + HUNG_MS)
  }

  /** A connection to the controller, where topics are created. */
  controller(): Promise<Connection> {
    const address = this.#nodes.get(this.#controller)
    return address ? this.#shared(address) : this.any()
  }

  /** The brokers, as far as they are known. */
  get nodes(): readonly number[] {
    return [...this.#nodes.keys()]
  }

  /** The shared connection to a node. */
  node(id: number): Promise<Connection> {
    const address = this.#nodes.get(id)
    return address ? this.#shared(address) : this.any()
  }

  /** A connection of the caller's own to a node: fetches wait at the broker and would hold up everything behind them. */
  async own(id: number): Promise<Connection> {
    const address = this.#nodes.get(id)
    if (this.#closed) throw closedError('connect')
    if (!address) throw goneError(id)
    return this.#dial(address)
  }

  /** A connection of the caller's own to an address that a broker named. */
  async ownTo(address: Address): Promise<Connection> {
    if (this.#closed) throw closedError('connect')
    return this.#dial(address)
  }

  /**
   * Looks after a request that a broker may take long over: each time `everyMs` have passed it is asked elsewhere who
   * leads what, and where `misplaced` then says that this broker is the wrong one, its connection ends. A broker that hangs is found out
   * so as soon as its cluster has given it up. The caller cancels the timer when the answer is there.
   */
  watch(connection: Connection, everyMs: number, misplaced: () => boolean): Timer {
    const key = textOf(connection.address)
    const look = async () => {
      this.#hung.set(key, Infinity)
      await this.refresh()
      if (misplaced()) connection.close()
    }
    const timer = this.#dialling.clock.every(everyMs, () => void look().catch(() => {}))
    const cancel = () => {
      timer.cancel()
      this.#hung.delete(key)
    }
    return { cancel }
  }

  /** Calls `look` every `ms`, until the timer is cancelled. */
  every(ms: number, look: () => void): Timer {
    return this.#dialling.clock.every(ms, look)
  }

  /** Monotonic ms. */
  monotonic(): number {
    return this.#dialling.clock.monotonic()
  }

  /** Waits before try `attempt`, 1 being the first repetition. Rejects when the signal aborts. */
  pause(attempt: number, signal?: AbortSignal): Promise<void> {
    return this.#dialling.clock.sleep(backoffMs(attempt, this.#random), signal)
  }

  close(): void {
    this.#closed = true
    for (const connecting of this.#connections.values()) {
      void connecting.then(
        (connection) => connection.close(),
        () => {},
      )
    }
  }

  async #describeKnown(): Promise<void> {
    await this.describe([...this.#leaders.keys()])
  }

  /** Every broker once: the nodes from any one on, then the configured ones; who hangs comes last. */
  #inTurn(): Address[] {
    const nodes = [...this.#nodes.values()]
    const from = this.#random.integer(Math.max(nodes.length, 1))
    const all = [...nodes.slice(from), ...nodes.slice(0, from), ...this.#bootstrap]
    const addresses = [...new Map(all.map((one) => [textOf(one), one])).values()]
    const now = this.monotonic()
    const hung = (address: Address) => (this.#hung.get(textOf(address)) ?? 0) > now
    return [...addresses.filter((one) => !hung(one)), ...addresses.filter(hung)]
  }

  /** A connection that takes long to come about goes on coming about: it may be the next one's. */
  async #askQuickly(address: Address, api: Api, write: (to: Writer) => void): Promise<Reader> {
    const late = Promise.withResolvers<never>()
    const timer = this.#dialling.clock.after(LOOKUP_MS, () => late.reject(lateError(address)))
    try {
      const connection = await Promise.race([this.#shared(address, 'questions'), late.promise])
      return await connection.request(api, LOOKUP_MS, write)
    } finally {
      timer.cancel()
    }
  }

  async #shared(address: Address, use: 'work' | 'questions' = 'work'): Promise<Connection> {
    if (this.#closed) throw closedError('connect')
    const key = `${use} ${textOf(address)}`
    const known = this.#connections.get(key)
    if (known) {
      const connection = await known.catch(() => undefined)
      if (connection?.open) return connection
      // Somebody else who waited for the same one may be dialling again already.
      if (this.#connections.get(key) !== known) return this.#shared(address, use)
    }
    const dialling = this.#dial(address)
    this.#connections.set(key, dialling)
    return dialling
  }

  async #dial(address: Address): Promise<Connection> {
    const key = textOf(address)
    const refusal = this.#refusals.get(key)
    if (refusal && this.#dialling.clock.monotonic() < refusal.until) throw refusal.error
    try {
      const connection = await dial(address, this.#dialling)
      if (this.#closed) connection.close()
      this.#reached = !this.#closed
      this.#refusals.clear()
      return connection
    } catch (error) {
      this.#reached = false
      if (isAccessFault(error)) {
        this.#refusals.set(key, { error, until: this.#dialling.clock.monotonic() + REFUSED_MS })
      }
      throw error
    }
  }
}

function textOf({ host, port }: Address): string {
  return `${host}:${port}`
}

function lateError(address: Address): LogError {
  const message = `Cannot reach the log at "${textOf(address)}": no connection within ${LOOKUP_MS} ms, want an answer`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}

function goneError(node: number): LogError {
  const message = `Cannot connect to node ${node}: the cluster does not name it any more, want another to lead`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}
