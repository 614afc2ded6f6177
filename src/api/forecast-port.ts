import type { Json } from '../model/json-value.ts'
import type { ForecastView } from './contract-forecast.ts'

export interface ForecastQuery {
  readonly asset: string
  /** Absent: as the behaviour says. */
  readonly horizonMs?: number
  /** Values to begin with in place of those of now. */
  readonly set: ReadonlyMap<string, Json>
}

/** Runs the behaviours of models ahead of time. */
export interface ForecastPort {
  /**
   * Works in small parts, so that everything else goes on; an aborted signal ends it.
   * @throws ApiError `ASSET_NOT_FOUND`, `BAD_BODY`, `NO_BEHAVIOUR`, `FORECAST_REFUSED` with every reason, `TOO_BUSY`
   */
  forecast(query: ForecastQuery, signal: AbortSignal): Promise<ForecastView>
}
