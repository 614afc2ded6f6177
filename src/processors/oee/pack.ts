import type { Json } from '../../model/json-value.ts'
import type { Entry } from './entry.ts'
import type { MachineState } from './machine.ts'
import { NO_COUNTS, type Segment } from './segment.ts'

/**
 * A machine's state as short JSON: eight hours of a machine are a thousand segments, and their state is written to the log
 * again and again. Texts that come often are numbers of a table, times are distances. Lossless.
 */
export function packState(state: MachineState): Json {
  const { segments, entries, ...rest } = state
  const table = new Table()
  const base = segments[0]?.from ?? entries[0]?.time ?? 0
  const packed = {
    base,
    segments: segments.map((segment) => packSegment(segment, base, table)),
    entries: entries.map((entry) => packEntry(entry, base, table)),
  }
  return { texts: table.texts, ...packed, rest: rest as unknown as Json }
}

/** The state of a JSON by `packState`. */
export function unpackState(json: Json): MachineState {
  const { texts, base, segments, entries, rest } = json as unknown as Packed
  return {
    ...rest,
    segments: segments.map((row) => unpackSegment(row, base, texts)),
    entries: entries.map((row) => unpackEntry(row, base, texts)),
  }
}

interface Packed {
  readonly texts: readonly string[]
  readonly base: number
  readonly segments: readonly SegmentRow[]
  readonly entries: readonly EntryRow[]
  readonly rest: Omit<MachineState, 'segments' | 'entries'>
}

/** Of a text its number in the table, -1 where there is none; of a cause that of its topic and partition, and the offset. */
type SegmentRow = readonly [
  from: number,
  length: number,
  before: number,
  flags: number,
  kind: number,
  state: number,
  order: number,
  product: number,
  cycleUs: number,
  reason: number,
  first: PackedCause,
  last: PackedCause,
  counts: Segment['counts'] | 0,
  oddities: Segment['oddities'] | 0,
]
type PackedCause = readonly [place: number, offset: number] | string
type EntryRow = readonly [time: number, cause: PackedCause, rest: Omit<Entry, 'time' | 'cause'> | 0]

const BEGINS = 1
const WITHOUT_ORDER = 2

class Table {
  readonly texts: string[] = []
  readonly #numbers = new Map<string, number>()

  number(text: string | null): number {
    if (text === null) return -1
    const known = this.#numbers.get(text)
    if (known !== undefined) return known
    this.#numbers.set(text, this.texts.length)
    return this.texts.push(text) - 1
  }

  cause(cause: string): PackedCause {
    const slash = cause.lastIndexOf('/')
    const offset = Number(cause.slice(slash + 1))
    if (slash < 0 || String(offset) !== cause.slice(slash + 1)) return cause
    return [this.number(cause.slice(0, slash)), offset]
  }
}

function packSegment(segment: Segment, base: number, table: Table): SegmentRow {
  const { from, to, since, begins, withoutOrder, counts, oddities } = segment
  return [
    from - base,
    to - from,
    from - since,
    (begins ? BEGINS : 0) + (withoutOrder ? WITHOUT_ORDER : 0),
    table.number(segment.class),
    table.number(segment.state),
    table.number(segment.order),
    table.number(segment.product),
    segment.cycleUs,
    table.number(segment.reason),
    table.cause(segment.first),
    table.cause(segment.last),
    counts.some((count) => count !== 0) ? counts : 0,
    Object.keys(oddities).length > 0 ? oddities : 0,
  ]
}

function unpackSegment(row: SegmentRow, base: number, texts: readonly string[]): Segment {
  const [start, length, before, flags, kind, state, order, product, cycleUs, reason, first, last, counts, odd] = row
  const from = base + start
  const text = (number: number) => (number < 0 ? null : texts[number]!)
  return {
    from,
    to: from + length,
    class: texts[kind] as Segment['class'],
    state: texts[state]!,
    since: from - before,
    begins: (flags & BEGINS) !== 0,
    order: text(order),
    withoutOrder: (flags & WITHOUT_ORDER) !== 0,
    product: text(product),
    cycleUs,
    reason: text(reason),
    counts: counts === 0 ? NO_COUNTS : counts,
    oddities: odd === 0 ? {} : odd,
    first: unpackCause(first, texts),
    last: unpackCause(last, texts),
  }
}

function packEntry({ time, cause, ...rest }: Entry, base: number, table: Table): EntryRow {
  return [time - base, table.cause(cause), Object.keys(rest).length > 0 ? rest : 0]
}

function unpackEntry([time, cause, rest]: EntryRow, base: number, texts: readonly string[]): Entry {
  return { time: base + time, cause: unpackCause(cause, texts), ...(rest === 0 ? {} : rest) }
}

function unpackCause(cause: PackedCause, texts: readonly string[]): string {
  return typeof cause === 'string' ? cause : `${texts[cause[0]]!}/${cause[1]}`
}
