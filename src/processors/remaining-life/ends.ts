/**
 * When something may end, as a sample: how long it may still last from now, each time with its share. `Infinity` stands for
 * later than was looked. Times are in the unit of the age: cycles, hours, ms.
 */
export class Ends {
  /** Ascending. */
  readonly #times: Float64Array
  /** Share of the ends up to and with each time; the last one is 1. */
  readonly #upTo: Float64Array

  /** @param weights of the times; absent: all the same. At least one is above 0. */
  constructor(times: ArrayLike<number>, weights?: ArrayLike<number>) {
    const order = Uint32Array.from({ length: times.length }, (_, index) => index).sort((a, b) => ascend(times, a, b))
    this.#times = Float64Array.from(order, (index) => times[index]!)
    this.#upTo = new Float64Array(times.length)
    let sum = 0
    order.forEach((index, rank) => (this.#upTo[rank] = sum += weights?.[index] ?? 1))
    for (let rank = 0; rank < order.length; rank += 1) this.#upTo[rank] = this.#upTo[rank]! / sum
  }

  /** The time up to which at least this share of the ends lie, 0 to 1. */
  quantile(share: number): number {
    return this.#times[
      Math.min(
        this.#rank((rank) => this.#upTo[rank]! >= share),
        this.#times.length - 1,
      )
    ]!
  }

  /** Probability that the end comes within a time, the time itself included. */
  within(time: number): number {
    const rank = this.#rank((at) => this.#times[at]! > time)
    return rank === 0 ? 0 : this.#upTo[rank - 1]!
  }

  /** Mean of how long it lasts where it is stopped at a time at the latest. */
  meanUpTo(time: number): number {
    let mean = 0
    let before = 0
    for (let rank = 0; rank < this.#times.length; rank += 1) {
      mean += (this.#upTo[rank]! - before) * Math.min(this.#times[rank]!, time)
      before = this.#upTo[rank]!
    }
    return mean
  }

  /** First rank of which it is true, by bisection: it is false up to there and true from there on. */
  #rank(isReached: (rank: number) => boolean): number {
    let low = 0
    let high = this.#times.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (isReached(middle)) high = middle
      else low = middle + 1
    }
    return low
  }
}

/** Not by difference: that of two infinities is no number. Equal times keep their order, so that sums do not depend on chance. */
function ascend(times: ArrayLike<number>, a: number, b: number): number {
  if (times[a] === times[b]) return a - b
  return times[a]! < times[b]! ? -1 : 1
}
