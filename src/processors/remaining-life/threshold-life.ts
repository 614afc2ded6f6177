import type { Json } from '../../model/json-value.ts'
import type { Ends } from './ends.ts'
import { firstPassage, type Limit } from './first-passage.ts'
import type { Prognosis } from './prognosis.ts'
import { Series } from './series.ts'

/** The remaining life of an asset with one health indicator and a limit, and no history of others: see `firstPassage`. */
export class ThresholdLife implements Prognosis {
  readonly #limit: Limit
  #series = new Series()
  #first: number | undefined
  #last: number | undefined

  constructor(limit: Limit) {
    this.#limit = limit
  }

  static restore(limit: Limit, json: Json): ThresholdLife {
    const { series, first, last } = json as unknown as Saved
    const life = new ThresholdLife(limit)
    life.#series = Series.restore(series)
    life.#first = first ?? undefined
    life.#last = last ?? undefined
    return life
  }

  take(at: number, values: readonly number[]): void {
    const value = values[0]!
    if (!Number.isFinite(value) || !Number.isFinite(at) || (this.#last !== undefined && at <= this.#last)) return
    this.#first ??= at
    this.#last = at
    this.#series.add(at, value)
  }

  ends(): Ends | undefined {
    return firstPassage(this.#series.points(), this.#limit)
  }

  age(): number {
    return this.#last === undefined ? 0 : this.#last - this.#first!
  }

  maintained(): void {
    this.#series = new Series()
    this.#first = undefined
    this.#last = undefined
  }

  save(): Json {
    return { series: this.#series.save(), first: this.#first ?? null, last: this.#last ?? null }
  }
}

interface Saved {
  readonly series: Json
  readonly first: number | null
  readonly last: number | null
}
