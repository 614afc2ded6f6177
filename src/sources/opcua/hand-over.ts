import type { Batch } from '../../component/source.ts'

/** Most batches that wait to be pulled, and most values in them; then no more is asked of the server. */
const MOST = { batches: 64, values: 100_000 } as const

/** The bounded queue between a connection and the hub that pulls from it. */
export class HandOver implements AsyncIterable<Batch> {
  readonly #waiting: { batch: Batch; values: number }[] = []
  #values = 0
  #ended = false
  #wake: (() => void) | undefined
  /** Called when there is room again. */
  onRoom: (() => void) | undefined

  /** How many more notifications may come; 0 stops publishing. */
  room(): number {
    if (this.#ended || this.#values >= MOST.values) return 0
    return Math.max(0, MOST.batches - this.#waiting.length)
  }

  push(batch: Batch, values: number): void {
    this.#waiting.push({ batch, values })
    this.#values += values
    this.#wake?.()
  }

  /** Nothing comes any more; what waits is still handed out. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch> {
    for (;;) {
      const next = this.#waiting.shift()
      if (next !== undefined) {
        this.#values -= next.values
        this.onRoom?.()
        yield next.batch
      } else if (this.#ended) return
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
