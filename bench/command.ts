import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CommandAnswerView, CommandView } from '../src/api/contract-commands.ts'
import { freePorts } from '../tools/free-ports.ts'
import type { BenchOptions } from './main.ts'
import { Measured } from './processes.ts'

const PRESSES = 8
const READY_MS = 60_000

/**
 * How long a command takes, from the POST to a value that was read back: presses of the simulator over OPC UA, each command durable
 * (fsync) when it is taken, claimed and ended, and each time a record of the audit with it. One after the other, then one for
 * each press at a time.
 */
export async function benchCommand({ seconds, say }: BenchOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [opcua, http, kafka] = (await freePorts(3)) as [number, number, number]
  const simulate = [
    'simulate',
    'plant',
    '--opcua',
    String(opcua),
    '--mqtt',
    '127.0.0.1:9',
    '--http',
    'http://127.0.0.1:9',
  ]
  const world = new Measured(process.execPath, [
    'src/main.ts',
    ...simulate,
    '--cars',
    '0',
    '--presses',
    String(PRESSES),
  ])
  const config = join(directory, 'plant.yaml')
  await writeFile(config, plant({ opcua, http, kafka }))
  const run = ['src/main.ts', 'run', config, '--data', join(directory, 'data'), '--log-level', 'error']
  const hub = new Measured(process.execPath, run)
  try {
    await world.listens(opcua)
    await hub.listens(http)
    const page = `http://127.0.0.1:${http}`
    await firstConfirmed(page)
    const rows = [
      await measured(page, 1, seconds, 'one at a time'),
      await measured(page, PRESSES, seconds, `${PRESSES} machines at a time`),
    ]
    say('\n| command over OPC UA | commands/s | taken (202) p50 / p99 ms | confirmed p50 / p99 ms | not confirmed |')
    say('|---|---|---|---|---|')
    for (const row of rows) say(row)
  } finally {
    await hub.stop()
    await world.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function plant({ opcua, http, kafka }: { opcua: number; http: number; kafka: number }): string {
  return `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 4 } }
models:
  press@1:
    tags: { setpoint: {}, state: { kind: state, states: packml } }
    commands: { setpoint: { tag: setpoint, range: [20, 80], interlock: "state != 'Aborting'" } }
assets: { "line1/press{1..${PRESSES}}": { model: press@1 } }
sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${opcua}
      nodes: [{ browse: "ns=urn:millrace:simulator;PressShop/Line1/Press{n}", asset: "line1/press{n}" }]
api: { listen: ${http} }
`
}

interface Timed {
  readonly takenMs: number
  readonly endedMs: number
  readonly state: string
}

async function measured(page: string, atOnce: number, seconds: number, name: string): Promise<string> {
  const until = performance.now() + seconds * 1_000
  const all: Timed[] = []
  const lane = async (press: number) => {
    for (let n = 0; performance.now() < until; n += 1) all.push(await once(page, press, 30 + (n % 40)))
  }
  await Promise.all(Array.from({ length: atOnce }, (_, index) => lane(index + 1)))
  const confirmed = all.filter(({ state }) => state === 'confirmed')
  const taken = quantiles(confirmed.map(({ takenMs }) => takenMs))
  const ended = quantiles(confirmed.map(({ endedMs }) => endedMs))
  return `| ${[name, (confirmed.length / seconds).toFixed(0), taken, ended, all.length - confirmed.length].join(' | ')} |`
}

async function once(page: string, press: number, value: number): Promise<Timed> {
  const began = performance.now()
  const body = JSON.stringify({ asset: `acme/berlin/line1/press${press}`, command: 'setpoint', value })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${page}/api/v1/commands`, { method: 'POST', headers, body })
  const takenMs = performance.now() - began
  if (answer.status !== 202) {
    await answer.text()
    return { takenMs, endedMs: takenMs, state: 'refused' }
  }
  const { id } = (await answer.json()) as CommandAnswerView
  for (;;) {
    const view = (await (await fetch(`${page}/api/v1/commands/${id}`)).json()) as CommandView
    if (view.endedAt !== undefined) return { takenMs, endedMs: performance.now() - began, state: view.state }
  }
}

/** The machines are connected, and their state has come. */
async function firstConfirmed(page: string): Promise<void> {
  const deadline = performance.now() + READY_MS
  for (let press = 1; press <= PRESSES; press += 1) {
    for (;;) {
      const { state } = await once(page, press, 30)
      if (state === 'confirmed') break
      if (performance.now() > deadline) throw new Error(`press ${press} takes no command: the last one was ${state}`)
      await sleep(200)
    }
  }
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]?.toFixed(1) ?? '-'
  return `${at(0.5)} / ${at(0.99)}`
}
