import type { Socket } from 'node:net'
import type { Timer } from '../../system/clock.ts'
import type { Address, Listener } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import type { Storage } from './storage/storage.ts'
import type { Services } from './wire/api.ts'
import { Connection } from './wire/connection.ts'
import type { Traffic } from './wire/connection.ts'
import { DEFAULT_LIMITS } from './wire/limits.ts'
import type { Limits } from './wire/limits.ts'
import { Memory } from './wire/memory.ts'
import { Topics } from './wire/topics.ts'

const CHECK_MS = 1000
const RETAIN_MS = 60_000

export interface BrokerOptions {
  /** Where to listen; port 0 lets the system choose. */
  readonly listen: Address
  /** What clients are told to connect to; by default the address they came to. */
  readonly advertise?: Address
  readonly limits?: Partial<Limits>
}

/** What the broker counts; a snapshot. */
export interface BrokerFigures extends Readonly<Traffic> {
  readonly connections: number
}

/**
 * The embedded log's broker: a single node that speaks the Kafka protocol, on a storage that somebody else has opened
 * and closes. Everything runs on the thread that calls `start`; `start.ts` gives it a thread of its own.
 */
export class Broker {
  readonly #storage: Storage
  readonly #system: Pick<System, 'clock' | 'random' | 'net' | 'logger'>
  readonly #options: BrokerOptions
  readonly #services: Services
  readonly #connections = new Set<Connection>()
  readonly #traffic: Traffic = { requests: 0, bytesIn: 0, bytesOut: 0 }
  #listener: Listener | undefined
  #timers: readonly Timer[] = []
  #retaining = false

  constructor(storage: Storage, system: Pick<System, 'clock' | 'random' | 'net' | 'logger'>, options: BrokerOptions) {
    this.#storage = storage
    this.#system = system
    this.#options = options
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const topics = new Topics(storage, limits)
    const { clock, random, logger } = system
    this.#services = {
      storage,
      topics,
      groups: new GroupCoordinator({ storage, topics, clock, random, logger, limits }),
      clock,
      random,
      limits,
      memory: new Memory(limits),
    }
  }

  /** Listens; answers where. @throws a Node system error: EADDRINUSE, EACCES ... */
  async start(): Promise<Address> {
    const { clock, net, logger } = this.#system
    // Not waited for: until the groups are loaded, who asks for one is told to come again.
    this.#services.groups.start().catch((error: unknown) => logger.error('Cannot load the groups', { error }))
    this.#listener = await net.listen(this.#options.listen, undefined, (socket) => this.#accept(socket))
    this.#timers = [clock.every(CHECK_MS, () => this.#check()), clock.every(RETAIN_MS, () => void this.#retain())]
    return this.#listener.address
  }

  figures(): BrokerFigures {
    return { ...this.#traffic, connections: this.#connections.size }
  }

  /** Stops listening and closes all connections. What was not acknowledged may or may not be stored. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    this.#services.groups.close()
    const closing = this.#listener?.close()
    for (const connection of this.#connections) connection.close()
    await closing
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket
    const logger = this.#system.logger.child({ client: `${remoteAddress}:${remotePort}` })
    if (this.#connections.size >= this.#services.limits.maxConnections) {
      logger.warn('Kafka connection refused', { reason: `there are ${this.#connections.size} already` })
      socket.destroy()
      return
    }
    const options = { broker: this.#addressFor(socket), logger, traffic: this.#traffic }
    const connection = new Connection(socket, this.#services, options)
    this.#connections.add(connection)
    connection.run(() => this.#connections.delete(connection))
  }

  /** A broker on all interfaces is reached by each client at the address that client came to. */
  #addressFor(socket: Socket): Address {
    if (this.#options.advertise) return this.#options.advertise
    const { host, port } = this.#listener!.address
    const everywhere = host === '0.0.0.0' || host === '::'
    return { host: everywhere ? (socket.localAddress ?? host) : host, port }
  }

  #check(): void {
    for (const connection of this.#connections) connection.check()
  }

  async #retain(): Promise<void> {
    if (this.#retaining) return
    this.#retaining = true
    try {
      await this.#storage.retain(this.#system.clock.now())
    } catch (error) {
      this.#system.logger.error('Cannot remove old segments', { error })
    }
    this.#retaining = false
  }
}
