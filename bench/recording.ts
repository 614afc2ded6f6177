import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HistorianView, HubView } from '../src/api/contract.ts'
import { freePorts } from '../tools/free-ports.ts'
import { mqttLoad, startMqttHub } from './mqtt-hub.ts'

/** Messages a second that are offered, of seven samples each; 0 is as many as are acknowledged. */
const RATES = [5_000, 20_000, 0] as const
const SAMPLES_A_MESSAGE = 7
const CATCH_UP_MS = 300_000

/** Samples a second into the history of a hub that takes them by MQTT at the same time, and how far it falls behind. */
export async function benchRecording(seconds: number, say: (line: string) => void): Promise<void> {
  say(
    '\n| history of a hub while it takes MQTT (7 samples a message) | msg/s acked | samples/s kept meanwhile | of what was acked | caught up after | peak MB |\n|---|---|---|---|---|---|',
  )
  for (const rate of RATES) say(await record(rate, seconds))
}

async function record(rate: number, seconds: number): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [mqtt, http, kafka] = (await freePorts(3)) as [number, number, number]
  const hub = await startMqttHub(directory, { mqtt, http, kafka }, '{ asset: "load/{n}" }')
  try {
    await hub.listens(mqtt)
    const load = (rate: number, seconds: number) =>
      mqttLoad(mqtt, 'json', ['--seconds', String(seconds), '--rate', String(rate)])
    const kept = async () => (await historianOf(http)).samples
    // The store is started some seconds after the hub.
    const { messages: before } = await load(1_000, 1)
    await until(async () => (await kept()) >= before * SAMPLES_A_MESSAGE)
    const already = await kept()
    const begin = performance.now()
    const { messages } = await load(rate, seconds)
    const took = (performance.now() - begin) / 1000
    const samples = messages * SAMPLES_A_MESSAGE
    // What was sent and not acknowledged at the end may be kept too.
    const meanwhile = Math.min(samples, (await kept()) - already)
    const ended = performance.now()
    await until(async () => (await kept()) - already >= samples)
    const behind = (performance.now() - ended) / 1000
    const cells = [
      rate === 0 ? 'as many as are acknowledged' : `${grouped(rate)} msg/s offered`,
      grouped(messages / took),
      grouped(meanwhile / took),
      `${((100 * meanwhile) / samples).toFixed(0)} %`,
      `${behind.toFixed(1)} s`,
      hub.memory().peak.toFixed(0),
    ]
    return `| ${cells.join(' | ')} |`
  } finally {
    await hub.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function historianOf(port: number): Promise<HistorianView> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1/status`)
  return ((await answer.json()) as HubView).historian!
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + CATCH_UP_MS
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > end) throw new Error(`history is behind after ${CATCH_UP_MS / 1000} s`)
    await sleep(100)
  }
}

function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-US')
}
