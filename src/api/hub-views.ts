import type { Row } from '../component/expression/expression.ts'
import { compileBehaviour } from '../component/behaviour/behaviour.ts'
import type { Health } from '../component/health.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Catalogue } from '../model/catalogue.ts'
import type { Model } from '../model/definition.ts'
import { jsonValue } from '../model/json-value.ts'
import type { System } from '../system/system.ts'
import { sourceOf } from '../twins/twin.ts'
import type { SourceVerdict, Twins } from '../twins/twins.ts'
import type { CommandViews } from './command-views.ts'
import type {
  AssetSummary,
  HubEntry,
  HistorianView,
  HubsView,
  HubView,
  LedgerView,
  ModelView,
  ProcessorView,
  ReplicationView,
  SinkView,
  SourceView,
  TwinView,
  ValuesView,
} from './contract.ts'
import type { AssetQuery, HubPort } from './hub-port.ts'
import { behaviourView } from './forecast-view.ts'
import { Rates } from './rates.ts'
import { TagCount, tagView, usableValue } from './tag-view.ts'
import { valuesPage, type ValuesQuery } from './values-query.ts'

export interface HubViewsOptions {
  /** What never changes while the hub runs. */
  readonly hub: Omit<HubView, 'recordsPerSecond' | 'assets' | 'log' | 'historian'> & {
    readonly log: Omit<HubView['log'], 'state' | 'reason' | 'since'>
  }
  readonly logHealth: () => Health
  readonly catalogue: Catalogue
  readonly models: ReadonlyMap<string, Model>
  readonly twins: Twins
  /** Whether the twins have taken what was in the log when they were started. */
  readonly caughtUp: () => boolean
  readonly ledger: Ledger
  /** Address of the page, once it is there. */
  readonly page: () => string
  readonly sources: () => readonly SourceStatus[]
  /** The hubs that share the log; absent: this one has it for itself. */
  readonly hubs?: () => readonly HubEntry[]
  readonly replications: () => readonly ReplicationView[]
  readonly processors: () => readonly ProcessorView[]
  readonly sinks: () => readonly SinkView[]
  /** Absent: history is off. */
  readonly historian?: () => HistorianView
  /** What tags are to be, by commands. */
  readonly commands?: Pick<CommandViews, 'desired' | 'onChange'>
  readonly system: Pick<System, 'clock' | 'metrics'>
}

/** A configured source and how it is; undefined: it was not started yet. */
export interface SourceStatus {
  readonly name: string
  readonly kind: string
  /** See `SourceSpec.holds`. */
  readonly holds: boolean
  readonly health: Health | undefined
}

const WATCH_MS = 1_000
/** How old a source's health may be when its values are judged by it. */
const HEALTH_MS = 100

/** What the API shows, made from the twins, the books and the sources of a running hub. */
export class HubViews implements HubPort {
  readonly #options: HubViewsOptions
  readonly #rates = new Rates()
  #judged = -Infinity

  constructor(options: HubViewsOptions) {
    this.#options = options
  }

  /** Begins to watch rates and sources, once a second; answers what ends it. */
  watch(): () => void {
    const timer = this.#options.system.clock.every(WATCH_MS, () => this.#look())
    this.#look()
    return () => timer.cancel()
  }

  ready(): boolean {
    return this.#options.caughtUp()
  }

