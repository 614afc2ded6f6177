import type { Socket } from 'node:net'
import type { Timer } from '../../system/clock.ts'
import type { Address, Listener, TlsIdentity } from '../../system/net.ts'
import type { System } from '../../system/system.ts'
import { LoginLimiter } from './access/login-limiter.ts'
import { nameAskedFor, remoteOf } from './access/remote.ts'
import { Session } from './access/session.ts'
import type { Gate } from './access/session.ts'
import { Users } from './access/users.ts'
import type { KnownUser } from './access/users.ts'
import { GroupCoordinator } from './groups/coordinator.ts'
import type { Storage } from './storage/storage.ts'
import { CLUSTER_ID } from './wire/api.ts'
import type { Services } from './wire/api.ts'
import { Connection } from './wire/connection.ts'
import type { Traffic } from './wire/connection.ts'
import { DEFAULT_LIMITS } from './wire/limits.ts'
import type { Limits } from './wire/limits.ts'
import { Memory } from './wire/memory.ts'
import { Topics } from './wire/topics.ts'

const CHECK_MS = 1000
const RETAIN_MS = 60_000
/** Kafka's `log.cleaner.backoff.ms`. */
const COMPACT_MS = 15_000
const LOOPBACK = '127.0.0.1'

export interface BrokerOptions {
  /** Where to listen; port 0 lets the system choose. */
  readonly listen: Address
  /** What clients are told to connect to; by default the address they came to. */
  readonly advertise?: Address
  readonly limits?: Partial<Limits>
  /** Without it: plain, and whoever reaches the listener may do everything. */
  readonly security?: BrokerSecurity
}

/** Who may do what, and how they show who they are; plain data. */
export interface BrokerSecurity {
  readonly tls?: TlsIdentity
  /** Who may come in; empty: whoever reaches the listener, for everything. */
  readonly users: readonly KnownUser[]
  /** How long a login lasts, ms; without it as long as its connection. */
  readonly sessionMs?: number
  /**
   * The hub itself. It comes through a listener of its own, on loopback and for this user only: what happens to the
   * certificate and to the users of others does not stop it.
   */
  readonly hub?: KnownUser
}

