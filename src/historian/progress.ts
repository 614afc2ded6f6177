import type { ViewPosition } from '../component/view.ts'
import type { Span } from './manifest.ts'

/** How far the historian has read the log: what is in memory goes from what is in the files up to here. */
export class Progress {
  #epoch: number
  /** By `topic/partition`. */
  #at: Map<string, ViewPosition>
  #from: Map<string, ViewPosition>

  constructor(epoch: number, positions: readonly ViewPosition[]) {
    this.#epoch = epoch
    this.#at = byPlace(positions)
    this.#from = byPlace(positions)
  }

  get epoch(): number {
    return this.#epoch
  }

  positions(): ViewPosition[] {
    return [...this.#at.values()]
  }

  offset(topic: string, partition: number): number | undefined {
    return this.#at.get(placeOf(topic, partition))?.offset
  }

  /** The next records of a partition were handed to the store: from `first` on, up to before `next`. */
  advance(topic: string, partition: number, first: number, next: number): void {
    const place = placeOf(topic, partition)
    if (!this.#from.has(place)) this.#from.set(place, { topic, partition, offset: first })
    this.#at.set(place, { topic, partition, offset: next })
  }

  /** What was read since the last time that this was asked, and up to where. */
  cut(): { epoch: number; positions: ViewPosition[]; spans: Span[] } {
    const positions = this.positions()
    const spans = positions.flatMap(({ topic, partition, offset }): Span[] => {
      const from = this.#from.get(placeOf(topic, partition))!.offset
      return from === offset ? [] : [{ epoch: this.#epoch, topic, partition, from, to: offset }]
    })
    this.#from = byPlace(positions)
    return { epoch: this.#epoch, positions, spans }
  }
}

function byPlace(positions: readonly ViewPosition[]): Map<string, ViewPosition> {
  return new Map(positions.map((at) => [placeOf(at.topic, at.partition), at]))
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
