import { Command } from 'commander'
import type { TailedReading } from '../attach.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { qualityName } from '../model/quality.ts'
import { samplesOf, type Value } from '../model/reading.ts'
import { printable } from '../system/printable.ts'
import { EXIT } from './failure.ts'
import { count, dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

interface TailCommandOptions {
  readonly data: string
  readonly fromStart?: boolean
  readonly end?: boolean
  readonly number?: number
  readonly json?: boolean
}

export const tailCommand = (done: Done) =>
  new Command('tail')
    .description('readings as they come, straight from the log')
    .argument('[pattern]', 'assets below the site: press-shop/line1/press1, fleet/*, press-shop/**', '**')
    .addOption(dataOption())
    .option('--from-start', 'begin at the first reading that is still kept')
    .option('--end', 'end when everything that is there has been shown')
    .option('-n, --number <count>', 'end after so many readings', count)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      "\nExamples:\n  millrace tail 'press-shop/**'\n  millrace tail fleet/electric-vehicle-00001 --from-start --end --json | jq .values",
    )
    .action(async (pattern: string, options: TailCommandOptions) => done(await tail(pattern, options)))

async function tail(pattern: string, options: TailCommandOptions): Promise<number> {
  const { attachLog, tailReadings } = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  const attached = await attachLog(options.data, machine({ logLevel: 'warn', logFormat: 'text' }))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  process.stdout.once('error', () => stop.abort())
  try {
    const matches = pathMatcher(attached.site, pattern)
    let left = options.number ?? Infinity
    const from = { signal: stop.signal, fromStart: options.fromStart === true, untilEnd: options.end === true }
    for await (const tailed of tailReadings(attached, from)) {
      if (!matches(tailed.reading.asset)) continue
      for (const line of options.json ? [asJson(tailed)] : asText(tailed)) terminal.out(line)
      left -= 1
      if (left <= 0) break
    }
    return EXIT.ok
  } catch (error) {
    if (stop.signal.aborted) return EXIT.ok
    throw error
  } finally {
    await attached.close()
  }
}

function asJson({ partition, offset, source, reading }: TailedReading): string {
  return JSON.stringify({ partition, offset, source, ...reading }, plain)
}

/** int64 and bytes as strings: JSON has neither. */
function plain(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value
}

function asText({ reading }: TailedReading): string[] {
  const time = new Date(reading.sourceTime).toISOString()
  return samplesOf(reading).map(({ asset, tag, value, quality }) => {
    const bad = quality === 0 ? '' : `  ${terminal.style('yellow', qualityName(quality))}`
    return `${terminal.style('dim', time)}  ${printable(asset)}  ${printable(tag)} ${terminal.style('bold', shown(value))}${bad}`
  })
}

function shown(value: Value | null): string {
  if (value === null) return '-'
  if (typeof value === 'string') return printable(value)
  return typeof value === 'object' ? printable(JSON.stringify(value, plain)) : String(value)
}
