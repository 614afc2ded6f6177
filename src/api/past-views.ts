import type { Row } from '../component/expression/expression.ts'
import { jsonValue } from '../model/json-value.ts'
import { shownTime } from '../twins/twin.ts'
import type { AlarmViews } from './alarm-views.ts'
import type { CommandViews } from './command-views.ts'
import { changesBetween } from './compare.ts'
import type { AssetSummary, TagView, ValuesRow } from './contract.ts'
import type { CompareView, PastAssetsView, PastBasis, PastTwinView, PastValuesView } from './contract-past.ts'
import type { AssetQuery, HubPort } from './hub-port.ts'
import { pastPage, type PageBounds, type PageRows } from './past-page.ts'
import type { PastPort } from './past-port.ts'
import { PastTags, type PastTagsOptions, type TagsThen, type TagStates } from './past-tags.ts'
import type { Selection, Verdict } from './selection.ts'
import { TagCount, tagView, usableValue, type KnownState } from './tag-view.ts'
import { placeOf, tagMatcher, valuesRow, type ValuesQuery } from './values-query.ts'
import { pathMatcher } from '../model/path-pattern.ts'

export interface PastViewsOptions extends PastTagsOptions {
  readonly hub: Pick<HubPort, 'hub' | 'paths' | 'modelOf' | 'sources'>
  readonly alarms: Pick<AlarmViews, 'standingAt'>
  /** Absent: no machine takes commands. */
  readonly commands?: Pick<CommandViews, 'desiredAt'>
  /** Whether the values of a source hold until the next one, however long that takes (`SourceSpec.holds`). */
  readonly holds: (source: string) => boolean
}

/** Age beyond which a value was stale then where neither its tag nor its source says otherwise; as the twins have it. */
const STALE_AFTER_MS = 60_000
const MOST_ALARMS = 100
/** How long a page may take before it ends early. */
const PAGE_MS = 5_000

/** The plant as of a moment, out of twins, history and the steps of alarms. */
export class PastViews implements PastPort {
  readonly #options: PastViewsOptions
  readonly #tags: PastTags

  constructor(options: PastViewsOptions) {
    this.#options = options
    this.#tags = new PastTags(options)
  }

  async twin(path: string, at: number, signal: AbortSignal): Promise<PastTwinView | undefined> {
    const then = await this.#tags.of(path, at, signal)
    if (then === undefined) return undefined
    const { catalogue, alarms, commands } = this.#options
    const standing = await alarms.standingAt({ exactly: path, limit: MOST_ALARMS }, at, signal)
    const desired = await commands?.desiredAt(path, at, (tag) => then.states.get(tag), signal)
    const relations = catalogue.relations(path)
    const meta = catalogue.meta(path)
    return {
      path,
      ...this.#head(path, then.states),
      at,
      tags: this.#views(path, at, then),
      ...(relations.length > 0 && { relations }),
      ...(meta !== undefined && { meta }),
      ...(desired !== undefined && desired.length > 0 && { desired }),
      alarms: standing.alarms,
      basis: this.#basis(then, standing.knownFrom),
    }
  }

