/** Bytes of log between two entries, at least. */
export const INDEX_INTERVAL = 64 * 1024

/** Before any timestamp; a number that JSON can hold. */
export const NEVER = Number.MIN_SAFE_INTEGER

/**
 * Where some of the batches of a segment lie: the first one, then the first one beyond every `INDEX_INTERVAL` bytes,
 * and the first one after damage. So a batch starts less than `INDEX_INTERVAL` bytes after the entry that leads to it.
 */
export class SparseIndex {
  readonly offsets: number[]
  readonly positions: number[]
  /** Highest timestamp of all batches *before* the entry. */
  readonly times: number[]

  /** Three lists of equal length, ascending; taken over, not copied. */
  constructor(offsets: number[] = [], positions: number[] = [], times: number[] = []) {
    this.offsets = offsets
    this.positions = positions
    this.times = times
  }

  /** Called for every batch in order; keeps what the interval asks for, and all that are `forced`. */
  note(offset: number, position: number, maxTimestampBefore: number, forced = false): void {
    const last = this.positions.at(-1)
    if (!forced && last !== undefined && position - last < INDEX_INTERVAL) return
    this.offsets.push(offset)
    this.positions.push(position)
    this.times.push(maxTimestampBefore)
  }

  /** The last entry at or before an offset, or the first. */
  floor(offset: number): IndexEntry | undefined {
    return this.#entry(lastAtOrBelow(this.offsets, offset))
  }

  /** The last entry before which every timestamp is below `timestamp`. */
  floorTime(timestamp: number): IndexEntry | undefined {
    // Times only grow, so "below" is "at or below the next smaller number"; timestamps are whole milliseconds.
    return this.#entry(lastAtOrBelow(this.times, timestamp - 1))
  }

  #entry(at: number): IndexEntry | undefined {
    const offset = this.offsets[Math.max(at, 0)]
    return offset === undefined ? undefined : { offset, position: this.positions[Math.max(at, 0)]! }
  }
}

export interface IndexEntry {
  readonly offset: number
  readonly position: number
}

/** Index of the last element of a sorted list that is at or below `wanted`; -1 where there is none. */
export function lastAtOrBelow(sorted: readonly number[], wanted: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! <= wanted) low = middle + 1
    else high = middle
  }
  return low - 1
}
