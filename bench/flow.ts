import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { machine } from '../src/cli/machine.ts'
import type { Topology } from '../src/component/topology.ts'
import { Changelog } from '../src/flow/topology/changelog.ts'
import { textOfKey, type KeyText, type SavedKey } from '../src/flow/topology/key-state.ts'
import { TopologyRun } from '../src/flow/topology/run.ts'
import { ownTopics, stageTopics } from '../src/flow/topology/stage-topics.ts'
import { startBroker } from '../src/log/broker/start.ts'
import { connectLog } from '../src/log/client/connect.ts'
import type { Log, NewRecord } from '../src/log/log.ts'
import { partitionOf } from '../src/log/partitioner.ts'
import { topicSpec } from '../src/log/topics.ts'
import { decodeAlarm } from '../src/model/alarm-record.ts'
import { Catalogue } from '../src/model/catalogue.ts'
import { encodeRecord } from '../src/model/record.ts'
import { conditionSpec } from '../src/processors/condition/spec.ts'
import { deriveSpec } from '../src/processors/derive/spec.ts'
import { joinSpec } from '../src/processors/join/spec.ts'
import { windowSpec } from '../src/processors/window/spec.ts'
import type { System } from '../src/system/system.ts'
import type { BenchOptions } from './main.ts'
import { measureWindows } from './window.ts'

const SITE = 'acme/berlin'
const PARTITIONS = 4
const MACHINES = 1_000
const TOGETHER = 1_000
/** Nothing more is derived when nothing was for so long. */
const QUIET_MS = 2_000
const PLACE = { name: 'bench', site: SITE }

interface Bench {
  readonly log: Log
  readonly system: System
}

/**
 * Processors over the embedded log, changelog and fsync on, everything in one process with the log in its thread: how many
 * readings a second they take out of a backlog, how soon an alarm is durable after its reading, and how long a million
 * keys take to be there again. The threads of processor and log run beside each other, so the rate of the clock may be
 * above what one core gives; that of one core is from the CPU time of the whole process.
 */
export async function benchFlow({ seconds, records, say }: BenchOptions): Promise<void> {
  const readings = Math.min(records, 1_000_000)
  say(`flow: ${readings.toLocaleString('en-US')} readings of ${MACHINES} machines ...`)
  const rows = await onLog(async (bench) => {
    await fill(bench, readings)
    const measured = []
    for (const topology of topologies()) measured.push(await catchUp(bench, topology, readings))
    return measured
  })
  say(
    '\n| processor, 4 partitions | readings/s of the clock | readings/s of one core | CPU s per million | derived |\n|---|---|---|---|---|',
  )
  for (const { name, perSecond, derived, cpu } of rows) {
    say(`| ${name} | ${number(perSecond)} | ${number(1e6 / cpu)} | ${cpu.toFixed(1)} | ${number(derived)} |`)
  }
  for (const { name, perSecond, cpu, results } of measureWindows()) {
    say(
      `| operator alone, ${name} | ${number(perSecond)} | ${number(1e6 / cpu)} | ${cpu.toFixed(1)} | ${number(results)} |`,
    )
  }
  const { p50, p99, longest, alarms } = await onLog((bench) => alarmLatency(bench, seconds))
  say(
    `\nreading handed to the log to alarm read from the log, 1,000 readings/s: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ` +
      `longest ${longest.toFixed(1)} ms (${number(alarms)} alarms)`,
  )
  const keys = 1_000_000
  const restored = await onLog((bench) => restoreTime(bench, keys))
  say(
    `restore of ${number(keys)} keys of a window from the changelog: ${restored.seconds.toFixed(1)} s, ${number(keys / restored.seconds)} keys/s`,
  )
}

function topologies(): Topology[] {
  const derive = deriveSpec.config.parse({ on: 'hall/**', tags: { power: 'voltage * current' } })
  const window = windowSpec.config.parse({ on: 'hall/**', tumbling: '1m', tags: { voltage: ['mean', 'max'] } })
  const joined = joinSpec.config.parse({
    left: { on: 'hall/{machine}', tags: ['voltage'] },
    right: { on: 'hall/{machine}', tags: ['current'] },
    how: 'as-of',
    tolerance: '1m',
  })
  return [
    { ...deriveSpec.topology(derive, PLACE), name: 'derive' },
    { ...windowSpec.topology(window, PLACE), name: 'window' },
    { ...joinSpec.topology(joined, PLACE), name: 'join' },
  ]
}

