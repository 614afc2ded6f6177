import type { Log, NewRecord } from '../../log/log.ts'
import { partitionOf } from '../../log/partitioner.ts'
import { textOf } from '../../system/text.ts'
import type { KeyText, SavedKey, SavedState } from './key-state.ts'
import { comparePoints, type Point } from './reorder.ts'

/** By topic: the next offset of one partition. */
type Offsets = { readonly [topic: string]: number }

/** How far a task is, as its changelog says. */
export interface Mark {
  /** Run of the task: whoever begins it writes a mark with the next one. */
  readonly epoch: number
  /** Where the changelog ended when that run began: what an earlier run writes from there on counts for nothing. */
  readonly began: number
  /** What it reads: where it goes on. */
  readonly positions: Offsets
  /** Highest received time that it has got to; null: none yet. */
  readonly received: number | null
  /** What it writes: all that it derives from `positions` on lies at or above these offsets, by partition. */
  readonly outputs: { readonly [topic: string]: readonly number[] }
  /** Of a stage that takes keyed facts in order: how far those are who say them, and the last one that was taken. */
  readonly order?: { readonly reached: readonly number[]; readonly last?: Point }
}

/** Which facts a state has taken: those below the offsets, and of a stage that has an order those up to a point in it. */
export interface Taking {
  readonly at: Offsets
  readonly last?: Point
}

/** What a task begins with. */
export interface Restored {
  readonly mark: Mark | undefined
  readonly keys: readonly SavedKey[]
  /** By key: which facts its state has taken already, where that is more than the mark says. */
  readonly taken: ReadonlyMap<string, Taking>
  /**
   * A run that did not know that its time was over has written over the state of a later one: what is left is not whole, and
   * the task begins anew, from the start of what it reads.
   */
  readonly spoilt: boolean
  /** Where the changelog ends. */
  readonly end: number
}

/** A key's state in the changelog, with the positions up to which it has taken. `gone`: it is about to be removed. */
interface KeyRecord extends Taking {
  readonly epoch: number
  readonly state?: SavedState
  readonly gone?: true
}

export interface ChangelogOptions {
  readonly log: Log
  /** The compacted topic; it must exist, with the partitions of what the stage reads. */
  readonly topic: string
  readonly partition: number
  readonly partitions: number
  readonly now: () => number
}

/** Begins no path, so it is no key of a fact. */
const MARK = '\0mark'

/**
 * The states of a task, in a partition of a compacted topic: Kafka Streams' changelog. States are written first, then the
 * mark that says from where to go on. A crash between the two leaves states that are ahead of the mark; each says how far it
 * is, so what it has taken is passed over when the rest is taken again. What a run writes after the next one has begun counts
 * for nothing.
 */
export class Changelog {
  readonly #options: ChangelogOptions
  readonly #markKey: string
  /** Keys that were written down as gone; their records may go once a mark is behind them. */
  #gone: string[] = []

  constructor(options: ChangelogOptions) {
    this.#options = options
    this.#markKey = keyIn(options.partition, options.partitions)
  }

  /** Reads it whole. */
  async restore(signal: AbortSignal): Promise<Restored> {
    const { log, topic, partition } = this.#options
    const { start } = (await log.ends(topic))[partition]!
    const records = new Map<string, Placed>()
    let end = start
    for await (const batch of log.read([{ topic, partition, offset: start }], { signal, untilEnd: true })) {
      for (const { key, value, offset } of batch.records) {
        if (value === null) records.delete(textOf(key!))
        else records.set(textOf(key!), { offset, record: JSON.parse(textOf(value)) as Mark | KeyRecord })
      }
      end = batch.nextOffset
    }
    return restored(records, this.#markKey, end)
  }

  /** Writes states, then the mark. Resolves when it is durable; answers how many bytes it took. */
  async write(keys: readonly KeyText[], mark: Mark): Promise<number> {
    const { log, topic } = this.#options
    const { epoch, positions: at, order } = mark
    const taking = JSON.stringify({ epoch, at, ...(order?.last && { last: order.last }) }).slice(0, -1)
    const before = this.#gone
    this.#gone = keys.flatMap(({ key, text }) => (text === null ? [key] : []))
    const states = keys.map(({ key, text }) =>
      this.#record(key, text === null ? `${taking},"gone":true}` : `${taking},"state":${text}}`),
    )
    // What is back by now is not to be removed.
    const back = new Set(keys.map(({ key }) => key))
    const removals = before.filter((key) => !back.has(key)).map((key) => this.#record(key, null))
    if (states.length > 0) await log.append(topic, states)
    await log.append(topic, [this.#record(this.#markKey, JSON.stringify(mark)), ...removals])
    return states.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
  }

  /** Removes states that count for nothing. */
  async forget(keys: readonly SavedKey[]): Promise<void> {
    const { log, topic } = this.#options
    const removals = keys.map(({ key }) => this.#record(key, null))
    if (removals.length > 0) await log.append(topic, removals)
  }

  #record(key: string, value: string | null): NewRecord {
    return { key, value, timestamp: this.#options.now() }
  }
}

interface Placed {
  readonly offset: number
  readonly record: Mark | KeyRecord
}

/** What is gone is null. */
function restored(records: Map<string, Placed>, markKey: string, end: number): Restored {
  const mark = records.get(markKey)?.record as Mark | undefined
  records.delete(markKey)
  const keys: SavedKey[] = []
  const taken = new Map<string, Taking>()
  let spoilt = false
  for (const [key, { offset, record }] of records) {
    const { epoch, at, last, state } = record as KeyRecord
    spoilt ||= mark === undefined || (epoch < mark.epoch && offset >= mark.began)
    keys.push({ key, state: state ?? null })
    if (isAhead({ at, ...(last && { last }) }, mark)) taken.set(key, { at, ...(last && { last }) })
  }
  return { mark, keys, taken, spoilt, end }
}

function isAhead({ at, last }: Taking, mark: Mark | undefined): boolean {
  const before = mark?.order?.last
  if (last && (before === undefined || comparePoints(last, before) > 0)) return true
  return Object.entries(at).some(([topic, offset]) => offset > (mark?.positions[topic] ?? -1))
}

/** A key of ours that lies in a partition; no fact has it. */
export function keyIn(partition: number, partitions: number): string {
  for (let number = 0; ; number += 1) {
    const key = `${MARK}/${partition}/${number}`
    if (partitionOf(key, partitions) === partition) return key
  }
}
