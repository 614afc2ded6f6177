import type { PublishedBatch, SharedView, ViewEntry, ViewPosition } from '../component/view.ts'
import { compareTaken, type Taken } from './twin.ts'
import { decodeTwin, encodeTwin } from './twin-record.ts'
import type { Twins } from './twins.ts'

/** The twins as several hubs keep them together: each evolves those of its partitions, and knows all. */
export class SharedTwins implements SharedView {
  readonly name = 'twins'
  readonly #twins: Twins
  /** Of which records the twin was that was seen published last; without those that were known from the snapshot. */
  readonly #published = new Map<string, Taken | undefined>()

  constructor(twins: Twins) {
    this.#twins = twins
  }

  positions(): readonly ViewPosition[] {
    return this.#twins.positions()
  }

  take(topic: string, entries: readonly ViewEntry[]): void {
    this.#twins.takeOnce(topic.endsWith('.derived') ? 'derived' : 'telemetry', entries)
  }

  state(path: string): string | undefined {
    const twin = this.#twins.get(path)
    return twin && encodeTwin(twin)
  }

  adopt({ topic, partition, states, nextOffset }: PublishedBatch): string[] {
    const older = new Set<string>()
    for (const bytes of states) {
      const twin = decodeTwin(bytes)
      // Somebody else wrote into our topic: harmless.
      if (twin === undefined) continue
      this.#published.set(twin.path, twin.taken && { ...twin.taken })
      if (this.#twins.adopt(twin) === 'older') older.add(twin.path)
      else older.delete(twin.path)
    }
    this.#twins.moveTo({ topic, partition, offset: nextOffset })
    return [...older]
  }

  unpublished(): string[] {
    const paths: string[] = []
    for (const { path, taken } of this.#twins.all()) {
      if (!this.#published.has(path)) continue
      const known = compareTaken(this.#published.get(path), taken)
      if (known !== 'same' && known !== 'ahead') paths.push(path)
    }
    return paths
  }

  reset(): void {
    this.#published.clear()
    this.#twins.reset()
  }
}
