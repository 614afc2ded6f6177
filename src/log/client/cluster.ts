import type { Timer } from '../../system/clock.ts'
import type { Random } from '../../system/random.ts'
import type { Address } from '../../system/net.ts'
import { LogError } from '../log.ts'
import { closedError } from '../refusals.ts'
import { backoffMs } from './backoff.ts'
import { dial } from './connection.ts'
import type { Connection, Dialling } from './connection.ts'
import { API, readMetadata, writeMetadata } from './messages.ts'
import type { ClusterMetadata } from './messages.ts'
import { isAccessFault } from './protocol-faults.ts'

/** How long an answer that needs no waiting at the broker may take. */
export const ANSWER_MS = 10_000

/** How long a broker that refused us is left alone: it counts our tries, and a password is not mended in a second. */
const REFUSED_MS = 10_000

/** What a broker said that will not have us, and until when it is not asked again (monotonic ms). */
interface Refusal {
  readonly error: LogError
  readonly until: number
}

/** Which brokers there are and who leads what, and one shared connection to each broker for all but fetches. */
export class Cluster {
  readonly #bootstrap: readonly Address[]
  readonly #dialling: Dialling
  readonly #random: Random
  readonly #connections = new Map<string, Promise<Connection>>()
  #nodes = new Map<number, Address>()
  #controller = -1
  readonly #leaders = new Map<string, readonly number[]>()
  readonly #refusals = new Map<string, Refusal>()
  /** Addresses that take long over something. */
  readonly #hung = new Set<string>()
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

  /** Whether the last attempt to reach a broker succeeded. */
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
    const connection = await this.any()
    const answer = await connection.request(API.metadata, ANSWER_MS, (to) => writeMetadata(to, topics))
    const metadata = readMetadata(answer)
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

  /** A connection to any broker that answers: a node, else one of the configured ones; who hangs comes last. */
  async any(): Promise<Connection> {
    const nodes = [...this.#nodes.values()]
    const from = this.#random.integer(Math.max(nodes.length, 1))
    const addresses = [...nodes.slice(from), ...nodes.slice(0, from), ...this.#bootstrap]
    const hung = (address: Address) => this.#hung.has(textOf(address))
    let failure: unknown
    for (const address of [...addresses.filter((one) => !hung(one)), ...addresses.filter(hung)]) {
      try {
        return await this.#shared(address)
      } catch (error) {
        failure = error
      }
    }
    throw failure
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
      this.#hung.add(key)
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

  async #shared(address: Address): Promise<Connection> {
    if (this.#closed) throw closedError('connect')
    const key = textOf(address)
    const known = this.#connections.get(key)
    if (known) {
      const connection = await known.catch(() => undefined)
      if (connection?.open) return connection
      // Somebody else who waited for the same one may be dialling again already.
      if (this.#connections.get(key) !== known) return this.#shared(address)
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

function goneError(node: number): LogError {
  const message = `Cannot connect to node ${node}: the cluster does not name it any more, want another to lead`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}
