import type {
  AlarmCommandView,
  AlarmJournalView,
  AlarmName,
  AlarmsView,
  AssetSummary,
  EventsView,
  HubView,
  JsonValue,
  LedgerView,
  LiveSelection,
  ModelView,
  SourceView,
  TwinView,
  ValuesRow,
} from './api/contract.ts'
import type { ForecastRequest, ForecastView } from './api/contract-forecast.ts'
import type { AggregatesView, ChartView, HistoryView } from './api/contract-history.ts'
import type { CompareView, PastTwinView } from './api/contract-past.ts'
import { ClientError } from './client/client-error.ts'
import { CommandsClient, type CommandOptions, type SentCommand } from './client/commands.ts'
import { encodePath, Http, type Query } from './client/http.ts'
import { LiveStream, requestOf, type LiveChange, type LiveView } from './client/live.ts'

export { ClientError }
export type { CommandOptions, LiveChange, LiveView, SentCommand }
export type * from './api/contract.ts'
export type * from './api/contract-commands.ts'
export type * from './api/contract-forecast.ts'
export type * from './api/contract-history.ts'
export type * from './api/contract-past.ts'

/**
 * `millrace/client`: a hub, for programs in Node and in browsers. Nothing else is needed.
 *
 *     import { connect } from 'millrace/client'
 *
 *     const hub = connect({ url: 'http://127.0.0.1:8080' })
 *     console.log(await hub.twin('acme/berlin/press-shop/line1/press7'))
 */
export function connect(options: ConnectOptions): Client {
  return new Client(new Http({ timeoutMs: 30_000, ...options }))
}

export interface ConnectOptions {
  /** Where the hub's page is: `https://hub.example:8080`. */
  readonly url: string
  /** One of `api.tokens` of the hub's config; on a loopback that is open none is needed. */
  readonly token?: string
  /** How long an answer may take; default 30 s. */
  readonly timeoutMs?: number
}

/** A moment: ms since the epoch, ISO 8601, or a date. */
export type Time = number | string | Date

/** Which assets: by a pattern of paths, their model, a condition in CEL over their values. */
export interface AssetsQuery extends LiveSelection {
  /** Only this place and what is below it. */
  readonly under?: string
}

export interface HistoryOptions {
  /** Absent: all of them. */
  readonly tags?: readonly string[]
  /** Default: an hour before `to`. After `to`: backwards. */
  readonly from?: Time
  /** Default: now. */
  readonly to?: Time
}

export interface SamplesOptions extends HistoryOptions {
  /** Most samples of a tag; `next` of the answer is then the `from` of the next page. */
  readonly limit?: number
}

export interface AggregatesOptions extends HistoryOptions {
  /** Names of OPC UA Part 13: `TimeAverage`, `Minimum`, ... */
  readonly aggregate: string | readonly string[]
  /** Length of an interval: `1m`, `8h`; absent: one interval. */
  readonly every?: string
}

export interface ChartOptions extends HistoryOptions {
  /** Points of a tag at most. */
  readonly points: number
  readonly method?: 'min-max' | 'lttb'
}

/** A hub. Every call rejects with a `ClientError` where it cannot be answered. */
export class Client {
  readonly #http: Http
  readonly alarms: AlarmsClient
  readonly commands: CommandsClient

  /** @internal see `connect` */
  constructor(http: Http) {
    this.#http = http
    this.alarms = new AlarmsClient(http)
    this.commands = new CommandsClient(http)
  }

  status(): Promise<HubView> {
    return this.#http.get('/api/v1/status')
  }

