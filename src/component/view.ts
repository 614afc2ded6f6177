import type { Reading } from '../model/reading.ts'

/** Where a view goes on: the next offset of one partition of one topic. */
export interface ViewPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** One record of data, decoded. */
export interface ViewEntry {
  readonly offset: number
  /** Name of the source that handed it over; '' where the record names none. */
  readonly source: string
  readonly reading: Reading
}

/** Records of one partition, in order. `E`: what a record is decoded to. */
export interface ViewBatch<E = ViewEntry> {
  readonly topic: string
  readonly partition: number
  readonly entries: readonly E[]
  /** The view's position of this partition once it has taken the batch. */
  readonly nextOffset: number
  /** Records that retention removed before the view could read them. */
  readonly skipped: number
}

/**
 * A function of the log that keeps its own position: twins, historian, alarms. What it keeps can be thrown away and is
 * then rebuilt from the log, so `take` must depend on nothing but the batches it is given, and state and positions must
 * be written together.
 */
export interface View<E = ViewEntry> {
  readonly name: string
  /** Where it goes on; a partition that is not named is read from its first record. */
  positions(): readonly ViewPosition[]
  /** Takes the next records of a partition; never called again before it has resolved. */
  take(batch: ViewBatch<E>): void | Promise<void>
  /** Forgets everything: its positions are not of this log. */
  reset(): void
}

/**
 * A view that several hubs keep together, a state for each key: a hub evolves those of the partitions that it is given,
 * publishes them to a compacted topic with the same partitions, and adopts those that the others publish. A state says
 * of which records it is, so that it never goes back and takes no record twice.
 */
export interface SharedView {
  readonly name: string
  /** Where it goes on with the topic of states. */
  positions(): readonly ViewPosition[]
  /** Takes records of a partition that this hub was given; those that a state has taken already are passed over. */
  take(topic: string, entries: readonly ViewEntry[]): void
  /** The state of a key, to be published; undefined where there is none. */
  state(key: string): string | undefined
  /**
   * Takes states that were published.
   * @returns the keys of those that are older than what is known here: they are to be published again
   */
  adopt(batch: PublishedBatch): readonly string[]
  /** Keys whose state is newer here than the last one that was seen published. */
  unpublished(): readonly string[]
  reset(): void
}

/** States of one partition, in order. */
export interface PublishedBatch {
  readonly topic: string
  readonly partition: number
  readonly states: readonly Uint8Array[]
  readonly nextOffset: number
}
