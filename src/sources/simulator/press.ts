import type { Random } from '../../system/random.ts'

/** Faults that somebody can put into a press. */
export const FAULTS = ['none', 'overheating', 'jam', 'sensor', 'comms'] as const
export type Fault = (typeof FAULTS)[number]

export function isFault(text: unknown): text is Fault {
  return (FAULTS as readonly unknown[]).includes(text)
}

/** The PackML states this press goes through, with how long each transient one takes (ISA-TR88.00.02 clause 5). */
const TRANSIENT_MS = {
  Resetting: 2_000,
  Starting: 2_000,
  Completing: 2_000,
  Complete: 4_000,
  Holding: 1_000,
  Unholding: 2_000,
  Suspending: 1_000,
  Unsuspending: 1_000,
  Aborting: 1_000,
  Clearing: 3_000,
} as const

/** What follows a transient state. */
const NEXT = {
  Resetting: 'Idle',
  Starting: 'Execute',
  Completing: 'Complete',
  Complete: 'Resetting',
  Holding: 'Held',
  Unholding: 'Execute',
  Suspending: 'Suspended',
  Unsuspending: 'Execute',
  Aborting: 'Aborted',
  Clearing: 'Stopped',
} as const

export type PressState = keyof typeof NEXT | 'Idle' | 'Execute' | 'Held' | 'Suspended' | 'Aborted' | 'Stopped'

/** Physics is integrated in steps of this size, whatever the speed: the result never depends on how it is driven. */
const STEP_MS = 100

const CYCLE_MS = 4_200
const BATCH_CYCLES = 250
const AMBIENT_CEL = 22
/** Oil hotter than this trips the press. */
const TRIP_CEL = 105

/** What a press shows to the world; units as in the model of the demo plant. */
export interface PressValues {
  readonly state: PressState
  /** Cel, hydraulic oil. */
  readonly temperature: number
  /** mm/s RMS, main bearing. */
  readonly vibration: number
  /** bar, ram. */
  readonly pressure: number
  readonly cycles: number
  readonly scrap: number
  /** kWh. */
  readonly energy: number
  /** Cel, wanted oil temperature; others may write it. */
  readonly setpoint: number
  readonly fault: Fault
}

/**
 * A hydraulic press: it makes batches of parts, heats up, wears out, fails, is repaired, and starts again. Wear grows
 * with every stroke, faster when hot; it shows in vibration and scrap long before the bearing fails. Pure: the same
 * seed and the same steps give the same values.
 */
export class Press {
  readonly #random: Random
  #state: PressState = 'Stopped'
  #inStateMs = 0
  #stayMs: number
  #debtMs = 0
  #cycleMs = 0
  #batch = 0
  #temperature = AMBIENT_CEL
  #vibration = 0
  #pressure = 0
  #cycles: number
  #scrap = 0
  #energy: number
  #wear: number
  #lifeCycles: number
  #fault: Fault = 'none'
  /** Somebody has it hold, so it does not go on by itself. */
  #isToHold = false
  setpoint = 55

  constructor(random: Random) {
    this.#random = random
    this.#stayMs = 1_000 + random.next() * 4_000
    this.#cycles = 10_000 + random.integer(50_000)
    this.#energy = this.#cycles * 0.021
    this.#wear = random.next() * 0.9
    this.#lifeCycles = this.#newLife()
  }

