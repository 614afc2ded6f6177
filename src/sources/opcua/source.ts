import { notSent } from '../../component/command-answer.ts'
import type { Health } from '../../component/health.ts'
import { Liveness } from '../../component/liveness.ts'
import type {
  Batch,
  CommandAnswer,
  CommandTarget,
  MachineCommand,
  Source,
  SourceContext,
} from '../../component/source.ts'
import { unlessAborted } from '../../system/wait.ts'
import { TrustList } from './certificates.ts'
import { needsPerson, OpcuaError } from './errors.ts'
import { HandOver } from './hand-over.ts'
import { loadLibrary, type Library } from './library.ts'
import { Commander } from './commander.ts'
import { couldReach, KnownNodes } from './known-nodes.ts'
import { openLink } from './link.ts'
import type { OpcuaConfig } from './spec.ts'
import { Subscription } from './subscription.ts'

/** Waits between attempts to connect: doubling from the first to the longest; each is shortened by chance. */
const RETRY_MS = { first: 500, longest: 30_000 } as const

/** How often nodes that could not be found or were refused are tried again. */
const NODE_RETRY_MS = 5_000

/** How long the end waits for the acknowledgement of what was handed over. */
const SETTLE_MS = 5_000

/**
 * Reads a server for ever: connect, session, subscription, items, watch; and from the start again, after a bounded,
 * jittered wait, whenever any of it fails. A notification is acknowledged only when its batch is (see Subscription).
 * What changed while there was no connection is not known here; the health says how long that was.
 */
export class OpcuaSource implements Source {
  readonly #config: OpcuaConfig
  readonly #context: SourceContext
  readonly #liveness: Liveness
  readonly #trust: TrustList
  readonly #handOver = new HandOver()
  /** Monotonic time at which the connection was lost; undefined before the first one. */
  #lostAt: number | undefined
  /** What is known of lost data, for the person who looks at the health. */
  #gap = ''
  #missed = 0
  /** Those of this connection, or of the last one. */
  #nodes: KnownNodes | undefined
  /** While there is a connection. */
  #commander: Commander | undefined

  constructor(config: OpcuaConfig, context: SourceContext) {
    const { clock, disk, logger } = context.system
    this.#config = config
    this.#context = context
    this.#liveness = new Liveness(clock, config.silence, `Connecting to ${config.endpoint}`)
    this.#trust = new TrustList(config.security.trust, disk, logger)
  }

  health(): Health {
    return this.#liveness.health()
  }

  /** Before it has connected for the first time it knows no machine: a command waits for that, as long as its time allows. */
  reaches(asset: string, target: CommandTarget): boolean {
    const { site } = this.#context
    const nodes = this.#nodes
    if (nodes === undefined) return false
    const known = target.kind === 'tag' ? nodes.item(asset, target.tag) : nodes.machines(asset)[0]
    return known !== undefined || couldReach(nodes.open, site, asset)
  }

