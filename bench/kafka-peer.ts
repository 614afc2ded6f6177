import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { freePorts } from '../tools/free-ports.ts'
import { startKafka } from '../tools/kafka/cluster.ts'
import { CLASSES, startJava } from '../tools/kafka/java.ts'
import type { KafkaCommand } from '../tools/kafka/java.ts'
import { need } from '../tools/need.ts'
import type { BenchOptions } from './main.ts'
import { Measured } from './processes.ts'

const run = promisify(execFile)

/** Bytes of a record, records a second that the full runs are sized by, and the rate at which latency is measured. */
const SIZES = [
  { bytes: 100, sized: 250_000, rate: 25_000 },
  { bytes: 1024, sized: 60_000, rate: 10_000 },
] as const
type Size = (typeof SIZES)[number]

/** The same for all brokers: acknowledged by all replicas, of which there is one. */
const PRODUCER = ['acks=all', 'batch.size=65536', 'linger.ms=5', 'buffer.memory=67108864']
const JAVA_OPTIONS = ['-Xms512m', '-Xmx512m']
const PARTITIONS = '4'

/** One broker at a time: the machine is small. */
const BROKERS: { readonly [name: string]: (use: (address: string) => Promise<void>) => Promise<void> } = {
  'Millrace, fsync before ack': withOurs,
  'Apache Kafka, page cache (its default)': (use) => withKafka({}, use),
  'Apache Kafka, fsync of every batch': (use) => withKafka({ 'log.flush.interval.messages': '1' }, use),
}

interface Figures {
  readonly inMegabytes: number
  readonly outMegabytes: number
  readonly p50: number
  readonly p99: number
  readonly kcatIn?: number
  readonly kcatOut?: number
}

/**
 * Our broker against a single Apache Kafka on this machine, with the same clients: Kafka's own performance tools and
 * kcat. Kafka acknowledges what is in the page cache unless it is told otherwise, so it is measured both ways; only the
 * second promises what ours does.
 */
export async function benchKafkaPeer({ seconds, say }: BenchOptions): Promise<void> {
  if (need('kafka') === undefined) return say('kafka: Apache Kafka is not installed, "npm test" gets it')
  const all = new Map<string, Figures[]>()
  for (const [name, withBroker] of Object.entries(BROKERS)) {
    say(`kafka: ${name} ...`)
    const figures: Figures[] = []
    await withBroker(async (address) => {
      for (const size of SIZES) figures.push(await measure(address, size, seconds))
    })
    all.set(name, figures)
  }
  for (const [index, size] of SIZES.entries()) report(size, index, all, say)
}

function report(size: Size, index: number, all: ReadonlyMap<string, Figures[]>, say: (line: string) => void): void {
  say(
    `\n| ${size.bytes} B, ${PARTITIONS} partitions | in MB/s | out MB/s | p50 ms | p99 ms | kcat in MB/s | kcat out MB/s |`,
  )
  say('|---|---|---|---|---|---|---|')
  const ours = all.values().next().value![index]!
  for (const [name, figures] of all) {
    const { inMegabytes, outMegabytes, p50, p99, kcatIn, kcatOut } = figures[index]!
    const shown = [inMegabytes, outMegabytes, p50, p99, kcatIn, kcatOut].map(
      (one) => one?.toFixed(one < 10 ? 1 : 0) ?? '',
    )
    say(`| ${[name, ...shown].join(' | ')} |`)
  }
  for (const [name, figures] of [...all].slice(1)) {
    const other = figures[index]!
    const times = (a: number, b: number) => `${(a / b).toFixed(2)} times`
    const speed = `in ${times(ours.inMegabytes, other.inMegabytes)}, out ${times(ours.outMegabytes, other.outMegabytes)}`
    say(`Against ${name}: ${speed}, p99 ${times(ours.p99, other.p99)}`)
  }
  say(`Latency at ${size.rate.toLocaleString('en-US')} records/s.`)
}

