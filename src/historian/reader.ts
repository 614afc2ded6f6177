import type { Catalogue } from '../model/catalogue.ts'
import type { Value } from '../model/reading.ts'
import { typedValue } from '../model/record.ts'
import type { Snapshot } from './archive.ts'
import type { Historian } from './historian.ts'
import { HistoryError } from './history-error.ts'
import type {
  Bucket,
  BucketEdge,
  BucketsQuery,
  HistoryExtent,
  HistoryMoment,
  HistoryRange,
  HistoryReader,
  HistorySample,
  HistorySeries,
} from './history-reader.ts'
import type { LakeFile } from './manifest.ts'
import type { Answer, QuerySources } from './queries.ts'
import { inPortions } from './portions.ts'

const MINUTE_US = 60_000_000

/** Reads what a historian keeps, in files and in memory. */
export class LakeReader implements HistoryReader {
  readonly #historian: Historian
  readonly #catalogue: Catalogue

  constructor(historian: Historian, catalogue: Catalogue) {
    this.#historian = historian
    this.#catalogue = catalogue
  }

  read(query: HistoryRange, signal: AbortSignal): Promise<Map<string, HistorySeries>> {
    return this.#leased((snapshot) => this.#read(query, snapshot, signal), signal)
  }

  before(query: HistoryMoment, signal: AbortSignal): Promise<Map<string, HistorySample>> {
    return this.#leased((snapshot) => this.#outermost(query, snapshot, true, signal), signal)
  }

  after(query: HistoryMoment, signal: AbortSignal): Promise<Map<string, HistorySample>> {
    return this.#leased((snapshot) => this.#outermost(query, snapshot, false, signal), signal)
  }

  extent(query: { readonly asset?: string }, signal: AbortSignal): Promise<HistoryExtent | undefined> {
    return this.#leased((snapshot) => this.#extent(query, snapshot, signal), signal)
  }

  buckets(query: BucketsQuery, signal: AbortSignal): Promise<readonly Bucket[]> {
    return this.#leased((snapshot) => this.#buckets(query, snapshot, signal), signal)
  }

  /** Reads what counts now. Where a file turns out to be damaged it is set aside, and the rest is read. */
  async #leased<T>(read: (snapshot: Snapshot) => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let isSecond = false; ; isSecond = true) {
      using lease = await this.#historian.lease()
      try {
        return await read(lease.snapshot)
      } catch (error) {
        if (!(error instanceof HistoryError) || error.files.length === 0 || isSecond) throw error
        if (!(await this.#historian.inspect(error.files))) throw error
        signal.throwIfAborted()
      }
    }
  }

