import type { Header, NewRecord, StoredRecord } from '../../log/log.ts'
import { pathMatcher } from '../../model/path-pattern.ts'
import { textOf } from '../../system/text.ts'
import { ORIGIN_HEADER } from './origin.ts'
import type { Known } from './recover.ts'
import type { ReplicationRules } from './rules.ts'
import { nameMatches, Thinner } from './thin.ts'

/** Kinds whose records are keyed by the asset that they are about. */
const BY_ASSET: readonly string[] = [
  'telemetry',
  'derived',
  'events',
  'alarms',
  'alarms-current',
  'assets',
  'twins',
  'commands',
  'outcomes',
]
/** Kinds that hold records of docs/architecture.md, "The record". */
const READINGS: readonly string[] = ['telemetry', 'derived']

/** Assets of which it is remembered whether they are wanted. */
const MOST_KNOWN = 200_000

/** A record on its way, and which of the source's it was made of: one object each, for there are very many. */
export interface Selected extends NewRecord {
  readonly offset: number
  readonly tag: string | undefined
}

/** A value that thinning holds back, with what its record would be made of. */
interface HeldValue {
  readonly offset: number
  readonly tag: string
  readonly key: Uint8Array | null
  readonly timestamp: number
  readonly source: Uint8Array | undefined
  readonly reading: Readonly<ReadingJson>
  readonly value: number
}

interface ReadingJson {
  asset: string
  ts: number
  recv: number
  values: { [tag: string]: number }
  texts?: { [tag: string]: string }
  status?: { [tag: string]: number }
  server?: number
}

/**
 * What of one partition is carried: filters and thinning. Where there is neither, keys and values pass as the bytes that
 * they are. After a crash the same records come again: of what is in the target already the same is made then, as thinning
 * begins anew wherever it did.
 */
export class Selection {
  readonly #prefix: string
  readonly #assets: ((path: string) => boolean)[]
  readonly #tags: readonly string[]
  readonly #thinner: Thinner<HeldValue> | undefined
  readonly #known: Known | undefined
  readonly #wanted = new Map<string, boolean>()

  /**
   * @param line of the origin that records get
   * @param known what the target holds already
   */
  constructor(rules: ReplicationRules, kind: string, line: string, partition: number, known?: Known) {
    this.#known = known
    this.#prefix = `${line}/${partition}/`
    const byAsset = BY_ASSET.includes(kind)
    const readings = READINGS.includes(kind)
    this.#assets = byAsset ? rules.assets.map((pattern) => pathMatcher(rules.site, pattern)) : []
    this.#tags = readings ? rules.tags : []
    this.#thinner = readings && rules.thin.length > 0 ? new Thinner(rules.site, rules.thin) : undefined
  }

  /** Whether points are left out, so that places to go on from must be made with `flush`. */
  get thins(): boolean {
    return this.#thinner !== undefined
  }

