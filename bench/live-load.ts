import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { WebSocket } from 'ws'
import type { LiveMessage, LiveRequest } from '../src/api/contract.ts'

export interface LiveLoad {
  /** Addresses of the page and of the MQTT listener. */
  readonly page: string
  readonly broker: string
  readonly machines: number
  /** Tags in each message, one of them when it was sent; each machine sends one a second. */
  readonly tags: number
  readonly seconds: number
  readonly request: LiveRequest
}

export interface LiveLatencies {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly most: number
  readonly samplesPerSecond: number
}

const CONNECTIONS = 10
const WARM_MS = 3_000

/** From the moment at which a value leaves the machine to the one at which the browser has it, over MQTT and a WebSocket. */
export async function liveLatencies(load: LiveLoad): Promise<LiveLatencies> {
  const clients = await Promise.all(
    Array.from({ length: CONNECTIONS }, (_, index) => mqtt.connectAsync(load.broker, { clientId: `m${index}` })),
  )
  const latencies: number[] = []
  const until = performance.now() + WARM_MS + load.seconds * 1000
  const socket = await watch(load, latencies, performance.now() + WARM_MS)
  const began = performance.now()
  let sent = 0
  while (performance.now() < until) {
    const due = Math.floor(((performance.now() - began) / 1000) * load.machines)
    for (; sent < due; sent++) publish(clients[sent % CONNECTIONS]!, sent % load.machines, load.tags)
    await sleep(1)
  }
  const perSecond = (sent / (performance.now() - began)) * 1000 * load.tags
  await sleep(500)
  socket.close()
  await Promise.all(clients.map((client) => client.endAsync()))
  return { ...sorted(latencies), samplesPerSecond: Math.round(perSecond) }
}

function publish(client: mqtt.MqttClient, machine: number, tags: number): void {
  const values: { [tag: string]: number } = { sent: performance.now() }
  for (let tag = 1; tag < tags; tag++) values[`tag${tag}`] = machine + tag / 7
  client.publish(`load/${machine}`, JSON.stringify(values), { qos: 1 })
}

async function watch(load: LiveLoad, latencies: number[], from: number): Promise<WebSocket> {
  const socket = new WebSocket(`${load.page.replace('http', 'ws')}/api/v1/live`)
  const last = new Map<string, number>()
  socket.on('message', (data) => {
    const now = performance.now()
    const message = JSON.parse((data as Buffer).toString()) as LiveMessage
    if (message.type !== 'twins') return
    for (const { path, tags } of message.twins) {
      const sent = tags.find(({ tag }) => tag === 'sent')?.value
      if (typeof sent !== 'number' || last.get(path) === sent) continue
      last.set(path, sent)
      if (sent > from) latencies.push(now - sent)
    }
  })
  await new Promise<void>((resolve, reject) => socket.once('open', resolve).once('error', reject))
  socket.send(JSON.stringify(load.request))
  return socket
}

function sorted(latencies: readonly number[]) {
  const all = Float64Array.from(latencies).sort()
  const at = (share: number) => all[Math.min(all.length - 1, Math.floor(all.length * share))] ?? NaN
  return { count: all.length, p50: at(0.5), p99: at(0.99), most: at(1) }
}
