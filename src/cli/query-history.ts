import type { StartAt } from '../attach.ts'
import type { AggregatesView } from '../api/contract-history.ts'
import { qualityName } from '../model/quality.ts'
import { askHub, pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { timeText } from './readings.ts'
import { Rows, type RowFormat } from './rows.ts'
import { terminal } from './terminal.ts'

export interface HistoryQueryOptions extends HubOptions {
  readonly tag: readonly string[]
  readonly from: StartAt
  readonly to?: number
  readonly every?: number
  readonly aggregate: string
  readonly limit: number
  readonly format: RowFormat
  readonly json?: boolean
}

const MINUTE_MS = 60_000

/** History may take half a minute for an answer. */
const PATIENCE_MS = 40_000

/** Aggregates of the tags of assets, asked of a running hub and printed: a row for each interval, tag and aggregate. */
export async function queryHistory(pattern: string, options: HistoryQueryOptions): Promise<number> {
  const wrong = whatIsWrong(options)
  if (wrong !== undefined) {
    terminal.err(wrong)
    return EXIT.usage
  }
  const address = `/api/v1/history?${parametersOf(pattern, options)}`
  const view = await askHub<AggregatesView>(await pageOf(options), address, undefined, PATIENCE_MS)
  const writer = new Rows(options.json ? 'json' : options.format)
  let left = options.limit
  for (const row of rowsOf(view)) {
    if (left-- <= 0) {
      terminal.err(`Only the first ${options.limit.toLocaleString('en-US')} rows are shown: --limit takes more`)
      break
    }
    writer.write(row)
  }
  writer.end()
  return EXIT.ok
}

function whatIsWrong({ tag, from }: HistoryQueryOptions): string | undefined {
  if (tag.length === 0) return 'Cannot ask history of all tags: want those of "--aggregate" named by "--tag"'
  if (from.at === 'start' || from.at === 'time') return undefined
  return 'Cannot ask history from a place in the log: want a time, or a while ago, in "--from"'
}

function parametersOf(pattern: string, { tag, from, to, every, aggregate }: HistoryQueryOptions): string {
  return new URLSearchParams({
    on: pattern,
    tags: tag.join(),
    aggregate,
    ...(from.at === 'time' && { from: String(wholeFrom(from.time, every)) }),
    ...(to !== undefined && { to: String(to) }),
    ...(every !== undefined && { every: String(every) }),
  }).toString()
}

/** A while ago is no round time; intervals that begin at one come from roll-ups, and are the same when asked again. */
function wholeFrom(time: number, every: number | undefined): number {
  const isRound = every === undefined || every % MINUTE_MS !== 0 || time % MINUTE_MS === 0
  return isRound ? time : Math.floor(time / every) * every
}

function* rowsOf({ series }: AggregatesView) {
  for (const { asset, tag, aggregate, points } of series) {
    for (const [time, value, quality] of points) {
      yield { time: timeText(time), asset, tag, aggregate, value, quality: qualityName(quality) }
    }
  }
}
