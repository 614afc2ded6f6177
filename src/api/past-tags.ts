import { HistoryError } from '../historian/history-error.ts'
import type { HistoryReader, HistorySample } from '../historian/history-reader.ts'
import type { Catalogue } from '../model/catalogue.ts'
import type { Clock } from '../system/clock.ts'
import { isSame, shownTime } from '../twins/twin.ts'
import type { Twins } from '../twins/twins.ts'
import type { KnownState } from './tag-view.ts'

export interface PastTagsOptions {
  readonly twins: Twins
  readonly catalogue: Catalogue
  /** Absent: the hub keeps no history. */
  readonly history?: HistoryReader
  readonly clock: Clock
}

/** In the order of the definition; undefined: nothing had come by then, as far as is known. */
export type TagStates = ReadonlyMap<string, KnownState | undefined>

/** The tags of an asset as of a moment. */
export interface TagsThen {
  readonly states: TagStates
  /** How many are as they are now, and how many are from history. */
  readonly present: number
  readonly history: number
  /** Source time of the first sample that history has, where it was asked. */
  readonly historyFrom?: number
  /** Tags that may have had a value. */
  readonly unknown: readonly string[]
}

/** What is acknowledged is in history about a second later. */
const HISTORY_LAG_MS = 1_500
/** Samples in which the beginning of a state is looked for, and in which one with a clock ahead is passed over, at a time. */
const LOOK_BACK = 500
/** Times that it is looked further back. */
const LOOKS = 20

/**
 * What the twin of an asset was, as `evolve` would have made it of all records whose source time is at or before a moment.
 * What has not changed since is in the twin itself; the rest is in history.
 */
export class PastTags {
  readonly #options: PastTagsOptions

  constructor(options: PastTagsOptions) {
    this.#options = options
  }