async function onLog<T>(work: (bench: Bench) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const listen = { host: '127.0.0.1', port: 0 }
  const broker = await startBroker({ directory, listen, sync: { mode: 'ack' } }, system)
  const log = await connectLog({ brokers: [broker.address], system })
  try {
    const kinds = ['telemetry', 'derived', 'events', 'alarms'] as const
    await log.ensure(kinds.map((kind) => topicSpec(SITE, kind, PARTITIONS)))
    return await work({ log, system })
  } finally {
    await log.close()
    await broker.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function fill({ log, system }: Bench, readings: number): Promise<void> {
  const began = system.clock.now() - 3_600_000
  const appended = []
  for (let at = 0; at < readings; at += TOGETHER) {
    await log.ready()
    const time = Math.floor(began + (at / MACHINES) * 1_000)
    const records = Array.from({ length: TOGETHER }, (_, index) => reading(time, index % MACHINES, at))
    appended.push(log.append('acme.berlin.telemetry', records))
  }
  await Promise.all(appended)
}

function reading(time: number, machineNumber: number, n: number): NewRecord {
  const asset = `${SITE}/hall/m${machineNumber}`
  const values = { voltage: 400 + (n % 7), current: 10 + (n % 3) }
  return { key: asset, value: encodeRecord({ asset, sourceTime: time, receivedTime: time, values }), timestamp: time }
}

function runOf({ log, system }: Bench, topology: Topology): TopologyRun {
  return new TopologyRun({ log, catalogue: new Catalogue(), site: SITE, topology, partitions: PARTITIONS, system })
}

async function catchUp(bench: Bench, topology: Topology, readings: number) {
  const { log } = bench
  await log.ensure(ownTopics(SITE, topology, PARTITIONS))
  const before = await total(log, 'derived')
  const run = runOf(bench, topology)
  const stop = new AbortController()
  const cpu = process.cpuUsage()
  const began = performance.now()
  const running = run.run(stop.signal)
  while (run.status().health.state !== 'live') await sleep(20)
  const last = await lastDerived(log)
  stop.abort()
  await running
  const used = { user: last.cpu.user - cpu.user, system: last.cpu.system - cpu.system }
  return {
    name: topology.name,
    perSecond: (readings / (last.at - began)) * 1000,
    derived: last.derived - before,
    cpu: (used.user + used.system) / readings,
  }
}

/** Who has taken everything may not have stored all of it yet: the clock stops with the last record that is derived. */
async function lastDerived(log: Log) {
  const look = async () => ({
    derived: await total(log, 'derived'),
    at: performance.now(),
    cpu: process.cpuUsage(),
  })
  for (let last = await look(); ;) {
    await sleep(20)
    const now = await look()
    if (now.derived > last.derived) last = now
    else if (now.at - last.at > QUIET_MS) return last
  }
}

async function total(log: Log, kind: string): Promise<number> {
  return (await log.ends(`acme.berlin.${kind}`)).reduce((sum, { end }) => sum + end, 0)
}

/** A machine is above its limit in one of so many of its readings: there it raises its alarm, and in the next it clears it. */
const HIGH_EVERY = 5
const HEARD_WITHIN_MS = 60_000

async function alarmLatency(bench: Bench, seconds: number) {
  const { log, system } = bench
  const config = conditionSpec.config.parse({ on: 'hall/**', when: 'voltage > 450', severity: 'high' })
  const topology = conditionSpec.topology(config, PLACE)
  await log.ensure(ownTopics(SITE, topology, PARTITIONS))
  const stop = new AbortController()
  const running = runOf(bench, topology).run(stop.signal)
  const took: number[] = []
  /** When readings were handed over whose alarms have not been heard yet, by asset and time. */
  const waiting = new Map<string, number>()
  const listening = listen(bench, stop.signal, (alarm) => {
    took.push(performance.now() - waiting.get(alarm)!)
    waiting.delete(alarm)
  })
  await sleep(1_500)
  for (let n = 0; n < seconds * 1_000; n += 1) {
    const time = Math.floor(system.clock.now()) + (n % 10) / 10
    const key = `${SITE}/hall/m${n % MACHINES}`
    const isHigh = (n + Math.floor(n / MACHINES)) % HIGH_EVERY === 0
    const values = { voltage: isHigh ? 460 : 400 }
    const value = encodeRecord({ asset: key, sourceTime: time, receivedTime: time, values })
    if (isHigh) waiting.set(`${key} ${time}`, performance.now())
    void log.append('acme.berlin.telemetry', [{ key, value, timestamp: time }])
    if (n % 10 === 9) await sleep(10)
  }
  for (const until = performance.now() + HEARD_WITHIN_MS; waiting.size > 0 && performance.now() < until;)
    await sleep(20)
  stop.abort()
  await Promise.all([running, listening])
  if (waiting.size > 0) throw new Error(`${waiting.size} alarms were not heard`)
  took.sort((a, b) => a - b)
  const share = (of: number) => took[Math.ceil(took.length * of) - 1]!
  return { p50: share(0.5), p99: share(0.99), longest: share(1), alarms: took.length }
}

async function listen({ log }: Bench, signal: AbortSignal, onRaise: (alarm: string) => void): Promise<void> {
  const topic = 'acme.berlin.alarms'
  const positions = (await log.ends(topic)).map(({ partition, end }) => ({ topic, partition, offset: end }))
  for await (const { records } of log.read(positions, { signal })) {
    for (const { value } of records) {
      const { asset, action, time } = decodeAlarm(value!)
      if (action === 'raise') onRaise(`${asset} ${time}`)
    }
  }
}

/** Writes states as a task would, then lets tasks begin with them. */
async function restoreTime(bench: Bench, keys: number) {
  const { log, system } = bench
  const topology = topologies()[1]!
  await log.ensure(ownTopics(SITE, topology, PARTITIONS))
  const [example] = statesOf(topology)
  const topic = stageTopics(SITE, topology, 0).state
  const now = () => system.clock.now()
  for (let partition = 0; partition < PARTITIONS; partition += 1) {
    const changelog = new Changelog({ log, topic, partition, partitions: PARTITIONS, now })
    const mark = { epoch: 1, began: 0, positions: {}, received: now(), outputs: {} }
    for (let some: KeyText[] = [], n = 0; n <= keys; n += 1) {
      const key = `${SITE}/hall/m${n}`
      if (n < keys && partitionOf(key, PARTITIONS) === partition) some.push(textOfKey({ key, state: example!.state }))
      if (some.length < TOGETHER && n < keys) continue
      await log.ready()
      await changelog.write(some, mark)
      some = []
    }
  }
  const stop = new AbortController()
  const began = performance.now()
  const run = runOf(bench, topology)
  const running = run.run(stop.signal)
  while (run.status().health.state !== 'live') await sleep(20)
  const seconds = (performance.now() - began) / 1000
  stop.abort()
  await running
  return { seconds }
}

/** What a window keeps of a machine in the middle of it. */
function statesOf(topology: Topology): SavedKey[] {
  const { operator } = topology.stages[0]!.steps[0]!
  const key = `${SITE}/hall/m0`
  const state = operator.create(key)
  const values = { voltage: 401.5 }
  const context = {
    key,
    time: 1,
    now: 1,
    received: 1,
    cause: 't/0/0',
    emit() {},
    emitAside() {},
    setTimer() {},
    clearTimer() {},
  }
  operator.take(state, { kind: 'reading', reading: { asset: key, sourceTime: 1, receivedTime: 1, values } }, context)
  return [
    {
      key,
      state: {
        time: 1,
        received: 1,
        steps: { window: operator.save!(state) },
        timers: [['window', 'close', 60_000, 't/0/0']],
      },
    },
  ]
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}