  async #read(query: HistoryRange, snapshot: Snapshot, signal: AbortSignal): Promise<Map<string, HistorySeries>> {
    const { asset, limit = Infinity, backwards = false } = query
    const range = { fromUs: micros(query.from), toUs: micros(query.to) }
    const series = new Map(query.tags.map((tag) => [tag, [] as HistorySample[]]))
    for (const { sources, ...part } of inPortions(snapshot, this.#historian.lake, range, backwards)) {
      const tags = [...series].filter(([, samples]) => samples.length <= limit).map(([tag]) => tag)
      if (tags.length === 0) break
      const missing = limit === Infinity ? {} : { limit: limit + 1 }
      const answer = await this.#historian.query(
        { kind: 'samples', sources, assets: [asset], tags, ...part, ...missing, backwards },
        signal,
      )
      this.#gather(asset, answer, (tag, sample) => series.get(tag)?.push(sample))
    }
    return new Map(
      [...series].map(([tag, samples]) => [
        tag,
        samples.length > limit ? { samples: samples.slice(0, limit), more: true } : { samples, more: false },
      ]),
    )
  }

  async #extent(
    { asset }: { readonly asset?: string },
    snapshot: Snapshot,
    signal: AbortSignal,
  ): Promise<HistoryExtent | undefined> {
    const sources = this.#sources(snapshot, snapshot.files.filter(hasSamples))
    const { numbers } = await this.#historian.query(
      { kind: 'extent', sources, ...(asset === undefined ? {} : { assets: [asset] }) },
      signal,
    )
    const samples = numbers['count']![0]!
    if (!(samples > 0)) return undefined
    return { from: numbers['from']![0]! / 1000, to: numbers['to']![0]! / 1000, samples }
  }

  async #buckets(query: BucketsQuery, snapshot: Snapshot, signal: AbortSignal): Promise<readonly Bucket[]> {
    const range = { fromUs: micros(query.from), toUs: micros(query.to) }
    const files = snapshot.files.filter((file) => overlaps(file, range))
    const { assets, tags, everyMs } = query
    const sources = this.#sources(snapshot, files)
    const everyUs = Math.max(1000, micros(everyMs))
    return bucketsOf(await this.#historian.query({ kind: 'buckets', sources, assets, tags, ...range, everyUs }, signal))
  }

  /**
   * The outermost sample of each tag: in the day of the moment and in memory first, where nearly all are found, then in the
   * minutes that the roll-ups name.
   */
  async #outermost(
    query: HistoryMoment,
    snapshot: Snapshot,
    newest: boolean,
    signal: AbortSignal,
  ): Promise<Map<string, HistorySample>> {
    const { asset, tags, goodOnly = false } = query
    const at = micros(query.time)
    const range = newest ? { toUs: at + 1 } : { fromUs: at }
    const found = new Map<string, HistorySample>()
    const files = snapshot.files.filter((file) => hasSamples(file) && overlaps(file, range))
    const near = nearest(files, newest)
    const names = { assets: [asset], ...(tags === undefined ? {} : { tags }) }
    const asked = { newest, goodOnly, ...names }
    const inNear = await this.#historian.query(
      { kind: 'outermost', sources: this.#sources(snapshot, near), ...asked, ...range },
      signal,
    )
    this.#gather(asset, inNear, (tag, sample) => found.set(tag, sample))
    const far = files.filter((file) => !near.includes(file))
    if (far.length === 0 || (tags !== undefined && tags.every((tag) => isNearer(found.get(tag), far, newest))))
      return found
    await this.#further({ ...query, snapshot, far, newest, range }, found, signal)
    return found
  }

  /** Looks for samples that lie further out than those that were found, and for tags without any. */
  async #further(
    query: HistoryMoment & {
      readonly snapshot: Snapshot
      readonly far: readonly LakeFile[]
      readonly newest: boolean
      readonly range: { readonly fromUs?: number; readonly toUs?: number }
    },
    found: Map<string, HistorySample>,
    signal: AbortSignal,
  ): Promise<void> {
    const { asset, tags, goodOnly = false, snapshot, far, newest, range } = query
    const sources = { ...this.#sources(snapshot, far), generations: [] }
    const names = { assets: [asset], ...(tags === undefined ? {} : { tags }) }
    const minutes = await this.#historian.query(
      { kind: 'minutes', sources, newest, goodOnly, ...names, ...range },
      signal,
    )
    const wanted = new Map<number, string[]>()
    for (let row = 0; row < minutes.rows; row++) {
      const tag = minutes.texts['tag']![row]!
      const us = minutes.numbers['us']![row]!
      const known = found.get(tag)
      const isNearer = known !== undefined && (newest ? known.time * 1000 >= us + MINUTE_US : known.time * 1000 < us)
      if (!isNearer) wanted.set(us, [...(wanted.get(us) ?? []), tag])
    }
    for (const [us, tags] of wanted) {
      const within = {
        fromUs: Math.max(us, range.fromUs ?? -Infinity),
        toUs: Math.min(us + MINUTE_US, range.toUs ?? Infinity),
      }
      const files = snapshot.files.filter((file) => hasSamples(file) && overlaps(file, within))
      const sources = this.#sources(snapshot, files)
      const answer = await this.#historian.query(
        { kind: 'outermost', sources, assets: [asset], tags, newest, goodOnly, ...within },
        signal,
      )
      const missing = new Set(tags)
      this.#gather(asset, answer, (tag, sample) => {
        found.set(tag, sample)
        missing.delete(tag)
      })
      // A good one that a later one with the same time has taken the place of: it is looked for beyond that minute.
      const beyond = newest ? { toUs: us } : { fromUs: us + MINUTE_US }
      if (missing.size > 0) await this.#further({ ...query, tags: [...missing], range: beyond }, found, signal)
    }
  }

  #sources({ generations }: Snapshot, files: readonly LakeFile[]): QuerySources {
    const { lake } = this.#historian
    return {
      generations,
      files: files.filter(hasSamples).map((file) => lake.path('samples', file)),
      ...this.#historian.rollupsOf(files),
    }
  }

  /** Samples of an answer, each typed by the definition of its tag. */
  #gather(asset: string, { rows, numbers, texts }: Answer, take: (tag: string, sample: HistorySample) => void): void {
    const definitions = this.#catalogue.tags(asset)
    for (let row = 0; row < rows; row++) {
      const tag = texts['tag']![row]!
      const stored = valueOf(numbers['value']![row]!, texts['text']![row]!)
      const definition = definitions?.get(tag)
      take(tag, {
        time: numbers['us']![row]! / 1000,
        value: definition === undefined ? stored : typedValue(stored, definition),
        quality: numbers['status']![row]!,
        receivedTime: numbers['received']![row]! / 1000,
      })
    }
  }
}