async function measure(address: string, size: Size, seconds: number): Promise<Figures> {
  const topic = `bench-${size.bytes}`
  const where = ['--bootstrap-server', address, '--topic']
  const place = ['--partitions', PARTITIONS, '--replication-factor', '1']
  for (const name of [topic, `${topic}-rate`, `${topic}-kcat`]) {
    await java('kafka-topics', [...where, name, '--create', ...place])
  }
  const records = Math.round(size.sized * seconds)
  // The first of two, for a virtual machine that has not met its load yet.
  await produce(address, `${topic}-rate`, size, Math.round(size.rate * Math.min(seconds, 3)), size.rate)
  const full = await produce(address, topic, size, records, -1)
  const rated = await produce(address, `${topic}-rate`, size, Math.round(size.rate * seconds), size.rate)
  const out = await java('kafka-consumer-perf-test', [
    ...where,
    topic,
    '--num-records',
    String(records),
    '--hide-header',
  ])
  const kcat = await withKcat(address, `${topic}-kcat`, size, Math.round(records / 2))
  // start, end, MB, MB/s, records, records/s, time of joining, time of fetching, MB/s and records/s of fetching
  const outMegabytes = Number(out.trim().split('\n').at(-1)!.split(',')[8]) * 1.048576
  return { inMegabytes: full.megabytes, outMegabytes, p50: rated.p50, p99: rated.p99, ...kcat }
}

async function produce(address: string, topic: string, { bytes }: Size, records: number, rate: number) {
  const what = ['--topic', topic, '--num-records', String(records), '--record-size', String(bytes)]
  const how = ['--throughput', String(rate), '--producer-props', `bootstrap.servers=${address}`, ...PRODUCER]
  const last = (await java('kafka-producer-perf-test', [...what, ...how])).trim().split('\n').at(-1)!
  const found = /^(\d+) records sent, ([\d.]+) records\/sec .* ([\d.]+) ms 50th, .* ([\d.]+) ms 99th/.exec(last)
  if (found === null || Number(found[1]) !== records) throw new Error(`The producer sent less than ${records}: ${last}`)
  return { megabytes: (Number(found[2]) * bytes) / 1e6, p50: Number(found[3]), p99: Number(found[4]) }
}

/** The time of the whole program counts, its start too. */
async function withKcat(address: string, topic: string, { bytes }: Size, records: number) {
  const program = need('kcat')
  if (program === undefined) return {}
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const lines = join(folder, 'lines')
  await writeFile(lines, `${'x'.repeat(bytes)}\n`.repeat(records))
  const timed = async (more: readonly string[]) => {
    const begin = performance.now()
    await run('sh', ['-c', '"$0" "$@" > /dev/null', program, '-b', address, '-t', topic, ...more])
    return (records * bytes) / 1e3 / (performance.now() - begin)
  }
  const kcatIn = await timed(['-P', '-l', lines, '-X', 'acks=all'])
  const kcatOut = await timed(['-C', '-o', 'beginning', '-e', '-q'])
  await rm(folder, { recursive: true, force: true })
  return { kcatIn, kcatOut }
}

async function java(command: KafkaCommand, args: readonly string[]): Promise<string> {
  const child = startJava('tools-log.properties', JAVA_OPTIONS, CLASSES[command], args)
  child.stdin!.end()
  const { promise: ended, resolve } = Promise.withResolvers<number | null>()
  child.once('close', resolve)
  const [code, out, err] = await Promise.all([ended, text(child.stdout!), text(child.stderr!)])
  if (code !== 0) throw new Error(`${command} ended with ${code}\n${out}${err}`)
  return out
}

async function withOurs(use: (address: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const [port] = (await freePorts(1)) as [number]
  const args = ['--no-warnings', 'bench/log-broker.ts', '--port', String(port), '--directory', directory]
  const broker = new Measured(process.execPath, args)
  try {
    await broker.listens(port)
    await use(`127.0.0.1:${port}`)
  } finally {
    await broker.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

/** A heap of 1 GB, as Kafka's own script gives, and no other setting of speed. */
async function withKafka(
  config: { readonly [key: string]: string },
  use: (address: string) => Promise<void>,
): Promise<void> {
  await using kafka = await startKafka({ config, javaOptions: ['-Xms1g', '-Xmx1g', '-XX:+UseG1GC'] })
  await use(kafka.bootstrap())
}
