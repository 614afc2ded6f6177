import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { createMapper } from '../../../component/mapping/mapper.ts'
import type { Health, HealthState } from '../../../component/health.ts'
import type {
  Batch,
  CommandAnswer,
  MachineCommand,
  Publication,
  Source,
  SourceContext,
} from '../../../component/source.ts'
import type { Address } from '../../../system/net.ts'
import { within } from '../../../system/wait.ts'
import { AwaitedReplies } from '../awaited-replies.ts'
import { isReply } from '../command-rules.ts'
import { createAccess } from './access.ts'
import { Commanding } from './commanding.ts'
import type { ListenerConfig } from './config.ts'
import { Connection } from './connection.ts'
import { Corks } from './corks.ts'
import { Delivery } from './delivery.ts'
import { Door } from './door.ts'
import { Intake } from './intake.ts'
import { SLOW_SUBSCRIBER } from './outbox.ts'
import type { Parts } from './parts.ts'
import { Reason, reasonName } from './protocol.ts'
import { Requesting } from './requesting.ts'
import { Sessions } from './sessions.ts'
import type { Session } from './sessions.ts'
import { Subscriptions } from './subscriptions.ts'
import { TimerWheel } from './timer-wheel.ts'
import { topicFault } from './topic-filter.ts'
import { TopicTable } from './topic-table.ts'

/** How late a deadline of a connection may be noticed. */
const STEP_MS = 1000

/** Connections that have not said who they are, beyond the limit on those that have. */
const ANTEROOM = 1000

/** How long the end waits for acknowledgements that are due, and then for clients to hear that we go. */
const FAREWELL_MS = { acks: 10_000, clients: 1000 } as const

const NO_PROPERTIES = Buffer.alloc(0)

/** Most parts that health names. */
const MOST_PARTS = 100

/** Devices that connect straight to us: an MQTT server (3.1.1 and 5) whose every acknowledgement means durable. */
export class MqttListener implements Source {
  readonly #config: ListenerConfig
  readonly #parts: Parts
  readonly #commanding: Commanding
  readonly #doors: readonly Door[]
  #state: Health = { state: 'starting', reason: 'Has not been started', since: 0 }
  #stopped = false

