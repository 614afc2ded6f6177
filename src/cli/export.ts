import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { Command, Option } from 'commander'
import type { AttachedLog, StartAt } from '../attach.ts'
import { jsonValue } from '../model/json-value.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { qualityName, severity, type Severity } from '../model/quality.ts'
import { qualityOf, samplesOf, type Reading, type Value } from '../model/reading.ts'
import { csvField } from './csv.ts'
import { exportShells } from './export-shells.ts'
import { exportParquet } from './export-parquet.ts'
import { EXIT } from './failure.ts'
import { isAtLeast } from './least-quality.ts'
import { umhLines } from './umh.ts'
import { configOption, dataOption, fromOption, time } from './options.ts'
import type { Done } from './program.ts'
import { Progress } from './progress.ts'
import { onLog, timeText, type WhichLog } from './readings.ts'
import { terminal } from './terminal.ts'

interface ExportOptions extends WhichLog {
  readonly tag: readonly string[]
  readonly from: StartAt
  readonly to?: number
  readonly form: 'wide' | 'long'
  readonly format: 'csv' | 'ndjson' | 'parquet'
  readonly quality: Severity
  readonly out?: string
  readonly as: 'table' | 'umh' | 'aas' | 'aasx'
  readonly page?: string
}

/** Columns of a wide table: more is no table that anybody trains on. */
const MOST_COLUMNS = 2_000

export const exportCommand = (done: Done) =>
  new Command('export')
    .description('measured values of the past as a table to train on; or the shells of the plant')
    .argument('[pattern]', 'assets below the site: press-shop/line1/press1, fleet/*, press-shop/**', '**')
    .addOption(dataOption())
    .addOption(configOption())
    .option('--tag <name...>', 'only these tags, in this order', [])
    .addOption(fromOption('start'))
    .addOption(new Option('--to <time>', 'end before this time, or a while ago (10m); default: now').argParser(time))
    .addOption(
      new Option('--form <form>', 'a row for each reading with its tags as columns, or a row for each value')
        .choices(['wide', 'long'])
        .default('wide'),
    )
    .addOption(
      new Option('--format <format>', 'what rows look like').choices(['csv', 'ndjson', 'parquet']).default('csv'),
    )
    .addOption(
      new Option('--quality <least>', 'values that are worse are left out')
        .choices(['good', 'uncertain', 'bad'])
        .default('uncertain'),
    )
    .addOption(
      new Option(
        '--as <what>',
        'a table out of the log, messages of the United Manufacturing Hub, or Asset Administration Shells of a running hub, as JSON or AASX',
      )
        .choices(['table', 'umh', 'aas', 'aasx'])
        .default('table'),
    )
    .option('--page <url>', 'page of the hub whose shells are wanted, instead of the one of the data directory')
    .option('--out <file>', 'where it is written; default: stdout')
    .addHelpText(
      'after',
      "\nRows of an asset are in the order in which they were received; --from and --to are times of receipt. A wide CSV without\n--tag reads the log twice, first for the names of its columns. Ctrl-C ends it after a whole row.\nParquet has a row for each value, by asset, tag and time; UMH has a line for each, with topic and payload.\n\nExamples:\n  millrace export 'press-shop/**' --from 30d --out presses.csv\n  millrace export fleet/* --tag speed battery --format ndjson --quality good > fleet.ndjson\n  millrace export 'press-shop/**' --format parquet --out presses.parquet\n  millrace export fleet/* --as umh --out fleet.umh\n  millrace export --as aasx --out plant.aasx",
    )
    .action(async (pattern: string, options: ExportOptions) => {
      const { as } = options
      if (as === 'aas' || as === 'aasx') return done(await exportShells({ ...options, as }))
      return done(await onLog(options, (log, stop) => exportTable(log, pattern, options, stop)))
    })

async function exportTable(
  attached: AttachedLog,
  pattern: string,
  options: ExportOptions,
  signal: AbortSignal,
): Promise<number> {
  const { form, format, as, tag, out } = options
  const all = () => readings(attached, pattern, options, signal, 'records')
  if (as === 'table' && format === 'parquet') return exportParquet(all(), options, signal)
  const columns =
    as === 'table' && form === 'wide' && format === 'csv' && tag.length === 0
      ? await columnsOf(readings(attached, pattern, options, signal, 'records looked at'))
      : tag
  const sink = new Sink(out)
  const lines = as === 'umh' ? umhOf(all(), options) : linesOf(all(), columns, options)
  let rows = as === 'table' && format === 'csv' ? -1 : 0 // The heading is none.
  for await (const line of lines) {
    await sink.write(line, signal)
    rows += 1
  }
  await sink.end()
  if (signal.aborted) terminal.err(`Ended after ${rows.toLocaleString('en-US')} rows, before the whole was written`)
  else if (out !== undefined) terminal.err(`${rows.toLocaleString('en-US')} rows are in ${out}`)
  return signal.aborted ? EXIT.failed : EXIT.ok
}

