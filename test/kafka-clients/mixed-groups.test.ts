import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { openBroker } from '../../src/log/broker/open.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { GroupsBench, untilAny, Watched } from '../../src/log/groups-bench.ts'
import type { GroupReader } from '../../src/log/groups-bench.ts'
import type { Log } from '../../src/log/log.ts'
import type { Address } from '../../src/system/net.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startKafka } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }
const python = need('confluent-kafka')
const skip = python === undefined ? 'python3-confluent-kafka is not installed' : false
const SCRIPT = fileURLToPath(new URL('group_member.py', import.meta.url))
const PARTITIONS = 6

/** A member of the group that is librdkafka. */
class Foreigner extends Watched {
  readonly seen: string[] = []
  readonly holds = new Set<number>()
  readonly lost: number[] = []
  readonly #process: ChildProcess

  constructor(args: readonly string[]) {
    super()
    this.#process = spawn(python!, [SCRIPT, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#hear(line))
  }

  describe(): string {
    const holds = [...this.holds].join()
    return `librdkafka: holds partitions "${holds}", has seen ${this.seen.length} records, lost "${this.lost.join()}"`
  }

  async leave(): Promise<void> {
    const ended = once(this.#process, 'exit')
    this.#process.stdin!.end()
    await ended
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #hear(line: string): void {
    const said = JSON.parse(line) as { what: string; partitions: number[]; value: string }
    if (said.what === 'read') this.seen.push(said.value)
    if (said.what === 'assigned') for (const partition of said.partitions) this.holds.add(partition)
    if (said.what === 'revoked' || said.what === 'lost') {
      for (const partition of said.partitions) this.holds.delete(partition)
    }
    if (said.what === 'lost') this.lost.push(...said.partitions)
    this.announce()
  }
}

async function embedded(t: TestContext): Promise<readonly Address[]> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-mixed-'))
  const listen = { host: '127.0.0.1', port: 0 }
  const broker = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
  t.after(async () => {
    await broker.close()
    await rm(directory, { recursive: true })
  })
  return [broker.address]
}

async function apache(t: TestContext): Promise<readonly Address[]> {
  const kafka = await startKafka({ config: { 'group.initial.rebalance.delay.ms': '0' } })
  t.after(() => kafka.stop())
  return kafka.addresses()
}

const BROKERS = {
  'the embedded broker': { start: embedded, skip },
  'Apache Kafka': {
    start: apache,
    skip: skip || (need('kafka') === undefined ? 'Apache Kafka is not installed' : false),
  },
} as const

for (const [name, { start, skip }] of Object.entries(BROKERS)) {
  test(`librdkafka and we share a group by cooperative-sticky, whoever leads it, on ${name}`, { skip }, async (t) => {
    const { log, topic, group, bench, foreigner } = await mixed(t, await start(t), 'cooperative-sticky')
    const ours = bench.reader(log, { group, topics: [topic] })
    await append(log, topic, 0, 300)
    await ours.until(() => ours.seen.length === 300)
    const theirs = foreigner()
    await theirs.until(() => theirs.holds.size === 3)
    await ours.until(() => ours.holds.length === 3)
    assert.deepEqual([ours.assigned.length, ours.revoked.length], [PARTITIONS, 3], 'what stays is not taken up anew')
    await append(log, topic, 300, 600)
    await theirs.until(() => ours.seen.length + theirs.seen.length >= 600)
    // When we leave, it leads; then we join a group of its own.
    await ours.leave()
    await theirs.until(() => theirs.holds.size === PARTITIONS)
    const again = bench.reader(log, { group, topics: [topic] })
    await again.until(() => again.holds.length === 3)
    await append(log, topic, 600, 900)
    const seen = () => [...ours.seen, ...theirs.seen, ...again.seen]
    await untilAny([again, theirs], () => seen().length >= 900)
    assert.deepEqual(sorted(seen()), range(900))
    assert.deepEqual([ours.lost, theirs.lost, again.lost], [[], [], []])
    await theirs.leave()
    await again.until(() => again.holds.length === PARTITIONS)
    await again.leave()
    assert.deepEqual([ours.fault, again.fault], [undefined, undefined])
  })

  test(`a member that has only range is shared with by range, on ${name}`, { skip }, async (t) => {
    const { log, topic, group, bench, foreigner } = await mixed(t, await start(t), 'range')
    const ours = bench.reader(log, { group, topics: [topic] })
    await ours.until(() => ours.holds.length === PARTITIONS)
    const theirs = foreigner()
    await theirs.until(() => theirs.holds.size === 3)
    await ours.until(() => ours.holds.length === 3)
    const third = bench.reader(log, { group, topics: [topic] })
    await third.until(() => third.holds.length === 2)
    await append(log, topic, 0, 600)
    const seen = () => [...ours.seen, ...theirs.seen, ...third.seen]
    await untilAny([ours, theirs, third], () => seen().length >= 600)
    assert.deepEqual(sorted(seen()), range(600))
    theirs.kill()
    await holding([ours, third], 3)
    await Promise.all([ours.leave(), third.leave()])
    assert.deepEqual([ours.fault, third.fault], [undefined, undefined])
  })
}

async function mixed(t: TestContext, addresses: readonly Address[], assignor: string) {
  const open = () => connectLog({ brokers: addresses, system })
  const target = { open, openCuttable: () => Promise.reject(new Error('not here')), stop: () => Promise.resolve() }
  const bench = new GroupsBench(target, 6_000)
  const { log, topic } = await bench.topic(PARTITIONS)
  const group = bench.group()
  const foreigners: Foreigner[] = []
  t.after(async () => {
    for (const one of foreigners) one.kill()
    await bench.close()
  })
  const address = addresses.map(({ host, port }) => `${host}:${port}`).join()
  const foreigner = () => {
    foreigners.push(new Foreigner([address, group, topic, assignor]))
    return foreigners.at(-1)!
  }
  return { log, topic, group, bench, foreigner }
}

async function append(log: Log, topic: string, from: number, to: number): Promise<void> {
  const records = range(to - from).map((i) => ({
    key: `key${i % 60}`,
    value: `${from + i}`,
    timestamp: 1_700_000_000_000,
  }))
  await log.append(topic, records)
}

async function holding(readers: readonly GroupReader[], each: number): Promise<void> {
  const so = () => readers.every(({ holds }) => holds.length === each)
  await untilAny(readers, so)
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i)
}

function sorted(values: readonly string[]): number[] {
  return values.map(Number).sort((a, b) => a - b)
}
