/** Numbers of one page: 4 KiB of bits, or nothing once all are there. */
const PAGE = 32_768

interface Page {
  /** undefined: every number of the page is in the set. */
  bits: Uint32Array | undefined
  count: number
}

/** First and last number of a run, both included. */
export type SeqRange = readonly [from: number, to: number]

/**
 * A set of the numbers a source gave. A bit a number while a page has holes and nothing once it is full, so a hundred
 * million numbers that arrive partition by partition take 12 MiB at the most, and next to nothing in the end.
 */
export class SeqSet {
  readonly #pages = new Map<number, Page>()
  #max = 0

  /** Whether it was new. */
  add(seq: number): boolean {
    const index = Math.floor(seq / PAGE)
    let page = this.#pages.get(index)
    if (page === undefined) {
      page = { bits: new Uint32Array(PAGE / 32), count: 0 }
      this.#pages.set(index, page)
    }
    const { bits } = page
    if (bits === undefined) return false
    const bit = seq - index * PAGE
    const mask = 1 << (bit & 31)
    if ((bits[bit >>> 5]! & mask) !== 0) return false
    bits[bit >>> 5]! |= mask
    page.count += 1
    if (page.count === PAGE) page.bits = undefined
    if (seq > this.#max) this.#max = seq
    return true
  }

  has(seq: number): boolean {
    const index = Math.floor(seq / PAGE)
    const page = this.#pages.get(index)
    if (page === undefined) return false
    const bit = seq - index * PAGE
    return page.bits === undefined || (page.bits[bit >>> 5]! & (1 << (bit & 31))) !== 0
  }

  /** The highest number; 0 where there is none. */
  get max(): number {
    return this.#max
  }

  /** The runs of numbers from `from` to `to`, both included, that are not in the set, in order. */
  *missing(from: number, to: number): Generator<SeqRange> {
    let start = -1
    for (let seq = from; seq <= to;) {
      const whole = this.#wholePage(seq, to)
      const present = whole === undefined ? this.has(seq) : whole === 'full'
      if (present && start >= 0) {
        yield [start, seq - 1]
        start = -1
      } else if (!present && start < 0) {
        start = seq
      }
      seq += whole === undefined ? 1 : PAGE
    }
    if (start >= 0) yield [start, to]
  }

  /** Whether `seq` begins a page within `to` that is full or not there, so that it need not be looked at bit by bit. */
  #wholePage(seq: number, to: number): 'full' | 'empty' | undefined {
    if (seq % PAGE !== 0 || seq + PAGE - 1 > to) return undefined
    const page = this.#pages.get(seq / PAGE)
    if (page === undefined) return 'empty'
    return page.bits === undefined ? 'full' : undefined
  }
}

/** How many numbers the runs hold. */
export function countOf(ranges: Iterable<SeqRange>): number {
  let count = 0
  for (const [from, to] of ranges) count += to - from + 1
  return count
}
