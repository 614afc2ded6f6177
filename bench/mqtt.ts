import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../tools/free-ports.ts'
import { need } from '../tools/need.ts'
import type { BenchOptions } from './main.ts'
import { mqttLoad, startMqttHub } from './mqtt-hub.ts'
import { Measured } from './processes.ts'

interface Peer {
  readonly name: string
  readonly payload: 'raw' | 'json'
  start(directory: string, port: number): Promise<Measured>
}

interface Row {
  readonly name: string
  readonly messagesPerSecond: number
  readonly cpuPerMillion: number
  readonly p50: number
  readonly p99: number
  readonly peak: number
}

/**
 * MQTT QoS 1 in, 150 bytes a message, from 20 connections with 1,000 messages in flight each: how many are acknowledged
 * a second, then p50 and p99 of the acknowledgement at half that load, CPU per million messages, and peak memory.
 */
export async function benchMqtt({ seconds, say }: BenchOptions): Promise<void> {
  const rows: Row[] = []
  for (const peer of [ceiling, ...(need('mosquitto') === undefined ? [] : [mosquitto]), hubRaw, hubMapped]) {
    say(`mqtt: ${peer.name} ...`)
    rows.push(await measure(peer, seconds))
  }
  const first = rows[0]!.messagesPerSecond
  say(
    '\n| MQTT QoS 1, 150 B | msg/s acked | of ceiling | CPU s per million | p50 ms at half load | p99 ms at half load | peak MB |',
  )
  say('|---|---|---|---|---|---|---|')
  for (const row of rows) {
    const cells = [
      row.name,
      Math.round(row.messagesPerSecond).toLocaleString('en-US'),
      (row.messagesPerSecond / first).toFixed(2),
    ]
    const more = [row.cpuPerMillion.toFixed(2), row.p50.toFixed(2), row.p99.toFixed(2), row.peak.toFixed(0)]
    say(`| ${[...cells, ...more].join(' | ')} |`)
  }
}

async function measure(peer: Peer, seconds: number): Promise<Row> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [port] = (await freePorts(1)) as [number]
  const measured = await peer.start(directory, port)
  try {
    await measured.listens(port)
    const load = (more: readonly string[]) => mqttLoad(port, peer.payload, more)
    await load(['--seconds', '2'])
    const before = measured.cpuSeconds()
    const full = await load(['--seconds', String(seconds)])
    const cpu = measured.cpuSeconds() - before
    const half = await load(['--seconds', String(seconds), '--rate', String(Math.round(full.messagesPerSecond / 2))])
    return {
      name: peer.name,
      messagesPerSecond: full.messagesPerSecond,
      cpuPerMillion: (cpu / full.messages) * 1e6,
      p50: half.p50 ?? NaN,
      p99: half.p99 ?? NaN,
      peak: measured.memory().peak,
    }
  } finally {
    await measured.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** Parses and acknowledges, and does nothing else: what any server in this language can reach here. */
const ceiling: Peer = {
  name: 'ceiling: parse only, nothing stored',
  payload: 'raw',
  start: async (_directory, port) => new Measured(process.execPath, ['bench/mqtt-ceiling.ts', '--port', String(port)]),
}

/** Debian's Mosquitto with persistence on: it takes and acknowledges, and writes to disk every 30 minutes. */
const mosquitto: Peer = {
  name: 'Mosquitto (persistence on, no fsync before ack, no subscriber)',
  payload: 'raw',
  async start(directory, port) {
    const config = join(directory, 'mosquitto.conf')
    const lines = [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${directory}/`,
    ]
    await writeFile(config, [...lines, 'max_inflight_messages 1000', 'user root', 'log_type error'].join('\n'))
    return new Measured(need('mosquitto')!, ['-c', config])
  },
}

const hubRaw = hub('Millrace raw -> embedded log, fsync before ack', 'raw', '{ raw: true }')
const hubMapped = hub(
  'Millrace mapped (JSON to readings, twins kept) -> embedded log, fsync before ack',
  'json',
  '{ asset: "load/{n}" }',
)

function hub(name: string, payload: 'raw' | 'json', rule: string): Peer {
  return {
    name,
    payload,
    async start(directory, port) {
      const [http, kafka] = (await freePorts(2)) as [number, number]
      return startMqttHub(directory, { mqtt: port, http, kafka }, rule)
    },
  }
}
