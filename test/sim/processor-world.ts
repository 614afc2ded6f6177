import { createHash } from 'node:crypto'
import { parsePlant } from '../../src/cli/files.ts'
import type { Plant } from '../../src/config/plant.ts'
import { TopologyRun } from '../../src/flow/topology/run.ts'
import type { Log } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import { MemoryStore } from '../../src/log/memory/memory-store.ts'
import { topicSpec } from '../../src/log/topics.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { encodeRecord } from '../../src/model/record.ts'
import { processorTopics } from '../../src/processing.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { seededRandom, type Random } from '../../src/system/random.ts'
import { NAMES, outputs, plantText, recordsOf } from '../hub/processing.ts'
import { ManualClock } from '../mqtt/manual-clock.ts'
import { MortalLog } from './mortal-log.ts'

const SITE = 'acme/berlin'
const TELEMETRY = 'acme.berlin.telemetry'
const MACHINES = 5
/** Rounds in which machines talk and hubs die, and rounds of quiet, after which everything is over. */
const ROUNDS = 150
const QUIET_ROUNDS = 60
const QUIET_MS = 1_000
/** Calls of the log after which a hub dies, at most. */
const MOST_CALLS = 300
/** How long a hub is away, at most. */
const AWAY_MS = 9_000

interface Hub {
  readonly log: MortalLog
  /** When the next one takes its place. */
  backAt: number
}

/** One plant, two hubs, one seed; `bug` is what is wrong with how they see the log. */
export async function simulate(seed: number, bug: (log: Log) => Log = (log) => log) {
  const random = seededRandom(seed)
  const clock = new ManualClock()
  const plant = await parsePlant('plant.yaml', Buffer.from(plantText('{ embedded: { partitions: 2 } }', 0)))
  const store = new MemoryStore()
  const outside = new MemoryLog({ clock, store })
  await outside.ensure(topicsOf(plant))
  const hubs = new Map<string, Hub>()
  let runs = 0
  let kills = 0
  const start = (name: string, calls: number) => {
    const log = new MortalLog({ clock, store, random: seededRandom(seed + ++runs), calls })
    run(bug(log), plant, clock, { hub: name, run: `${name}-${runs}` })
    hubs.set(name, { log, backAt: Infinity })
  }
  const watch = (calls: () => number) => {
    for (const [name, hub] of hubs) {
      if (!hub.log.isDead) continue
      if (hub.backAt === Infinity) {
        kills += 1
        hub.backAt = clock.now() + random.integer(AWAY_MS)
      }
      if (clock.now() >= hub.backAt) start(name, calls())
    }
  }
  const mortal = () => 1 + random.integer(MOST_CALLS)
  for (const name of ['a', 'b']) start(name, mortal())
  for (let round = 0; round < ROUNDS; round += 1) {
    await feed(outside, random, clock)
    await pass(clock, 10 + random.integer(300))
    watch(mortal)
  }
  for (let round = 0; round < QUIET_ROUNDS; round += 1) {
    for (const hub of hubs.values()) if (hub.log.isDead) hub.backAt = Math.min(hub.backAt, clock.now())
    watch(() => Infinity)
    await pass(clock, QUIET_MS)
  }
  const { values, twice } = await outputs(outside, NAMES)
  const expected = await undisturbed(outside, plant, clock)
  const faults = [
    ...expected.filter((value) => !values.includes(value)).map((value) => `missing: ${value}`),
    ...values.filter((value) => !expected.includes(value)).map((value) => `strange: ${value}`),
    ...(twice > 0 ? [`${twice} twice`] : []),
  ]
  return { faults, kills, values, trace: await traceOf(outside) }
}

/** What one hub derives from a copy of the same readings. */
async function undisturbed(log: Log, plant: Plant, clock: ManualClock): Promise<string[]> {
  const copy = new MemoryLog({ clock })
  await copy.ensure(topicsOf(plant))
  for (const { key, value, timestamp } of await recordsOf(log, TELEMETRY)) {
    await copy.append(TELEMETRY, [{ key, value, timestamp }])
  }
  run(copy, plant, clock)
  for (let round = 0; round < 20; round += 1) await pass(clock, QUIET_MS)
  return (await outputs(copy, NAMES)).values
}

function run(log: Log, plant: Plant, clock: ManualClock, holder?: { hub: string; run: string }): void {
  const system = { clock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  const { partitions } = plant.log
  for (const { topology } of plant.processors) {
    const parts = { log, catalogue: new Catalogue(), site: SITE, topology, partitions, system }
    void new TopologyRun({ ...parts, ...(holder && { holder }) }).run(new AbortController().signal)
  }
}

/** Lets time pass, a little at a time: what is due is done before what comes later. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 50) {
    clock.advance(Math.min(left, 50))
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
}

async function feed(log: Log, random: Random, clock: ManualClock): Promise<void> {
  for (let count = random.integer(6); count > 0; count -= 1) {
    const receivedTime = clock.now()
    const asset = `${SITE}/hall/m${random.integer(MACHINES)}`
    const sourceTime = receivedTime - random.integer(3) * 200
    const values = { [random.next() < 0.7 ? 'x' : 'y']: random.integer(10) }
    const value = encodeRecord({ asset, sourceTime, receivedTime, values })
    await log.append(TELEMETRY, [{ key: asset, value, timestamp: receivedTime }])
  }
}

function topicsOf(plant: Plant) {
  const kinds = ['telemetry', 'events'] as const
  return [...kinds.map((kind) => topicSpec(SITE, kind, plant.log.partitions)), ...processorTopics(plant)]
}

/** Everything that was written, as one number. */
async function traceOf(log: Log): Promise<string> {
  const hash = createHash('sha256')
  for (const { name } of await log.topics()) {
    for (const { offset, timestamp, key, value } of await recordsOf(log, name)) {
      hash.update(
        `${name} ${offset} ${timestamp} ${String(key && Buffer.from(key))} ${String(value && Buffer.from(value))}\n`,
      )
    }
  }
  return hash.digest('hex')
}
