import { execFile } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '../tools/free-ports.ts'
import { need } from '../tools/need.ts'
import type { LogResult } from './log-load.ts'
import type { BenchOptions } from './main.ts'
import { Measured, ROOT } from './processes.ts'

const run = promisify(execFile)

/** Bytes of a record's value, and how many of them the foreign client writes: some seconds of work. */
const SIZES = [
  { bytes: 100, foreign: 1_000_000 },
  { bytes: 1024, foreign: 200_000 },
] as const

/** What the broker writes at most between two syncs, roughly. */
const CHUNK_BYTES = 1 << 20

interface Row {
  readonly name: string
  readonly perSecond: number
  readonly bytes: number
  readonly cpuPerMillion?: number
  readonly p50?: number | null
  readonly p99?: number | null
  readonly peak?: number
}

/**
 * The embedded log alone, in a process of its own, fsync before every acknowledgement: records of 100 B and 1 KB in and
 * out, through our client and through librdkafka (kcat), against the bare disk: the same bytes written and synced.
 */
export async function benchLog({ seconds, say }: BenchOptions): Promise<void> {
  const rows: Row[] = []
  for (const { bytes, foreign } of SIZES) {
    say(`log: ${bytes} B ...`)
    rows.push(await inFolder((directory) => disk(directory, bytes, Math.min(seconds, 4))))
    rows.push(...(await inFolder((directory) => ours(directory, bytes, Math.min(seconds, 4)))))
    if (need('kcat') !== undefined) rows.push(...(await inFolder((directory) => kcat(directory, bytes, foreign))))
  }
  say(
    '\n| embedded log, 4 partitions | records/s | MB/s | broker CPU s per million | p50 ms at half load | p99 ms at half load | broker peak MB |',
  )
  say('|---|---|---|---|---|---|---|')
  const shown = (value: number | null | undefined, digits: number) => value?.toFixed(digits) ?? ''
  for (const { name, perSecond, bytes, cpuPerMillion, p50, p99, peak } of rows) {
    const figures = [Math.round(perSecond).toLocaleString('en-US'), ((perSecond * bytes) / 1e6).toFixed(0)]
    say(`| ${[name, ...figures, shown(cpuPerMillion, 2), shown(p50, 2), shown(p99, 2), shown(peak, 0)].join(' | ')} |`)
  }
}

async function inFolder<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** What the disk takes: write a chunk, sync it, write the next. */
async function disk(directory: string, bytes: number, seconds: number): Promise<Row> {
  const file = openSync(join(directory, 'bytes'), 'w')
  const chunk = Buffer.alloc(CHUNK_BYTES, 'x')
  const begin = performance.now()
  let written = 0
  while (performance.now() - begin < seconds * 1000) {
    written += writeSync(file, chunk)
    fdatasyncSync(file)
  }
  closeSync(file)
  const perSecond = (written / bytes / (performance.now() - begin)) * 1000
  return { name: `ceiling: write 1 MiB, fdatasync, ${bytes} B each`, perSecond, bytes }
}

async function ours(directory: string, bytes: number, seconds: number): Promise<Row[]> {
  return withBroker(directory, async (broker, port) => {
    const load = async (more: readonly string[]) => {
      const args = ['bench/log-load.ts', '--port', String(port), '--size', String(bytes), ...more]
      const before = broker.cpuSeconds()
      const { stdout } = await run(process.execPath, args, { cwd: ROOT })
      const result = JSON.parse(stdout) as LogResult
      return { ...result, cpuPerMillion: ((broker.cpuSeconds() - before) / result.records) * 1e6 }
    }
    const full = await load(['--seconds', String(seconds)])
    const read = await load(['--read'])
    const { peak } = broker.memory()
    const rate = String(Math.round(full.recordsPerSecond / 2))
    const { p50, p99 } = await load(['--seconds', String(seconds), '--rate', rate])
    const { recordsPerSecond, cpuPerMillion } = full
    return [
      { name: `in: our client, ${bytes} B`, perSecond: recordsPerSecond, bytes, cpuPerMillion, p50, p99, peak },
      {
        name: `out: our client, ${bytes} B`,
        perSecond: read.recordsPerSecond,
        bytes,
        cpuPerMillion: read.cpuPerMillion,
      },
    ]
  })
}

async function kcat(directory: string, bytes: number, records: number): Promise<Row[]> {
  const lines = join(directory, 'lines')
  await writeFile(lines, `${'x'.repeat(bytes)}\n`.repeat(records))
  return withBroker(join(directory, 'log'), async (broker, port) => {
    const kcatRun = async (name: string, more: readonly string[]): Promise<Row> => {
      const cpu = broker.cpuSeconds()
      const begin = performance.now()
      await run('sh', ['-c', '"$0" "$@" > /dev/null', need('kcat')!, '-b', `127.0.0.1:${port}`, '-t', 'bench', ...more])
      const perSecond = (records / (performance.now() - begin)) * 1000
      return { name, perSecond, bytes, cpuPerMillion: ((broker.cpuSeconds() - cpu) / records) * 1e6 }
    }
    // The time of the whole program counts, its start and the creation of the topic too.
    const written = await kcatRun(`in: kcat (librdkafka), acks=all, ${bytes} B`, ['-P', '-l', lines, '-X', 'acks=all'])
    const read = await kcatRun(`out: kcat (librdkafka), ${bytes} B`, ['-C', '-o', 'beginning', '-e', '-q'])
    return [{ ...written, peak: broker.memory().peak }, read]
  })
}

async function withBroker<T>(directory: string, work: (broker: Measured, port: number) => Promise<T>): Promise<T> {
  const [port] = (await freePorts(1)) as [number]
  const args = ['bench/log-broker.ts', '--port', String(port), '--directory', directory]
  const broker = new Measured(process.execPath, args)
  try {
    await broker.listens(port)
    return await work(broker, port)
  } finally {
    await broker.stop()
  }
}