  async command(command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer> {
    const { asset, target } = command
    if (this.#commander === undefined || this.#nodes === undefined) return notSent(this.#liveness.health().reason)
    if (target.kind === 'method') return this.#commander.call(this.#nodes.machines(asset), command, signal)
    const item = this.#nodes.item(asset, target.tag)
    if (item === undefined)
      return notSent(`No node of ${this.#config.endpoint} is mapped to "${target.tag}" of ${asset}`)
    return this.#commander.write(item.nodeId, command, signal)
  }

  async *read(signal: AbortSignal): AsyncIterable<Batch> {
    const stop = () => this.#handOver.end()
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
    const running = this.#run(signal).finally(stop)
    // A fault of our own ends the queue and is thrown below; here it must not count as unhandled.
    running.catch(() => {})
    yield* this.#handOver
    await running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const library = await loadLibrary(this.#context.system.logger)
    this.#warnOfIndexes()
    let failures = 0
    while (!signal.aborted) {
      const connectedAt = this.#context.system.clock.monotonic()
      const error = await this.#connection(library, signal).catch((thrown: unknown) => this.#asFault(thrown))
      if (signal.aborted || error === undefined) break
      // A connection that held for a while was a good one: begin with short waits again.
      const held = this.#context.system.clock.monotonic() - connectedAt > RETRY_MS.longest
      failures = held || this.#wasLive(error) ? 0 : failures + 1
      this.#liveness.set(needsPerson(error) ? 'failed' : 'down', error.message)
      this.#context.system.logger.warn(error.message, { source: this.#context.name, code: error.code })
      await this.#pause(needsPerson(error) ? RETRY_MS.longest : RETRY_MS.first * 2 ** failures, signal)
    }
    this.#liveness.set('stopped', 'Stopped')
  }

  /** One connection from start to end; answers why it ended, undefined where it was told to. */
  async #connection(library: Library, signal: AbortSignal): Promise<OpcuaError | undefined> {
    const link = await openLink(library, this.#config, this.#trust, this.#context.system, signal)
    const ended = new AbortController()
    const nodes = new KnownNodes(link, library, this.#config.nodes, this.#context.site)
    const subscription = new Subscription(link, library, this.#config, this.#context.system, this.#handOver, {
      data: () => this.#liveness.data(),
      refused: (item, reason) => nodes.refused.set(item, reason),
      missed: (count) => (this.#missed += count),
    })
    this.#commander = new Commander(link, library, this.#context.system.clock, this.#config.commandTimeout)
    try {
      const watching = this.#watchNodes(nodes, subscription, ended.signal)
      const error = await unlessAborted(Promise.race([link.broken, subscription.dead, watching]), signal)
      if (error !== undefined) this.#lostAt ??= this.#context.system.clock.monotonic()
      else await this.#settle(subscription)
      return error
    } finally {
      this.#commander = undefined
      ended.abort()
      subscription.stop()
      await link.close(signal.aborted)
    }
  }

  /** Subscribes, then keeps trying what could not be had; ends only by throwing or with the connection. */
  async #watchNodes(nodes: KnownNodes, subscription: Subscription, ended: AbortSignal): Promise<undefined> {
    const { clock, random } = this.#context.system
    await subscription.start()
    const items = await nodes.find()
    this.#nodes = nodes
    await subscription.monitor(items)
    this.#noteGap()
    for (;;) {
      this.#sayHealth(nodes, subscription)
      await clock.sleep(NODE_RETRY_MS * (0.75 + random.next() / 4), ended).catch(() => {})
      if (ended.aborted) return undefined
      const again = await nodes.findAgain()
      if (again.length > 0) await subscription.monitor(again)
    }
  }

  #sayHealth(nodes: KnownNodes, subscription: Subscription): void {
    const faults = nodes.faults()
    const monitored = subscription.monitored
    const without = faults.length === 0 ? '' : `, ${faults.length} cannot be read`
    const missed = this.#missed === 0 ? '' : `; ${this.#missed} notifications of the server never arrived`
    this.#liveness.set(
      'connected',
      `Reading ${monitored} variables of ${this.#config.endpoint}${without}${this.#gap}${missed}`,
      faults,
    )
  }

  #noteGap(): void {
    if (this.#lostAt === undefined) return
    const { clock, logger } = this.#context.system
    const seconds = ((clock.monotonic() - this.#lostAt) / 1000).toFixed(1)
    this.#gap = `; changes during ${seconds} s without connection are not known`
    this.#lostAt = undefined
    logger.warn('Reading again after a gap', { source: this.#context.name, seconds })
  }

  /** On the way out: what the hub holds may still become durable and be acknowledged. */
  async #settle(subscription: Subscription): Promise<void> {
    const { clock } = this.#context.system
    const until = clock.monotonic() + SETTLE_MS
    while (subscription.outstanding > 0 && clock.monotonic() < until) await clock.sleep(10)
  }

  #wasLive(error: OpcuaError): boolean {
    return error.code === 'OPCUA_LOST'
  }

  /** What the library throws in the middle of a connection's life is the connection's fault, not ours. */
  #asFault(thrown: unknown): OpcuaError {
    if (thrown instanceof OpcuaError) return thrown
    // Our own bugs (assertions, type errors) must surface: the hub restarts the source.
    if (thrown instanceof TypeError || thrown instanceof ReferenceError) throw thrown
    const message = (thrown instanceof Error ? thrown.message : String(thrown)).trim()
    return new OpcuaError('OPCUA_LOST', `Cannot read from "${this.#config.endpoint}": ${message}`, thrown)
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#context.system
    const longest = Math.min(ms, RETRY_MS.longest)
    await clock.sleep(longest * (0.5 + random.next() / 2), signal).catch(() => {})
  }

  #warnOfIndexes(): void {
    const byIndex = this.#config.nodes.filter((rule) => /^ns=[1-9]/.test(rule.node ?? ''))
    if (byIndex.length === 0) return
    this.#context.system.logger.warn(
      'Node ids by namespace index may mean other nodes after a restart; write nsu=URI',
      {
        source: this.#context.name,
        nodes: byIndex.map((rule) => rule.node).slice(0, 10),
      },
    )
  }
}
