import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../tools/free-ports.ts'
import { startKafka } from '../tools/kafka/cluster.ts'
import { need } from '../tools/need.ts'
import type { BenchOptions } from './main.ts'
import { Measured, ROOT } from './processes.ts'
import type { CarryResult } from './replicate-run.ts'

const run = promisify(execFile)

const JAVA_OPTIONS = ['-Xms512m', '-Xmx512m', '-XX:+UseG1GC']

/**
 * How fast an edge catches up: a backlog in an embedded log, carried to another embedded log (fsync before every
 * acknowledgement) and to a real Kafka of one broker (its page cache), all on this machine.
 */
export async function benchReplicate({ records, say }: BenchOptions): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  try {
    const source = join(directory, 'edge')
    say(`replicate: a backlog of ${records.toLocaleString('en-US')} records ...`)
    await edge(['--directory', source, '--fill', String(records)])
    say('\n| catching up, 4 partitions, zstd | records/s | MB/s | edge peak MB |')
    say('|---|---|---|---|')
    say(row('to an embedded log', await toEmbedded(source, join(directory, 'cloud'))))
    if (need('kafka') !== undefined) say(row('to Apache Kafka', await toKafka(source)))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function toEmbedded(source: string, directory: string): Promise<CarryResult> {
  const [port] = (await freePorts(1)) as [number]
  const broker = new Measured(process.execPath, ['bench/log-broker.ts', '--port', `${port}`, '--directory', directory])
  try {
    await broker.listens(port)
    return await carry(source, `127.0.0.1:${port}`)
  } finally {
    await broker.stop()
  }
}

async function toKafka(source: string): Promise<CarryResult> {
  await using kafka = await startKafka({ javaOptions: JAVA_OPTIONS })
  return await carry(source, kafka.bootstrap())
}

async function carry(source: string, to: string): Promise<CarryResult> {
  return JSON.parse(await edge(['--directory', source, '--to', to])) as CarryResult
}

async function edge(args: readonly string[]): Promise<string> {
  return (await run(process.execPath, ['bench/replicate-run.ts', ...args], { cwd: ROOT })).stdout
}

function row(name: string, { records, bytes, seconds, peakMb }: CarryResult): string {
  const perSecond = Math.round(records / seconds).toLocaleString('en-US')
  return `| ${[name, perSecond, (bytes / seconds / 1e6).toFixed(0), peakMb.toFixed(0)].join(' | ')} |`
}
