import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connectLog } from '../../src/log/client/connect.ts'
import { GroupsBench, heldTwice, untilAny } from '../../src/log/groups-bench.ts'
import type { GroupReader, Holder } from '../../src/log/groups-bench.ts'
import type { Log } from '../../src/log/log.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { until } from '../until.ts'
import { allInSync, places } from './places.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet }
const SESSION_MS = 3_000
/** How long the crew may take to go on after a fault; on a quiet machine it takes 4 to 7 s. */
const GOES_ON_MS = 120_000
const THINGS = ['a', 'b', 'c', 'd', 'e', 'f']
/** The topic that holds groups and offsets, and its partitions. */
const OFFSETS = '__consumer_offsets'
const OFFSETS_PARTITIONS = 4
const CONFIG = {
  'offsets.topic.num.partitions': `${OFFSETS_PARTITIONS}`,
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // By default a broker waits half a minute for a leader or a controller that hangs; it counts as dead meanwhile, and
  // without it too few copies are there for a group to be written.
  'replica.socket.timeout.ms': '3000',
  'request.timeout.ms': '3000',
}

async function start(t: TestContext, brokers: 1 | 3): Promise<{ kafka: KafkaCluster; bench: GroupsBench }> {
  const kafka = await startKafka({ brokers, config: CONFIG })
  const open = () => connectLog({ brokers: kafka.addresses(), system })
  const target = { open, openCuttable: () => Promise.reject(new Error('not here')), stop: () => Promise.resolve() }
  const bench = new GroupsBench(target, SESSION_MS)
  t.after(async () => {
    await bench.close()
    await kafka.stop()
  })
  return { kafka, bench }
}

/** The broker that coordinates a group: who leads the partition of the offsets topic that its name leads to. */
async function coordinatorOf(kafka: KafkaCluster, group: string): Promise<number> {
  const found = await places(kafka, [OFFSETS])
  assert.equal(found.length, OFFSETS_PARTITIONS)
  return found.find(({ partition }) => partition === placeOf(group))!.leader
}

/** The name of another group that has the same coordinator. */
function besides(group: string): string {
  for (let i = 0; ; i++) if (placeOf(`${group}.${i}`) === placeOf(group)) return `${group}.${i}`
}

function placeOf(group: string): number {
  return Math.abs(javaHash(group)) % OFFSETS_PARTITIONS
}

function javaHash(text: string): number {
  return Buffer.from(text, 'latin1').reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0)
}

async function shared(holders: readonly Holder[]): Promise<void> {
  const each = THINGS.length / holders.length
  const so = () => holders.every(({ held }) => held.length === each)
  await untilAny(holders, so, GOES_ON_MS)
}

test('a coordinator that hangs: the lease is over before it could give the work away', async (t) => {
  if (need('kafka') === undefined) return t.skip('Apache Kafka is not installed')
  const { kafka, bench } = await start(t, 1)
  const group = bench.group()
  const one = bench.holder(await bench.open(), { group }, THINGS)
  await one.until(() => one.held.length === 6)
  const two = bench.holder(await bench.open(), { group }, THINGS)
  await shared([one, two])
  const latest = () => Math.max(one.membership.heldUntil, two.membership.heldUntil)
  kafka.pause(1)
  // A heartbeat may have been answered in the same moment.
  await systemClock.sleep(SESSION_MS / 10)
  const heldUntil = latest()
  await Promise.all([one, two].map((holder) => holder.until(() => holder.lostAt !== undefined)))
  assert.ok(Math.max(one.lostAt!, two.lostAt!) < heldUntil)
  assert.deepEqual([one.held, two.held], [[], []])
  kafka.resume(1)
  await shared([one, two])
  assert.deepEqual(heldTwice([one, two]), [])
  assert.deepEqual([one.fault, two.fault], [undefined, undefined])
})

test('one broker after the other is killed or hangs: nothing is held twice, nothing is lost, all goes on', async (t) => {
  if (need('kafka') === undefined) return t.skip('Apache Kafka is not installed')
  const { kafka, bench } = await start(t, 3)
  const crew = await Crew.start(bench)
  const lose = async (what: string, take: (node: number) => Promise<void> | void) => {
    // While a copy is missing, the loss of another one would be for Kafka to wait out.
    await allInSync(kafka, [OFFSETS, crew.topic])
    const node = await coordinatorOf(kafka, crew.group)
    await take(node)
    const from = systemClock.monotonic()
    await crew.goesOn()
    t.diagnostic(`${what}: all is held and read again after ${Math.round(systemClock.monotonic() - from)} ms`)
    return node
  }
  const first = await lose('killed', (node) => kafka.kill(node))
  await kafka.restart(first)
  const second = await lose('the next one killed', (node) => kafka.kill(node))
  await kafka.restart(second)
  const hung = await lose('hung', (node) => kafka.pause(node))
  // Who comes now may ask the one that hangs first, and must not wait for it.
  await crew.hire()
  await crew.goesOn()
  kafka.resume(hung)
  assert.deepEqual(crew.faults(), [])
})

/** Members of one group that hold things, and readers in another one that has the same coordinator. */
class Crew {
  readonly group: string
  readonly topic: string
  readonly #bench: GroupsBench
  readonly #log: Log
  readonly #holders: Holder[] = []
  readonly #readers: GroupReader[] = []
  #written = 0

  constructor(bench: GroupsBench, log: Log, topic: string) {
    this.#bench = bench
    this.#log = log
    this.group = bench.group()
    this.topic = topic
  }

  static async start(bench: GroupsBench): Promise<Crew> {
    const { log, topic } = await bench.topic(6)
    const crew = new Crew(bench, log, topic)
    await crew.hire()
    await crew.hire()
    await crew.goesOn()
    return crew
  }

  /** One more holder; and a reader, up to two. */
  async hire(): Promise<void> {
    const log = await this.#bench.open()
    this.#holders.push(this.#bench.holder(log, { group: this.group }, THINGS))
    const readers = { group: besides(this.group), topics: [this.topic] }
    if (this.#readers.length === 2) return
    const reader = this.#bench.reader(log, readers)
    // Who loses its lease together with the coordinator while it commits reads it again, as a hub does.
    reader.fenced = () => {}
    this.#readers.push(reader)
  }

  /** Resolves when what is written now has been read, and all of them hold their part, with a lease from now on. */
  async goesOn(): Promise<void> {
    const from = systemClock.monotonic()
    const records = Array.from({ length: 200 }, (_, i) => ({
      key: `${i % 50}`,
      value: `${this.#written + i}`,
      timestamp: 1,
    }))
    await this.#log.append(this.topic, records)
    this.#written += records.length
    const seen = () => new Set(this.#readers.flatMap((reader) => reader.seen)).size
    await untilAny(this.#readers, () => seen() === this.#written, GOES_ON_MS)
    const renewed = ({ membership }: Holder) => membership.heldUntil > from + SESSION_MS
    const found = () => this.#holders.map((holder) => holder.describe())
    await until(() => this.#holders.every(renewed), { everyMs: 50, withinMs: GOES_ON_MS, found })
    await shared(this.#holders)
  }

  faults(): unknown[] {
    const all = [...this.#holders, ...this.#readers].map(({ fault }) => fault)
    return [...heldTwice(this.#holders), ...all.filter((fault) => fault !== undefined)]
  }
}
