import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/system/random.ts'
import { httpDevice, mqttDevice, type Device } from './devices.ts'
import { HubProcess, ROOT } from './hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Journal, type Verdict } from './journal.ts'
import { readNumbers } from './read-numbers.ts'
import { loadPlant } from './load-plant.ts'

/** T1: kill -9 the hub again and again under load, then hold the machines' journal against the log. */
export interface KillLoopOptions {
  readonly cycles: number
  readonly seed: number
  /** Readings a second of all devices together. */
  readonly rate: number
  /** Program and its first arguments; the config's path and the data directory follow. */
  readonly program: readonly string[]
  readonly say?: (line: string) => void
}

export interface KillLoopResult extends Verdict {
  /** Of each start, ms until the hub was ready. */
  readonly readyMs: readonly number[]
  /** How often it was killed before it was ready. */
  readonly killedStarting: number
  /** Exit code and answer of `millrace ledger --json` after the end. */
  readonly ledger: { readonly code: number | null; readonly answer: string }
}

export const HUB = ['src/main.ts', 'run']

export async function killLoop(options: KillLoopOptions): Promise<KillLoopResult> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-kill-'))
  try {
    return await inDirectory(directory, options)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function inDirectory(directory: string, options: KillLoopOptions): Promise<KillLoopResult> {
  const random = seededRandom(options.seed)
  const [http, mqtt, kafka] = (await freePorts(3)) as [number, number, number]
  const config = join(directory, 'plant.yaml')
  await writeFile(config, loadPlant(http, mqtt, kafka))
  const page = `http://127.0.0.1:${http}`
  const data = join(directory, 'data')
  const hub = new HubProcess([...options.program, config, '--data', data], page)
  const journal = new Journal()
  const readyMs = [await hub.start()]
  let killedStarting = 0
  const devices = startDevices(`mqtt://127.0.0.1:${mqtt}`, page, journal, options.rate / 8)
  try {
    for (let cycle = 1; cycle <= options.cycles; cycle += 1) {
      await sleep(300 + random.integer(1200))
      await hub.kill()
      // Every third time it is killed again while it starts: at any moment of its recovery.
      if (random.integer(3) === 0) {
        await hub.startAndKill(random.integer(Math.ceil(readyMs.at(-1)!)))
        killedStarting += 1
      }
      readyMs.push(await hub.start())
      options.say?.(`cycle ${cycle}: ready in ${Math.round(readyMs.at(-1)!)} ms, ${journal.acknowledged} acknowledged`)
    }
    await sleep(500)
    await Promise.all(devices.map((device) => device.drain()))
    await hub.stop()
    const ledger = await millraceLedger(data)
    return { ...journal.check(await readNumbers(data, 'acme/berlin/')), readyMs, killedStarting, ledger }
  } finally {
    for (const device of devices) device.abandon()
    await hub.kill()
  }
}

function startDevices(mqttUrl: string, page: string, journal: Journal, rate: number): Device[] {
  const options = (asset: string) => ({ asset, journal, rate })
  return [
    mqttDevice(mqttUrl, 1, 4, options('mqtt/one-a')),
    mqttDevice(mqttUrl, 1, 5, options('mqtt/one-b')),
    mqttDevice(mqttUrl, 1, 4, options('mqtt/one-c')),
    mqttDevice(mqttUrl, 2, 4, options('mqtt/two-a')),
    mqttDevice(mqttUrl, 2, 5, options('mqtt/two-b')),
    mqttDevice(mqttUrl, 2, 4, options('mqtt/two-c')),
    httpDevice(page, options('http/a')),
    httpDevice(page, options('http/b')),
  ]
}

async function millraceLedger(data: string): Promise<{ code: number | null; answer: string }> {
  const child = spawn(process.execPath, ['src/main.ts', 'ledger', '--data', data, '--json'], { cwd: ROOT })
  const exited = new Promise<number | null>((resolve) => child.on('exit', resolve))
  const answer = (await text(child.stdout)) + (await text(child.stderr))
  return { code: await exited, answer }
}
