import type { Row } from '../component/expression/expression.ts'
import type { ViewPosition } from '../component/view.ts'
import { qualityName, severity } from '../model/quality.ts'
import type { Value } from '../model/reading.ts'
import type {
  AssetSummary,
  HubsView,
  HubView,
  JsonValue,
  LedgerView,
  ModelView,
  ProcessorView,
  ReplicationView,
  SinkView,
  SourceView,
  TagView,
  TwinView,
  ValuesView,
} from './contract.ts'
import type { AssetQuery, HubPort } from './hub-port.ts'
import { valuesPage, type ValuesQuery } from './values-query.ts'

/** A hub without log and sources: what the API and the page are developed and tested against. */
export class MemoryHub implements HubPort {
  readonly #twins = new Map<string, TwinView>()
  readonly #listeners = new Set<(path: string) => void>()
  #paths: string[] | undefined
  view: HubView = {
    site: 'acme/berlin',
    version: '0.0.0',
    mode: 'run',
    log: { kind: 'memory', durability: 'fsync', state: 'live', reason: 'Stores what is handed over', since: 0 },
    startedAt: 0,
    recordsPerSecond: 0,
    assets: 0,
  }
  modelViews: readonly ModelView[] = []
  /** Seen from each asset. */
  readonly relationViews = new Map<string, NonNullable<TwinView['relations']>>()
  sourceViews: readonly SourceView[] = []
  hubsView: HubsView = { hubs: [] }
  replicationViews: readonly ReplicationView[] = []
  processorViews: readonly ProcessorView[] = []
  sinkViews: readonly SinkView[] = []
  readers: readonly { readonly name: string; readonly positions: readonly ViewPosition[] }[] = []
  isReady = true

  /** Sets tags of an asset, as one record would, and tells the listeners. */
  record(path: string, tags: readonly MemoryTag[], now: number): void {
    const before = this.#twins.get(path)
    if (before === undefined) this.#paths = undefined
    const merged = new Map(before?.tags.map((tag) => [tag.tag, tag]))
    for (const tag of tags) merged.set(tag.tag, tagView(tag, now))
    this.#twins.set(path, {
      path,
      model: before?.model ?? 'press@1',
      revision: (before?.revision ?? 0) + 1,
      lastReceived: now,
      source: 'line1',
      tags: [...merged.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1)),
    })
    for (const listener of this.#listeners) listener(path)
  }

  /** Lets values of an asset age, all or of one tag; nobody is told, as in a plant. */
  age(path: string, only?: string): void {
    const twin = this.#twins.get(path)!
    const tags = twin.tags.map((tag) => (only === undefined || tag.tag === only ? { ...tag, stale: true } : tag))
    this.#twins.set(path, { ...twin, tags })
  }

  get listeners(): number {
    return this.#listeners.size
  }

  ready(): boolean {
    return this.isReady
  }

  hub(): HubView {
    return { ...this.view, assets: this.#twins.size }
  }

  assets(query: AssetQuery): readonly AssetSummary[] {
    return this.paths(query).map((path) => this.asset(path)!)
  }

  paths({ under, after, limit }: AssetQuery): readonly string[] {
    this.#paths ??= [...this.#twins.keys()].sort()
    const found: string[] = []
    for (let at = after === undefined ? 0 : firstAfter(this.#paths, after); at < this.#paths.length; at += 1) {
      const path = this.#paths[at]!
      if (under !== undefined && path !== under && !path.startsWith(`${under}/`)) continue
      if (found.push(path) === limit) break
    }
    return found
  }

  modelOf(path: string): string | undefined {
    return this.#twins.get(path)?.model
  }

  models(): Iterable<string> {
    return new Set([...this.#twins.values()].flatMap(({ model }) => model ?? []))
  }

  row(path: string): Row | undefined {
    const twin = this.#twins.get(path)
    const known = (tag: string) => twin?.tags.find((one) => one.tag === tag && one.severity !== 'bad')
    return twin && { get: (tag) => (known(tag)?.value ?? undefined) as Value | undefined }
  }

  asset(path: string): AssetSummary | undefined {
    const twin = this.#twins.get(path)
    if (twin === undefined) return undefined
    const { model, lastReceived, tags } = twin
    const bad = tags.some((tag) => tag.severity === 'bad')
    const uncertain = tags.some((tag) => tag.severity === 'uncertain')
    return {
      path,
      ...(model === undefined ? {} : { model }),
      tags: tags.length,
      ...(lastReceived === undefined ? {} : { lastReceived }),
      stale: tags.some((tag) => tag.stale),
      severity: bad ? 'bad' : uncertain ? 'uncertain' : 'good',
    }
  }

  twin(path: string): TwinView | undefined {
    const twin = this.#twins.get(path)
    const relations = this.relationViews.get(path)
    return twin && { ...twin, ...(relations !== undefined && { relations }) }
  }

  values(query: ValuesQuery): ValuesView {
    const tagsOf = (path: string) => this.#twins.get(path)!.tags
    return valuesPage(
      {
        site: this.view.site,
        list: (under, after, limit) =>
          this.assets({ under, limit, ...(after !== undefined && { after }) }).map(({ path }) => path),
        tags: (path) => tagsOf(path).map(({ tag }) => tag),
        known: (path, name) => tagsOf(path).find(({ tag }) => tag === name),
      },
      query,
    )
  }

  declaredModels(): readonly ModelView[] {
    return this.modelViews
  }

  relationTypes(): readonly string[] {
    return [...new Set([...this.relationViews.values()].flat().map(({ type }) => type))].sort()
  }

  sources(): readonly SourceView[] {
    return this.sourceViews
  }

  replications(): readonly ReplicationView[] {
    return this.replicationViews
  }

  sinks(): readonly SinkView[] {
    return this.sinkViews
  }

  processors(): readonly ProcessorView[] {
    return this.processorViews
  }

  ledger(): LedgerView {
    const books = this.sourceViews.map((source) => source.book)
    return { balanced: books.every((book) => book.balanced), books }
  }

  hubs(): HubsView {
    return this.hubsView
  }

  metrics(): string {
    return '# TYPE millrace_test gauge\nmillrace_test 1\n'
  }

  onChange(listener: (path: string) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }
}

/** A tag as tests write it down. */
export interface MemoryTag {
  readonly tag: string
  readonly value: JsonValue
  readonly kind?: string
  readonly unit?: string
  readonly range?: readonly [number, number]
  readonly quality?: number
  readonly stale?: boolean
}

function tagView(
  { tag, value, kind = 'gauge', unit, range, quality = 0, stale = false }: MemoryTag,
  now: number,
): TagView {
  return {
    tag,
    value,
    kind,
    type: typeof value,
    ...(unit === undefined ? {} : { unit }),
    ...(range === undefined ? {} : { range }),
    quality,
    qualityName: qualityName(quality),
    severity: severity(quality),
    sourceTime: now,
    receivedTime: now,
    stale,
  }
}

/** Where the first path after `after` is, in a sorted list. */
function firstAfter(paths: readonly string[], after: string): number {
  let low = 0
  let high = paths.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (paths[middle]! <= after) low = middle + 1
    else high = middle
  }
  return low
}
