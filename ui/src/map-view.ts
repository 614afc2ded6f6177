/** Degrees, WGS 84. */
export interface LatLon {
  readonly lat: number
  readonly lon: number
}

/** A point of the canvas, CSS pixels from its upper left corner. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** What part of the world is shown: the middle, how large, and the size of the canvas in CSS pixels. */
export interface MapView {
  readonly middle: LatLon
  /** Pixels that the whole equator would be long. */
  readonly scale: number
  readonly width: number
  readonly height: number
}

/** Length of the equator, m (WGS 84), and how far north Mercator's map goes. */
const EQUATOR_M = 40_075_017
const MOST_LAT = 85

/** From the whole world in 300 pixels down to 5 cm a pixel. */
const SCALE = { least: 300, most: EQUATOR_M / 0.05 } as const

/** Spherical Mercator (EPSG:3857), both from 0 to 1: shapes stay what they are, and north is up. */
function project({ lat, lon }: LatLon): Point {
  const phi = (Math.min(MOST_LAT, Math.max(-MOST_LAT, lat)) / 180) * Math.PI
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI) }
}

function unproject({ x, y }: Point): LatLon {
  return { lat: (Math.atan(Math.sinh((0.5 - y) * 2 * Math.PI)) / Math.PI) * 180, lon: (x - 0.5) * 360 }
}

export function toScreen(view: MapView, place: LatLon): Point {
  const [at, middle] = [project(place), project(view.middle)]
  return { x: (at.x - middle.x) * view.scale + view.width / 2, y: (at.y - middle.y) * view.scale + view.height / 2 }
}

export function toWorld(view: MapView, { x, y }: Point): LatLon {
  const middle = project(view.middle)
  return unproject({
    x: middle.x + (x - view.width / 2) / view.scale,
    y: middle.y + (y - view.height / 2) / view.scale,
  })
}

/** The map moves with the pointer by so many pixels. */
export function panned(view: MapView, dx: number, dy: number): MapView {
  const middle = toWorld(view, { x: view.width / 2 - dx, y: view.height / 2 - dy })
  return { ...view, middle: { lat: Math.min(MOST_LAT, Math.max(-MOST_LAT, middle.lat)), lon: wrapped(middle.lon) } }
}

/** Larger or smaller, with what lies at a point staying there. */
export function zoomed(view: MapView, factor: number, at: Point): MapView {
  const scale = Math.min(SCALE.most, Math.max(SCALE.least, view.scale * factor))
  const grown = scale / view.scale
  const [dx, dy] = [(at.x - view.width / 2) * (1 - grown), (at.y - view.height / 2) * (1 - grown)]
  return panned({ ...view, scale }, dx, dy)
}

/** All places with a margin; a view of one place shows about a kilometre. */
export function fitted(view: MapView, places: readonly LatLon[]): MapView {
  if (places.length === 0) return view
  const points = places.map(project)
  const [left, right] = [least(points, 'x'), -least(points, 'x', -1)]
  const [top, bottom] = [least(points, 'y'), -least(points, 'y', -1)]
  const scale = Math.min(
    (view.width * 0.86) / Math.max(right - left, 1_000 / EQUATOR_M),
    (view.height * 0.86) / Math.max(bottom - top, 1_000 / EQUATOR_M),
  )
  const middle = unproject({ x: (left + right) / 2, y: (top + bottom) / 2 })
  return { ...view, middle, scale: Math.min(SCALE.most, Math.max(SCALE.least, scale)) }
}

function least(points: readonly Point[], axis: 'x' | 'y', sign = 1): number {
  return points.reduce((low, point) => Math.min(low, sign * point[axis]), Infinity)
}

/** Metres of a pixel in the middle of the map: Mercator grows towards the poles. */
export function metresPerPixel({ middle, scale }: MapView): number {
  return (EQUATOR_M * Math.cos((middle.lat / 180) * Math.PI)) / scale
}

/** The longest round length whose bar is no longer than so many pixels: 1, 2 or 5 times a power of ten. */
export function scaleBar(view: MapView, mostPx: number): { readonly metres: number; readonly px: number } {
  const most = mostPx * metresPerPixel(view)
  const power = 10 ** Math.floor(Math.log10(most))
  const metres = [5, 2, 1].map((step) => step * power).find((length) => length <= most) ?? power
  return { metres, px: metres / metresPerPixel(view) }
}

/** Steps of the graticule that people read well, degrees: down to a tenth of a second. */
const STEPS = [
  30,
  10,
  5,
  2,
  1,
  ...[30, 15, 10, 5, 2, 1].map((minutes) => minutes / 60),
  ...[30, 15, 10, 5, 2, 1, 0.5, 0.1].map((seconds) => seconds / 3600),
]

/** Meridians and parallels that are in sight, degrees, no closer together than so many pixels. */
export function graticule(view: MapView, leastPx: number) {
  const [north, south] = [toWorld(view, { x: 0, y: 0 }), toWorld(view, { x: view.width, y: view.height })]
  const wanted = (leastPx / view.scale) * 360
  const step = STEPS.findLast((one) => one >= wanted) ?? STEPS[0]!
  return { step, lats: multiples(south.lat, north.lat, step), lons: multiples(north.lon, south.lon, step) }
}

function multiples(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step)
  const count = Math.max(0, Math.floor(to / step) - first + 1)
  return Array.from({ length: Math.min(count, 200) }, (_, index) => (first + index) * step)
}

/** `52° 31′ 12″ N`, as fine as the step of the graticule is. */
export function degreesText(degrees: number, step: number, [positive, negative]: readonly [string, string]): string {
  const tenths = Math.round(Math.abs(degrees) * 36_000)
  const [whole, minutes, seconds] = [Math.floor(tenths / 36_000), Math.floor(tenths / 600) % 60, (tenths % 600) / 10]
  const sign = tenths === 0 ? '' : ` ${degrees < 0 ? negative : positive}`
  if (step >= 1) return `${whole}°${sign}`
  const two = (number: number) => String(number).padStart(2, '0')
  if (step >= 1 / 60) return `${whole}° ${two(minutes)}′${sign}`
  return `${whole}° ${two(minutes)}′ ${step < 1 / 3600 ? seconds.toFixed(1) : two(seconds)}″${sign}`
}

export function lengthText(metres: number): string {
  if (metres >= 1_000) return `${metres / 1_000} km`
  return metres >= 1 ? `${metres} m` : `${Math.round(metres * 100)} cm`
}

function wrapped(lon: number): number {
  return ((((lon + 180) % 360) + 360) % 360) - 180
}

const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz'

/** The corners of a geohash cell (Niemeyer, 2008); undefined: it is none. */
export function cellBounds(cell: string): { readonly north: LatLon; readonly south: LatLon } | undefined {
  let [west, east, south, north] = [-180, 180, -90, 90]
  let isLon = true
  for (const letter of cell) {
    const value = ALPHABET.indexOf(letter)
    if (value < 0) return undefined
    for (let bit = 4; bit >= 0; bit -= 1, isLon = !isLon) {
      const upper = ((value >> bit) & 1) === 1
      if (isLon && upper) west = (west + east) / 2
      else if (isLon) east = (west + east) / 2
      else if (upper) south = (south + north) / 2
      else north = (south + north) / 2
    }
  }
  return { north: { lat: north, lon: east }, south: { lat: south, lon: west } }
}
