/**
 * Geohash (Niemeyer, 2008): a cell of the map as a text, 5 bits a character, longitude and latitude in turn. A prefix is the
 * larger cell around it. Near the equator a cell is about 1.2 km x 0.6 km with 6 characters, 153 m x 153 m with 7, and
 * 38 m x 19 m with 8; towards the poles it becomes narrower.
 */
const ALPHABET = '0123456789bcdefghjkmnpqrstuvwxyz'

/** Mean radius of the Earth, m (IUGG). */
const EARTH_M = 6_371_008.8

/** Degrees, WGS 84. */
export interface Place {
  readonly lat: number
  readonly lon: number
}

/** A cell as numbers: which column and row of the grid of its precision. */
interface Grid {
  readonly x: number
  readonly y: number
  readonly precision: number
}

/** Whether there is such a place; machines that have no fix like to send 0/0 or 999. */
export function isPlace({ lat, lon }: Place): boolean {
  return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 && !(lat === 0 && lon === 0)
}

/** The cell of a place, with so many characters (1 to 10). */
export function geohash({ lat, lon }: Place, precision: number): string {
  return encode({
    x: step((lon + 180) / 360, columns(precision)),
    y: step((lat + 90) / 180, rows(precision)),
    precision,
  })
}

/** The middle of a cell. */
export function middleOf(cell: string): Place {
  const { x, y, precision } = decode(cell)
  return { lat: ((y + 0.5) / rows(precision)) * 180 - 90, lon: ((x + 0.5) / columns(precision)) * 360 - 180 }
}

/** A cell and those around it, itself first: 9 of them, 6 at a pole. */
export function neighbourhood(cell: string): string[] {
  const { x, y, precision } = decode(cell)
  const around = [
    [0, 0],
    [-1, -1],
    [0, -1],
    [1, -1],
    [-1, 0],
    [1, 0],
    [-1, 1],
    [0, 1],
    [1, 1],
  ] as const
  const width = columns(precision)
  return around.flatMap(([dx, dy]) => {
    const row = y + dy
    if (row < 0 || row >= rows(precision)) return []
    return [encode({ x: (x + dx + width) % width, y: row, precision })]
  })
}

/** Along the great circle, in m (haversine). */
export function distanceM(a: Place, b: Place): number {
  const [from, to] = [radians(a.lat), radians(b.lat)]
  const half = (angle: number) => Math.sin(angle / 2) ** 2
  const chord = half(to - from) + Math.cos(from) * Math.cos(to) * half(radians(b.lon - a.lon))
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(chord)))
}

function encode({ x, y, precision }: Grid): string {
  let text = ''
  let [column, row] = [x, y]
  // From the last bit: longitude has the even ones, counted from the first.
  let bits = 0
  for (let bit = 5 * precision - 1; bit >= 0; bit -= 1) {
    const isLongitude = bit % 2 === 0
    const value = isLongitude ? column % 2 : row % 2
    if (isLongitude) column = Math.floor(column / 2)
    else row = Math.floor(row / 2)
    bits += value << (4 - (bit % 5))
    if (bit % 5 !== 0) continue
    text = ALPHABET[bits]! + text
    bits = 0
  }
  return text
}

function decode(cell: string): Grid {
  let x = 0
  let y = 0
  for (let bit = 0; bit < 5 * cell.length; bit += 1) {
    const value = (ALPHABET.indexOf(cell[Math.floor(bit / 5)]!) >> (4 - (bit % 5))) & 1
    if (bit % 2 === 0) x = 2 * x + value
    else y = 2 * y + value
  }
  return { x, y, precision: cell.length }
}

function columns(precision: number): number {
  return 2 ** Math.ceil((5 * precision) / 2)
}

function rows(precision: number): number {
  return 2 ** Math.floor((5 * precision) / 2)
}

/** The last of them holds its upper end too. */
function step(share: number, count: number): number {
  return Math.min(Math.floor(share * count), count - 1)
}

function radians(degrees: number): number {
  return (degrees / 180) * Math.PI
}
