import type { Random } from '../../system/random.ts'

/** A business event in the short form, as a simulated MES or ERP posts it. */
export interface OfficeEvent {
  readonly type: string
  readonly asset: string
  readonly data: object
}

const LINE = 'assembly/line2'

/** Checkpoints on the way of a door, the last one at the line; `ahead` as in the config of the demo plant. */
const CHECKPOINTS = [
  { at: 'supply/doors', ahead: 12 },
  { at: 'assembly/line2/door-buffer', ahead: 5 },
  { at: 'assembly/line2/station14', ahead: 0 },
] as const

const VARIANTS = ['red-left', 'red-right', 'blue-left', 'blue-right', 'grey-left', 'grey-right'] as const

/** Positions of a plan, and how many are left when the next one comes. */
const PLAN = { positions: 40, left: 20 } as const

/** Chance that something goes wrong with a door, and the position at which it does for sure, so that a demo has one soon. */
const FAULT = { chance: 0.07, first: 11 } as const

interface Door {
  readonly position: number
  readonly order: string
  readonly variant: string
}

/** Doors for a line, just in sequence: a plan, and what readers on the way see of it, with a fault now and then. */
export class DoorSupply {
  readonly #random: Random
  readonly #serial: number
  readonly #plan: Door[] = []
  /** As the doors leave the supplier: the order in which they are, or another one. */
  readonly #sent: (Door | undefined)[] = []
  /** Position at the line. */
  #position = 0

  constructor(random: Random) {
    this.#random = random
    this.#serial = 4_000 + random.integer(4_000)
  }

  /** The first plan. */
  begin(): OfficeEvent[] {
    return [this.#planMore()]
  }

  /** A takt later. Each checkpoint begins a takt after the one before it, with all that has passed it by then. */
  next(): OfficeEvent[] {
    this.#position += 1
    const planned = this.#plan.length - this.#position < PLAN.left ? [this.#planMore()] : []
    const seen = CHECKPOINTS.flatMap(({ at, ahead }, checkpoint) => {
      const newest = ahead + this.#position - 1
      if (this.#position <= checkpoint) return []
      const first = this.#position === checkpoint + 1 ? 0 : newest
      return Array.from({ length: newest - first + 1 }, (_, count) => this.#seen(at, ahead, first + count)).flat()
    })
    return [...planned, ...seen]
  }

  #planMore(): OfficeEvent {
    const added: Door[] = []
    for (let count = 0; count < PLAN.positions; count += 1) {
      const position = this.#plan.length + 1
      const variant = VARIANTS[this.#random.integer(VARIANTS.length)]!
      const door = { position, order: `V${this.#serial + position}`, variant }
      this.#plan.push(door)
      this.#sent.push(door)
      added.push(door)
    }
    this.#spoil(added)
    return { type: 'sequence.planned', asset: LINE, data: { positions: added } }
  }

  /** Swaps two doors, leaves one out, or takes one of another variant. */
  #spoil(doors: readonly Door[]): void {
    for (const { position } of doors) {
      const [index, last] = [position - 1, this.#sent.length - 1]
      if (index === last || (position !== FAULT.first && this.#random.next() >= FAULT.chance)) continue
      const door = this.#sent[index]
      if (door === undefined) continue
      const kind = position === FAULT.first ? 0 : this.#random.integer(3)
      if (kind === 0) [this.#sent[index], this.#sent[index + 1]] = [this.#sent[index + 1], door]
      else if (kind === 1) this.#sent[index] = undefined
      else this.#sent[index] = { ...door, variant: VARIANTS[this.#random.integer(VARIANTS.length)]! }
    }
  }

  /** Up to the buffer doors come as they were sent; at the line somebody has put them right. */
  #seen(asset: string, ahead: number, index: number): OfficeEvent[] {
    const door = ahead === 0 ? this.#plan[index] : this.#sent[index]
    if (door === undefined) return []
    const { order, variant } = door
    return [{ type: 'sequence.seen', asset, data: { order, variant } }]
  }
}
