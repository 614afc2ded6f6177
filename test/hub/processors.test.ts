import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessorView } from '../../src/api/contract.ts'
import { machine } from '../../src/cli/machine.ts'
import { startBroker } from '../../src/log/broker/start.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Log } from '../../src/log/log.ts'
import type { Address } from '../../src/system/net.ts'
import { seededRandom } from '../../src/system/random.ts'
import { startKafka } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Feed, NAMES, outputs, plantText, undisturbed } from './processing.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const SEED = Number(process.env['SEED'] ?? Date.now())
const KILLS = 10
/** How long what was derived may take to be there. */
const SETTLE_MS = 60_000
const system = machine({ logLevel: 'error', logFormat: 'text' })

interface Hub {
  readonly page: string
  readonly process: HubProcess
}

async function makeHub(t: TestContext, directory: string, log: string, name?: string): Promise<Hub> {
  const [http] = (await freePorts(1)) as [number]
  const folder = join(directory, name ?? 'hub')
  await writeFile(`${folder}.yaml`, plantText(log, http))
  const page = `http://127.0.0.1:${http}`
  const program = name === undefined ? ['src/main.ts', 'run'] : ['src/main.ts', 'run', '--hub', name]
  const hub = { page, process: new HubProcess([...program, `${folder}.yaml`, '--data', folder], page) }
  t.after(() => hub.process.kill())
  return hub
}

/** Tasks of all processors that run on a hub, and all there are. */
async function tasksOf({ page }: Hub): Promise<{ here: number; all: number; isLive: boolean }> {
  const answer = await fetch(`${page}/api/v1/processors`, { signal: AbortSignal.timeout(2_000) })
  const { processors } = (await answer.json()) as { processors: ProcessorView[] }
  const sum = (of: 'here' | 'all') => processors.reduce((total, { tasks }) => total + tasks[of], 0)
  return { here: sum('here'), all: sum('all'), isLive: processors.every(({ state }) => state === 'live') }
}

/** Resolves with the ms it took until a hub runs so many tasks, and all that it runs have caught up. */
async function until(hub: Hub, wanted: (here: number, all: number) => boolean): Promise<number> {
  const began = performance.now()
  for (;;) {
    const tasks = await tasksOf(hub).catch(() => undefined)
    if (tasks?.isLive === true && wanted(tasks.here, tasks.all)) return performance.now() - began
    if (performance.now() - began > SETTLE_MS)
      throw new Error(`it is ${JSON.stringify(tasks)}\n${hub.process.said.join('\n')}`)
    await sleep(20)
  }
}

/** What is derived when no more comes than an undisturbed hub derives from the same, or a minute is over. */
async function settled(log: Log, expected: readonly string[]) {
  const began = performance.now()
  let found = await outputs(log, NAMES)
  while (found.values.length < expected.length && performance.now() - began < SETTLE_MS) {
    await sleep(200)
    found = await outputs(log, NAMES)
  }
  return found
}

async function assertOnce(t: TestContext, log: Log): Promise<void> {
  const expected = await undisturbed(log)
  const { values, twice } = await settled(log, expected)
  t.diagnostic(`${values.length} derived, ${expected.length} wanted, ${twice} twice; SEED=${SEED}`)
  assert.ok(expected.length > 300, `${expected.length}`)
  assert.equal(twice, 0)
  const missing = expected.filter((value) => !values.includes(value))
  const strange = values.filter((value) => !expected.includes(value))
  assert.deepEqual({ missing, strange }, { missing: [], strange: [] })
  assert.equal(values.length, expected.length)
}

/** Two hubs on one log; one of them is killed while machines go on, and is back later. */
async function takeOver(t: TestContext, broker: Address): Promise<void> {
  const directory = await temporaryFolder('processors')
  const config = `{ kafka: { brokers: ["${broker.host}:${broker.port}"], partitions: 2, retention: { time: 1h } } }`
  const a = await makeHub(t, directory, config, 'hub-a')
  const b = await makeHub(t, directory, config, 'hub-b')
  await a.process.start(SETTLE_MS)
  await b.process.start(SETTLE_MS)
  await until(a, (here, all) => here === all / 2)
  await until(b, (here, all) => here === all / 2)
  const log = await connectLog({ brokers: [broker], system })
  t.after(() => log.close())
  const feed = new Feed(log, seededRandom(SEED))
  const enough = new AbortController()
  const feeding = feed.run(enough.signal)
  await sleep(3_000)
  await b.process.kill()
  const tookMs = await until(a, (here, all) => here === all)
  t.diagnostic(`taken over after ${Math.round(tookMs)} ms`)
  assert.ok(tookMs < 10_000, `taken over after ${tookMs} ms`)
  await sleep(1_000)
  await b.process.start(SETTLE_MS)
  await until(b, (here, all) => here === all / 2)
  enough.abort()
  await feeding
  await feed.close()
  await assertOnce(t, log)
}

test('of two hubs on one log one is killed: its tasks are taken over, and all is derived once', async (t) => {
  const directory = await temporaryFolder('processors')
  const broker = await startBroker({ directory, listen: { host: '127.0.0.1', port: 0 }, sync: { mode: 'ack' } }, system)
  t.after(() => broker.close())
  await takeOver(t, broker.address)
})

test(
  'the same on Apache Kafka',
  { skip: need('kafka') === undefined && 'Apache Kafka is not installed' },
  async (t) => {
    const kafka = await startKafka({ config: { 'min.insync.replicas': '1' } })
    t.after(() => kafka.stop())
    await takeOver(t, kafka.addresses()[0]!)
  },
)

/** A hub with its log, killed again and again while machines go on; `program` is what node runs. */
async function killed(t: TestContext, kills: number, program: readonly string[]): Promise<Log> {
  const random = seededRandom(SEED + 1)
  const directory = await temporaryFolder('processors')
  const [http, port] = (await freePorts(2)) as [number, number]
  const config = join(directory, 'plant.yaml')
  await writeFile(config, plantText(`{ embedded: { listen: ${port}, partitions: 2 } }`, http))
  const page = `http://127.0.0.1:${http}`
  const hub = { page, process: new HubProcess([...program, config, '--data', join(directory, 'data')], page) }
  t.after(() => hub.process.kill())
  await hub.process.start(SETTLE_MS)
  const log = await connectLog({ brokers: [{ host: '127.0.0.1', port }], system })
  t.after(() => log.close())
  const feed = new Feed(log, seededRandom(SEED))
  const enough = new AbortController()
  const feeding = feed.run(enough.signal)
  for (let kill = 0; kill < kills; kill += 1) {
    await sleep(300 + random.integer(1_500))
    await hub.process.kill()
    await hub.process.start(SETTLE_MS)
  }
  enough.abort()
  await feeding
  await feed.close()
  await until(hub, (here, all) => here === all)
  return log
}

test('a hub that is killed again and again derives what one derives that nobody disturbs', async (t) => {
  await assertOnce(t, await killed(t, KILLS, ['src/main.ts', 'run']))
})

test('without looking for what it has derived already the same hub derives it twice: the check above sees it', async (t) => {
  const log = await killed(t, 3, ['test/hub/repeating-hub.ts'])
  const expected = await undisturbed(log)
  await settled(log, expected)
  const { twice } = await outputs(log, NAMES)
  t.diagnostic(`${twice} derived twice`)
  assert.ok(twice > 0)
})
