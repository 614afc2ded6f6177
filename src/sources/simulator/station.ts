import type { Random } from '../../system/random.ts'

/** The result of testing one part. */
export interface TestResult {
  readonly serial: string
  readonly result: 'pass' | 'fail'
  /** kN. */
  readonly force: number
  /** mbar lost in the leak test. */
  readonly leak: number
  /** s. */
  readonly duration: number
}

/** A station that tests parts one by one; every thirtieth or so fails. Pure and seeded. */
export class Station {
  readonly #random: Random
  #serial: number

  constructor(random: Random) {
    this.#random = random
    this.#serial = 100_000 + random.integer(800_000)
  }

  next(): TestResult {
    this.#serial += 1
    const force = 48 + this.#random.next() * 4 - (this.#random.next() < 0.015 ? 9 : 0)
    const leak = this.#random.next() * 0.9 + (this.#random.next() < 0.02 ? 1.5 : 0)
    return {
      serial: `P-${this.#serial}`,
      result: force > 44 && leak < 1.2 ? 'pass' : 'fail',
      force: Math.round(force * 100) / 100,
      leak: Math.round(leak * 1000) / 1000,
      duration: Math.round((2.4 + this.#random.next() * 0.5) * 1000) / 1000,
    }
  }
}
