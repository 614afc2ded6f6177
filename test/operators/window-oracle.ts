import { isDeepStrictEqual } from 'node:util'
import type { Reading } from '../../src/model/reading.ts'
import { qualityOf } from '../../src/model/reading.ts'

/**
 * What windows should say, worked out from all values at once: lists and loops, nothing kept, no line shared with the
 * operator.
 */
export interface Asked {
  readonly tag: string
  readonly aggregates: readonly string[]
  readonly rollover?: number
}

interface Sample {
  readonly time: number
  /** undefined: it cannot be used. */
  readonly value: number | boolean | string | undefined
  readonly quality: number
}

export interface Frame {
  readonly start: number
  readonly end: number
}

/** Every window of a grid that has a value or a part of the time for which one held. */
export function gridFrames(
  rows: readonly Reading[],
  asked: readonly Asked[],
  size: number,
  every: number,
  hold: number,
) {
  const frames = new Map<number, Frame>()
  const spans = rows.flatMap((row) => [[row.sourceTime, row.sourceTime] as const])
  for (const { tag } of asked)
    spans.push(...heldOf(samplesOf(rows, tag), hold).map(({ from, to }) => [from, to] as const))
  for (const [from, to] of spans) {
    for (let start = Math.ceil((from - size) / every) * every; start <= to; start += every) {
      if (start + size > from) frames.set(start, { start, end: start + size })
    }
  }
  return [...frames.values()].sort((a, b) => a.start - b.start)
}

export function sessionFrames(rows: readonly Reading[], gap: number): Frame[] {
  const frames: { start: number; end: number }[] = []
  for (const { sourceTime } of rows) {
    const last = frames.at(-1)
    if (last !== undefined && sourceTime - last.end < gap) last.end = sourceTime
    else frames.push({ start: sourceTime, end: sourceTime })
  }
  return frames
}

/** What a window says, by name of the derived tag; undefined: nothing at all. */
export function expected(
  rows: readonly Reading[],
  asked: readonly Asked[],
  { start, end }: Frame,
  hold: number,
  edges: 'start' | 'end' | 'both' = 'start',
): { [tag: string]: { value: unknown; good?: number } } | undefined {
  const said: { [tag: string]: { value: unknown; good?: number } } = {}
  for (const { tag, aggregates, rollover } of asked) {
    const all = samplesOf(rows, tag)
    const isIn = ({ time }: Sample) => {
      if (time === start) return edges !== 'end'
      return time > start && (edges === 'start' ? time < end : time <= end)
    }
    const samples = all.filter(isIn)
    const held = heldOf(all, hold).map(({ from, to, value }) => {
      return { ms: Math.max(0, Math.min(to, end) - Math.max(from, start)), value }
    })
    const heldMs = total(held.map(({ ms }) => ms))
    const usable = samples.filter(({ value }) => value !== undefined)
    const numbers = usable.flatMap(({ value }) => (typeof value === 'string' ? [] : [Number(value)]))
    const byValue = samples.length === 0 ? 1 : usable.length / samples.length
    const byTime = end > start ? heldMs / (end - start) : byValue
    const counted = countedIn(all, isIn, rollover)
    const timed = held.filter(({ ms }) => ms > 0)
    const none = { value: null }
    if (samples.length === 0 && heldMs === 0) continue
    for (const name of aggregates) {
      const put = (value: unknown, good?: number) =>
        (said[`${tag}.${name}`] = good === undefined ? { value } : { value, good })
      if (name === 'timeAverage') {
        if (timed.length > 0) put(total(timed.map(({ ms, value }) => ms * Number(value))) / heldMs, byTime)
        else put(null)
      } else if (name === 'percentGood') put(100 * byTime, 1)
      else if (name === 'duration') {
        for (const state of new Set(timed.map(({ value }) => String(value)))) {
          const ms = total(timed.filter(({ value }) => String(value) === state).map(({ ms }) => ms))
          said[`${tag}.duration.${state}`] = { value: ms / 1000, good: byTime }
        }
      } else if (samples.length === 0) continue
      else if (name === 'worstQuality') {
        put(
          samples.reduce((worst, { quality }) => (quality >>> 30 > worst >>> 30 ? quality : worst), 0),
          1,
        )
      } else if (name === 'count') put(usable.length, byValue)
      else if (numbers.length === 0) said[`${tag}.${name}`] = none
      else if (name === 'first') put(usable[0]!.value, byValue)
      else if (name === 'last') put(usable.at(-1)!.value, byValue)
      else if (name === 'sum') put(total(numbers), byValue)
      else if (name === 'mean') put(total(numbers) / numbers.length, byValue)
      else if (name === 'min') put(Math.min(...numbers), byValue)
      else if (name === 'max') put(Math.max(...numbers), byValue)
      else if (name === 'range') put(Math.max(...numbers) - Math.min(...numbers), byValue)
      else if (name === 'stddev') put(deviation(numbers), byValue)
      else if (name === 'delta') put(counted.pairs > 0 ? counted.delta : null, counted.pairs > 0 ? byValue : undefined)
      else if (name === 'resets')
        put(counted.pairs > 0 ? counted.resets : null, counted.pairs > 0 ? byValue : undefined)
      else put(percentile(numbers, Number(name.slice(1))), byValue)
    }
  }
  return Object.keys(said).length === 0 ? undefined : said
}

