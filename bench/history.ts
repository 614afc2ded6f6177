import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Historian } from '../src/historian/historian.ts'
import { LakeReader } from '../src/historian/reader.ts'
import type { StoredRecord } from '../src/log/log.ts'
import { Catalogue } from '../src/model/catalogue.ts'
import { encodeRecord } from '../src/model/record.ts'
import { assetOf, DAY_MS, END, MACHINES, NAMES, QUESTIONS, SITE, T0, TAGS, type Question } from './history-questions.ts'
import { historianIn } from './lake.ts'
import type { BenchOptions } from './main.ts'
import { Postgres } from './postgres.ts'

const TOPIC = 'acme.berlin.telemetry'
/** Times that each question is asked; fewer where that takes longer than `MOST_MS`. */
const ROUNDS = 20
const MOST_MS = 30_000

/**
 * The history of one day of 1,000 tags, `--records` samples, in a lake and in PostgreSQL (COPY, a primary key on tag and time),
 * on the same machine in the same run: how long the loading takes, what it takes on disk, and how long questions take.
 */
export async function benchHistory({ records, say }: BenchOptions): Promise<void> {
  const everyMs = Math.max(1, Math.round((DAY_MS * MACHINES * TAGS) / records))
  const directory = await mkdtemp(join(tmpdir(), 'millrace-bench-'))
  const historian = historianIn(directory, SITE, {
    sealRows: 1_000_000,
    fileRows: 20_000_000,
    memoryMegabytes: 1_024,
    threads: 2,
  })
  const postgres = await Postgres.start()
  try {
    say(`One day of 1,000 tags, a value of each every ${everyMs} ms\n`)
    say(await loadLake(historian, everyMs))
    if (postgres) say(await loadPostgres(postgres, everyMs))
    else say('PostgreSQL is not installed: no peer')
    const reader = new LakeReader(historian, new Catalogue())
    say('\n| question | lake p50 | p99 | PostgreSQL p50 | p99 |\n|---|---|---|---|---|')
    for (const question of QUESTIONS) say(await compare(question, reader, postgres))
  } finally {
    await historian.close()
    await postgres?.stop()
    await rm(directory, { recursive: true, force: true })
  }
}

async function loadLake(historian: Historian, everyMs: number): Promise<string> {
  await historian.open()
  await historian.lease()
  const begin = performance.now()
  let offset = 0
  for (const entries of batchesOf(everyMs)) {
    offset += entries.length
    await historian.take({ topic: TOPIC, partition: 0, entries, nextOffset: offset, skipped: 0 })
  }
  await historian.flush()
  const seconds = (performance.now() - begin) / 1_000
  const { samples, bytes } = historian.status()
  return loaded('lake', samples, seconds, bytes)
}

async function loadPostgres(postgres: Postgres, everyMs: number): Promise<string> {
  await postgres.run('CREATE TABLE signals (id int PRIMARY KEY, asset text, tag text)')
  await postgres.copy('signals', signalRows())
  await postgres.run('CREATE TABLE samples (signal int, time timestamptz, value double precision, quality int)')
  const copied = await postgres.copy('samples', sampleRows(everyMs))
  const indexed = await postgres.run('ALTER TABLE samples ADD PRIMARY KEY (signal, time)')
  await postgres.run('VACUUM ANALYZE samples')
  const count = Number(await postgres.value('SELECT count(*) FROM samples'))
  const bytes = Number(await postgres.value("SELECT pg_total_relation_size('samples')"))
  return loaded('PostgreSQL', count, (copied + indexed) / 1_000, bytes)
}

function loaded(name: string, samples: number, seconds: number, bytes: number): string {
  const rate = Math.round(samples / seconds).toLocaleString('en-US')
  return `${name}: ${samples.toLocaleString('en-US')} samples in ${seconds.toFixed(1)} s (${rate} a second), ${(bytes / samples).toFixed(2)} MB a million`
}

async function compare(
  { name, ask, sql }: Question,
  reader: LakeReader,
  postgres: Postgres | undefined,
): Promise<string> {
  const ours: number[] = []
  const theirs: number[] = []
  const end = performance.now() + MOST_MS
  for (let round = 0; round < ROUNDS && performance.now() < end; round++) {
    const begin = performance.now()
    await ask(reader, round)
    ours.push(performance.now() - begin)
    if (postgres) theirs.push(await postgres.run(sql(round)))
  }
  const figures = [ours, theirs].flatMap((times) => [quantile(times, 0.5), quantile(times, 0.99)])
  return `| ${[`${name} (${ours.length} times)`, ...figures].join(' | ')} |`
}

function quantile(times: readonly number[], share: number): string {
  const sorted = times.toSorted((a, b) => a - b)
  const at = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  return at === undefined ? '' : `${at.toFixed(at < 10 ? 1 : 0)} ms`
}

/** Noise on a drift, of two decimals, as sensors have; the same for both. */
class Values {
  #noise = 1

  next(tag: number): number {
    this.#noise = (this.#noise * 48_271) % 2_147_483_647
    return Math.round((20 + tag + (this.#noise / 2_147_483_647) * 5) * 100) / 100
  }
}

/** Records as the log hands them out, 500 at a time. */
function* batchesOf(everyMs: number): Iterable<StoredRecord[]> {
  const source: StoredRecord['headers'] = [['source', Buffer.from('line1')]]
  const values = new Values()
  let offset = 0
  let lot: StoredRecord[] = []
  for (let time = T0; time < END; time += everyMs) {
    for (let nth = 0; nth < MACHINES; nth++) {
      const row = Object.fromEntries(NAMES.map((name, tag) => [name, values.next(tag)]))
      const reading = { asset: assetOf(nth), sourceTime: time, receivedTime: time + 3, values: row }
      const value = Buffer.from(encodeRecord(reading))
      if (lot.push({ offset: offset++, timestamp: time, key: null, headers: source, value }) < 500) continue
      yield lot
      lot = []
    }
  }
  if (lot.length > 0) yield lot
}

function* signalRows(): Iterable<string> {
  for (let nth = 0; nth < MACHINES; nth++)
    for (let tag = 0; tag < TAGS; tag++) yield `${nth * TAGS + tag},${assetOf(nth)},tag${tag}\n`
}

function* sampleRows(everyMs: number): Iterable<string> {
  const values = new Values()
  for (let time = T0; time < END; time += everyMs) {
    const text = new Date(time).toISOString()
    for (let nth = 0; nth < MACHINES; nth++)
      for (let tag = 0; tag < TAGS; tag++) yield `${nth * TAGS + tag},${text},${values.next(tag)},0\n`
  }
}
