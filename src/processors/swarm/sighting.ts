import type { Fact } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import type { Place } from '../../model/geohash.ts'

/** What a car tells a cell that it is in, or beside. */
export type Sighting =
  /** It is there: `cell` is the one that it is in. */
  | ({ readonly kind: 'here'; readonly car: string; readonly cell: string } & Place)
  /** It is no longer in the cell, nor beside it. */
  | { readonly kind: 'left'; readonly car: string }
  /** It sees a hazard, in `cell`. */
  | ({ readonly kind: 'report'; readonly car: string; readonly cell: string; readonly hazard: string } & Place)

export function sightingFact(cell: string, sighting: Sighting, time: number, receivedTime: number): Fact {
  return { kind: 'keyed', key: cell, time, receivedTime, data: sighting as unknown as Json }
}
