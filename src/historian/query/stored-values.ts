import { isUsable, type AggregateRules } from '../aggregates/rules.ts'
import type { RawValue } from '../aggregates/raw-value.ts'
import type { HistoryReader } from '../history-reader.ts'
import type { ReadBudget } from './read-budget.ts'

/** Samples that are fetched in one go, at most. */
const PAGE = 20_000

/** Time that is looked at in one go, at first; the store sorts all that is in it. */
const FIRST_WINDOW_MS = 600_000

/** How much more time is looked at next, where little was found. */
const WIDER = 8

/** Unusable neighbours that are passed one by one, before the nearest Good one is asked for: a short spell of them is the rule. */
const MOST_STEPS = 4

export interface StoredSpan {
  readonly asset: string
  readonly tag: string
  /** The first moment, and the first one that is not in it any more. */
  readonly from: number
  readonly to: number
}

/**
 * The values of a tag in a span and those around it that aggregates need (see `aggregate`), in order of time, a page at a
 * time. Beyond a long spell of unusable values the nearest Good one is the neighbour, though an Uncertain one may be
 * nearer.
 */
export async function* storedValues(
  reader: HistoryReader,
  span: StoredSpan,
  rules: AggregateRules,
  budget: ReadBudget,
  signal: AbortSignal,
): AsyncGenerator<readonly RawValue[]> {
  yield await valuesBefore(reader, span, rules, signal)
  yield* valuesWithin(reader, span, budget, signal)
  yield await valuesAfter(reader, span, rules, signal)
}

/** Only those of the span. */
export async function* valuesWithin(
  reader: HistoryReader,
  { asset, tag, from, to }: StoredSpan,
  budget: ReadBudget,
  signal: AbortSignal,
): AsyncGenerator<readonly RawValue[]> {
  let windowMs = FIRST_WINDOW_MS
  for (let at = from; at < to;) {
    const end = Math.min(at + windowMs, to)
    const series = (await reader.read({ asset, tags: [tag], from: at, to: end, limit: PAGE }, signal)).get(tag)
    const samples = series?.samples ?? []
    budget.take(samples)
    yield samples
    if (series?.more) {
      const next = justAfter(samples.at(-1)!.time)
      windowMs = next - at
      at = next
    } else {
      at = end
      if (samples.length < PAGE / WIDER) windowMs *= WIDER
    }
  }
}

/** The moment after a time, and before it: history knows whole microseconds. */
export const justAfter = (time: number): number => Math.round(time * 1000 + 1) / 1000
export const justBefore = (time: number): number => Math.round(time * 1000 - 1) / 1000

/** The nearest before a span, the oldest first. */
async function valuesBefore(
  reader: HistoryReader,
  { asset, tag, from }: StoredSpan,
  rules: AggregateRules,
  signal: AbortSignal,
): Promise<RawValue[]> {
  const tags = new Map([[asset, [tag]]])
  const look: Look = async (time, goodOnly) =>
    (await reader.before({ tags, time, goodOnly }, signal)).get(asset)?.get(tag)
  const wanted = rules.slopedExtrapolation ? 2 : 1
  return (await neighbours(look, justBefore(from), justBefore, wanted, rules)).reverse()
}

async function valuesAfter(
  reader: HistoryReader,
  { asset, tag, to }: StoredSpan,
  rules: AggregateRules,
  signal: AbortSignal,
): Promise<RawValue[]> {
  const tags = new Map([[asset, [tag]]])
  const look: Look = async (time, goodOnly) =>
    (await reader.after({ tags, time, goodOnly }, signal)).get(asset)?.get(tag)
  return neighbours(look, to, justAfter, 1, rules)
}

type Look = (time: number, goodOnly: boolean) => Promise<RawValue | undefined>

/** The nearest values from a time on, away from the span, until there are so many usable ones. */
async function neighbours(
  look: Look,
  from: number,
  beyond: (time: number) => number,
  wanted: number,
  rules: AggregateRules,
): Promise<RawValue[]> {
  const found: RawValue[] = []
  let time = from
  for (let usable = 0, steps = 0; usable < wanted; steps++) {
    const value = await look(time, steps >= MOST_STEPS)
    if (value === undefined) break
    found.push(value)
    if (isUsable(value, rules)) usable++
    time = beyond(value.time)
  }
  return found
}
