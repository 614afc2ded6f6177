import { ExpressionError } from '../../component/expression/expression.ts'
import type { Operator } from '../../component/topology.ts'
import { geohash, isPlace } from '../../model/geohash.ts'
import type { Json } from '../../model/json-value.ts'
import { severity } from '../../model/quality.ts'
import { qualityOf, type Reading, type Value } from '../../model/reading.ts'
import type { ShareConfig, SharedField } from './config.ts'
import type { Pseudonyms } from './pseudonym.ts'

/** A record as a partner sees it. */
export interface Row {
  /** Pseudonym of the machine. */
  readonly subject: string
  /** Event time, cut down to the step; ms since the epoch. */
  readonly ts: number
  /** Geohash of where it was. */
  readonly cell?: string
  readonly values: { readonly [name: string]: number | string | boolean }
}

/**
 * First stage, by asset: makes rows of readings, with nothing in them but what the config allows, and puts each under the
 * key of its group: the cell and the span of time in which there have to be enough machines, or else its pseudonym.
 */
export function rowsOperator(config: ShareConfig, pseudonyms: Pseudonyms): Operator<null> {
  return {
    create: () => null,
    take(_state, fact, context) {
      if (fact.kind !== 'reading') return
      const { time, received } = context
      const row = rowOf(fact.reading, time, config, pseudonyms)
      if (row === undefined) return
      const key = groupOf(row, time, config)
      context.emit({ kind: 'keyed', key, time, receivedTime: received, data: row as unknown as Json })
    },
  }
}

/** Undefined: nothing of it is shared. */
function rowOf(reading: Reading, time: number, config: ShareConfig, pseudonyms: Pseudonyms): Row | undefined {
  if (config.when !== undefined && !holds(reading, config.when.expression)) return undefined
  const values = Object.fromEntries(
    config.fields.flatMap((field) => {
      const value = sharedValue(reading, field)
      return value === undefined ? [] : [[field.as, value] as const]
    }),
  )
  if (Object.keys(values).length === 0) return undefined
  const cell = config.place && cellOf(reading, config.place)
  if (config.place !== undefined && cell === undefined) return undefined
  const ts = Math.floor(time / config.time) * config.time
  return { subject: pseudonyms.of(reading.asset, time), ts, ...(cell !== undefined && { cell }), values }
}

function groupOf({ subject, cell = '' }: Row, time: number, { anonymity }: ShareConfig): string {
  return anonymity === undefined ? subject : `${Math.floor(time / anonymity.window)}/${cell}`
}

function holds(reading: Reading, expression: NonNullable<ShareConfig['when']>['expression']): boolean {
  try {
    return expression.evaluate({ get: (tag) => usable(reading, tag) ?? undefined }) === true
  } catch (error) {
    // Of other types than can be compared: it does not hold.
    if (error instanceof ExpressionError) return false
    throw error
  }
}

function sharedValue(reading: Reading, { tag, type, round }: SharedField): number | string | boolean | undefined {
  const given = usable(reading, tag)
  const value = typeof given === 'bigint' ? Number(given) : given
  if (typeof value !== type) return undefined
  if (typeof value !== 'number') return value as string | boolean
  if (!Number.isFinite(value)) return undefined
  // Twelve digits: what a step such as 0.1 leaves behind is noise.
  return round === undefined ? value : Number((Math.round(value / round) * round).toPrecision(12))
}

function cellOf(reading: Reading, { lat: latTag, lon: lonTag, cell }: NonNullable<ShareConfig['place']>) {
  const [lat, lon] = [usable(reading, latTag), usable(reading, lonTag)]
  if (typeof lat !== 'number' || typeof lon !== 'number' || !isPlace({ lat, lon })) return undefined
  return geohash({ lat, lon }, cell)
}

function usable(reading: Reading, tag: string): Value | null | undefined {
  if (!Object.hasOwn(reading.values, tag) || severity(qualityOf(reading, tag)) === 'bad') return undefined
  return reading.values[tag]
}