  values(): PressValues {
    return {
      state: this.#state,
      temperature: round(this.#temperature, 2),
      vibration: round(this.#vibration, 3),
      pressure: round(this.#pressure, 1),
      cycles: this.#cycles,
      scrap: this.#scrap,
      energy: round(this.#energy, 3),
      setpoint: this.setpoint,
      fault: this.#fault,
    }
  }

  /** Puts a fault in, or takes it out (`none`). */
  inject(fault: Fault): void {
    this.#fault = fault
    if (fault === 'jam' && this.#state === 'Execute') this.#go('Holding')
  }

  /** Holds until `unhold`. False where its state does not allow that, as in all three (ISA-TR88.00.02 clause 5). */
  hold(): boolean {
    if (this.#state !== 'Execute') return false
    this.#isToHold = true
    this.#go('Holding')
    return true
  }

  /** Goes on after a hold, whatever held it; not while it is jammed. */
  unhold(): boolean {
    if (this.#state !== 'Held' || this.#fault === 'jam') return false
    this.#go('Unholding')
    return true
  }

  /** Is repaired after an abort, once it is cool enough to be touched. */
  clear(): boolean {
    if (this.#state !== 'Aborted' || this.#temperature > 60) return false
    this.#maintain()
    this.#go('Clearing')
    return true
  }

  /** Lets time pass. */
  step(ms: number): void {
    this.#debtMs += ms
    while (this.#debtMs >= STEP_MS) {
      this.#debtMs -= STEP_MS
      this.#tick()
    }
  }

  #tick(): void {
    this.#inStateMs += STEP_MS
    this.#move()
    if (this.#state === 'Execute') this.#press()
    else this.#pressure = approach(this.#pressure, 6, 400)
    this.#heat()
    this.#shake()
    this.#energy += (this.#power() * STEP_MS) / 3_600_000
  }

  /** The state machine. */
  #move(): void {
    if (this.#temperature > TRIP_CEL && !['Aborting', 'Aborted', 'Clearing'].includes(this.#state)) {
      this.#go('Aborting')
    } else if (this.#state in NEXT) {
      const state = this.#state as keyof typeof NEXT
      if (this.#inStateMs >= TRANSIENT_MS[state]) this.#go(NEXT[state])
    } else if (this.#state !== 'Execute' && this.#inStateMs >= this.#stayMs) {
      this.#leave()
    }
  }

  #leave(): void {
    // A jam, or a hold, that somebody put in stays until somebody takes it out.
    if (this.#state === 'Held' && (this.#fault === 'jam' || this.#isToHold)) return
    if (this.#state === 'Aborted') {
      if (this.#temperature > 60) return
      this.#maintain()
    }
    const next = {
      Stopped: 'Resetting',
      Idle: 'Starting',
      Held: 'Unholding',
      Suspended: 'Unsuspending',
      Aborted: 'Clearing',
    } as const
    this.#go(next[this.#state as keyof typeof next])
  }

  #go(state: PressState): void {
    this.#state = state
    if (state !== 'Holding' && state !== 'Held') this.#isToHold = false
    this.#inStateMs = 0
    const stay = { Stopped: 5_000, Idle: 3_000, Held: 20_000, Suspended: 12_000, Aborted: 45_000 }
    this.#stayMs = (stay[state as keyof typeof stay] ?? 0) * (0.5 + this.#random.next())
  }

  /** Maintenance: a new bearing, and whatever made it too hot is gone. */
  #maintain(): void {
    this.#wear = 0
    this.#lifeCycles = this.#newLife()
    if (this.#fault === 'overheating') this.#fault = 'none'
  }

  #newLife(): number {
    return 3_000 + this.#random.integer(3_000)
  }

  #press(): void {
    this.#cycleMs += STEP_MS
    const phase = this.#cycleMs / CYCLE_MS
    this.#pressure = 12 + (185 + this.#noise(3)) * Math.sin(Math.PI * Math.min(1, phase)) ** 2
    if (this.#cycleMs < CYCLE_MS) return
    this.#cycleMs = 0
    this.#endCycle()
  }

  #endCycle(): void {
    this.#cycles += 1
    this.#batch += 1
    this.#wear += (1 + Math.max(0, this.#temperature - 65) / 10) / this.#lifeCycles
    if (this.#random.next() < 0.004 + 0.1 * this.#wear ** 4) this.#scrap += 1
    const luck = this.#random.next()
    if (this.#wear >= 1) this.#go('Aborting')
    else if (this.#fault === 'jam' || luck < 0.006) this.#go('Holding')
    else if (luck > 0.992) this.#go('Suspending')
    else if (this.#batch >= BATCH_CYCLES) {
      this.#batch = 0
      this.#go('Completing')
    }
  }

  #heat(): void {
    const working = this.#state === 'Execute'
    const fault = this.#fault === 'overheating' && this.#state !== 'Aborted' ? 70 : 0
    const target = (working ? this.setpoint + 14 * this.#wear ** 2 : AMBIENT_CEL) + fault
    this.#temperature =
      approach(this.#temperature, target, fault > 0 || this.#state === 'Aborted' ? 20_000 : 90_000) + this.#noise(0.04)
  }

  #shake(): void {
    const target = this.#state === 'Execute' ? 2.1 + 7 * this.#wear ** 3 + 0.008 * this.#pressure : 0.15
    this.#vibration = Math.max(0, approach(this.#vibration, target, 500) + this.#noise(0.05))
  }

  /** kW. */
  #power(): number {
    if (this.#state === 'Execute') return 9 + this.#pressure * 0.07
    return this.#state === 'Stopped' || this.#state === 'Aborted' ? 0.4 : 2.5
  }

  /** Roughly normal around 0. */
  #noise(scale: number): number {
    return (this.#random.next() + this.#random.next() + this.#random.next() - 1.5) * scale
  }
}

/** First-order lag towards a target. */
function approach(value: number, target: number, tauMs: number): number {
  return value + ((target - value) * STEP_MS) / tauMs
}

function round(value: number, digits: number): number {
  const scale = 10 ** digits
  return Math.round(value * scale) / scale
}