  /** Adds what is to be sent for a record: mostly one, none where it is left out, more where held values come free. */
  take(record: StoredRecord, into: Selected[]): void {
    if (this.#assets.length > 0 && !this.#isWanted(record.key)) return
    if (this.#tags.length > 0 || this.#thinner !== undefined) this.#takeReading(record, into)
    else into.push(this.#whole(record))
  }

  /** Tags of a record of the target that thinning has let pass with it. */
  thinnedTags(value: Uint8Array | null): readonly string[] {
    const reading = this.#thinner && parseReading(value)
    if (reading === undefined) return []
    return Object.keys(reading.values).filter((tag) => this.#thinner!.thins(reading.asset, tag))
  }

  /** What thinning holds back, to be sent now; afterwards every tag begins anew. */
  flush(into: Selected[]): void {
    for (const held of this.#thinner?.flush() ?? []) into.push(this.#released(held))
  }

  #isWanted(key: Uint8Array | null): boolean {
    if (key === null) return true
    const asset = textOf(key)
    let wanted = this.#wanted.get(asset)
    if (wanted === undefined) {
      wanted = this.#assets.some((matches) => matches(asset))
      if (this.#wanted.size >= MOST_KNOWN) this.#wanted.clear()
      this.#wanted.set(asset, wanted)
    }
    return wanted
  }

  #whole({ offset, key, value, headers, timestamp }: StoredRecord): Selected {
    return { offset, tag: undefined, key, value, headers: this.#headers(headers, offset), timestamp }
  }

  #takeReading(record: StoredRecord, into: Selected[]): void {
    const reading = parseReading(record.value)
    // Not ours: others may write to the topic, and what they mean by it is theirs.
    if (reading === undefined) return void into.push(this.#whole(record))
    let left = 0
    let out = 0
    for (const tag of Object.keys(reading.values)) {
      if (this.#passes(reading, tag, record, into)) left += 1
      else out += Number(delete reading.values[tag])
    }
    for (const rest of [reading.texts, reading.status]) {
      for (const tag of Object.keys(rest ?? {})) {
        if (!this.#isTag(tag)) {
          out += Number(delete rest![tag])
          continue
        }
        left += 1
        this.#release(this.#thinner?.break(reading.asset, tag), into)
      }
    }
    if (out === 0) into.push(this.#whole(record))
    else if (left > 0) into.push(this.#part(record, reading))
  }

  /** Whether a number goes on with its record. One that is not Good is never left out. */
  #passes(reading: ReadingJson, tag: string, record: StoredRecord, into: Selected[]): boolean {
    if (!this.#isTag(tag)) return false
    const { asset, ts, values, status } = reading
    if (this.#thinner === undefined || !this.#thinner.thins(asset, tag)) return true
    if (status !== undefined && Object.hasOwn(status, tag)) return true
    const value: unknown = values[tag]
    if (typeof value !== 'number') return true
    if (this.#known?.parts.has(`${record.offset}/${tag}`)) {
      this.#release(this.#thinner.passed(asset, tag, { ts, value }), into)
      return false
    }
    const held = { ...heldOf(record), tag, reading, value }
    const { pass, release } = this.#thinner.take(asset, tag, { ts, value }, held)
    this.#release(release, into)
    return pass
  }

  #isTag(tag: string): boolean {
    return this.#tags.length === 0 || this.#tags.some((wanted) => nameMatches(wanted, tag))
  }

  #release(held: HeldValue | undefined, into: Selected[]): void {
    if (held !== undefined) into.push(this.#released(held))
  }

  #released({ offset, tag, key, timestamp, source, reading, value }: HeldValue): Selected {
    const { asset, ts, recv, server } = reading
    const json = { asset, ts, recv, values: { [tag]: value }, ...(server !== undefined && { server }) }
    const headers: Header[] = source === undefined ? [] : [['source', source]]
    headers.push(['content-type', 'application/json'], [ORIGIN_HEADER, `${this.#prefix}${offset}/${tag}`])
    return { offset, tag, key, value: JSON.stringify(json), headers, timestamp }
  }

  #part({ offset, key, headers, timestamp }: StoredRecord, reading: ReadingJson): Selected {
    for (const name of ['texts', 'status'] as const) {
      if (reading[name] !== undefined && Object.keys(reading[name]).length === 0) delete reading[name]
    }
    const value = JSON.stringify(reading)
    return { offset, tag: undefined, key, value, headers: this.#headers(headers, offset), timestamp }
  }

  #headers(headers: StoredRecord['headers'], offset: number): Header[] {
    return [...headers, [ORIGIN_HEADER, this.#prefix + offset]]
  }
}

/** Copies: what is held back outlives the batch that it came in. */
function heldOf({ offset, key, timestamp, headers }: StoredRecord) {
  const source = headers.find(([name]) => name === 'source')?.[1]
  return { offset, key: key && Uint8Array.from(key), timestamp, source: source && Uint8Array.from(source) }
}

function parseReading(value: Uint8Array | null): ReadingJson | undefined {
  try {
    const json = JSON.parse(textOf(value ?? new Uint8Array(0))) as Partial<ReadingJson> | null
    if (typeof json?.asset !== 'string' || typeof json.ts !== 'number' || typeof json.recv !== 'number')
      return undefined
    return typeof json.values === 'object' && json.values !== null ? (json as ReadingJson) : undefined
  } catch {
    return undefined
  }
}
