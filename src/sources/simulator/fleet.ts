import { connect, type MqttClient } from 'mqtt'
import type { Clock } from '../../system/clock.ts'
import type { Address } from '../../system/net.ts'
import type { Logger } from '../../system/logger.ts'
import type { Random } from '../../system/random.ts'
import { within } from '../../system/wait.ts'

/** Most messages of one connection that wait for their PUBACK; a device that is not answered skips samples. */
const MOST_UNDER_WAY = 100

/** How long the end waits for what is under way. */
const GOODBYE_MS = 2_000

/** Publishes QoS 1 over a few connections and reconnects for ever. */
export interface Publisher {
  /** Hands a message to connection `index` (modulo their number); false where it was skipped for want of room. */
  publish(index: number, topic: string, payload: string): boolean
  /** Subscribes on connection `index`, also after a reconnect, as far as the broker lets it. */
  listen(index: number, topic: string, take: (message: string) => void): void
  /** Messages that waited for no room; and those the broker acknowledged. */
  readonly counts: { readonly skipped: number; readonly acknowledged: number }
  /** Resolves when less than half of the room is taken. */
  room(): Promise<void>
  /** Resolves when the broker has acknowledged all there is. */
  idle(): Promise<void>
  close(): Promise<void>
}

/** Starts to connect; answers at once, since a broker may come later. */
export function startPublisher(
  broker: Address,
  connections: number,
  clock: Clock,
  random: Random,
  logger: Logger,
): Publisher {
  const counts = { skipped: 0, acknowledged: 0 }
  const family = Buffer.from(random.bytes(4)).toString('hex')
  const underWay = Array.from({ length: connections }, () => 0)
  const clients = underWay.map((_, index) => openClient(broker, `millrace-simulator-${family}-${index}`, logger))
  const takers = clients.map((client) => {
    const byTopic = new Map<string, (message: string) => void>()
    client.on('message', (topic, payload) => byTopic.get(topic)?.(payload.toString()))
    return byTopic
  })
  const waiters = new Set<{ readonly most: number; readonly resolve: () => void }>()
  const atMost = (most: number) => underWay.every((count) => count <= most)
  const tell = () => {
    for (const waiter of waiters) if (atMost(waiter.most) && waiters.delete(waiter)) waiter.resolve()
  }
  const until = (most: number) =>
    atMost(most) ? Promise.resolve() : new Promise<void>((resolve) => waiters.add({ most, resolve }))
  return {
    counts,
    publish(index, topic, payload) {
      const at = index % connections
      if (underWay[at]! >= MOST_UNDER_WAY) {
        counts.skipped += 1
        return false
      }
      underWay[at]! += 1
      clients[at]!.publish(topic, payload, { qos: 1 }, (error) => {
        underWay[at]! -= 1
        if (!error) counts.acknowledged += 1
        tell()
      })
      return true
    },
    listen(index, topic, take) {
      const at = index % connections
      takers[at]!.set(topic, take)
      clients[at]!.subscribe(topic, { qos: 1 }, (error) => {
        if (error) logger.debug('Cannot subscribe', { topic, error })
      })
    },
    room: () => until(MOST_UNDER_WAY / 2),
    idle: () => until(0),
    async close() {
      const idle = Promise.all(clients.map((client) => client.endAsync(!client.connected)))
      await within(GOODBYE_MS, idle, clock)
      for (const client of clients) client.end(true)
    },
  }
}

function openClient(broker: Address, clientId: string, logger: Logger): MqttClient {
  const client = connect({
    host: broker.host,
    port: broker.port,
    protocol: 'mqtt',
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 1_000,
    connectTimeout: 5_000,
  })
  client.on('error', (error) => logger.debug('Cannot reach the broker', { error }))
  return client
}
