import type { CalendarSettings } from './calendar.ts'
import type { StateClass, StateNumbers } from './states.ts'

/** Counters of a machine, in the order in which counts are kept. */
export const COUNTERS = ['total', 'good', 'scrap', 'rework'] as const
export type Counter = (typeof COUNTERS)[number]

/** What a tag is for. */
export const ROLES = ['state', 'running', 'mode', ...COUNTERS, 'product', 'order', 'reason'] as const
export type Role = (typeof ROLES)[number]

/** What a reason code stands for. */
interface Reason {
  readonly name?: string
  /** Stops with this reason are of this kind, whatever the machine's state says. */
  readonly class?: Exclude<StateClass, 'running'>
}

/** How a machine's OEE is counted. All times in ms. */
export interface OeeSettings extends CalendarSettings {
  /** Which tag of the machine plays which role. One of `state`, `running` and a counter is needed. */
  readonly tags: { readonly [role in Role]?: string }
  readonly stateNumbers: StateNumbers
  /** What states mean, where it is not what the standard says: by name or number as sent. */
  readonly states: { readonly [state: string]: StateClass }
  /** Planned run time per item (PRI) where the product has none of its own. */
  readonly idealCycleMs?: number
  readonly products: { readonly [product: string]: { readonly idealCycleMs: number } }
  /** Without a state or running tag: a machine stands if its counter has not moved for so long. */
  readonly movedWithinMs: number
  /** Greatest values of counters, where they are known. */
  readonly counterMax: { readonly [counter in Counter]?: number }
  /** Whether breaks are taken out of planned busy time or are a loss of it: the examples of the trade do either. */
  readonly breaks: 'excluded' | 'loss'
  /** Stops shorter than this are performance loss, not availability loss; 0: none is. */
  readonly microStopMs: number
  /** A machine that says nothing for so long is unknown from then on; Infinity: only when its source says that it is away. */
  readonly staleMs: number
  /** Readings may come so much later than the time that has passed. */
  readonly latenessMs: number
  /** How long a closed period can still be corrected: by late readings, reasons, planned stops. At least `latenessMs`. */
  readonly reviseMs: number
  readonly reasons: { readonly [code: string]: Reason }
}
