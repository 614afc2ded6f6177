import type { CompareView, PastAssetsView, PastTwinView, PastValuesView } from './contract-past.ts'
import type { AssetQuery } from './hub-port.ts'
import type { Selection } from './selection.ts'
import type { ValuesQuery } from './values-query.ts'

/**
 * The plant as of a moment in the past, JSON already. It may ask history and the log, so it takes as long as that does; an
 * aborted signal ends it.
 * @throws HistoryError where history cannot be read now; as `Log.read`
 */
export interface PastPort {
  /** Undefined: there is no such asset. */
  twin(path: string, at: number, signal: AbortSignal): Promise<PastTwinView | undefined>
  /** `selection`: only what it takes, by the values of then. */
  assets(query: AssetQuery, at: number, selection: Selection | undefined, signal: AbortSignal): Promise<PastAssetsView>
  values(query: ValuesQuery, at: number, signal: AbortSignal): Promise<PastValuesView>
  compare(path: string, a: number, b: number, signal: AbortSignal): Promise<CompareView | undefined>
}
