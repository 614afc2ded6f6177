import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connectLog } from '../../src/log/client/connect.ts'
import { GroupsBench, heldTwice } from '../../src/log/groups-bench.ts'
import type { Holder } from '../../src/log/groups-bench.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet }
const SESSION_MS = 3_000
const THINGS = ['a', 'b', 'c', 'd', 'e', 'f']
/** Partitions of the topic that holds groups and offsets. */
const OFFSETS_PARTITIONS = 4
const CONFIG = {
  'offsets.topic.num.partitions': `${OFFSETS_PARTITIONS}`,
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '1000',
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
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
  const args = ['--bootstrap-server', kafka.bootstrap(), '--describe', '--topic', '__consumer_offsets']
  const { out } = await runKafkaCommand('kafka-topics', args)
  const leaders = new Map(
    [...out.matchAll(/Partition: (\d+)\s+Leader: (\d+)/g)].map(([, p, l]) => [Number(p), Number(l)]),
  )
  assert.equal(leaders.size, OFFSETS_PARTITIONS)
  return leaders.get(placeOf(group))!
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
  await Promise.race(holders.map((holder) => holder.until(so)))
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

test('a coordinator that is killed: another one goes on, nothing is read twice at once, nothing is lost', async (t) => {
  if (need('kafka') === undefined) return t.skip('Apache Kafka is not installed')
  const { kafka, bench } = await start(t, 3)
  const { log, topic } = await bench.topic(6)
  const group = bench.group()
  const one = bench.holder(await bench.open(), { group }, THINGS)
  const two = bench.holder(await bench.open(), { group }, THINGS)
  await shared([one, two])
  const readers = [1, 2].map(() => bench.reader(log, { group: besides(group), topics: [topic] }))
  await Promise.race(readers.map((reader) => reader.until(() => readers.every(({ holds }) => holds.length === 3))))
  const write = async (from: number) => {
    const records = Array.from({ length: 200 }, (_, i) => ({ key: `${i % 50}`, value: `${from + i}`, timestamp: 1 }))
    await log.append(topic, records)
  }
  await write(0)
  const coordinator = await coordinatorOf(kafka, group)
  const killedAt = systemClock.monotonic()
  await kafka.kill(coordinator)
  await write(200)
  const three = bench.holder(await bench.open(), { group }, THINGS)
  await shared([one, two, three])
  t.diagnostic(`shared again after ${Math.round(systemClock.monotonic() - killedAt)} ms`)
  await write(400)
  const seen = () => new Set(readers.flatMap((reader) => reader.seen)).size
  await Promise.race(readers.map((reader) => reader.until(() => seen() === 600)))
  t.diagnostic(`read on after ${Math.round(systemClock.monotonic() - killedAt)} ms`)
  assert.deepEqual(heldTwice([one, two, three]), [])
  assert.deepEqual(
    [one, two, three, ...readers].map(({ fault }) => fault),
    [undefined, undefined, undefined, undefined, undefined],
  )
})
