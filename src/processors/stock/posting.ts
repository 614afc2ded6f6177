import type { Fact } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'

/**
 * What changes, or says, the stock of one material at one place. Quantities are in the unit of the material; what goes out
 * is negative.
 */
export type Posting =
  | {
      readonly kind: 'moved' | 'made' | 'used'
      readonly quantity: number
      readonly lot?: string
      readonly unit?: string
    }
  | { readonly kind: 'counted'; readonly quantity: number; readonly unit?: string }
  | { readonly kind: 'booked'; readonly quantity: number; readonly unit?: string }
  /** `quantity` will be needed until `until`, ms since the epoch. */
  | { readonly kind: 'planned'; readonly quantity: number; readonly until: number }

/** Material and place that a posting is about. */
export interface Account {
  readonly material: string
  /** Full path. */
  readonly place: string
}

/** `#` is in no path, so the place ends there. */
export function accountKey({ material, place }: Account): string {
  return `${place}#${material}`
}

export function accountOf(key: string): Account {
  const at = key.indexOf('#')
  return { place: key.slice(0, at), material: key.slice(at + 1) }
}

export function postingFact(account: Account, posting: Posting, time: number, receivedTime: number): Fact {
  return { kind: 'keyed', key: accountKey(account), time, receivedTime, data: posting as unknown as Json }
}
