import assert from 'node:assert/strict'
import type { Counter, Metrics } from '../system/metrics.ts'
import { Gaps, type GapRecord, type LetGo } from './gaps.ts'

/** The fates of what a source handed over, counted. */
export interface Counts {
  stored: number
  quarantined: number
  /** By the policy's name. */
  readonly droppedBy: Map<string, number>
  unacknowledged: number
  /** Numbers that are in the log more than once; always an imbalance. */
  duplicates: number
}

/** Who writes a book: a hub, and which of its runs; a hub that is started again is another holder. */
export interface Holder {
  readonly hub: string
  readonly run: string
}

/**
 * A book as a checkpoint holds it: the fates of all numbers up to `seq`. Each holder of a source has a book of its own,
 * told apart by `epoch`; numbers begin at 1 in each. A hub that shares its log with nobody stays in epoch 1 for ever.
 */
export interface BookState extends Readonly<Counts> {
  readonly source: string
  readonly epoch: number
  readonly seq: number
  /** Absent: a hub that shares its log with nobody. */
  readonly holder?: Holder
  /** Nothing more will be numbered in this epoch, unless by a holder that has lost the source and does not know it. */
  readonly closed?: true
}

/** The account of a source, over all its epochs. received = stored + quarantined + dropped + unacknowledged + inFlight. */
export interface BookSummary {
  readonly source: string
  readonly received: number
  readonly stored: number
  readonly quarantined: number
  readonly dropped: number
  readonly droppedBy: { readonly [policy: string]: number }
  readonly unacknowledged: number
  readonly inFlight: number
  readonly lastSeq: number
  readonly balanced: boolean
}

/** What became of one batch. */
export interface Fates {
  readonly count: number
  readonly stored: number
  readonly quarantined: number
  /** Dropped by a policy or refused by the log, in order of their numbers. */
  readonly letGo: readonly LetGo[]
}

/** A book at the moment its settled prefix reached the marked number, with the gaps up to it that are not written yet. */
export interface MarkedBook {
  readonly state: BookState
  readonly gaps: readonly GapRecord[]
}

/**
 * The account of one source. Ingest calls `handOver` for every batch the moment it is pulled and `settle` once for
 * each, in the same order, when the fate of all its items is known. Numbers start at 1 and go on for ever.
 */
export class Book {
  readonly source: string
  readonly epoch: number
  readonly #holder: Holder | undefined
  readonly #counts: Counts
  readonly #gaps: Gaps
  readonly #meters: { readonly [fate in 'received' | 'stored' | 'quarantined' | 'dropped' | 'unacknowledged']: Counter }
  #received: number
  #settled: number
  #inFlight = 0
  #ended = false
  #mark: { readonly seq: number; readonly at: number; reach(marked: MarkedBook): void } | undefined