/** The readings that are wanted; shows how far it is. */
async function* readings(
  attached: AttachedLog,
  pattern: string,
  { from, to }: ExportOptions,
  signal: AbortSignal,
  what: string,
): AsyncGenerator<Reading> {
  const { countRecords, plantReadings } = await import('../attach.ts')
  const matches = pathMatcher(attached.site, pattern)
  const progress = new Progress(what)
  const of = await countRecords(attached, from)
  let records = 0
  try {
    const range = { signal, from, untilEnd: true, ...(to === undefined ? {} : { before: to }) }
    for await (const { reading } of plantReadings(attached, range)) {
      if (signal.aborted) return
      progress.show(++records, of)
      if (matches(reading.asset)) yield reading
    }
  } finally {
    progress.end()
  }
}

async function columnsOf(all: AsyncIterable<Reading>): Promise<string[]> {
  const tags = new Set<string>()
  for await (const { values } of all) {
    for (const tag of Object.keys(values)) tags.add(tag)
    if (tags.size > MOST_COLUMNS)
      throw new Error(`Cannot export columns: there are more than ${MOST_COLUMNS} tags, want --tag or --form long`)
  }
  return [...tags].sort()
}

async function* umhOf(all: AsyncIterable<Reading>, { tag, quality }: ExportOptions): AsyncGenerator<string> {
  const wanted = new Set(tag)
  const isWanted = (name: string, code: number) =>
    (wanted.size === 0 || wanted.has(name)) && isAtLeast(severity(code), quality)
  for await (const reading of all) yield* umhLines(reading, isWanted)
}

async function* linesOf(
  all: AsyncIterable<Reading>,
  columns: readonly string[],
  { form, format, quality }: ExportOptions,
): AsyncGenerator<string> {
  const isCsv = format === 'csv'
  const wanted = new Set(columns)
  if (isCsv) {
    const heading = form === 'wide' ? ['time', 'asset', ...columns] : ['time', 'asset', 'tag', 'value', 'quality']
    yield heading.map(csvField).join(',')
  }
  for await (const reading of all) {
    const isWanted = (tag: string) => wanted.size === 0 || wanted.has(tag)
    const usable = samplesOf(reading).filter((one) => isWanted(one.tag) && isAtLeast(severity(one.quality), quality))
    if (usable.length === 0) continue
    const about = { time: timeText(reading.sourceTime), asset: reading.asset }
    if (form === 'long')
      for (const { tag, value } of usable) {
        const row = { ...about, tag, value, quality: qualityName(qualityOf(reading, tag)) }
        yield isCsv ? Object.values(row).map(csvField).join(',') : JSON.stringify({ ...row, value: json(value) })
      }
    else if (isCsv) {
      const values = new Map(usable.map(({ tag, value }) => [tag, value]))
      yield [about.time, about.asset, ...columns.map((tag) => values.get(tag) ?? null)].map(csvField).join(',')
    } else {
      const values = Object.fromEntries(usable.map(({ tag, value }) => [tag, json(value)]))
      yield JSON.stringify({ ...about, values })
    }
  }
}

function json(value: Value | null): unknown {
  return value === null ? null : jsonValue(value)
}

/** A file, or stdout; waits while whoever reads it is slow. */
class Sink {
  readonly #stream: Writable
  readonly #isFile: boolean
  #error: Error | undefined

  constructor(file: string | undefined) {
    this.#isFile = file !== undefined
    this.#stream = file === undefined ? process.stdout : createWriteStream(file)
    this.#stream.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = new Error(`Cannot write "${file ?? 'stdout'}": ${error.code ?? error.message}`, { cause: error })
    })
  }

  async write(line: string, signal: AbortSignal): Promise<void> {
    if (this.#error) throw this.#error
    if (this.#stream.write(`${line}\n`)) return
    await this.#has('drain', signal)
  }

  async end(): Promise<void> {
    if (this.#error) throw this.#error
    if (!this.#isFile) return
    this.#stream.end()
    await this.#has('finish')
  }

  async #has(happened: 'drain' | 'finish', signal?: AbortSignal): Promise<void> {
    try {
      await once(this.#stream, happened, { signal })
    } catch (error) {
      if (signal?.aborted !== true) throw this.#error ?? error
    }
  }
}
