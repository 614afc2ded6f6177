import type { AttachedLog } from '../attach.ts'
import { jsonValue } from '../model/json-value.ts'
import { qualityName } from '../model/quality.ts'
import { samplesOf, type Reading, type Sample, type Value } from '../model/reading.ts'
import { printable } from '../system/printable.ts'
import { EXIT } from './failure.ts'
import { terminal } from './terminal.ts'

/** How commands show what the log holds. */

/** A reading as JSON, with the place it has in the log. */
export function readingJson(place: { partition: number; offset: number; source: string }, reading: Reading): string {
  const values = Object.entries(reading.values).map(([tag, value]) => [tag, value === null ? null : jsonValue(value)])
  return JSON.stringify({ ...place, ...reading, values: Object.fromEntries(values) })
}

export function timeText(ms: number): string {
  const date = new Date(ms)
  // A machine sends any number as its time, also one that no calendar has.
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString()
}

/** One line for each sample of a reading. */
export function readingLines(reading: Reading): string[] {
  return samplesOf(reading).map(({ asset, tag, value, quality, sourceTime }: Sample) => {
    const bad = quality === 0 ? '' : `  ${terminal.style('yellow', qualityName(quality))}`
    const time = terminal.style('dim', timeText(sourceTime))
    return `${time}  ${printable(asset)}  ${printable(tag)} ${terminal.style('bold', valueText(value))}${bad}`
  })
}

export function valueText(value: Value | null): string {
  if (value === null) return '-'
  if (typeof value === 'string') return printable(value)
  const json = jsonValue(value)
  return printable(typeof json === 'object' ? JSON.stringify(json) : String(json))
}

/** Which log: the directory of a hub, and the config where the log wants credentials. */
export interface WhichLog {
  readonly data: string
  readonly config?: string
}

/** Does the work on a plant's log until it is done, or somebody asks it to end; always lets go of the log. */
export async function onLog(
  { data, config }: WhichLog,
  work: (log: AttachedLog, stop: AbortSignal) => Promise<number>,
): Promise<number> {
  const { attachLog } = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  const { readPlant } = await import('./files.ts')
  const plant = config === undefined ? undefined : await readPlant(config)
  const attached = await attachLog(data, machine({ logLevel: 'warn', logFormat: 'text' }), plant)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  // Whoever read our output has had enough, as `head` has.
  process.stdout.once('error', () => stop.abort())
  try {
    return await work(attached, stop.signal)
  } catch (error) {
    if (stop.signal.aborted) return EXIT.ok
    throw error
  } finally {
    await attached.close()
  }
}