  /** Undefined: there is no such asset. */
  async of(path: string, at: number, signal: AbortSignal): Promise<TagsThen | undefined> {
    const { twins, history } = this.#options
    const known = this.#known(path, at, () => true)
    if (known === undefined) return undefined
    const { states, open } = known
    const then = { states, present: states.size - open.length, history: 0 }
    // What has never come has not come by then either, unless it is so old that only history has it.
    if (open.length === 0) return { ...then, unknown: [] }
    if (history === undefined) return { ...then, unknown: open.filter((tag) => twins.get(path)?.tags.has(tag)) }
    return { ...then, ...(await this.#fill(path, at, states, open, history, signal)) }
  }

  /**
   * The states of the tags of many assets, without `since`: history is asked for all of them together. An asset that is not
   * there has no entry. `takes`: tags that are asked for.
   */
  async states(
    paths: readonly string[],
    at: number,
    takes: (tag: string) => boolean,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, TagStates>> {
    const { history } = this.#options
    const known = paths.flatMap((path) => {
      const own = this.#known(path, at, takes)
      return own === undefined ? [] : [[path, own] as const]
    })
    const open = known.filter(([, own]) => own.open.length > 0).map(([path, own]) => [path, own.open] as const)
    if (history !== undefined && open.length > 0) {
      await this.#untilStored(at, signal)
      const states = new Map(known.map(([path, own]) => [path, own.states]))
      for await (const [path, samples] of newestOf(open, at, history, signal))
        for (const [tag, sample] of samples)
          states.get(path)!.set(tag, stateOf(await this.#shown(path, tag, sample, at, history, signal)))
    }
    return new Map(known.map(([path, own]) => [path, own.states]))
  }

  /** What has not changed since, and the tags that may have. */
  #known(path: string, at: number, takes: (tag: string) => boolean) {
    const { twins, catalogue } = this.#options
    const twin = twins.get(path)
    const definitions = catalogue.tags(path)
    if (twin === undefined && definitions === undefined) return undefined
    const names = [...new Set([...(definitions?.keys() ?? []), ...(twin?.tags.keys() ?? [])])].filter(takes)
    const stateAt = (tag: string): KnownState | undefined => {
      const state = twin?.tags.get(tag)
      return state !== undefined && state.sourceTime <= at ? state : undefined
    }
    const states = new Map(names.map((tag) => [tag, stateAt(tag)]))
    return { states, open: names.filter((tag) => states.get(tag) === undefined) }
  }

  async #fill(
    path: string,
    at: number,
    states: Map<string, KnownState | undefined>,
    open: readonly string[],
    history: HistoryReader,
    signal: AbortSignal,
  ): Promise<Omit<TagsThen, 'states' | 'present'>> {
    await this.#untilStored(at, signal)
    const found = (await history.before({ tags: new Map([[path, open]]), time: at }, signal)).get(path)!
    for (const [tag, newest] of found) {
      const sample = await this.#shown(path, tag, newest, at, history, signal)
      const isState = this.#options.catalogue.tags(path)?.get(tag)?.kind === 'state'
      const since = isState ? await this.#since(path, tag, sample, history, signal) : undefined
      states.set(tag, { ...stateOf(sample), since })
    }
    const missing = open.filter((tag) => !found.has(tag))
    const extent = missing.length === 0 ? undefined : await history.extent({ asset: path }, signal)
    const isBefore = extent === undefined || at < extent.from
    const unknown = isBefore ? missing.filter((tag) => this.#options.twins.get(path)?.tags.has(tag)) : []
    return { history: found.size, unknown, ...(extent !== undefined && { historyFrom: extent.from }) }
  }

  /** A moment that is nearly now is waited for, until what came by then is in history. */
  async #untilStored(at: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const left = at + HISTORY_LAG_MS - clock.now()
    if (left > 0) await clock.sleep(left, signal)
    signal.throwIfAborted()
  }

  /**
   * The sample that the twin showed, where the newest one came of a clock that was ahead: a twin takes no value for newer than
   * it was received (`shownTime`), so an earlier one may have counted.
   */
  async #shown(
    asset: string,
    tag: string,
    newest: HistorySample,
    at: number,
    history: HistoryReader,
    signal: AbortSignal,
  ): Promise<HistorySample> {
    if (newest.time <= newest.receivedTime) return newest
    let best = newest
    let to = afterTime(at)
    for (let looks = 0; looks < LOOKS; looks += 1) {
      // Only what was measured at or after the time of the best one can be shown later than it.
      const range = { asset, tags: [tag], from: timeShown(best), to, limit: LOOK_BACK, backwards: true }
      const { samples = [], more = false } = (await history.read(range, signal)).get(tag) ?? {}
      for (const sample of samples) if (isLater(sample, best)) best = sample
      const last = samples.at(-1)
      if (!more || last === undefined) break
      to = last.time
    }
    return best
  }

  /** When a state began; undefined where that is further back than is looked. */
  async #since(
    asset: string,
    tag: string,
    { value, ...sample }: HistorySample,
    history: HistoryReader,
    signal: AbortSignal,
  ): Promise<number | undefined> {
    let since = timeShown(sample)
    let to = sample.time
    for (let looks = 0; looks < LOOKS; looks += 1) {
      const range = { asset, tags: [tag], from: 0, to, limit: LOOK_BACK, backwards: true }
      const { samples = [], more = false } = (await history.read(range, signal)).get(tag) ?? {}
      for (const earlier of samples) {
        if (!isSame(earlier.value, value)) return since
        since = timeShown(earlier)
      }
      const last = samples.at(-1)
      if (!more || last === undefined) return since
      to = last.time
    }
    return undefined
  }
}

/** The newest samples of assets' tags; what does not fit into one answer is asked for by halves. */
async function* newestOf(
  tags: readonly (readonly [path: string, tags: readonly string[]])[],
  time: number,
  history: HistoryReader,
  signal: AbortSignal,
): AsyncGenerator<readonly [path: string, samples: ReadonlyMap<string, HistorySample>]> {
  try {
    yield* await history.before({ tags: new Map(tags), time }, signal)
  } catch (error) {
    if (tags.length === 1 || !(error instanceof HistoryError) || error.code !== 'HISTORY_TOO_LARGE') throw error
    const half = tags.length >> 1
    for (const part of [tags.slice(0, half), tags.slice(half)]) yield* newestOf(part, time, history, signal)
  }
}

function stateOf({ value, quality, time, receivedTime }: HistorySample): KnownState {
  return { value, quality, sourceTime: time, receivedTime }
}

function timeShown({ time, receivedTime }: Pick<HistorySample, 'time' | 'receivedTime'>): number {
  return shownTime({ sourceTime: time, receivedTime })
}

/** Of two with one time the one that was received later, which lies later in the log. */
function isLater(one: HistorySample, other: HistorySample): boolean {
  return (
    timeShown(one) - timeShown(other) > 0 ||
    (timeShown(one) === timeShown(other) && one.receivedTime > other.receivedTime)
  )
}

/** The first time that is not at or before a moment; times have microseconds. */
function afterTime(at: number): number {
  return at + 0.001
}
