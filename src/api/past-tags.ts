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

/** The tags of an asset as of a moment. */
export interface TagsThen {
  /** In the order of the definition; undefined: nothing had come by then, as far as is known. */
  readonly states: ReadonlyMap<string, KnownState | undefined>
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

  /** Undefined: there is no such asset. `only`: tags that are asked for; absent: all. */
  async of(path: string, at: number, only: ((tag: string) => boolean) | undefined, signal: AbortSignal) {
    const { twins, catalogue, history } = this.#options
    const twin = twins.get(path)
    const definitions = catalogue.tags(path)
    if (twin === undefined && definitions === undefined) return undefined
    const names = [...new Set([...(definitions?.keys() ?? []), ...(twin?.tags.keys() ?? [])])]
    const wanted = only === undefined ? names : names.filter(only)
    const states = new Map<string, KnownState | undefined>()
    for (const tag of wanted) {
      const state = twin?.tags.get(tag)
      states.set(tag, state !== undefined && state.sourceTime <= at ? state : undefined)
    }
    const open = wanted.filter((tag) => states.get(tag) === undefined)
    const present = wanted.length - open.length
    const then = { states, present, history: 0 }
    // What has never come has not come by then either, unless it is so old that only history has it.
    if (open.length === 0) return { ...then, unknown: [] }
    if (history === undefined) return { ...then, unknown: open.filter((tag) => twin?.tags.has(tag)) }
    return { ...then, ...(await this.#fill(path, at, states, open, history, signal)) }
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
    const found = await history.before({ asset: path, tags: open, time: at }, signal)
    for (const [tag, sample] of found) states.set(tag, await this.#stateOf(path, tag, sample, at, history, signal))
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

  async #stateOf(
    asset: string,
    tag: string,
    newest: HistorySample,
    at: number,
    history: HistoryReader,
    signal: AbortSignal,
  ): Promise<KnownState> {
    const sample =
      newest.time <= newest.receivedTime ? newest : await this.#shown(asset, tag, newest, at, history, signal)
    const isState = this.#options.catalogue.tags(asset)?.get(tag)?.kind === 'state'
    const since = isState ? await this.#since(asset, tag, sample, history, signal) : undefined
    const { value, quality, time, receivedTime } = sample
    return { value, quality, sourceTime: time, receivedTime, since }
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