/** The files of the day that is nearest to the moment. */
function nearest(files: readonly LakeFile[], newest: boolean): readonly LakeFile[] {
  const days = files.map(({ day }) => day)
  const day = newest ? Math.max(...days) : Math.min(...days)
  return files.filter((file) => file.day === day)
}

/** Whether a sample, perhaps one from memory, is nearer to the moment than all that files hold. */
function isNearer(found: HistorySample | undefined, files: readonly LakeFile[], newest: boolean): boolean {
  if (found === undefined) return false
  const us = found.time * 1000
  return newest ? files.every(({ maxUs }) => us > maxUs) : files.every(({ minUs }) => us < minUs)
}

function valueOf(number: number, text: string | null): Value | null {
  if (!Number.isNaN(number)) return number
  return text
}

function hasSamples({ bytes }: LakeFile): boolean {
  return bytes !== undefined
}

function overlaps(
  { minUs, maxUs }: LakeFile,
  { fromUs = -Infinity, toUs = Infinity }: { readonly fromUs?: number; readonly toUs?: number },
): boolean {
  return minUs < toUs && maxUs >= fromUs
}

function micros(ms: number): number {
  return Math.round(ms * 1000)
}

function bucketsOf({ rows, numbers, texts }: Answer): Bucket[] {
  const at = (name: string, row: number) => numbers[name]![row]!
  const edge = (name: string, row: number): BucketEdge => ({
    time: at(`${name}_us`, row) / 1000,
    ...known('number', at(`${name}_value`, row)),
    quality: at(`${name}_status`, row),
  })
  return Array.from({ length: rows }, (_, row) => ({
    asset: texts['asset']![row]!,
    tag: texts['tag']![row]!,
    start: at('start', row) / 1000,
    count: at('count', row),
    usable: at('usable', row),
    good: at('good', row),
    ...known('minimum', at('minimum', row)),
    ...known('maximum', at('maximum', row)),
    ...known('sum', at('sum', row)),
    first: edge('first', row),
    last: edge('last', row),
    worstQuality: at('worst', row),
    integral: at('integral', row),
    ...known('trapezoid', at('trapezoid', row)),
    usableMs: at('usable_ms', row),
  }))
}

function known<N extends string>(name: N, value: number): { readonly [name in N]?: number } {
  return Number.isNaN(value) ? {} : ({ [name]: value } as { [name in N]?: number })
}
