import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import type { Journal } from './journal.ts'
import { until } from '../until.ts'

/** A machine that sends numbered readings to an asset of its own, and sends again what was not acknowledged. */
export interface Device {
  readonly asset: string
  /** Stops making new readings and resolves when everything sent has been acknowledged. */
  drain(): Promise<void>
  /** Stops at once, whatever is outstanding. */
  abandon(): void
}

export interface DeviceOptions {
  readonly asset: string
  readonly journal: Journal
  /** Readings a second. */
  readonly rate: number
}

/**
 * Most readings of a device on their way: a machine's own buffer. Small, because MQTT.js repeats them one by one after a
 * reconnect, each when the one before is acknowledged.
 */
const WINDOW = 64

const TICK_MS = 10

/**
 * A device on MQTT with a persistent session. After a reconnect it first repeats what was not acknowledged and only
 * then sends new readings, so that its own order is beyond doubt.
 */
export function mqttDevice(url: string, qos: 1 | 2, version: 4 | 5, options: DeviceOptions): Device {
  const { asset, journal, rate } = options
  const client = mqtt.connect(url, {
    clientId: asset.replaceAll('/', '-'),
    clean: false,
    protocolVersion: version,
    reconnectPeriod: 50,
    connectTimeout: 5_000,
    ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  })
  const state = { outstanding: 0, repeating: false, draining: false }
  client.on('error', () => {})
  client.on('connect', () => {
    state.repeating = state.outstanding > 0
  })
  let due = 0
  const timer = setInterval(() => {
    due = Math.min(due + (rate * TICK_MS) / 1000, rate)
    while (due >= 1 && client.connected && !state.repeating && !state.draining && state.outstanding < WINDOW) {
      due -= 1
      send()
    }
  }, TICK_MS)

  function send(): void {
    const n = journal.send(asset)
    state.outstanding += 1
    client.publish(`load/${asset}`, `{"n":${n}}`, { qos }, (error) => {
      state.outstanding -= 1
      if (state.outstanding === 0) state.repeating = false
      if (!error) journal.acknowledge(asset, n)
    })
  }

  return {
    asset,
    async drain() {
      state.draining = true
      await until(() => state.outstanding === 0)
      clearInterval(timer)
      await client.endAsync(true)
    },
    abandon() {
      clearInterval(timer)
      client.end(true)
    },
  }
}

/** A device on HTTP: an array a request, repeated with the same idempotency key until it is answered with 200. */
export function httpDevice(page: string, options: DeviceOptions): Device {
  const { asset, journal, rate } = options
  const batch = 25
  let draining = false
  let abandoned = false

  const running = (async () => {
    // eslint-disable-next-line no-unmodified-loop-condition -- drain() and abandon() set it
    while (!draining) {
      const numbers = Array.from({ length: batch }, () => journal.send(asset))
      await deliver(numbers)
      if (!abandoned) for (const n of numbers) journal.acknowledge(asset, n)
      await sleep((batch / rate) * 1000)
    }
  })()

  async function deliver(numbers: readonly number[]): Promise<void> {
    const body = JSON.stringify(
      numbers.map((n, index) => ({ ts: 1_700_000_000_000 + numbers[0]! + index / 1000, values: { n } })),
    )
    const headers = { 'content-type': 'application/json', 'idempotency-key': `${asset}-${numbers[0]}` }
    for (;;) {
      const answer = await fetch(`${page}/api/v1/ingest/${asset}`, {
        method: 'POST',
        headers,
        body,
        signal: AbortSignal.timeout(5_000),
      }).catch(() => undefined)
      if (answer) await answer.arrayBuffer().catch(() => undefined)
      if (answer?.status === 200 || abandoned) return
      if (answer && answer.status < 500) throw new Error(`${page} answered ${answer.status} to ${asset}`)
      await sleep(50)
    }
  }

  return {
    asset,
    async drain() {
      draining = true
      await running
    },
    abandon() {
      draining = true
      abandoned = true
    },
  }
}
