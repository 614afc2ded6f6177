import type { Json } from '../../model/json-value.ts'

/** Most points of a series; when there are more, neighbours are merged. Even. */
export const MOST_POINTS = 256

/** An indicator over its whole life, in bounded memory: each point is the mean of `width` values, and `width` doubles. */
export class Series {
  #times: number[] = []
  #values: number[] = []
  /** How many values make a point. */
  #width = 1
  /** Values of the point that is not full yet. */
  #sumTimes = 0
  #sumValues = 0
  #count = 0

  static restore(json: Json): Series {
    const { times, values, width, open } = json as unknown as Saved
    const series = new Series()
    series.#times = [...times]
    series.#values = [...values]
    series.#width = width
    ;[series.#sumTimes, series.#sumValues, series.#count] = open
    return series
  }

  add(time: number, value: number): void {
    this.#sumTimes += time
    this.#sumValues += value
    this.#count += 1
    if (this.#count < this.#width) return
    this.#times.push(this.#sumTimes / this.#count)
    this.#values.push(this.#sumValues / this.#count)
    this.#sumTimes = this.#sumValues = this.#count = 0
    if (this.#times.length < MOST_POINTS) return
    this.#times = pairs(this.#times)
    this.#values = pairs(this.#values)
    this.#width *= 2
  }

  /** Times and values, oldest first; the last point may be made of fewer values than the others. */
  points(): Points {
    if (this.#count === 0) return { times: this.#times, values: this.#values }
    return {
      times: [...this.#times, this.#sumTimes / this.#count],
      values: [...this.#values, this.#sumValues / this.#count],
    }
  }

  save(): Json {
    const open = [this.#sumTimes, this.#sumValues, this.#count]
    return { times: [...this.#times], values: [...this.#values], width: this.#width, open }
  }
}

export interface Points {
  readonly times: readonly number[]
  readonly values: readonly number[]
}

interface Saved {
  readonly times: readonly number[]
  readonly values: readonly number[]
  readonly width: number
  readonly open: readonly [number, number, number]
}

/** Means of two neighbours each. */
function pairs(numbers: readonly number[]): number[] {
  return Array.from({ length: numbers.length / 2 }, (_, pair) => (numbers[2 * pair]! + numbers[2 * pair + 1]!) / 2)
}
