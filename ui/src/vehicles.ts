import { useMemo, useRef } from 'preact/hooks'
import type { ValuesView } from '../../src/api/contract.ts'
import { useAnswer } from './answer.ts'
import type { LatLon } from './map-view.ts'

/** What has a position. */
export interface Vehicle extends LatLon {
  readonly path: string
  readonly name: string
  /** As its tag says; undefined: it has none. */
  readonly speed: number | undefined
  readonly receivedTime: number
  readonly stale: boolean
  /** Clockwise from north, radians; undefined: it has not moved since the page was opened. */
  readonly heading: number | undefined
}

const EVERY_MS = 1_000
const TAGS = 'lat,lon,latitude,longitude,speed,*.lat,*.lon'

/** Most vehicles that are shown. */
const MOST = 10_000

/** Less than this, in degrees, says nothing about where somebody is heading: about 2 m. */
const MOVED = 0.00002

/** Everything at and below a place that has a position, once a second. */
export function useVehicles(place: string) {
  const on = encodeURIComponent(place === '' ? '**' : `${place}/**`)
  const url = `/api/v1/values?on=${on}&tags=${TAGS}&limit=${MOST}`
  const { value, problem } = useAnswer<ValuesView>(url, EVERY_MS)
  const before = useRef<ReadonlyMap<string, Vehicle>>(new Map())
  const vehicles = useMemo(() => {
    const read = (value?.assets ?? []).flatMap((row) => vehicleOf(row, before.current.get(row.path)) ?? [])
    before.current = new Map(read.map((vehicle) => [vehicle.path, vehicle]))
    return read
  }, [value])
  return { vehicles, problem, isAsked: value !== undefined, hasMore: value?.next !== undefined }
}

function vehicleOf({ path, values, ...times }: ValuesView['assets'][number], before: Vehicle | undefined) {
  const find = (names: readonly string[], ending: string) =>
    Object.entries(values).find(([tag]) => names.includes(tag) || tag.endsWith(ending))?.[1]
  const lat = find(['lat', 'latitude'], '.lat')
  const lon = find(['lon', 'longitude'], '.lon')
  if (typeof lat !== 'number' || typeof lon !== 'number' || (lat === 0 && lon === 0)) return undefined
  if (Math.abs(lat) > 90 || Math.abs(lon) > 180) return undefined
  const { speed } = values
  return {
    ...times,
    path,
    name: path.split('/').at(-1)!,
    lat,
    lon,
    speed: typeof speed === 'number' ? speed : undefined,
    heading: headingOf({ lat, lon }, before),
  }
}

function headingOf({ lat, lon }: LatLon, before: Vehicle | undefined): number | undefined {
  if (before === undefined) return undefined
  const east = (lon - before.lon) * Math.cos((lat / 180) * Math.PI)
  const north = lat - before.lat
  return Math.hypot(east, north) < MOVED ? before.heading : Math.atan2(east, north)
}
