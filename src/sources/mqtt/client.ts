import { Bell } from '../../component/bell.ts'
import { notSent } from '../../component/command-answer.ts'
import type { Health } from '../../component/health.ts'
import { Liveness } from '../../component/liveness.ts'
import { createMapper, unmapped } from '../../component/mapping/mapper.ts'
import type { Mapper, Resolved } from '../../component/mapping/mapper.ts'
import { topicFilter } from '../../component/mapping/pattern.ts'
import type { Batch, CommandAnswer, Item, MachineCommand, Source, SourceContext } from '../../component/source.ts'
import { Quality } from '../../model/quality.ts'
import { AwaitedReplies, COMMAND_REPLY } from './awaited-replies.ts'
import { sendThrough } from './client-command.ts'
import type { MqttClientConfig } from './client-config.ts'
import { BrokerConnection } from './client-connection.ts'
import type { Arrival, Ending } from './client-connection.ts'
import { connectOptions } from './client-options.ts'
import { isReply, replyFilters, ruleFor } from './command-rules.ts'

/** Messages that wait for the hub to take them: beyond either, nothing more is read from the broker. */
const WAITING = { messages: 4_000, bytes: 8 << 20 } as const

/** Waits between connections, doubling from the first to the last, each with up to half of it taken off by chance. */
const RETRY = { firstMs: 500, lastMs: 30_000, fatalMs: 60_000, wellAfterMs: 30_000 } as const

/** How long a source that stops waits for what it handed over to be acknowledged. */
const SETTLE_MS = 5_000

/** Topics whose mapping is remembered; emptied when full. */
const MOST_TOPICS = 50_000

interface Message extends Arrival {
  readonly connection: BrokerConnection
  readonly receivedTime: number
}

/**
 * Takes messages from an existing broker: subscribed at QoS 1 in a session that outlives the connection, each message
 * acknowledged only when it is durable, many of them on their way at once. What is not acknowledged when a connection
 * ends, the broker sends again. It reconnects for ever.
 */
export function createMqttClient(config: MqttClientConfig, context: SourceContext): Source {
  return new MqttClientSource(config, context)
}

class MqttClientSource implements Source {
  readonly #config: MqttClientConfig
  readonly #context: SourceContext
  readonly #mapper: Mapper
  readonly #liveness: Liveness
  readonly #topics = new Map<string, Resolved | undefined>()
  readonly #bell = new Bell()
  readonly #settledBell = new Bell()
  #waiting: Message[] = []
  #waitingBytes = 0
  #unsettled = 0
  #connection: BrokerConnection | undefined
  #subscribed = false
  #failures = 0
  readonly #replies = new AwaitedReplies()

  constructor(config: MqttClientConfig, context: SourceContext) {
    this.#config = config
    this.#context = context
    this.#mapper = createMapper(context.site, context.name, config.topics)
    this.#liveness = new Liveness(context.system.clock, config.silence, `Connects to ${config.broker}`)
  }

  health(): Health {
    return this.#liveness.health()
  }

