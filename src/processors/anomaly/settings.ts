/** How long, in rows or in time. */
export type Span = { readonly rows: number } | { readonly ms: number }

/** All there is to set. */
export interface AnomalySettings {
  /** What is learned from before anything is judged; by time, still at least 50 rows and at most 4,096. */
  readonly warmUp: Span
  /** One false alarm per so much is accepted. */
  readonly falseAlarms: Span
}

export const DEFAULT_SETTINGS: AnomalySettings = { warmUp: { rows: 400 }, falseAlarms: { rows: 4000 } }
