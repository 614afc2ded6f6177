import type { HistoryPointView } from '../contract-history.ts'
import { HISTORY } from '../history-limits.ts'
import type { HistoryPort } from '../history-port.ts'
import type { AddressSpace } from './address-space.ts'
import type { Budget } from './budget.ts'
import { elementId, type Element } from './element-ids.ts'
import { composed, noData, pastVqt, type Vqt } from './vqt.ts'

/** What an element was, i3X 1.0 "POST /objects/history". */
export interface PastValues {
  readonly isComposition: boolean
  /** In order of time; one `GoodNoData` where there is nothing. */
  readonly values: readonly Vqt[]
  readonly components?: { readonly [elementId: string]: PastValues }
}

export interface PastOptions {
  /** Undefined: none is kept. */
  readonly history: HistoryPort | undefined
  readonly space: AddressSpace
  /** ms since the epoch; the end is in. */
  readonly from: number
  readonly to: number
  readonly maxDepth: number
  /** Each value of a tag takes one. What is beyond it is left out, and whoever calls says so. */
  readonly budget: Budget
  readonly signal: AbortSignal
}

/** Samples of one machine by tag, in order of time; what held before `from` is in `before`. */
interface Past {
  readonly samples: ReadonlyMap<string, readonly HistoryPointView[]>
  readonly before: ReadonlyMap<string, HistoryPointView>
}

export async function pastValues(element: Element, options: PastOptions): Promise<PastValues> {
  const { history, to } = options
  const tags = [...(options.space.asset(element.path)?.tags.keys() ?? [])]
  const isComposition = element.kind === 'asset' && tags.length > 0
  const none = { isComposition, values: [noData(to)] }
  if (history === undefined || element.kind === 'place' || (element.kind === 'asset' && !isComposition)) return none
  if (element.kind === 'tag')
    return ofTag((await samplesOf(history, element, [element.tag], options)).get(element.tag), to)
  const samples = await samplesOf(history, element, tags, options)
  const past = { samples, before: await lastBefore(history, element, tags, options) }
  const values = [...held(tags, past, options.budget)]
  const own = { isComposition, values: values.length === 0 ? none.values : values }
  if (options.maxDepth === 1) return own
  const components = tags.map((tag): [string, PastValues] => [
    elementId(element.path, tag),
    ofTag(samples.get(tag), to),
  ])
  return { ...own, components: Object.fromEntries(components) }
}

function ofTag(samples: readonly HistoryPointView[] | undefined, to: number): PastValues {
  const values = (samples ?? []).map(pastVqt)
  return { isComposition: false, values: values.length === 0 ? [noData(to)] : values }
}

/** All samples in the range, page by page, as far as the budget goes. */
async function samplesOf(
  history: HistoryPort,
  { path }: Element,
  tags: readonly string[],
  { from, to, budget, signal }: PastOptions,
): Promise<Map<string, HistoryPointView[]>> {
  const samples = new Map<string, HistoryPointView[]>(tags.map((tag) => [tag, []]))
  const of = { asset: path, tags }
  for (let start: number | undefined = from; start !== undefined && !budget.isExceeded;) {
    const query = { kind: 'samples', of, from: start, to: justAfter(to), limit: HISTORY.page } as const
    const page = await history.samples(query, signal)
    for (const one of page.series) {
      const known = samples.get(one.tag)!
      for (const sample of one.samples) if (budget.take()) known.push(sample)
    }
    start = page.next
  }
  return samples
}

/** The newest sample of each tag before the range. */
async function lastBefore(
  history: HistoryPort,
  { path }: Element,
  tags: readonly string[],
  { from, signal }: PastOptions,
): Promise<Map<string, HistoryPointView>> {
  const span = { from: from - MICROSECOND, to: Math.max(0, from - HISTORY.spanMs) }
  const found = await history.samples({ kind: 'samples', of: { asset: path, tags }, ...span, limit: 1 }, signal)
  return new Map(found.series.flatMap(({ tag, samples }) => (samples[0] === undefined ? [] : [[tag, samples[0]]])))
}

/** The machine as it stood at each time at which one of its tags was measured: a value holds until the next one. */
function* held(tags: readonly string[], { samples, before }: Past, budget: Budget): Generator<Vqt> {
  const state = new Map(tags.map((tag) => [tag, before.has(tag) ? pastVqt(before.get(tag)!) : noData(0)]))
  const changes = tags.flatMap((tag) => samples.get(tag)!.map((sample) => ({ tag, sample })))
  for (const [, together] of Map.groupBy(
    changes.sort((a, b) => a.sample[0] - b.sample[0]),
    ({ sample }) => sample[0],
  )) {
    for (const { tag, sample } of together) state.set(tag, pastVqt(sample))
    if (!budget.take(tags.length)) return
    const value = composed(state)
    if (value !== undefined) yield value
  }
}

const MICROSECOND = 0.001

function justAfter(time: number): number {
  return time + MICROSECOND
}