  reaches(asset: string): boolean {
    return ruleFor(this.#config.commands, this.#context.site, asset) !== undefined
  }

  async command(command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    const { site, system } = this.#context
    const { commands: rules, commandTimeout: timeoutMs } = this.#config
    if (this.#connection === undefined) return notSent(this.#liveness.health().reason)
    const parts = { rules, site, timeoutMs, clock: system.clock, replies: this.#replies, connection: this.#connection }
    return sendThrough(command, parts, signal)
  }

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    const wake = () => this.#bell.ring()
    signal.addEventListener('abort', wake)
    const kept = this.#keepConnected(signal)
    try {
      while (!signal.aborted) {
        const messages = this.#take()
        if (messages.length === 0) await this.#bell.wait()
        else yield this.#batch(messages)
      }
    } finally {
      signal.removeEventListener('abort', wake)
      await this.#settled()
      this.#connection?.leave()
      await kept
      this.#liveness.set('stopped', 'Stopped')
    }
  }

  /** One connection after the other until the signal aborts; the last one is left by `read`. */
  async #keepConnected(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#context.system
    while (!signal.aborted) {
      const connectedAt = clock.monotonic()
      const { reason, fatal } = await this.#connect(signal)
      if (signal.aborted) return
      if (clock.monotonic() - connectedAt > RETRY.wellAfterMs) this.#failures = 0
      const doubled = Math.min(RETRY.firstMs * 2 ** this.#failures++, RETRY.lastMs)
      const waitMs = (fatal ? RETRY.fatalMs : doubled) * (0.5 + random.next() / 2)
      this.#liveness.set(fatal ? 'failed' : 'down', `Cannot use ${this.#config.broker}: ${reason}`)
      this.#context.system.logger.warn('No connection to the broker', { source: this.#context.name, reason, waitMs })
      await clock.sleep(waitMs, signal).catch(() => {})
    }
  }

  async #connect(signal: AbortSignal): Promise<Ending> {
    const { config, context } = { config: this.#config, context: this.#context }
    const library = await import('mqtt')
    if (signal.aborted) return { reason: 'stopped', fatal: false }
    const prefix = config.share === undefined ? '' : `$share/${config.share}/`
    const filters = [
      ...new Set(config.topics.map((rule) => prefix + topicFilter(rule.pattern))),
      // An answer is for the hub that asked, never for another one of its group.
      ...replyFilters(config.commands),
    ]
    const connect = connectOptions(config, context)
    const options = { library, clock: context.system.clock, connect, filters, resubscribe: !this.#subscribed }
    const connection: BrokerConnection = new BrokerConnection(options, {
      ready: (refused) => {
        // Filters that were refused are asked for again with the next connection.
        this.#subscribed = refused.length === 0
        this.#liveness.set('connected', `Connected to ${config.broker}`, refused)
      },
      arrived: (arrival) => this.#arrived(connection, arrival),
    })
    this.#connection = connection
    const ending = await connection.run()
    this.#forget(connection)
    return ending
  }

  #arrived(connection: BrokerConnection, arrival: Arrival): boolean {
    this.#liveness.data()
    if (!arrival.retained && isReply(this.#config.commands, arrival.topic)) {
      this.#replies.came(arrival.payload, arrival.correlation)
    }
    // All that one chunk of the stream holds becomes one batch: it has been read when the next turn of the loop comes.
    if (this.#waiting.length === 0) setImmediate(() => this.#bell.ring())
    this.#waiting.push({ ...arrival, connection, receivedTime: this.#context.system.clock.now() })
    this.#waitingBytes += arrival.payload.length
    return this.#waiting.length < WAITING.messages && this.#waitingBytes < WAITING.bytes
  }

  #take(): Message[] {
    const messages = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#connection?.resume()
    return messages
  }

  /** What a connection that has ended left behind comes again, all but QoS 0. */
  #forget(connection: BrokerConnection): void {
    this.#waiting = this.#waiting.filter((message) => message.connection !== connection || message.id === 0)
    this.#waitingBytes = this.#waiting.reduce((sum, { payload }) => sum + payload.length, 0)
  }

  #batch(messages: readonly Message[]): Batch {
    this.#unsettled++
    return {
      items: messages.flatMap((message) => this.#items(message)),
      ack: () => {
        this.#failures = 0
        for (const [connection, ids] of idsOf(messages)) connection.acknowledge(ids)
        this.#settle()
      },
      fail: (error) => {
        for (const [connection] of idsOf(messages)) connection.drop(`the log refused messages: ${error.message}`)
        this.#settle()
      },
    }
  }

  #items({ topic, payload, retained, receivedTime }: Message): readonly Item[] {
    if (retained && !this.#config.retained) {
      return [{ kind: 'dropped', policy: 'retained', address: topic, payload, receivedTime }]
    }
    if (isReply(this.#config.commands, topic)) {
      return [{ kind: 'dropped', policy: COMMAND_REPLY, address: topic, payload, receivedTime }]
    }
    const resolved = this.#resolve(topic)
    if (resolved === undefined) return [unmapped(topic, payload, receivedTime)]
    const items = resolved.map(payload, receivedTime)
    return retained ? items.map(asRetained) : items
  }

  #resolve(topic: string): Resolved | undefined {
    const known = this.#topics.get(topic)
    if (known !== undefined) return known
    if (this.#topics.size >= MOST_TOPICS) this.#topics.clear()
    const resolved = this.#mapper.resolve(topic)
    this.#topics.set(topic, resolved)
    return resolved
  }

  #settle(): void {
    this.#unsettled--
    if (this.#unsettled === 0) this.#settledBell.ring()
  }

  /** Resolves when the hub has acknowledged, or failed, all that it took; or when that takes too long. */
  async #settled(): Promise<void> {
    if (this.#unsettled === 0) return
    const timer = this.#context.system.clock.after(SETTLE_MS, () => this.#settledBell.ring())
    await this.#settledBell.wait()
    timer.cancel()
  }
}

/** Packet identifiers by the connection on which they have a meaning; of QoS 0 there are none. */
function idsOf(messages: readonly Message[]): Map<BrokerConnection, number[]> {
  const ids = new Map<BrokerConnection, number[]>()
  for (const { connection, id } of messages) {
    const known = ids.get(connection) ?? []
    if (known.length === 0) ids.set(connection, known)
    if (id !== 0) known.push(id)
  }
  return ids
}

/** A retained message that does not say when it was measured is the last one there was, from a time nobody knows. */
function asRetained(item: Item): Item {
  if (item.kind !== 'reading' || item.reading.sourceTime !== item.reading.receivedTime) return item
  const { values, quality } = item.reading
  const tags = Object.keys(values).map((tag): [string, number] => [tag, Quality.UncertainLastUsableValue])
  return { kind: 'reading', reading: { ...item.reading, quality: { ...Object.fromEntries(tags), ...quality } } }
}
