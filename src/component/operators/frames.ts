/** How time is cut into windows, which begin with their start and end before their end. All in ms. */
export type Shape =
  /** One after the other. */
  | { readonly kind: 'tumbling'; readonly size: number; readonly offset: number }
  /** Overlapping: one begins every so often. */
  | { readonly kind: 'hopping'; readonly size: number; readonly every: number; readonly offset: number }
  /** From a value up to the last one before a gap, and never longer than `longest`. */
  | { readonly kind: 'session'; readonly gap: number; readonly longest: number }
  /** At every value the time before it, that value included and the one that is `size` older not. */
  | { readonly kind: 'sliding'; readonly size: number }

/** A window of time. */
export interface Frame {
  readonly start: number
  /** Of a session that of its last value, so far. */
  end: number
}

/** Which windows there are. It is asked in order of time. */
export interface Framing {
  /** When nothing more can come into a window. */
  closesAt(frame: Frame): number
  /** When the first window closes that a value of this time may be in, if none comes before it. */
  closesAfter(time: number): number
  /** A value comes: the windows to be opened for it, in order. Of those that are open, it may move the end. */
  entered(time: number, open: readonly Frame[]): readonly Frame[]
  /** A value holds from a time up to another: the windows that begin meanwhile, in order. */
  held(from: number, to: number): readonly Frame[]
}

/** Windows on a grid over the epoch, in UTC, moved by `offset`: every so often one of `size` begins. */
export class Grid implements Framing {
  readonly #size: number
  readonly #every: number
  readonly #offset: number

  constructor({ size, every, offset }: { readonly size: number; readonly every: number; readonly offset: number }) {
    this.#size = size
    this.#every = every
    this.#offset = offset
  }

  closesAt({ end }: Frame): number {
    return end
  }

  closesAfter(time: number): number {
    return this.lastEnd(time) + this.#every
  }

  entered(time: number, open: readonly Frame[]): readonly Frame[] {
    const newest = open.at(-1)
    if (newest !== undefined && time < newest.start + this.#every) return []
    return this.#frames(Math.max(time - this.#size, newest?.start ?? -Infinity), time)
  }

  held(from: number, to: number): readonly Frame[] {
    return this.#frames(from, to)
  }

  /** The newest end up to a time. */
  lastEnd(time: number): number {
    const first = this.#offset + this.#size
    return Math.floor((time - first) / this.#every) * this.#every + first
  }

  /** Those that begin after a time, up to another. */
  #frames(after: number, upTo: number): Frame[] {
    const frames: Frame[] = []
    for (let index = Math.floor((after - this.#offset) / this.#every) + 1; ; index += 1) {
      const start = index * this.#every + this.#offset
      if (start > upTo) return frames
      frames.push({ start, end: start + this.#size })
    }
  }
}

export class Sessions implements Framing {
  readonly #gap: number
  readonly #longest: number

  constructor(gap: number, longest: number) {
    this.#gap = gap
    this.#longest = longest
  }

  closesAt({ start, end }: Frame): number {
    return Math.min(end + this.#gap, start + this.#longest)
  }

  closesAfter(time: number): number {
    return time + Math.min(this.#gap, this.#longest)
  }

  entered(time: number, [current]: readonly Frame[]): readonly Frame[] {
    if (current === undefined) return [{ start: time, end: time }]
    current.end = time
    return []
  }

  held(): readonly Frame[] {
    return []
  }
}
