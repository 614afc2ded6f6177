import { useMemo } from 'preact/hooks'
import type { EventsView, EventView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import { numberOf, textOf } from './event-fields.ts'
import type { LatLon } from './map-view.ts'

/** What enough vehicles have seen, and nobody has said is over. */
export interface Hazard extends LatLon {
  readonly id: string
  /** `slippery-road`. */
  readonly kind: string
  /** Geohash. */
  readonly cell: string
  /** Vehicles that have seen it, when it was confirmed. */
  readonly cars: number
  /** When the first of them saw it, and when it was confirmed; ms since the epoch. */
  readonly since: number
  readonly confirmedAt: number
  /** Assets that were warned of it. */
  readonly warned: readonly string[]
}

const EVERY_MS = 1_000
const URL = '/api/v1/events?type=hazard.*&limit=1000'

/** The hazards that stand, the newest first, from the newest events about hazards. */
export function useHazards() {
  const { value, problem } = useAnswer<EventsView>(URL, EVERY_MS)
  const hazards = useMemo(() => standing(value?.events ?? []), [value])
  return { hazards, problem }
}

/** Of events about hazards, the newest first, those that were confirmed and not cleared. */
function standing(events: readonly EventView[]): Hazard[] {
  const ids = (type: string) => events.filter((event) => event.type === type)
  const cleared = new Set(ids('hazard.cleared').map(({ data }) => textOf(data, 'id')))
  const warnings = Map.groupBy(ids('hazard.warning'), ({ data }) => textOf(data, 'id'))
  return ids('hazard.confirmed').flatMap(({ data, time }) => {
    const [id, kind, cell, since] = ['id', 'hazard', 'cell', 'since'].map((name) => textOf(data, name))
    const [lat, lon, cars = 0] = ['lat', 'lon', 'cars'].map((name) => numberOf(data, name))
    if (id === undefined || cleared.has(id) || lat === undefined || lon === undefined) return []
    return [
      {
        id,
        kind: kind ?? '?',
        cell: cell ?? '',
        lat,
        lon,
        cars,
        since: since === undefined ? time : Date.parse(since),
        confirmedAt: time,
        warned: [...new Set(warnings.get(id)?.map(({ asset }) => asset))],
      },
    ]
  })
}
