import type { Random } from '../../system/random.ts'

/** What a car sends: the 19 fields of the connected-cars scenario. */
export interface CarPayload {
  readonly coolant_temp: number
  readonly intake_air_temp: number
  readonly intake_air_flow_speed: number
  readonly battery_percentage: number
  readonly battery_voltage: number
  readonly current_draw: number
  readonly speed: number
  readonly engine_vibration_amplitude: number
  readonly throttle_pos: number
  readonly tire_pressure_1_1: number
  readonly tire_pressure_1_2: number
  readonly tire_pressure_2_1: number
  readonly tire_pressure_2_2: number
  readonly accelerometer_1_1_value: number
  readonly accelerometer_1_2_value: number
  readonly accelerometer_2_1_value: number
  readonly accelerometer_2_2_value: number
  readonly control_unit_firmware: 1000 | 2000
  readonly failure_occurred: 'true' | 'false'
}

const WHEELS = ['1_1', '1_2', '2_1', '2_2'] as const

/** Chance of each failure in ten seconds of driving. */
const CHANCES = { tyre: 0.0005, shock: 0.0005, driveShaft: 0.0005, coolant: 0.0003 } as const

/** Lowest and highest limit of speed that a car takes, m/s; the highest is none. */
export const LIMITS = { least: 5, most: 70 } as const

/** A failure is mended after this long, so that a fleet does not break down for good. */
const WORKSHOP_MS = 20 * 60_000

/**
 * An electric car on its way: it accelerates, brakes, drains its battery and charges, and breaks. Failures show in the
 * readings: a tyre below 24, an accelerometer at 3 and more, vibration of 150 instead of 100 times the speed, coolant
 * that rises with 0.5 instead of 0.1 times the current, firmware 1000 instead of 2000. Pure and seeded.
 */
export class Car {
  readonly topic: string
  readonly commandTopic: string
  readonly replyTopic: string
  readonly #random: Random
  readonly #intakeCel: number
  readonly #firmware: 1000 | 2000
  readonly #lowTyres = new Set<string>()
  readonly #badShocks = new Set<string>()
  #driveShaft = false
  #coolant = false
  #brokenMs = 0
  #speed = 0
  #target = 0
  #targetMs = 0
  #battery: number
  #charging = false
  #limit: number = LIMITS.most

  constructor(number: number, random: Random) {
    const name = `electric-vehicle-${String(number).padStart(5, '0')}`
    this.topic = `vehicles/sensor/data/${name}`
    this.commandTopic = `vehicles/${name}/commands/limit-speed`
    this.replyTopic = `vehicles/${name}/replies`
    this.#random = random
    this.#intakeCel = 15 + random.next() * 25
    this.#firmware = random.next() < 0.04 ? 1000 : 2000
    this.#battery = 30 + random.next() * 70
  }

  /** Lets time pass and answers what the car sends then. */
  next(ms: number): CarPayload {
    this.#drive(ms)
    this.#wear(ms)
    const throttle = this.#charging ? 0 : clamp(this.#speed / 50 + (this.#target - this.#speed) / 20, 0, 1)
    const current = this.#charging ? 0 : 4 + throttle * 260 + this.#random.next() * 8
    this.#battery += ((this.#charging ? 45 : -current / 24) * ms) / 3_600_000
    return {
      coolant_temp: round(this.#intakeCel + current * (this.#coolant ? 0.5 : 0.1)),
      intake_air_temp: round(this.#intakeCel),
      intake_air_flow_speed: round(this.#speed * 4),
      battery_percentage: round(clamp(this.#battery, 0, 100)),
      battery_voltage: round(320 + this.#battery * 0.8 - current * 0.05),
      current_draw: round(current),
      speed: round(this.#speed),
      engine_vibration_amplitude: round(this.#speed * (this.#driveShaft ? 150 : 100)),
      throttle_pos: round(throttle),
      ...(this.#wheels('tire_pressure_', '', (wheel) =>
        this.#lowTyres.has(wheel) ? 20 + this.#random.integer(5) : 30 + this.#random.integer(5),
      ) as Pick<CarPayload, 'tire_pressure_1_1' | 'tire_pressure_1_2' | 'tire_pressure_2_1' | 'tire_pressure_2_2'>),
      ...(this.#wheels('accelerometer_', '_value', (wheel) => round(this.#acceleration(wheel))) as Pick<
        CarPayload,
        'accelerometer_1_1_value' | 'accelerometer_1_2_value' | 'accelerometer_2_1_value' | 'accelerometer_2_2_value'
      >),
      control_unit_firmware: this.#firmware,
      failure_occurred: this.#broken() || this.#firmware === 1000 ? 'true' : 'false',
    }
  }

  /** It drives no faster, m/s. */
  get speedLimit(): number {
    return this.#limit
  }

  /** From now on it drives no faster than this, m/s. False: it charges, and takes none. */
  limitSpeed(most: number): boolean {
    if (this.#charging) return false
    this.#limit = most
    return true
  }

  #drive(ms: number): void {
    if (this.#battery < 12) this.#charging = true
    if (this.#battery > 85) this.#charging = false
    this.#targetMs -= ms
    if (this.#targetMs <= 0) {
      this.#targetMs = 10_000 + this.#random.next() * 50_000
      this.#target = this.#random.next() < 0.15 ? 0 : 8 + this.#random.next() * 34
    }
    const target = this.#charging ? 0 : Math.min(this.#target, this.#limit)
    this.#speed = Math.max(
      0,
      this.#speed +
        (target - this.#speed) * (1 - Math.exp(-ms / 8_000)) +
        (target > 0 ? (this.#random.next() - 0.5) * 0.6 : 0),
    )
  }

  #wear(ms: number): void {
    const share = ms / 10_000
    for (const wheel of WHEELS) {
      if (this.#random.next() < CHANCES.tyre * share) this.#lowTyres.add(wheel)
      if (this.#random.next() < CHANCES.shock * share) this.#badShocks.add(wheel)
    }
    if (this.#random.next() < CHANCES.driveShaft * share) this.#driveShaft = true
    if (this.#random.next() < CHANCES.coolant * share) this.#coolant = true
    this.#brokenMs = this.#broken() ? this.#brokenMs + ms : 0
    if (this.#brokenMs > WORKSHOP_MS) this.#mend()
  }

  #broken(): boolean {
    return this.#lowTyres.size > 0 || this.#badShocks.size > 0 || this.#driveShaft || this.#coolant
  }

  #mend(): void {
    this.#lowTyres.clear()
    this.#badShocks.clear()
    this.#driveShaft = false
    this.#coolant = false
  }

  #acceleration(wheel: string): number {
    const bump = this.#random.next() < 0.05
    const bad = this.#badShocks.has(wheel)
    if (bump) return (bad ? 5 : 2) + this.#random.next() * (bad ? 2 : 1)
    return (bad ? 3 : 0) + this.#random.next()
  }

  #wheels(before: string, after: string, read: (wheel: string) => number): object {
    return Object.fromEntries(WHEELS.map((wheel) => [before + wheel + after, read(wheel)]))
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
