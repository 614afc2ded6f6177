import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../tools/free-ports.ts'
import { liveLatencies, type LiveLoad } from './live-load.ts'
import type { BenchOptions } from './main.ts'
import { Measured, ROOT } from './processes.ts'

const MACHINES = 1_000
const TAGS = 10

/** Twins: updates a second, memory for a million tags, and how soon a browser has what a machine has said. */
export async function benchTwins({ seconds, say }: BenchOptions): Promise<void> {
  for (const [assets, tags] of [
    [10_000, 100],
    [100_000, 10],
  ] as const) {
    const run = await twinsRun(assets, tags, seconds)
    say(
      `${number(run.tags)} tags of ${number(assets)} machines: ${run.bytesPerTag.toFixed(0)} bytes a tag, process ${run.rssMb.toFixed(0)} MB, at most ${run.peakMb.toFixed(0)} MB; ` +
        `${number(run.decodedAndTaken)} updates a CPU second out of records of one tag, ${number(run.takenAlone)} in the twins alone; snapshot in ${(run.savedMs / 1000).toFixed(1)} s`,
    )
  }
  say(
    `\nvalue to browser, ${MACHINES} machines, each ${TAGS} values once a second over MQTT QoS 1, fsync before ack:\n`,
  )
  say(
    '| the browser looks at | values told | p50 ms | p99 ms | longest ms | CPU s of the hub per s |\n|---|---|---|---|---|---|',
  )
  const few = Array.from({ length: 20 }, (_, index) => `acme/bench/load/${index * 50}`)
  for (const [name, request] of [
    ['20 machines', { assets: few }],
    ['all of them', { assets: ['acme/bench/load/**'] }],
    ['those above a limit (a selection)', { assets: [], selections: [{ match: 'load/*', where: 'tag1 >= 900.0' }] }],
  ] as const) {
    const { count, p50, p99, most, cpu } = await onHub(seconds, request)
    say(
      `| ${name} | ${number(count)} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${most.toFixed(1)} | ${cpu.toFixed(2)} |`,
    )
  }
}

interface TwinsRun {
  readonly tags: number
  readonly bytesPerTag: number
  readonly rssMb: number
  readonly peakMb: number
  readonly decodedAndTaken: number
  readonly takenAlone: number
  readonly savedMs: number
}

async function twinsRun(assets: number, tags: number, seconds: number): Promise<TwinsRun> {
  const args = ['--expose-gc', 'bench/twins-run.ts', '--assets', assets, '--tags', tags, '--seconds', seconds].map(
    String,
  )
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT })
  return JSON.parse(stdout) as TwinsRun
}

async function onHub(seconds: number, request: LiveLoad['request']) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [http, kafka, port] = (await freePorts(3)) as [number, number, number]
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/bench
log: { embedded: { listen: ${kafka} } }
sources: { load: { mqtt: { listen: ${port}, topics: { "load/{n}": { asset: "load/{n}" } } } } }
api: { listen: ${http} }
`,
  )
  const args = ['src/main.ts', 'run', config, '--data', join(directory, 'data'), '--log-level', 'warn']
  const hub = new Measured(process.execPath, args)
  try {
    await hub.listens(port)
    await hub.listens(http)
    const before = hub.cpuSeconds()
    const began = performance.now()
    const places = { page: `http://127.0.0.1:${http}`, broker: `mqtt://127.0.0.1:${port}` }
    const found = await liveLatencies({ ...places, machines: MACHINES, tags: TAGS, seconds, request })
    return { ...found, cpu: (hub.cpuSeconds() - before) / ((performance.now() - began) / 1000) }
  } finally {
    await hub.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