/** A listener, and who comes in by it. */
interface Door {
  readonly listener: Listener
  readonly gate: Gate
  readonly advertise?: Address
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
  /** With the door and the address that each comes from. */
  readonly #connections = new Map<Connection, { readonly door: Door; readonly host: string }>()
  readonly #traffic: Traffic = { requests: 0, bytesIn: 0, bytesOut: 0 }
  #doors: Door[] = []
  #timers: readonly Timer[] = []
  readonly #tidying = new Set<string>()
  readonly #closing = new AbortController()

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
    const { clock, logger } = this.#system
    // Not waited for: until the groups are loaded, who asks for one is told to come again.
    this.#services.groups.start().catch((error: unknown) => logger.error('Cannot load the groups', { error }))
    const { listen, advertise, security } = this.#options
    const users = security?.users ?? []
    await this.#open(listen, users, { ...(advertise && { advertise }), ...security })
    const { host, port } = this.#doors[0]!.listener.address
    logger.info('Embedded log listens: a single node, nothing is replicated', {
      at: `${host}:${port}`,
      cluster: CLUSTER_ID,
    })
    // Nobody guesses the hub's password; others of this machine who try are not to slow down the hub.
    if (security?.hub) await this.#open({ host: LOOPBACK, port: 0 }, [security.hub], { unlimited: true })
    const { signal } = this.#closing
    const retain = () => this.#tidy('remove old segments', () => this.#storage.retain(clock.now()))
    const compact = () => this.#tidy('compact', () => this.#storage.compact(clock.now(), signal))
    this.#timers = [
      clock.every(CHECK_MS, () => this.#check()),
      clock.every(RETAIN_MS, () => void retain()),
      clock.every(COMPACT_MS, () => void compact()),
    ]
    return this.#doors[0]!.listener.address
  }

  /** Where the hub itself comes in; undefined where it comes in like everybody. */
  get hubAddress(): Address | undefined {
    return this.#doors[1]?.listener.address
  }

  figures(): BrokerFigures {
    return { ...this.#traffic, connections: this.#connections.size }
  }

  /** Stops listening and closes all connections. What was not acknowledged may or may not be stored. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel()
    this.#closing.abort()
    this.#services.groups.close()
    const closing = this.#doors.map(({ listener }) => listener.close())
    for (const connection of this.#connections.keys()) connection.close()
    await Promise.all(closing)
  }

  async #open(at: Address, users: readonly KnownUser[], options: DoorOptions): Promise<void> {
    const { clock, random, net } = this.#system
    const { advertise, sessionMs } = options
    const gate: Gate = {
      ...(!options.unlimited && { limiter: new LoginLimiter(clock) }),
      clock,
      random,
      ...(users.length > 0 && { users: new Users(users, random) }),
      ...(sessionMs !== undefined && { sessionMs }),
    }
    const { promise: opened, resolve } = Promise.withResolvers<Door>()
    const listener = await net.listen(
      at,
      options.tls,
      (socket) => void opened.then((door) => this.#accept(socket, door)),
    )
    const door = { listener, gate, ...(advertise && { advertise }) }
    this.#doors.push(door)
    resolve(door)
  }

  #accept(socket: Socket, door: Door): void {
    const { remoteAddress, remotePort } = socket
    const remote = remoteOf(socket)
    const logger = this.#system.logger.child({ client: `${remoteAddress}:${remotePort}` })
    const session = new Session(door.gate, remote)
    const reason = this.#full(session, door, remote.host)
    if (reason !== undefined) {
      logger.warn('Kafka connection refused', { reason })
      socket.destroy()
      return
    }
    const options = { broker: addressFor(socket, door), session, logger, traffic: this.#traffic }
    const connection = new Connection(socket, this.#services, options)
    this.#connections.set(connection, { door, host: remote.host })
    connection.run(() => this.#connections.delete(connection))
  }

  /** Whoever has to log in and has not may not take the places of those who have, nor those at another door. */
  #full({ open }: Session, door: Door, host: string): string | undefined {
    const { maxConnections, maxStrangers, maxStrangersOfAddress } = this.#services.limits
    if (this.#connections.size >= maxConnections) return `there are ${this.#connections.size} already`
    if (open) return undefined
    const strangers = [...this.#connections].filter(([{ strange }, from]) => strange && from.door === door)
    if (strangers.length >= maxStrangers) return `${strangers.length} have not logged in yet`
    const ofAddress = strangers.filter(([, from]) => from.host === host).length
    return ofAddress < maxStrangersOfAddress ? undefined : `${ofAddress} of its address have not logged in yet`
  }

  #check(): void {
    for (const connection of this.#connections.keys()) connection.check()
  }

  /** Runs what may take longer than until it is due again. */
  async #tidy(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#tidying.has(what)) return
    this.#tidying.add(what)
    try {
      await work()
    } catch (error) {
      this.#system.logger.error(`Cannot ${what}`, { error })
    }
    this.#tidying.delete(what)
  }
}

interface DoorOptions extends Pick<BrokerSecurity, 'tls' | 'sessionMs'>, Pick<BrokerOptions, 'advertise'> {
  /** Logins that fail do not slow down those that follow. */
  readonly unlimited?: boolean
}

/**
 * Where a client is told to connect to: where it came to. With TLS that is the name it looked for, which is one that our
 * certificate has.
 */
function addressFor(socket: Socket, { listener, advertise }: Door): Address {
  if (advertise) return advertise
  const { host, port } = listener.address
  const everywhere = host === '0.0.0.0' || host === '::'
  return { host: nameAskedFor(socket) ?? (everywhere ? (socket.localAddress ?? host) : host), port }
}
