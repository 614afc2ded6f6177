import { encodeIndex, indexContent, writeIndex } from './index-file.ts'
import type { Place } from './place.ts'
import type { ProducerTable } from './producers.ts'
import type { Segment } from './segment.ts'

/** Bytes that an active segment grows by before its index is written again: so much of it is scanned after a crash. */
export const INDEX_EVERY_BYTES = 8 * 1024 * 1024

/**
 * Writes the indexes of one partition, one at a time and in the order in which they were asked for: each says what was
 * durable when it was asked for, so none is ever followed by an older one.
 */
export class IndexWriter {
  readonly #place: Place
  readonly #producers: ProducerTable
  #last: Promise<unknown> = Promise.resolve()
  /** Where it cannot be written, that is said once. */
  #failing = false

  constructor(place: Place, producers: ProducerTable) {
    this.#place = place
    this.#producers = producers
  }

  /**
   * Writes what is known of a segment now, all of which must be durable.
   * @param isThere asked when it is its turn: of a segment that was removed or replaced there must be no index
   */
  save(segment: Segment, isThere: () => boolean): Promise<void> {
    const { path, size, nextOffset } = segment
    const content = encodeIndex(indexContent(this.#place, segment, this.#producers.snapshot(nextOffset)))
    segment.indexBeyond = size + INDEX_EVERY_BYTES
    return this.alone(async () => {
      if (!isThere()) return
      try {
        await writeIndex(this.#place.disk, path, content)
        segment.indexedSize = size
        this.#failing = false
      } catch (error) {
        const { logger } = this.#place
        if (!this.#failing) logger.warn('Cannot write index, it is rebuilt at the next start', { file: path, error })
        this.#failing = true
      }
    })
  }

  /** Runs a task while no index of the partition is being written. */
  alone(task: () => Promise<void>): Promise<void> {
    const done = this.#last.then(task)
    this.#last = done.catch(() => undefined)
    return done
  }
}
