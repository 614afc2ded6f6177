import { severity } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'
import type { StateClass } from './states.ts'
import { ROLES, type OeeSettings, type Role } from './settings.ts'

/** What a machine said at one moment. A reading of no tag that matters is one too: it shows that the machine is there. */
export interface OeeReading {
  /** Event time, ms since the epoch; fractions are cut off. */
  readonly time: number
  readonly values: { readonly [tag: string]: Value | null }
  /** OPC UA StatusCode by tag, only of tags that are not Good. */
  readonly quality?: { readonly [tag: string]: number }
  /** Where it lies in the log (topic, partition, offset); opaque here, handed on for the drill-down. */
  readonly cause: string
}

/** What people and other systems say of a machine. Times in ms since the epoch. */
export type OeeEvent = OrderEvent | OfflineEvent | ReasonEvent | PlannedStopEvent

/** From `time` on the machine works on this order; null: on none. */
interface OrderEvent {
  readonly kind: 'order'
  readonly time: number
  readonly order: string | null
  readonly product?: string
  /** Planned run time per item of this order (PRI); absent: that of its product. */
  readonly idealCycleMs?: number
  readonly cause: string
}

/** The machine's source has lost it: nothing is known until its next reading. */
interface OfflineEvent {
  readonly kind: 'offline'
  readonly time: number
  readonly cause: string
}

/** Why the machine stood in [from, to): the last one for a time counts; null takes an earlier one back. */
export interface ReasonEvent {
  readonly kind: 'reason'
  readonly from: number
  readonly to: number
  readonly reason: string | null
  /** What kind of stop it was; absent: what the config says of the reason. */
  readonly class?: Exclude<StateClass, 'running'>
  readonly cause: string
}

/** [from, to) is not planned for production; of two with the same `id` the later one counts, an empty one takes it back. */
export interface PlannedStopEvent {
  readonly kind: 'planned-stop'
  readonly id: string
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly cause: string
}

/** What is kept of a reading or an event that happens at one moment. Plain JSON; null: the value is Bad or absent. */
export interface Entry {
  readonly time: number
  readonly cause: string
  readonly set?: { readonly [role in Role]?: string | number | boolean | null }
  readonly order?: { readonly id: string | null; readonly product?: string; readonly cycleUs?: number }
  readonly offline?: true
  /** Of a machine of which only a counter is known: found out, not said. */
  readonly moving?: boolean
}

/** Longest text that is kept of a product, an order, a reason or a state. */
const MAX_TEXT = 200

/** A reading, reduced to what matters for OEE. */
export function entryOf(reading: OeeReading, tags: OeeSettings['tags']): Entry {
  const set: { [role in Role]?: string | number | boolean | null } = {}
  let any = false
  for (const role of ROLES) {
    const tag = tags[role]
    if (tag === undefined || !Object.hasOwn(reading.values, tag)) continue
    const value = valueFor(role, reading.values[tag]!, qualityOf(reading, tag))
    // An order, a product or a reason that is Bad for a moment is taken as unchanged.
    if (value === null && !NEEDED.has(role)) continue
    set[role] = value
    any = true
  }
  const { time, cause } = reading
  return { time: Math.floor(time), cause, ...(any ? { set } : {}) }
}

/** Roles without which nothing is known of a machine: while one is Bad, its time is unknown. */
const NEEDED: ReadonlySet<Role> = new Set(['state', 'running', 'total', 'good', 'scrap', 'rework'])

function qualityOf(reading: OeeReading, tag: string): number {
  const { quality } = reading
  return quality !== undefined && Object.hasOwn(quality, tag) ? quality[tag]! : 0
}

function valueFor(role: Role, value: Value | null, quality: number): string | number | boolean | null {
  if (value === null || severity(quality) === 'bad') return null
  switch (role) {
    case 'running':
      return truth(value)
    case 'state':
      return typeof value === 'bigint' ? Number(value) : typeof value === 'number' ? value : text(value)
    case 'total':
    case 'good':
    case 'scrap':
    case 'rework':
      return amount(value)
    default:
      return text(value)
  }
}

function truth(value: Value): boolean | null {
  if (typeof value === 'boolean') return value
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value) !== 0
  if (value === 'true' || value === '1') return true
  return value === 'false' || value === '0' ? false : null
}

function amount(value: Value): number | null {
  if (typeof value !== 'number' && typeof value !== 'bigint' && typeof value !== 'string') return null
  const number = value === '' ? Number.NaN : Number(value)
  return Number.isFinite(number) && number >= 0 ? number : null
}

function text(value: Value): string | null {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT)
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? String(value) : null
}
