import { base64 } from '../model/value-text.ts'
import type { SeqRange } from './seq-set.ts'

/**
 * Why numbers of a source are not in the log as data:
 * - `dropped`: let go by a policy; acknowledged where the protocol asks for it
 * - `not-stored`: the log refused them; never acknowledged
 * - `unacknowledged`: a crash took them before they were durable; never acknowledged
 */
type GapKind = 'dropped' | 'not-stored' | 'unacknowledged'

/** The value of one record of `<site>.gaps`, as JSON; its key is the source. */
export interface GapRecord {
  readonly source: string
  /** Whose numbers they are: see `BookState`. Absent: 1. */
  readonly epoch?: number
  readonly kind: GapKind
  /** The policy's name, for `dropped`. */
  readonly policy?: string
  /** Why, in a sentence. */
  readonly reason: string
  /** First and last number. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** The runs of numbers, where they are not all from `from` to `to`. */
  readonly ranges?: readonly SeqRange[]
  /** Address of the first one and the first of its bytes (base64), for `dropped`. */
  readonly address?: string
  readonly sample?: string
  /** Wall time, ms since the epoch. */
  readonly at: number
}

/** Most runs in one record (about 350 KB of JSON), and most that may wait to be written before intake has to pause. */
const MOST_RANGES = { record: 10_000, waiting: 500_000 } as const
/** Most policies and reasons told apart between two checkpoints; those beyond share one record. */
const MOST_REASONS = 100
const SAMPLE_BYTES = 256

/** A message that was let go, as its batch reports it. */
export interface LetGo {
  readonly seq: number
  readonly kind: 'dropped' | 'not-stored'
  /** Name of the policy, or why the log refused. */
  readonly why: string
  readonly address?: string
  readonly payload?: Uint8Array
}

interface Open {
  readonly first: LetGo
  readonly ranges: [from: number, to: number][]
  count: number
}

/** What a source lost or let go since the last checkpoint: one entry per policy and reason, not one per message. */
export class Gaps {
  readonly #source: string
  readonly #epoch: number
  #open = new Map<string, Open>()
  #full: Open[] = []
  #ranges = 0

  constructor(source: string, epoch = 1) {
    this.#source = source
    this.#epoch = epoch
  }

  /** Numbers must come in order. */
  add(item: LetGo): void {
    const key = this.#keyOf(item)
    let open = this.#open.get(key)
    if (open === undefined || open.ranges.length >= MOST_RANGES.record) {
      if (open !== undefined) this.#full.push(open)
      open = { first: item, ranges: [], count: 0 }
      this.#open.set(key, open)
    }
    open.count += 1
    const last = open.ranges.at(-1)
    if (last !== undefined && last[1] === item.seq - 1) {
      last[1] = item.seq
    } else {
      open.ranges.push([item.seq, item.seq])
      this.#ranges += 1
    }
  }

  /** Whether so much waits to be written that nothing more should be taken in. */
  get crowded(): boolean {
    return this.#ranges >= MOST_RANGES.waiting
  }

  /** Everything since the last call, as records. */
  take(at: number): GapRecord[] {
    const all = [...this.#full, ...this.#open.values()]
    this.#full = []
    this.#open = new Map()
    this.#ranges = 0
    return all.map((open) => this.#record(open, at))
  }

  #keyOf({ kind, why }: LetGo): string {
    const key = `${kind} ${why}`
    // A policy is always told apart: the books count by it. Only the log's own words are bounded here.
    return kind === 'dropped' || this.#open.has(key) || this.#open.size < MOST_REASONS ? key : kind
  }

  #record({ first, ranges, count }: Open, at: number): GapRecord {
    const { kind, why, address, payload } = first
    return {
      source: this.#source,
      ...(this.#epoch > 1 && { epoch: this.#epoch }),
      kind,
      ...(kind === 'dropped'
        ? { policy: why, reason: `dropped by policy "${why}"` }
        : { reason: `not stored: ${why}` }),
      from: ranges[0]![0],
      to: ranges.at(-1)![1],
      count,
      ...(ranges.length > 1 && { ranges }),
      ...(address !== undefined && { address }),
      ...(payload !== undefined && { sample: base64(payload.subarray(0, SAMPLE_BYTES)) }),
      at,
    }
  }
}

/** The runs of numbers that a gap record speaks of, or undefined where it is none of ours. */
export function gapRanges(gap: Partial<GapRecord>): readonly SeqRange[] | undefined {
  const ranges: unknown = gap.ranges ?? [[gap.from, gap.to]]
  return Array.isArray(ranges) && ranges.every(isRange) ? ranges : undefined
}

function isRange(range: unknown): range is SeqRange {
  if (!Array.isArray(range) || range.length !== 2) return false
  const [from, to] = range as unknown[]
  return (
    Number.isSafeInteger(from) && Number.isSafeInteger(to) && (from as number) > 0 && (to as number) >= (from as number)
  )
}
