import { HistoryError } from '../history-error.ts'

/** How many samples one question may look at, over all its tags. */
export class ReadBudget {
  readonly #most: number
  #taken = 0

  constructor(most: number) {
    this.#most = most
  }

  /** @throws HistoryError `HISTORY_TOO_LARGE` beyond the budget */
  take(count: number): void {
    this.#taken += count
    if (this.#taken <= this.#most) return
    throw new HistoryError(
      'HISTORY_TOO_LARGE',
      `Cannot answer from history: it takes more than ${this.#most} samples, want a shorter time, fewer tags, or what is answered from roll-ups`,
    )
  }
}
