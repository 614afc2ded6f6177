import { severity } from '../../model/quality.ts'
import type { Value } from '../../model/reading.ts'

/** A stored value of a tag, as far as aggregates look at it. */
export interface RawValue {
  /** Source time: ms since the epoch, fractions down to the microsecond. */
  readonly time: number
  readonly value: Value | null
  /** OPC UA StatusCode. */
  readonly quality: number
}

/** What may be calculated with: booleans are 0 and 1; undefined is no number. */
export function numberOf(value: Value | null): number | undefined {
  switch (typeof value) {
    case 'number':
      return value
    case 'boolean':
      return value ? 1 : 0
    case 'bigint':
      return Number(value)
    default:
      return undefined
  }
}

export const isGood = ({ quality }: { readonly quality: number }): boolean => severity(quality) === 'good'

export const isUncertain = ({ quality }: { readonly quality: number }): boolean => severity(quality) === 'uncertain'

export const isBad = ({ quality }: { readonly quality: number }): boolean => severity(quality) === 'bad'
