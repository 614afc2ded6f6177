import { Command } from 'commander'
import type { AttachedLog, StartAt } from '../attach.ts'
import type { Event } from '../model/event.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { topicName } from '../model/path.ts'
import { printable } from '../system/printable.ts'
import { textOf } from '../system/text.ts'
import { EXIT } from './failure.ts'
import { count, configOption, dataOption, fromOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { onLog, readingJson, readingLines, timeText, type WhichLog } from './readings.ts'
import { terminal } from './terminal.ts'

interface TailCommandOptions extends WhichLog {
  readonly from: StartAt
  readonly events?: boolean
  readonly topic?: string
  readonly end?: boolean
  readonly number?: number
  readonly json?: boolean
}

export const tailCommand = (done: Done) =>
  new Command('tail')
    .description('readings as they come, straight from the log')
    .argument('[pattern]', 'assets below the site: press-shop/line1/press1, fleet/*, press-shop/**', '**')
    .addOption(dataOption())
    .addOption(configOption())
    .addOption(fromOption('end'))
    .option('--events', 'business events instead of readings')
    .option('--topic <topic>', 'records of a topic as they are, instead of readings: quarantine, gaps, or a full name')
    .option('--end', 'end when everything that is there has been shown')
    .option('-n, --number <count>', 'end after so many', count)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      "\nExamples:\n  millrace tail 'press-shop/**'\n  millrace tail fleet/electric-vehicle-00001 --from 10m --end --json | jq .values\n  millrace tail --events --from 1d --end\n  millrace tail --topic quarantine --from start",
    )
    .action(async (pattern: string, options: TailCommandOptions) =>
      done(
        await onLog(options, (log, stop) =>
          options.topic === undefined
            ? (options.events ? tailEvents : tail)(log, pattern, options, stop)
            : tailTopic(log, options.topic, options, stop),
        ),
      ),
    )

async function tail(attached: AttachedLog, pattern: string, options: TailCommandOptions, signal: AbortSignal) {
  const { plantReadings } = await import('../attach.ts')
  const matches = pathMatcher(attached.site, pattern)
  const until = { signal, from: options.from, untilEnd: options.end === true }
  let left = options.number ?? Infinity
  for await (const { reading, ...place } of plantReadings(attached, until)) {
    if (!matches(reading.asset)) continue
    for (const line of options.json ? [readingJson(place, reading)] : readingLines(reading)) terminal.out(line)
    left -= 1
    if (left <= 0) break
  }
  return EXIT.ok
}

async function tailEvents(attached: AttachedLog, pattern: string, options: TailCommandOptions, signal: AbortSignal) {
  const { plantEvents } = await import('../attach.ts')
  const matches = pathMatcher(attached.site, pattern)
  const until = { signal, from: options.from, untilEnd: options.end === true }
  let left = options.number ?? Infinity
  for await (const { event, ...place } of plantEvents(attached, until)) {
    if (!matches(event.asset)) continue
    terminal.out(options.json ? JSON.stringify({ ...place, ...event }) : eventLine(event))
    left -= 1
    if (left <= 0) break
  }
  return EXIT.ok
}

function eventLine({ time, asset, type, data, source }: Event): string {
  const what = terminal.style('bold', printable(type))
  const said = terminal.style('dim', printable(source))
  return `${terminal.style('dim', timeText(time))}  ${printable(asset)}  ${what}  ${printable(JSON.stringify(data))}  ${said}`
}

async function tailTopic(attached: AttachedLog, topic: string, options: TailCommandOptions, signal: AbortSignal) {
  const { topicRecords } = await import('../attach.ts')
  const name = topic.includes('.') ? topic : topicName(attached.site, topic)
  const until = { signal, from: options.from, untilEnd: options.end === true }
  let left = options.number ?? Infinity
  for await (const { partition, offset, timestamp, key, value, headers } of topicRecords(attached, name, until)) {
    const shown = { partition, offset, timestamp, key: text(key), value: text(value) }
    const named = headers.map(([header, bytes]): [string, string | null] => [header, text(bytes)])
    terminal.out(options.json ? JSON.stringify({ ...shown, headers: named }) : recordLine(shown, named))
    left -= 1
    if (left <= 0) break
  }
  return EXIT.ok
}

interface ShownRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: string | null
  readonly value: string | null
}

function recordLine(
  { partition, offset, timestamp, key, value }: ShownRecord,
  headers: [string, string | null][],
): string {
  const place = terminal.style('dim', `${partition}:${offset}  ${timeText(timestamp)}`)
  const named = headers.map(([name, header]) => `${printable(name)}=${printable(header ?? '')}`).join(' ')
  const body = value === null ? terminal.style('yellow', 'tombstone') : printable(value)
  return `${place}  ${terminal.style('bold', printable(key ?? '-'))}  ${body}  ${terminal.style('dim', named)}`
}

/** Bytes as text; what is no UTF-8 shows its replacement characters. */
function text(bytes: Uint8Array | null): string | null {
  return bytes && textOf(bytes)
}
