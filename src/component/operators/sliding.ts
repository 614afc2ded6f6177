import { Fold, newSummaries } from './fold.ts'
import type { Folded, Folding, Measure, OnClose, Open } from './fold.ts'
import type { Frame, Framing } from './frames.ts'
import type { Row } from './row.ts'

/** Rows in the window of a key; when there are more, the oldest leave early and its results are partial. */
export const MOST_IN_SLIDING = 2_000

/**
 * Folds into the window that ends at each value, that value included. It is worked out anew each time, so a value costs as
 * much as there are values in the window; for long windows hopping ones are cheaper.
 */
export class SlidingFold implements Folding {
  readonly #measures: readonly Measure[]
  readonly #size: number
  readonly #fold: Fold

  constructor(measures: readonly Measure[], size: number) {
    this.#measures = measures
    this.#size = size
    this.#fold = new Fold(measures, ONE)
  }

  take(folded: Folded, row: Row, onClose: OnClose): void {
    const { rows } = folded
    rows.push(row)
    const start = row.time - this.#size
    while (rows[0]!.time <= start || rows.length > MOST_IN_SLIDING) {
      // Folded into no window, a row only leaves what goes over from it: what held when the window began.
      this.#fold.take(folded, rows.shift()!, () => {})
    }
    onClose(this.#window(folded, start, row.time))
  }

  goOn(): void {}

  nextClose(_folded: Folded, rowTime: number | undefined): number | undefined {
    return rowTime
  }

  #window({ carried, rows }: Folded, start: number, end: number): Open {
    // What has left and is not old enough to, had to.
    const isPartial = carried.some((one) => one !== null && one.time > start)
    const window = { start, end, summaries: newSummaries(this.#measures), ...(isPartial ? { isPartial } : {}) }
    const folded = { carried: carried.map((one) => one && { ...one }), open: [window], rows: [] }
    for (const row of rows) this.#fold.take(folded, row, () => {})
    this.#fold.goOn(folded, Infinity, () => {})
    return window
  }
}

/** The one window that is open stays so until all is done. */
const ONE: Framing = {
  closesAt: (_frame: Frame) => Infinity,
  closesAfter: (time) => time,
  entered: () => [],
  held: () => [],
}