  constructor(start: BookState, metrics: Metrics) {
    this.source = start.source
    this.epoch = start.epoch
    this.#holder = start.holder
    this.#counts = copyCounts(start)
    this.#gaps = new Gaps(start.source, start.epoch)
    this.#received = start.seq
    this.#settled = start.seq
    const meter = (fate: string) =>
      metrics.counter(`millrace_${fate}_total`, `Items ${fate}, by source, since the start`, { source: this.source })
    this.#meters = {
      received: meter('received'),
      stored: meter('stored'),
      quarantined: meter('quarantined'),
      dropped: meter('dropped'),
      unacknowledged: meter('unacknowledged'),
    }
  }

  /** Numbers `count` items; answers the number of the first. */
  handOver(count: number): number {
    assert.ok(!this.#ended, `the book of "${this.source}" has ended`)
    const first = this.#received + 1
    this.#received += count
    this.#inFlight += count
    this.#meters.received.add(count)
    return first
  }

  /** Writes down what became of the oldest batch that is not settled yet. */
  settle({ count, stored, quarantined, letGo }: Fates): void {
    assert.equal(stored + quarantined + letGo.length, count, `fates of a batch of "${this.source}"`)
    this.#settled += count
    this.#inFlight -= count
    this.#counts.stored += stored
    this.#counts.quarantined += quarantined
    this.#meters.stored.add(stored)
    this.#meters.quarantined.add(quarantined)
    for (const item of letGo) this.#letGo(item)
    this.#reachMark()
  }

  /** Whether so many gaps wait to be written that the source should not be asked for more. */
  get crowded(): boolean {
    return this.#gaps.crowded
  }

  /** No more numbers: the next mark closes the book, once all that was handed over is settled. */
  end(): void {
    this.#ended = true
  }

  /** Highest number given. */
  get lastSeq(): number {
    return this.#received
  }

  /**
   * Marks the number given last; resolves with the book as of that number, as soon as everything up to it is settled.
   * Only one mark at a time.
   */
  mark(at: number): Promise<MarkedBook> {
    assert.equal(this.#mark, undefined, `marks of the book of "${this.source}"`)
    return new Promise((resolve) => {
      this.#mark = { seq: this.#received, at, reach: resolve }
      this.#reachMark()
    })
  }

  summary(): BookSummary {
    const { stored, quarantined, droppedBy, unacknowledged, duplicates } = this.#counts
    const dropped = sum(droppedBy)
    const inFlight = this.#inFlight
    return {
      source: this.source,
      received: this.#received,
      stored,
      quarantined,
      dropped,
      droppedBy: Object.fromEntries(droppedBy),
      unacknowledged,
      inFlight,
      lastSeq: this.#received,
      balanced: duplicates === 0 && this.#received === stored + quarantined + dropped + unacknowledged + inFlight,
    }
  }

  #letGo(item: LetGo): void {
    const { droppedBy } = this.#counts
    if (item.kind === 'dropped') {
      droppedBy.set(item.why, (droppedBy.get(item.why) ?? 0) + 1)
      this.#meters.dropped.add()
    } else {
      this.#counts.unacknowledged += 1
      this.#meters.unacknowledged.add()
    }
    this.#gaps.add(item)
  }

  #reachMark(): void {
    const mark = this.#mark
    if (mark === undefined || this.#settled < mark.seq) return
    // A mark lies between two batches, and batches settle whole and in order: the prefix ends exactly here.
    assert.equal(this.#settled, mark.seq, `settled number of "${this.source}"`)
    this.#mark = undefined
    const state: BookState = {
      source: this.source,
      epoch: this.epoch,
      seq: mark.seq,
      ...copyCounts(this.#counts),
      ...(this.#holder && { holder: this.#holder }),
      // Where it ended after it was marked, the mark may lie below the last number: the next one closes it.
      ...(this.#ended && mark.seq === this.#received && { closed: true as const }),
    }
    mark.reach({ state, gaps: this.#gaps.take(mark.at) })
  }
}

/** Tells the books of all sources and epochs apart. */
export function bookId({ source, epoch }: { readonly source: string; readonly epoch: number }): string {
  return epoch === 1 ? source : `${source}#${epoch}`
}

export function emptyBook(source: string, epoch = 1): BookState {
  return { source, epoch, seq: 0, stored: 0, quarantined: 0, droppedBy: new Map(), unacknowledged: 0, duplicates: 0 }
}

/** A book as people see it: everything that was numbered is settled. */
export function summaryOf({ source, seq, stored, quarantined, droppedBy, unacknowledged, duplicates }: BookState) {
  const dropped = sum(droppedBy)
  return {
    source,
    received: seq,
    stored,
    quarantined,
    dropped,
    droppedBy: Object.fromEntries(droppedBy),
    unacknowledged,
    inFlight: 0,
    lastSeq: seq,
    balanced: duplicates === 0 && seq === stored + quarantined + dropped + unacknowledged,
  } satisfies BookSummary
}

/** The accounts of all epochs of one source as one; `lastSeq` is that of the last of them. */
export function addSummaries(first: BookSummary, ...more: readonly BookSummary[]): BookSummary {
  return more.reduce((all, one) => {
    const droppedBy = { ...all.droppedBy }
    for (const [policy, count] of Object.entries(one.droppedBy)) droppedBy[policy] = (droppedBy[policy] ?? 0) + count
    return {
      source: all.source,
      received: all.received + one.received,
      stored: all.stored + one.stored,
      quarantined: all.quarantined + one.quarantined,
      dropped: all.dropped + one.dropped,
      droppedBy,
      unacknowledged: all.unacknowledged + one.unacknowledged,
      inFlight: all.inFlight + one.inFlight,
      lastSeq: one.lastSeq,
      balanced: all.balanced && one.balanced,
    }
  }, first)
}

export function sum(droppedBy: ReadonlyMap<string, number>): number {
  let total = 0
  for (const count of droppedBy.values()) total += count
  return total
}

function copyCounts({ stored, quarantined, droppedBy, unacknowledged, duplicates }: Counts): Counts {
  return { stored, quarantined, droppedBy: new Map(droppedBy), unacknowledged, duplicates }
}