/** Whether a derived reading says what is expected, fractions within the error of a double. */
export function agrees(reading: Reading, wanted: NonNullable<ReturnType<typeof expected>>): boolean {
  const names = Object.keys(reading.values).filter((name) => !name.startsWith('window.'))
  if (!isDeepStrictEqual(names.sort(), Object.keys(wanted).sort())) return false
  return Object.entries(wanted).every(([name, { value, good }]) => {
    const quality = good === undefined ? 0x809b0000 : good > 1 - 1e-9 ? 0 : good < 1e-9 ? 0x80000000 : 0x40a40000
    return isNear(reading.values[name], value) && qualityOf(reading, name) === quality
  })
}

function isNear(one: unknown, other: unknown): boolean {
  if (typeof one !== 'number' || typeof other !== 'number') return one === other
  return Math.abs(one - other) <= 1e-9 * Math.max(1, Math.abs(one), Math.abs(other))
}

function samplesOf(rows: readonly Reading[], tag: string): Sample[] {
  return rows
    .filter(({ values }) => Object.hasOwn(values, tag))
    .map((row) => {
      const quality = qualityOf(row, tag)
      const value = row.values[tag]
      return { time: row.sourceTime, quality, value: value === null || quality !== 0 ? undefined : (value as number) }
    })
}

/** For which times which usable value held. */
function heldOf(samples: readonly Sample[], hold: number) {
  return samples.flatMap(({ time, value }, index) => {
    const to = Math.min(samples[index + 1]?.time ?? Infinity, time + hold)
    return value === undefined ? [] : [{ from: time, to, value }]
  })
}

/** What a counter counted by the values of a window, each compared with the usable one before it. */
function countedIn(all: readonly Sample[], isIn: (sample: Sample) => boolean, rollover = 0) {
  const numbers = all.filter(({ value }) => typeof value === 'number' || typeof value === 'boolean')
  const counted = { delta: 0, pairs: 0, resets: 0 }
  for (let at = 1; at < numbers.length; at++) {
    if (!isIn(numbers[at]!)) continue
    const step = Number(numbers[at]!.value) - Number(numbers[at - 1]!.value)
    counted.pairs += 1
    if (step >= 0) counted.delta += step
    else if (rollover > 0 && step + rollover <= rollover / 2) counted.delta += step + rollover
    else {
      counted.resets += 1
      counted.delta += Math.max(0, Number(numbers[at]!.value))
    }
  }
  return counted
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0)
}

function deviation(numbers: readonly number[]): number {
  if (numbers.length === 1) return 0
  const mean = total(numbers) / numbers.length
  return Math.sqrt(total(numbers.map((number) => (number - mean) ** 2)) / (numbers.length - 1))
}

function percentile(numbers: readonly number[], percent: number): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const rank = (percent / 100) * (sorted.length - 1)
  const low = sorted[Math.floor(rank)]!
  return low + (sorted[Math.ceil(rank)]! - low) * (rank % 1)
}
