import type { TestContext } from 'node:test'
import type { HttpHost } from '../../src/component/http.ts'
import type { Batch, Item, SourceContext } from '../../src/component/source.ts'
import { listenerConfig } from '../../src/sources/mqtt/listener/config.ts'
import { MqttListener } from '../../src/sources/mqtt/listener/listener.ts'
import { systemClock } from '../../src/system/clock.ts'
import type { Clock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { connect, RawClient } from './raw-client.ts'
import type { ConnectOptions } from './raw-client.ts'
import { until } from '../until.ts'

/** A listener on a port of its own, pulled from and acknowledged as the test says. */
export interface Rig {
  readonly port: number
  readonly source: MqttListener
  readonly metrics: Metrics
  /** Every item that was handed over. */
  readonly items: Item[]
  /** Batches in the order they were handed over. */
  readonly batches: Batch[]
  /** A raw client that is not connected yet. */
  dial(): Promise<RawClient>
  /** A raw client whose CONNECT was accepted. */
  client(options?: ConnectOptions): Promise<RawClient>
  /** The batch at this place, as soon as it is handed over. */
  batch(index: number): Promise<Batch>
  /** Resolves when this many items were handed over. */
  until(items: number): Promise<void>
  stop(): Promise<void>
}

export interface RigOptions {
  readonly config?: object
  /** Acknowledges every batch at once; else the test does. */
  readonly ack?: boolean
  /** Awaited after each batch: the next one is pulled then. */
  readonly pull?: () => Promise<void>
  readonly clock?: Clock
  /** Runs before it is waited for the port. */
  readonly started?: (source: MqttListener) => Promise<void>
}

export const RULES = {
  'raw/#': { raw: true },
  'cars/{car}': { asset: 'fleet/{car}' },
}

export async function startListener(t: TestContext, options: RigOptions = {}): Promise<Rig> {
  const metrics = new Metrics()
  const config = listenerConfig.parse({ listen: 0, topics: RULES, ...options.config })
  const source = new MqttListener(config, contextOf(metrics, options.clock ?? systemClock))
  const ending = new AbortController()
  const items: Item[] = []
  const batches: Batch[] = []
  const pulling = pull()
  await options.started?.(source)
  await until(() => source.addresses.length > 0)
  const { port } = source.addresses[0]!
  const clients: RawClient[] = []
  const stop = async () => {
    ending.abort()
    await pulling
  }
  t.after(async () => {
    for (const client of clients) client.end()
    if (options.ack === false) for (const batch of batches) settleQuietly(batch)
    await stop()
  })
  return { port, source, metrics, items, batches, dial, client, batch, until: untilItems, stop }

  async function pull(): Promise<void> {
    for await (const batch of source.read(ending.signal)) {
      batches.push(batch)
      items.push(...batch.items)
      if (options.ack !== false) batch.ack()
      await options.pull?.()
    }
  }

  async function dial(): Promise<RawClient> {
    const made = await RawClient.open(port)
    clients.push(made)
    return made
  }

  async function client(given: ConnectOptions = {}): Promise<RawClient> {
    const made = await dial()
    made.send(connect(given))
    const answer = await made.next()
    if (answer?.type !== 2 || answer.body[1] !== 0) throw new Error(`not accepted: ${answer?.body.toString('hex')}`)
    return made
  }

  async function batch(index: number): Promise<Batch> {
    await until(() => batches.length > index, { everyMs: 1 })
    return batches[index]!
  }

  function untilItems(count: number): Promise<void> {
    return until(() => items.length >= count, { everyMs: 1, found: () => ({ count, items: items.length }) })
  }
}

const settled = new WeakSet<Batch>()

/** Acknowledges, once. */
export function acknowledge(batch: Batch): void {
  settled.add(batch)
  batch.ack()
}

export function refuse(batch: Batch, error: Error): void {
  settled.add(batch)
  batch.fail(error)
}

function settleQuietly(batch: Batch): void {
  if (!settled.has(batch)) acknowledge(batch)
}

function contextOf(metrics: Metrics, clock: Clock): SourceContext {
  const http: HttpHost = { post: () => () => {} }
  const system = { clock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: silentLogger, metrics }
  return { name: 'cars', site: 'acme/berlin', system, http }
}
