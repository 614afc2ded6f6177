import type { RawValue } from '../aggregates/raw-value.ts'
import { HistoryError } from '../history-error.ts'

/** Texts that the samples of one question may have together: an answer may hold on to any of them. */
const MOST_TEXT_BYTES = 64 << 20

/** What one question may look at, over all its tags. */
export class ReadBudget {
  readonly #most: number
  #taken = 0
  #textBytes = 0

  /** `most`: samples. */
  constructor(most: number) {
    this.#most = most
  }

  /** @throws HistoryError `HISTORY_TOO_LARGE` beyond the budget */
  take(samples: readonly RawValue[]): void {
    this.#taken += samples.length
    for (const { value } of samples) if (typeof value === 'string') this.#textBytes += value.length
    if (this.#taken > this.#most) throw tooLarge(`more than ${this.#most} samples`)
    if (this.#textBytes > MOST_TEXT_BYTES) throw tooLarge(`texts of more than ${MOST_TEXT_BYTES >> 20} MiB`)
  }
}

function tooLarge(what: string): HistoryError {
  const wanted =
    'want a shorter time, fewer tags, or intervals that begin and last whole minutes, which roll-ups can answer'
  return new HistoryError('HISTORY_TOO_LARGE', `Cannot answer from history: it takes ${what}, ${wanted}`)
}