  /** Assets in the order of their paths, as many as are taken; pages are fetched as they are needed. */
  async *assets(query: AssetsQuery = {}): AsyncGenerator<AssetSummary> {
    yield* pages<AssetSummary>(this.#http, '/api/v1/assets', { ...query })
  }

  /** What is known of an asset: as it is now, or as it was at a moment that is over. */
  twin(path: string): Promise<TwinView>
  twin(path: string, options: { readonly at: Time }): Promise<PastTwinView>
  twin(path: string, { at }: { readonly at?: Time } = {}): Promise<TwinView | PastTwinView> {
    return this.#http.get(`/api/v1/assets/${encodePath(path)}`, { at })
  }

  /** What differs between two moments of an asset; `b`: now, unless it is named. */
  compare(path: string, a: Time, b?: Time): Promise<CompareView> {
    return this.#http.get(`/api/v1/assets/${encodePath(path)}/compare`, { a, b })
  }

  /** How an asset goes on from now, as the behaviour of its model says; `set`: what if. Never a value of the machine. */
  forecast(asset: string, options: Omit<ForecastRequest, 'asset'> = {}): Promise<ForecastView> {
    return this.#http.post('/api/v1/forecasts', { asset, ...options })
  }

  /** Only the values of an asset, by tag. They may be stale or Bad: `twin` tells. */
  values(path: string): Promise<{ readonly [tag: string]: JsonValue }> {
    return this.#http.get(`/api/v1/values/${encodePath(path)}`)
  }

  /** Some values of many assets: `on` is a pattern, as in `fleet/*`. */
  async *valuesOf(query: { readonly on: string; readonly tags: readonly string[] }): AsyncGenerator<ValuesRow> {
    yield* pages<ValuesRow>(this.#http, '/api/v1/values', { ...query })
  }

  /** What an asset was: its samples, aggregates of OPC UA Part 13, or few enough points to draw. */
  history(path: string, options: AggregatesOptions): Promise<AggregatesView>
  history(path: string, options: ChartOptions): Promise<ChartView>
  history(path: string, options?: SamplesOptions): Promise<HistoryView>
  history(path: string, options: object = {}): Promise<HistoryView | AggregatesView | ChartView> {
    return this.#http.get(`/api/v1/assets/${encodePath(path)}/history`, { ...options })
  }

  /**
   * Tells `onChange` the twins of assets, and again whenever one changes. Where the connection is lost it says so, tells
   * every twin as stale, and comes back by itself.
   */
  live(wanted: readonly string[] | LiveSelection, onChange: (change: LiveChange) => void): LiveView {
    const stream = new LiveStream(this.#http, requestOf(wanted), onChange)
    stream.open()
    return stream
  }

  /**
   * Asks for a command to a machine; resolves when the hub has stored it, not when it is done: that is its `outcome`. A
   * refusal is a `ClientError` with all its `reasons`. Each call is a command of its own.
   */
  command(asset: string, command: string, options?: CommandOptions): Promise<SentCommand> {
    return this.commands.send(asset, command, options)
  }

  /** Business events, the newest first. */
  events(query: EventsOptions = {}): Promise<EventsView> {
    return this.#http.get('/api/v1/events', { ...query })
  }

  async models(): Promise<readonly ModelView[]> {
    return (await this.#http.get<{ models: ModelView[] }>('/api/v1/models')).models
  }

  async sources(): Promise<readonly SourceView[]> {
    return (await this.#http.get<{ sources: SourceView[] }>('/api/v1/sources')).sources
  }

  ledger(): Promise<LedgerView> {
    return this.#http.get('/api/v1/ledger')
  }
}

export interface EventsOptions {
  /** Patterns. */
  readonly type?: string
  readonly asset?: string
  readonly from?: Time
  readonly to?: Time
  /** Only the newest of each asset and type. */
  readonly latest?: boolean
  readonly limit?: number
  /** `next` of the page before. */
  readonly after?: string
}

export interface AlarmsOptions {
  /** A pattern of assets. */
  readonly on?: string
  readonly alarm?: string
  readonly state?: string | readonly string[]
  readonly priority?: string | readonly string[]
  readonly limit?: number
}

/** Alarms of a hub. */
export class AlarmsClient {
  readonly #http: Http

  /** @internal see `Client.alarms` */
  constructor(http: Http) {
    this.#http = http
  }

  /** Those that are not normal, those that want an answer first. */
  standing(query: AlarmsOptions & { readonly skip?: number } = {}): Promise<AlarmsView> {
    return this.#http.get('/api/v1/alarms', { ...query })
  }

  /** Every step of alarms, the newest first. */
  journal(
    query: AlarmsOptions & { readonly from?: Time; readonly to?: Time; readonly after?: string } = {},
  ): Promise<AlarmJournalView> {
    return this.#http.get('/api/v1/alarms/journal', { ...query })
  }

  /** Acknowledges alarms; resolves when that is stored. Those that refuse are in the answer, with the reason. */
  ack(alarms: AlarmName | readonly AlarmName[], comment?: string): Promise<AlarmCommandView> {
    const names = [alarms].flat().map(({ asset, alarm }) => ({ asset, alarm }))
    const body = { action: 'acknowledge', alarms: names, ...(comment !== undefined && { comment }) }
    return this.#http.post('/api/v1/alarms/commands', body)
  }
}

interface Page<Item> {
  readonly assets: readonly Item[]
  readonly next?: string
}

/** Items of a list that comes page by page. */
async function* pages<Item>(http: Http, path: string, query: Query): AsyncGenerator<Item> {
  let after: string | undefined
  do {
    const page: Page<Item> = await http.get(path, { ...query, after })
    yield* page.assets
    after = page.next
  } while (after !== undefined)
}
