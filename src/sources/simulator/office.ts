import type { Random } from '../../system/random.ts'
import { DoorSupply, type OfficeEvent } from './door-supply.ts'

const PLACES = {
  warehouse: 'warehouse',
  rack: 'press-shop/rack',
  out: 'press-shop/out',
  bolts: 'assembly/line2/rack',
} as const

/** What a press makes in an hour by the routing of the ERP, which knows nothing of stops. */
const PARTS_PER_HOUR = 3_600 / 4.2

/** Doors that a car takes, and bolts. */
const BOLTS_PER_CAR = 12

/** Simulated time between two of each, ms. */
const EVERY = { forklift: 200_000, truck: 240_000, bolts: 400_000, booking: 60_000, takt: 20_000 } as const

/** The plan comes first, then the doors. */
const FIRST_TAKT_MS = 5_000

/**
 * The people and systems around a plant: a forklift that brings blanks, a truck that fetches doors, an ERP that books what it
 * believes, and the supply of doors in the sequence of the cars. Pure and seeded.
 */
export class Office {
  readonly #random: Random
  readonly #presses: number
  readonly #doors: DoorSupply
  readonly #due = new Map<keyof typeof EVERY, number>()
  /** Blanks at the rack, as the ERP has them. */
  #booked = 1_500
  #elapsedMs = 0

  constructor(presses: number, random: Random) {
    this.#presses = presses
    this.#random = random
    this.#doors = new DoorSupply(random)
  }

  /** Lets time pass and answers what is posted then; the first time, what there is to begin with. */
  next(ms: number): OfficeEvent[] {
    const events = this.#elapsedMs === 0 ? this.#begin() : []
    this.#elapsedMs += ms
    this.#booked -= (this.#presses * PARTS_PER_HOUR * ms) / 3_600_000
    if (this.#isDue('forklift')) events.push(this.#bring())
    if (this.#isDue('truck')) events.push(moved('door-left', 380 + this.#random.integer(60), { from: PLACES.out }))
    if (this.#isDue('bolts')) {
      events.push(moved('bolt-m6', 250, { from: PLACES.warehouse, to: PLACES.bolts }))
    }
    if (this.#isDue('booking')) events.push(this.#book())
    if (this.#isDue('takt')) {
      events.push(moved('bolt-m6', BOLTS_PER_CAR, { from: PLACES.bolts }), ...this.#doors.next())
    }
    return events
  }

  #begin(): OfficeEvent[] {
    const counted = (asset: string, material: string, quantity: number) => ({
      type: 'stock.counted',
      asset,
      data: { material, quantity },
    })
    for (const what of Object.keys(EVERY) as (keyof typeof EVERY)[])
      this.#due.set(what, what === 'takt' ? FIRST_TAKT_MS : EVERY[what])
    return [
      counted(PLACES.warehouse, 'blank-4711', 24_000),
      counted(PLACES.warehouse, 'bolt-m6', 60_000),
      counted(PLACES.rack, 'blank-4711', 1_500),
      counted(PLACES.out, 'door-left', 120),
      counted(PLACES.bolts, 'bolt-m6', 400),
      this.#book(),
      { type: 'stock.booked', asset: PLACES.bolts, data: { material: 'bolt-m6', quantity: 400 } },
      { type: 'stock.booked', asset: PLACES.warehouse, data: { material: 'blank-4711', quantity: 24_000 } },
      ...this.#doors.begin(),
    ]
  }

  #isDue(what: keyof typeof EVERY): boolean {
    const due = this.#due.get(what)!
    if (this.#elapsedMs < due) return false
    this.#due.set(what, due + EVERY[what] * (what === 'takt' ? 1 : 0.85 + this.#random.next() * 0.3))
    return true
  }

  #bring(): OfficeEvent {
    this.#booked += 400
    return moved('blank-4711', 400, { from: PLACES.warehouse, to: PLACES.rack })
  }

  #book(): OfficeEvent {
    const quantity = Math.max(0, Math.round(this.#booked))
    return { type: 'stock.booked', asset: PLACES.rack, data: { material: 'blank-4711', quantity } }
  }
}

function moved(material: string, quantity: number, way: { readonly from?: string; readonly to?: string }): OfficeEvent {
  return { type: 'stock.moved', asset: PLACES.warehouse, data: { material, quantity, ...way } }
}