  constructor(config: ListenerConfig, context: SourceContext) {
    this.#config = config
    this.#parts = makeParts(config, context)
    const { listen, tls, commands: rules, commandTimeout: timeoutMs } = config
    this.#commanding = new Commanding({ rules, site: context.site, timeoutMs }, this.#parts)
    this.#doors = [
      ...(listen === undefined ? [] : [new Door(listen, undefined, context.system)]),
      ...(tls === undefined ? [] : [new Door(tls.listen, tls, context.system)]),
    ]
  }

  /** Where it listens by now: the plain address first. */
  get addresses(): readonly Address[] {
    return this.#doors.flatMap((door) => door.address ?? [])
  }

  async *read(signal: AbortSignal): AsyncGenerator<Batch, void> {
    const { intake, wheel, sessions, clock } = this.#parts
    const ended = new AbortController()
    const stop = AbortSignal.any([signal, ended.signal])
    const opening = this.#doors.map((door) => door.open(stop, (socket) => this.#accept(socket)))
    stop.addEventListener('abort', () => intake.close(), { once: true })
    if (stop.aborted) intake.close()
    const turning = clock.every(STEP_MS, () => {
      wheel.turn(clock.monotonic())
      sessions.expire()
    })
    try {
      for (let batch = await intake.next(); batch !== undefined; batch = await intake.next()) yield batch
    } finally {
      ended.abort()
      await Promise.all(opening)
      await this.#leave()
      turning.cancel()
    }
  }

  /** At once: what it says is in the log already. */
  publish({ topic, payload, qos, expiresMs }: Publication): number {
    const { delivery, corks, clock } = this.#parts
    if (topicFault(topic) !== undefined || !delivery.wanted(topic)) return 0
    const expiresAt = expiresMs === undefined ? Infinity : clock.monotonic() + expiresMs
    const message = {
      topic: Buffer.from(topic),
      payload: Buffer.from(payload),
      qos,
      properties: NO_PROPERTIES,
      expiresAt,
    }
    let count = 0
    corks.run(() => {
      count = delivery.deliver(topic, message)
    })
    return count
  }

  reaches(asset: string): boolean {
    return this.#commanding.reaches(asset)
  }

  command(command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    return this.#commanding.command(command, signal)
  }

  health(): Health {
    const { state, reason } = this.#judge()
    const { lastData } = this.#parts.intake
    const parts = this.#silentDevices()
    const since = state === this.#state.state ? this.#state.since : this.#parts.clock.now()
    this.#state = {
      state,
      reason,
      since,
      ...(lastData === undefined ? {} : { lastData }),
      ...(parts.length === 0 ? {} : { parts }),
    }
    return this.#state
  }

  #accept(socket: Socket | TLSSocket): void {
    const { connections, limits, intake } = this.#parts
    if (intake.closed || connections.size >= limits.connections + ANTEROOM) {
      socket.destroy()
      return
    }
    // Finds out about clients without keep-alive that are gone without a word.
    socket.setKeepAlive(true, 60_000)
    const connection = new Connection(socket, this.#parts)
    connections.add(connection)
    connection.start()
  }

  /** Nothing more comes in; what was handed over is acknowledged, then everybody is told that we go. */
  async #leave(): Promise<void> {
    const { intake, connections, clock } = this.#parts
    const closed = Promise.all(this.#doors.map((door) => door.close()))
    await within(FAREWELL_MS.acks, intake.idle(), clock)
    for (const connection of connections) connection.close(Reason.ServerShuttingDown)
    await within(FAREWELL_MS.clients, closed, clock)
    for (const connection of connections) connection.socket.destroy()
    await closed
    this.#stopped = true
  }

  #judge(): { state: HealthState; reason: string } {
    if (this.#stopped) return { state: 'stopped', reason: 'Ended with the hub' }
    const fault = this.#doors.map((door) => door.fault).find((found) => found !== undefined)
    if (fault !== undefined) return { state: fault.hopeless ? 'failed' : 'down', reason: fault.reason }
    if (this.addresses.length < this.#doors.length) return { state: 'starting', reason: 'Begins to listen' }
    const { sessions, intake, clock } = this.#parts
    const where = this.addresses.map(({ host, port }) => `${host}:${port}`).join(' and ')
    const devices = `${sessions.attached} connected`
    if (intake.lastData === undefined) {
      return { state: 'starting', reason: `Listens on ${where}: nothing has been published yet, ${devices}` }
    }
    const silentMs = clock.monotonic() - intake.lastDataAt
    if (silentMs <= this.#config.silence) return { state: 'live', reason: `Listens on ${where}: ${devices}` }
    const seconds = Math.round(silentMs / 1000)
    return { state: 'stale', reason: `Listens on ${where}: nothing published for ${seconds} s, ${devices}` }
  }

  /** Clients that have published and then fell silent while connected. */
  #silentDevices(): { name: string; reason: string }[] {
    const now = this.#parts.clock.monotonic()
    const silent: { name: string; reason: string }[] = []
    for (const { connected, lastData, clientId } of this.#parts.connections) {
      if (!connected || lastData === 0 || now - lastData <= this.#config.silence) continue
      silent.push({ name: clientId, reason: `Connected, and silent for ${Math.round((now - lastData) / 1000)} s` })
      if (silent.length === MOST_PARTS) break
    }
    return silent
  }
}

function makeParts(config: ListenerConfig, context: SourceContext): Parts {
  const { name, site, system } = context
  const { clock, random, metrics } = system
  const limits = config.limits
  const connections = new Set<Connection>()
  const subscriptions = new Subscriptions<Session>()
  const sessionLimits = { messages: limits.queuedMessages, bytes: limits.queuedBytes, away: limits.sessions }
  const sessions = new Sessions(subscriptions, sessionLimits, clock)
  const corks = new Corks()
  const requests = new Requesting(config.requests, context.ask)
  const slow = metrics.counter('millrace_mqtt_dropped_total', 'Messages that subscribers did not get, by policy', {
    source: name,
    policy: SLOW_SUBSCRIBER,
  })
  metrics.gauge('millrace_mqtt_clients', 'MQTT clients connected', () => sessions.attached, { source: name })
  metrics.gauge('millrace_mqtt_subscriptions', 'MQTT subscriptions', () => subscriptions.size, { source: name })
  return {
    limits,
    access: createAccess(config.users),
    topics: new TopicTable(
      createMapper(site, name, config.topics),
      (topic) => isReply(config.commands, topic),
      (topic) => requests.isRequest(topic),
    ),
    replies: new AwaitedReplies(),
    requests,
    intake: new Intake(() => connections, corks),
    sessions,
    subscriptions,
    delivery: new Delivery(subscriptions, sessions, clock, slow),
    corks,
    wheel: new TimerWheel(STEP_MS),
    clock,
    random,
    logger: system.logger,
    connections,
    closed(reason) {
      const labels = { source: name, reason: reasonName(reason) }
      metrics.counter('millrace_mqtt_closed_total', 'MQTT connections closed by the hub, by reason', labels).add()
    },
  }
}