  hub(): HubView {
    const { hub, catalogue, logHealth } = this.#options
    const { state, reason, since } = logHealth()
    const log = { ...hub.log, state: state === 'live' || state === 'failed' ? state : 'down', reason, since } as const
    const historian = this.#options.historian && { historian: this.#options.historian() }
    return { ...hub, log, recordsPerSecond: this.#rates.total(), assets: catalogue.size, ...historian }
  }

  assets(query: AssetQuery): readonly AssetSummary[] {
    return this.paths(query).flatMap((path) => this.asset(path) ?? [])
  }

  paths({ under, after, limit }: AssetQuery): readonly string[] {
    return this.#options.twins.list(under ?? '', after, limit)
  }

  modelOf(path: string): string | undefined {
    return this.#options.catalogue.modelOf(path)
  }

  models(): Iterable<string> {
    return this.#options.catalogue.models()
  }

  row(path: string): Row | undefined {
    const twin = this.#options.twins.get(path)
    return twin && { get: (tag) => usableValue(twin.tags.get(tag)) }
  }

  asset(path: string): AssetSummary | undefined {
    this.#judge()
    const { twins, catalogue } = this.#options
    const twin = twins.get(path)
    const definitions = catalogue.tags(path)
    if (twin === undefined && definitions === undefined) return undefined
    const model = catalogue.modelOf(path)
    const count = new TagCount()
    for (const [tag, state] of twin?.tags ?? []) count.add(state, twins.isStale(path, tag, state))
    for (const tag of definitions?.keys() ?? []) if (!twin?.tags.has(tag)) count.addSilent()
    return {
      path,
      ...(model !== undefined && { model }),
      tags: count.tags,
      ...(twin !== undefined && { lastReceived: twin.lastReceived }),
      stale: count.isStale,
      severity: count.severity,
    }
  }

  twin(path: string): TwinView | undefined {
    const tags = this.#tags(path)
    if (tags === undefined) return undefined
    const relations = this.#options.catalogue.relations(path)
    const meta = this.#options.catalogue.meta(path)
    const desired = this.#options.commands?.desired(path)
    return {
      path,
      ...this.#head(path),
      tags,
      ...(relations.length > 0 && { relations }),
      ...(meta !== undefined && { meta }),
      ...(desired && desired.length > 0 && { desired }),
    }
  }

  values(query: ValuesQuery): ValuesView {
    this.#judge()
    const { twins, hub } = this.#options
    return valuesPage(
      {
        site: hub.site,
        list: (under, after, limit) => twins.list(under, after, limit),
        tags: (path) => twins.get(path)?.tags.keys() ?? [],
        known(path, tag) {
          const state = twins.get(path)!.tags.get(tag)!
          const value = state.value === null ? null : jsonValue(state.value)
          return { value, stale: twins.isStale(path, tag, state), receivedTime: state.receivedTime }
        },
      },
      query,
    )
  }

  declaredModels(): readonly ModelView[] {
    return [...this.#options.models.values()].map(modelView).sort((a, b) => (a.id < b.id ? -1 : 1))
  }

  relationTypes(): readonly string[] {
    return this.#options.catalogue.relationTypes()
  }

  sources(): readonly SourceView[] {
    const books = new Map(this.#options.ledger.view().map((book) => [book.source, book]))
    return this.#options.sources().map(({ name, kind, health = NOT_STARTED }): SourceView => {
      const book = books.get(name) ?? this.#options.ledger.summary(name)
      return { name, kind, ...health, parts: health.parts ?? [], rate: this.#rates.of(name), book }
    })
  }

  ledger(): LedgerView {
    const { ledger } = this.#options
    const books = ledger.view()
    return { balanced: ledger.complete && books.every((book) => book.balanced), books }
  }

  processors(): readonly ProcessorView[] {
    return this.#options.processors()
  }

  sinks(): readonly SinkView[] {
    return this.#options.sinks()
  }

  replications(): readonly ReplicationView[] {
    return this.#options.replications()
  }

  hubs(): HubsView {
    const { hubs, hub, page, sources } = this.#options
    if (hubs !== undefined) return { hubs: hubs().map(hubEntry) }
    const own = sources().map(({ name, kind, health = NOT_STARTED }) => ({ name, kind, ...health }))
    return {
      hubs: [hubEntry({ hub: 'this hub', page: page(), since: hub.startedAt, here: true, leads: true, sources: own })],
    }
  }

  metrics(): string {
    return this.#options.system.metrics.expose()
  }

  onChange(listener: (path: string) => void): () => void {
    const { twins, commands } = this.#options
    const ends = [twins.subscribe(listener), commands?.onChange(listener)]
    return () => ends.forEach((end) => end?.())
  }

  #look(): void {
    const { ledger, system } = this.#options
    const received = ledger.view().map((book) => [book.source, book.received] as const)
    this.#rates.note(system.clock.monotonic(), new Map(received))
  }

  /** The values of a source that is not live are not the present, however young they are. */
  #judge(): void {
    const { twins, sources, system } = this.#options
    const now = system.clock.monotonic()
    if (now - this.#judged < HEALTH_MS) return
    this.#judged = now
    judgeSources(twins, sources())
  }

  #head(path: string) {
    const { twins, catalogue } = this.#options
    const twin = twins.get(path)
    const model = catalogue.modelOf(path)
    return {
      ...(model === undefined ? {} : { model }),
      revision: twin?.revision ?? 0,
      ...(twin === undefined ? {} : { lastReceived: twin.lastReceived, source: sourceOf(twin) }),
    }
  }

  /** Tags in the order of the definition: declared ones that never came are there too, without a value. */
  #tags(path: string) {
    this.#judge()
    const twin = this.#options.twins.get(path)
    const definitions = this.#options.catalogue.tags(path)
    if (twin === undefined && definitions === undefined) return undefined
    const names = new Set([...(definitions?.keys() ?? []), ...(twin?.tags.keys() ?? [])])
    return [...names].map((tag) => {
      const state = twin?.tags.get(tag)
      return tagView(
        tag,
        definitions?.get(tag),
        state,
        state !== undefined && this.#options.twins.isStale(path, tag, state),
      )
    })
  }
}

function modelView({ id, tags, behaviour }: Model): ModelView {
  return {
    id,
    ...(behaviour && { behaviour: behaviourView(compileBehaviour(behaviour, tags)) }),
    tags: [...tags].map(([tag, { type, kind, unit, range, states, description }]) => ({
      tag,
      type,
      kind,
      ...(unit !== undefined && { unit }),
      ...(range !== undefined && { range }),
      ...(states !== undefined && { states }),
      ...(description !== undefined && { description }),
    })),
  }
}

/** Tells the twins what the values of each source are worth right now. */
export function judgeSources(twins: Twins, sources: readonly SourceStatus[]): void {
  for (const { name, holds, health } of sources) twins.judge(name, verdict(holds, health))
}

/** What a source's health says of the values it sent: the silent ones of a source that is up age by themselves. */
function verdict(holds: boolean, health: Health | undefined): SourceVerdict {
  if (health === undefined || health.state === 'starting') return 'ages'
  if (health.state === 'live') return holds ? 'holds' : 'ages'
  return health.state === 'stale' && !holds ? 'ages' : 'down'
}

/** What others are shown of a hub, and nothing else that its notice may have. */
function hubEntry({ hub, page, since, here, leads, partitions, sources }: HubEntry): HubEntry {
  const shown = sources.map(({ name, kind, state, reason, since: changed, lastData, epoch }) => ({
    name,
    kind,
    state,
    reason,
    since: changed,
    ...(lastData !== undefined && { lastData }),
    ...(epoch !== undefined && { epoch }),
  }))
  return { hub, page, since, here, leads, ...(partitions !== undefined && { partitions }), sources: shown }
}

const NOT_STARTED: Health = { state: 'starting', reason: 'Not started yet', since: 0 }
