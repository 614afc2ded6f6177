import type { OeePeriodView, OeeView } from './contract-oee.ts'

export type OeeQuery =
  | {
      readonly period: Exclude<OeePeriodView['kind'], 'span'>
      /** A moment in it; default: now. */ readonly at?: number
    }
  | { readonly period: 'span'; readonly from: number; readonly to: number }

/** OEE, as the API shows it: out of what was told of hours, so it takes as long as the events of the time take. */
export interface OeePort {
  /** Undefined: no machine at or below the path has OEE. Ends early, with what it has, when the signal aborts. */
  oee(path: string, query: OeeQuery, signal: AbortSignal): Promise<OeeView | undefined>
}
