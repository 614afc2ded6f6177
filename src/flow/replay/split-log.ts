import type { Log, NewRecord, Position, ReadOptions, TopicSpec } from '../../log/log.ts'

/**
 * A log of two: what is read comes from a plant's log, what is written goes to another one, with the topics that are only
 * there. So a processor can run over the past of a plant and leave nothing behind in it.
 */
export class SplitLog implements Log {
  readonly #plant: Log
  readonly #own: Log
  readonly #isOwn: (topic: string) => boolean

  constructor(plant: Log, own: Log, isOwn: (topic: string) => boolean) {
    this.#plant = plant
    this.#own = own
    this.#isOwn = isOwn
  }

  ensure(topics: readonly TopicSpec[]) {
    return this.#own.ensure(topics)
  }

  append(topic: string, records: readonly NewRecord[]) {
    if (!this.#isOwn(topic)) throw new Error(`Cannot write "${topic}": a replay only reads it`)
    return this.#own.append(topic, records)
  }

  ready() {
    return this.#own.ready()
  }

  ends(topic: string) {
    return this.#of(topic).ends(topic)
  }

  offsetsAt(topic: string, time: number) {
    return this.#of(topic).offsetsAt(topic, time)
  }

  /** Positions of one topic, or of several on one side. */
  read(positions: readonly Position[], options: ReadOptions) {
    return this.#of(positions[0]?.topic ?? '').read(positions, options)
  }

  topics() {
    return this.#plant.topics()
  }

  groups() {
    return this.#plant.groups()
  }

  join(...options: Parameters<Log['join']>) {
    return this.#own.join(...options)
  }

  consume(...options: Parameters<Log['consume']>) {
    return this.#plant.consume(...options)
  }

  committed(...options: Parameters<Log['committed']>) {
    return this.#plant.committed(...options)
  }

  state() {
    return this.#plant.state()
  }

  /** Closes neither: they are whoever's opened them. */
  async close() {}

  #of(topic: string): Log {
    return this.#isOwn(topic) ? this.#own : this.#plant
  }
}
