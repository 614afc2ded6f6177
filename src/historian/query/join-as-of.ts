import type { RawValue } from '../aggregates/raw-value.ts'

/**
 * The newest value at or before each time: what was known of a tag then. Times and values come in order; values may come
 * page by page.
 */
export class AsOf {
  #values: readonly RawValue[] = []
  #index = 0
  #newest: RawValue | undefined

  /** More values, later than all before. */
  push(values: readonly RawValue[]): void {
    this.#values = this.#index === 0 ? [...this.#values, ...values] : [...this.#values.slice(this.#index), ...values]
    this.#index = 0
  }

  /** Whether all values up to a time are known: a later one is there. */
  knows(time: number): boolean {
    return (this.#values.at(-1)?.time ?? -Infinity) > time
  }

  /** Moves on to a time; undefined: nothing was there yet. */
  at(time: number): RawValue | undefined {
    while (this.#index < this.#values.length && this.#values[this.#index]!.time <= time) {
      this.#newest = this.#values[this.#index++]
    }
    return this.#newest
  }
}

/** The value, unless it is older than so much at a time. */
export function youngEnough(value: RawValue | undefined, time: number, toleranceMs: number): RawValue | undefined {
  return value !== undefined && time - value.time <= toleranceMs ? value : undefined
}

/** The as-of join of whole series: a row for each time, a cell for each series. */
export function joinAsOf(
  times: readonly number[],
  series: readonly (readonly RawValue[])[],
  toleranceMs: number,
): (RawValue | undefined)[][] {
  const cells = series.map((values) => {
    const asOf = new AsOf()
    asOf.push(values)
    return asOf
  })
  return times.map((time) => cells.map((asOf) => youngEnough(asOf.at(time), time, toleranceMs)))
}
