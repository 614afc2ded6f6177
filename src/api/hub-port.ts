import type { Row } from '../component/expression/expression.ts'
import type {
  AssetSummary,
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
import type { ValuesQuery } from './values-query.ts'

/** Which assets to list. */
export interface AssetQuery {
  /** Only this path and what is below it. */
  readonly under?: string
  /** Only paths that sort after this one (by UTF-16 code units): the last path of the page before. */
  readonly after?: string
  readonly limit: number
}

/**
 * Everything the API shows, as the hub answers it: views of the twins, the ledger and the sources. All of it is in
 * memory, so every call answers at once; the API never holds on to an answer. Values are JSON already (int64 beyond
 * 2^53 and bytes as strings), and `stale` is judged at the moment of the call.
 */
export interface HubPort {
  /** Whether the twins have caught up with the log; until then, and while the log is not live, `/healthz` answers 503. */
  ready(): boolean
  hub(): HubView
  /** Sorted by path, at most `limit`. Asked often by the live stream, so it must not walk all assets. */
  assets(query: AssetQuery): readonly AssetSummary[]
  /** The same, only their paths: cheap, so that it may be asked for all of them, page by page. */
  paths(query: AssetQuery): readonly string[]
  /** The model of an asset; undefined: it has none, or there is no such asset. */
  modelOf(path: string): string | undefined
  /** Every model that an asset has. */
  models(): Iterable<string>
  /** The values of an asset as a condition sees them: those that are there and not Bad; undefined: nothing has come. */
  row(path: string): Row | undefined
  asset(path: string): AssetSummary | undefined
  twin(path: string): TwinView | undefined
  /** Some values of many assets, sorted by path. */
  values(query: ValuesQuery): ValuesView
  /** The models of the config, sorted by id. */
  declaredModels(): readonly ModelView[]
  /** Types of the relations that assets have, sorted. */
  relationTypes(): readonly string[]
  sources(): readonly SourceView[]
  ledger(): LedgerView
  hubs(): HubsView
  /** In the order of the config. */
  replications(): readonly ReplicationView[]
  /** In the order of the config. */
  processors(): readonly ProcessorView[]
  /** In the order of the config. */
  sinks(): readonly SinkView[]
  /** All figures in the Prometheus text format. */
  metrics(): string
  /**
   * Calls `listener` with the path of every asset whose twin changed, once a record; cheap, and it never throws.
   * Ageing is no change: the live stream looks for values that turned stale by itself.
   * @returns ends the subscription
   */
  onChange(listener: (path: string) => void): () => void
}
