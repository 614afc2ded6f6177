import type { HistorySample, HistorySeries } from '../historian/history-reader.ts'
import { jsonValue } from '../model/json-value.ts'
import type { Value } from '../model/reading.ts'
import type { HistoryPointView } from './contract-history.ts'
import { HISTORY } from './history-limits.ts'

/** Of a sample without a text in it: time, number, quality, brackets. */
const PLAIN_BYTES = 40

/**
 * Series cut so that all end at one time, where the next page goes on: that of the first one that has more, or at which
 * the answer is large enough. `last`: that time; undefined: nothing was cut.
 */
export function pageOf(series: readonly HistorySeries[], backwards: boolean) {
  const ahead = (one: number, other: number) => (backwards ? one > other : one < other)
  const ends = series.flatMap(({ samples, more }) => (more ? [samples.at(-1)!.time] : []))
  const large = endByBytes(series, ahead)
  if (large !== undefined) ends.push(large)
  const last = ends.length === 0 ? undefined : ends.reduce((end, one) => (ahead(one, end) ? one : end))
  const pages = series.map(({ samples }) =>
    samples.filter(({ time }) => last === undefined || !ahead(last, time)).map(sampleView),
  )
  return { pages, last }
}

/** The time of the last sample that the answer has room for; the first moment has room in any case. */
function endByBytes(
  series: readonly HistorySeries[],
  ahead: (one: number, other: number) => boolean,
): number | undefined {
  let bytes = 0
  for (const { samples } of series) for (const { value } of samples) bytes += PLAIN_BYTES + bytesOf(value)
  if (bytes <= HISTORY.answerBytes) return undefined
  const all = series.flatMap(({ samples }) => samples)
  all.sort((one, other) => (ahead(one.time, other.time) ? -1 : ahead(other.time, one.time) ? 1 : 0))
  bytes = 0
  let last = all[0]!.time
  for (const { time, value } of all) {
    bytes += PLAIN_BYTES + bytesOf(value)
    if (bytes > HISTORY.answerBytes && time !== last) return last
    last = time
  }
  return undefined
}

function bytesOf(value: Value | null): number {
  if (typeof value === 'string') return value.length * 2
  if (value instanceof Uint8Array) return Math.ceil((value.length * 4) / 3)
  return typeof value === 'object' && value !== null ? JSON.stringify(jsonValue(value)).length : 0
}

function sampleView({ time, value, quality }: HistorySample): HistoryPointView {
  return [time, jsonValue(value), quality]
}
