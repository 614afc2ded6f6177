import { Command, Option } from 'commander'
import type { AttachedLog, StartAt } from '../attach.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { qualityName } from '../model/quality.ts'
import { samplesOf, type Sample } from '../model/reading.ts'
import { jsonValue } from '../model/json-value.ts'
import { csvField } from './csv.ts'
import { EXIT } from './failure.ts'
import { configOption, dataOption, duration, fromOption, positive, time } from './options.ts'
import type { Done } from './program.ts'
import { onLog, timeText, valueText, type WhichLog } from './readings.ts'
import { Summary, type SummaryRow } from './summary.ts'
import { table, terminal } from './terminal.ts'

interface QueryOptions extends WhichLog {
  readonly tag: readonly string[]
  readonly from: StartAt
  readonly to?: number
  readonly every?: number
  readonly summary?: boolean
  readonly limit: number
  readonly format: 'table' | 'csv' | 'json'
  readonly json?: boolean
}

export const queryCommand = (done: Done) =>
  new Command('query')
    .description('values of the past, from the log: as they came, or summed up')
    .argument('[pattern]', 'assets below the site: press-shop/line1/press1, fleet/*, press-shop/**', '**')
    .addOption(dataOption())
    .addOption(configOption())
    .option('--tag <name...>', 'only these tags', [])
    .addOption(fromOption('start'))
    .addOption(new Option('--to <time>', 'end before this time, or a while ago (10m); default: now').argParser(time))
    .option('--summary', 'count, least, most, mean and last of each tag instead of its values')
    .addOption(new Option('--every <duration>', 'the summary of each such span of time (1m, 1h)').argParser(duration))
    .addOption(new Option('--limit <rows>', 'end after so many rows').argParser(positive).default(10_000))
    .addOption(
      new Option('--format <format>', 'what the rows look like').choices(['table', 'csv', 'json']).default('table'),
    )
    .option('--json', 'the same as --format json: one JSON object a line')
    .addHelpText(
      'after',
      "\nTimes are those of receipt: the log's own order.\n\nExamples:\n  millrace query 'press-shop/**' --tag temperature --from 1h\n  millrace query fleet/* --tag speed --from 24h --every 1h --format csv > speed.csv",
    )
    .action(async (pattern: string, options: QueryOptions) =>
      done(await onLog(options, (log, stop) => query(log, pattern, options, stop))),
    )

async function query(
  attached: AttachedLog,
  pattern: string,
  options: QueryOptions,
  signal: AbortSignal,
): Promise<number> {
  const format = options.json ? 'json' : options.format
  const samples = wanted(attached, pattern, options, signal)
  const rows = options.summary || options.every !== undefined ? summed(samples, options) : asTheyCame(samples)
  const writer = new Rows(format)
  let left = options.limit
  for await (const row of rows) {
    if (left-- <= 0) {
      writer.end()
      terminal.err(`Only the first ${options.limit.toLocaleString('en-US')} rows are shown: --limit takes more`)
      return EXIT.ok
    }
    writer.write(row)
  }
  writer.end()
  return EXIT.ok
}

type Row = { readonly [column: string]: unknown }

async function* wanted(attached: AttachedLog, pattern: string, { tag, from, to }: QueryOptions, signal: AbortSignal) {
  const { plantReadings } = await import('../attach.ts')
  const matches = pathMatcher(attached.site, pattern)
  const tags = new Set(tag)
  const range = { signal, from, untilEnd: true, ...(to === undefined ? {} : { before: to }) }
  for await (const { reading } of plantReadings(attached, range)) {
    if (!matches(reading.asset)) continue
    for (const sample of samplesOf(reading)) if (tags.size === 0 || tags.has(sample.tag)) yield sample
  }
}

async function* asTheyCame(samples: AsyncIterable<Sample>): AsyncGenerator<Row> {
  for await (const { asset, tag, value, quality, sourceTime, receivedTime } of samples) {
    const received = timeText(receivedTime)
    yield { time: timeText(sourceTime), asset, tag, value, quality: qualityName(quality), received }
  }
}

async function* summed(samples: AsyncIterable<Sample>, { every }: QueryOptions): AsyncGenerator<Row> {
  const summary = new Summary(every)
  for await (const sample of samples) summary.add(sample)
  for (const row of summary.rows()) yield plain(row, every !== undefined)
}

function plain({ from, ...row }: SummaryRow, spans: boolean): Row {
  const { first, last, ...rest } = row
  return { ...(spans ? { from: timeText(from) } : {}), ...rest, first: timeText(first), last: timeText(last) }
}

/** Writes rows of equal columns as they come; a table is aligned in blocks, so that it need not be held whole. */
class Rows {
  readonly #format: QueryOptions['format']
  #block: Row[] = []
  #headed = false

  constructor(format: QueryOptions['format']) {
    this.#format = format
  }

  write(row: Row): void {
    if (this.#format === 'json') return terminal.out(JSON.stringify(mapValues(row, json)))
    if (this.#format === 'csv') return this.#csv(row)
    this.#block.push(row)
    if (this.#block.length >= BLOCK) this.end()
  }

  end(): void {
    if (this.#block.length === 0) return
    const columns = Object.keys(this.#block[0]!)
    const lines = table([columns, ...this.#block.map((row) => columns.map((column) => shown(row[column])))])
    if (!this.#headed) terminal.out(terminal.style('bold', lines[0]!))
    for (const line of lines.slice(1)) terminal.out(line)
    this.#headed = true
    this.#block = []
  }

  #csv(row: Row): void {
    if (!this.#headed) terminal.out(Object.keys(row).join(','))
    this.#headed = true
    terminal.out(Object.values(row).map(csvField).join(','))
  }
}

const BLOCK = 1_000

function mapValues(row: Row, change: (value: unknown) => unknown): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, change(value)]))
}

function json(value: unknown): unknown {
  return value === null ? null : jsonValue(value as Exclude<Sample['value'], null>)
}

function shown(value: unknown): string | number {
  return typeof value === 'number' ? rounded(value) : valueText(value as Sample['value'])
}

/** Six figures are enough for the eye; CSV and JSON have them all. */
function rounded(value: number): number {
  return Number.isInteger(value) ? value : Number(value.toPrecision(6))
}