  async assets(query: AssetQuery, at: number, selection: Selection | undefined, signal: AbortSignal) {
    const counts = { unknown: 0 }
    const under = query.under ?? selection?.place ?? ''
    const rows: PageRows<TagStates, AssetSummary> = {
      takes: (path) => selection?.mayTake(path) ?? true,
      states: (paths) => this.#tags.states(paths, at, () => true, signal),
      row: (path, states) => {
        const verdict: Verdict = selection?.judge(path, rowOf(states)) ?? 'taken'
        if (verdict === 'unknown') counts.unknown += 1
        return verdict === 'taken' ? this.#summary(path, at, states) : undefined
      },
    }
    const page = await pastPage({ ...query, under }, rows, this.#bounds(signal))
    const view: PastAssetsView = {
      at,
      assets: page.rows,
      ...(page.next !== undefined && { next: page.next }),
      ...(selection?.isConditional === true && {
        unknown: { assets: counts.unknown, ...(selection.strange !== undefined && { reason: selection.strange }) },
      }),
    }
    return view
  }

  async values({ on, tags, ...page }: ValuesQuery, at: number, signal: AbortSignal): Promise<PastValuesView> {
    const { site } = this.#options.hub.hub()
    const takesTag = tagMatcher(tags)
    const rows: PageRows<TagStates, ValuesRow> = {
      takes: pathMatcher(site, on),
      states: (paths) => this.#tags.states(paths, at, takesTag, signal),
      row: (path, states) => valuesRow(path, states.keys(), (tag) => this.#known(path, tag, states.get(tag), at)),
    }
    const { rows: assets, next } = await pastPage({ ...page, under: placeOf(site, on) }, rows, this.#bounds(signal))
    return { at, assets, ...(next !== undefined && { next }) }
  }

  #known(path: string, tag: string, state: KnownState | undefined, at: number) {
    if (state === undefined) return undefined
    const value = state.value === null ? null : jsonValue(state.value)
    return { value, stale: this.#isStale(path, tag, state, at), receivedTime: state.receivedTime }
  }

  async compare(path: string, a: number, b: number, signal: AbortSignal): Promise<CompareView | undefined> {
    const one = await this.twin(path, a, signal)
    const other = await this.twin(path, b, signal)
    return one && other && changesBetween(one, other)
  }

  #head(path: string, states: TagStates) {
    const model = this.#options.hub.modelOf(path)
    const received = [...states.values()].map((state) => state?.receivedTime ?? -Infinity)
    const lastReceived = Math.max(...received, -Infinity)
    return {
      ...(model !== undefined && { model }),
      ...(Number.isFinite(lastReceived) && { lastReceived }),
    }
  }

  #summary(path: string, at: number, states: TagStates): AssetSummary {
    const count = new TagCount()
    for (const [tag, state] of states) {
      if (state === undefined) count.addSilent()
      else count.add(state, this.#isStale(path, tag, state, at))
    }
    return { path, ...this.#head(path, states), tags: count.tags, stale: count.isStale, severity: count.severity }
  }

  #views(path: string, at: number, { states }: TagsThen): TagView[] {
    const definitions = this.#options.catalogue.tags(path)
    return [...states].map(([tag, state]) =>
      tagView(tag, definitions?.get(tag), state, state !== undefined && this.#isStale(path, tag, state, at)),
    )
  }

  /** By age alone: whether its source was up then is not known. */
  #isStale(path: string, tag: string, state: KnownState, at: number): boolean {
    const { catalogue, twins, holds } = this.#options
    const own = catalogue.tags(path)?.get(tag)?.staleAfterMs
    const source = twins.get(path)?.tags.get(tag)?.source
    if (own === undefined && source !== undefined && holds(source)) return false
    return at - shownTime(state) > (own ?? STALE_AFTER_MS)
  }

  #basis({ present, history, historyFrom, unknown }: TagsThen, alarmsFrom: number | undefined): PastBasis {
    const notes = ['Meta data and relations are those of now']
    if (unknown.length > 0 && this.#options.history === undefined)
      notes.push('This hub keeps no history: only values that have not changed since are known')
    else if (unknown.length > 0) notes.push('History begins later: what the tags in "unknown" were is not known')
    if (alarmsFrom !== undefined)
      notes.push(`Alarms that have stood since before ${new Date(alarmsFrom).toISOString()} are missing`)
    return {
      by: { values: 'source time', alarms: 'received time' },
      present,
      history,
      ...(historyFrom !== undefined && { historyFrom }),
      unknown,
      notes,
    }
  }

  #bounds(signal: AbortSignal): PageBounds {
    const { clock, hub } = this.#options
    return { clock, paths: (query) => hub.paths(query), untilMs: clock.monotonic() + PAGE_MS, signal }
  }
}

function rowOf(states: TagStates): Row {
  return { get: (tag) => usableValue(states.get(tag)) }
}
