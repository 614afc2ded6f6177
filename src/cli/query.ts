import { Command, Option } from 'commander'
import type { AttachedLog, StartAt } from '../attach.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { qualityName } from '../model/quality.ts'
import { samplesOf, type Sample } from '../model/reading.ts'
import { EXIT } from './failure.ts'
import { configOption, dataOption, duration, fromOption, positive, time } from './options.ts'
import type { Done } from './program.ts'
import { onLog, timeText, type WhichLog } from './readings.ts'
import { Summary, type SummaryRow } from './summary.ts'
import { queryHistory } from './query-history.ts'
import { querySql } from './query-sql.ts'
import { Rows, type Row } from './rows.ts'
import { terminal } from './terminal.ts'

interface QueryOptions extends WhichLog {
  readonly tag: readonly string[]
  readonly from: StartAt
  readonly to?: number
  readonly every?: number
  readonly summary?: boolean
  readonly aggregate?: string
  readonly sql?: string
  readonly page?: string
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
    .option(
      '--aggregate <names>',
      'aggregates of OPC UA Part 13 (TimeAverage,Maximum), by source time, from the history of the running hub',
    )
    .option(
      '--sql <select>',
      'a SELECT over the history of the running hub; @file reads it from a file, - from what comes in',
    )
    .option('--page <url>', 'with --aggregate or --sql: page of a hub, instead of the one of the data directory')
    .addOption(new Option('--limit <rows>', 'end after so many rows').argParser(positive).default(10_000))
    .addOption(
      new Option('--format <format>', 'what the rows look like').choices(['table', 'csv', 'json']).default('table'),
    )
    .option('--json', 'the same as --format json: one JSON object a line')
    .addHelpText(
      'after',
      "\nTimes are those of receipt: the log's own order. With --aggregate they are those of the machines, every value is\nof a span (--every, or all of the time; a while ago is cut to whole ones), --tag names the tags, and without --from it is\nthe last hour; a hub with `api.tokens` is asked with the token in MILLRACE_TOKEN.\n\nExamples:\n  millrace query 'press-shop/**' --tag temperature --from 1h\n  millrace query fleet/* --tag speed --from 24h --every 1h --format csv > speed.csv\n  millrace query 'press-shop/**' --tag temperature --from 8h --aggregate TimeAverage,PercentGood --every 10m\n  millrace query --sql 'SELECT asset, max(value) FROM samples WHERE tag = $$temperature$$ GROUP BY asset'",
    )
    .action(async (pattern: string, options: QueryOptions) => done(await answer(pattern, options)))

async function answer(pattern: string, options: QueryOptions): Promise<number> {
  const { sql, aggregate } = options
  if (sql !== undefined) return querySql({ ...options, sql })
  if (aggregate !== undefined) return queryHistory(pattern, { ...options, aggregate })
  return onLog(options, (log, stop) => query(log, pattern, options, stop))
}

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
