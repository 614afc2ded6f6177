import type { Random } from '../../system/random.ts'

/** What a car knows of the road: where it is, and how its wheels hold. */
export interface RoadPayload {
  /** Degrees, WGS 84. */
  readonly lat: number
  readonly lon: number
  /** Share of the wheels' turning that does not move the car (0 to 1). */
  readonly wheel_slip: number
}

/** Metres east and north of the middle of the town. */
type Point = readonly [east: number, north: number]

const TOWN = { lat: 52.52, lon: 13.405 } as const
/** Length of a degree of latitude on a sphere, m. */
const DEGREE_M = 111_195

/** All ways lead over the avenue, so that cars follow one another there. */
const AVENUE: readonly Point[] = [
  [-1_500, -60],
  [-500, 0],
  [600, 20],
  [1_500, 120],
]

/** The rest of each way: from the end of the avenue back to where it begins. */
const WAYS_BACK: readonly (readonly Point[])[] = [
  [
    [2_300, 900],
    [2_000, 2_100],
    [300, 2_600],
    [-1_300, 2_200],
    [-2_300, 1_000],
  ],
  [
    [2_200, -500],
    [1_900, -1_800],
    [200, -2_300],
    [-1_500, -1_700],
    [-2_200, -700],
  ],
  [
    [2_700, 300],
    [3_400, -700],
    [2_300, -1_500],
    [800, -1_100],
    [-900, -1_000],
  ],
  [
    [1_700, 700],
    [900, 1_400],
    [-500, 1_200],
    [-2_600, 1_700],
    [-3_100, 300],
  ],
]

/** Where ice lies, in metres along the avenue, one place after the other, and how long it stays at each. */
const ICE = { at: [700, 2_100, 1_400, 2_700], lengthM: 140, ms: 6 * 60_000 } as const

/** Cars begin at most this far before the first ice, so that it is found soon. */
const START_WITHIN_M = 6_000

/** A car's way through the town, round and round, with ice on a stretch of it. Pure and seeded. */
export class Journey {
  readonly #way: readonly Point[]
  readonly #lengthM: number
  readonly #random: Random
  /** Metres right of the middle of the road. */
  readonly #lane: number
  #alongM: number
  #elapsedMs = 0

  constructor(random: Random) {
    this.#random = random
    const back = WAYS_BACK[random.integer(WAYS_BACK.length)]!
    this.#way = [...AVENUE, ...back, AVENUE[0]!]
    this.#lengthM = lengthOf(this.#way)
    this.#alongM = (ICE.at[0] - random.next() * START_WITHIN_M + this.#lengthM) % this.#lengthM
    this.#lane = 3 + random.integer(2) * 3
  }

  /** Lets time pass at a speed (m/s) and answers where the car is then. */
  next(ms: number, speed: number): RoadPayload {
    this.#elapsedMs += ms
    this.#alongM = (this.#alongM + (speed * ms) / 1_000) % this.#lengthM
    const [east, north] = this.#place()
    return {
      lat: round(TOWN.lat + north / DEGREE_M, 6),
      lon: round(TOWN.lon + east / (DEGREE_M * Math.cos((TOWN.lat / 180) * Math.PI)), 6),
      wheel_slip: round(this.#isOnIce() && speed > 3 ? 0.3 + this.#random.next() * 0.3 : this.#random.next() * 0.05, 3),
    }
  }

  #isOnIce(): boolean {
    const begin = ICE.at[Math.floor(this.#elapsedMs / ICE.ms) % ICE.at.length]!
    return this.#alongM >= begin && this.#alongM < begin + ICE.lengthM
  }

  #place(): Point {
    let left = this.#alongM
    for (let index = 1; index < this.#way.length; index += 1) {
      const [from, to] = [this.#way[index - 1]!, this.#way[index]!]
      const length = distance(from, to)
      if (left <= length) {
        const [dx, dy] = [(to[0] - from[0]) / length, (to[1] - from[1]) / length]
        return [from[0] + dx * left + dy * this.#lane, from[1] + dy * left - dx * this.#lane]
      }
      left -= length
    }
    return this.#way[0]!
  }
}

function lengthOf(way: readonly Point[]): number {
  return way.slice(1).reduce((sum, to, index) => sum + distance(way[index]!, to), 0)
}

function distance(a: Point, b: Point): number {
  return Math.hypot(b[0] - a[0], b[1] - a[1])
}

function round(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
