import type { Catalogue } from '../model/catalogue.ts'
import type { Value } from '../model/reading.ts'
import { typedValue } from '../model/record.ts'
import { textAt, type Answer } from './answer.ts'
import type { Snapshot } from './archive.ts'
import { bucketSeries, meanSeries } from './bucket-columns.ts'
import type { Historian } from './historian.ts'
import { HistoryError } from './history-error.ts'
import type {
  BucketSeries,
  BucketsQuery,
  HistoryExtent,
  HistoryMoment,
  HistoryRange,
  HistoryReader,
  HistorySample,
  HistorySamples,
  HistorySeries,
  MeanSeries,
} from './history-reader.ts'
import { overlaps, type LakeFile } from './manifest.ts'
import { outermostSamples } from './outermost.ts'
import type { QuerySources } from './sql.ts'
import { inPortions } from './portions.ts'

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

  before(query: HistoryMoment, signal: AbortSignal): Promise<HistorySamples> {
    return this.#leased((snapshot) => this.#outermost(query, snapshot, true, signal), signal)
  }

  after(query: HistoryMoment, signal: AbortSignal): Promise<HistorySamples> {
    return this.#leased((snapshot) => this.#outermost(query, snapshot, false, signal), signal)
  }

  extent(query: { readonly asset?: string }, signal: AbortSignal): Promise<HistoryExtent | undefined> {
    return this.#leased((snapshot) => this.#extent(query, snapshot, signal), signal)
  }

  async buckets(query: BucketsQuery, signal: AbortSignal): Promise<readonly BucketSeries[]> {
    return bucketSeries(await this.#leased((snapshot) => this.#buckets(query, false, snapshot, signal), signal))
  }

  async means(query: BucketsQuery, signal: AbortSignal): Promise<readonly MeanSeries[]> {
    return meanSeries(await this.#leased((snapshot) => this.#buckets(query, true, snapshot, signal), signal))
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
      for (let row = 0; row < answer.rows; row++)
        series.get(textAt(answer.texts['tag']!, row)!)?.push(this.#sampleAt(asset, answer, row))
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

  async #buckets(query: BucketsQuery, means: boolean, snapshot: Snapshot, signal: AbortSignal): Promise<Answer> {
    const range = { fromUs: micros(query.from), toUs: micros(query.to) }
    const files = snapshot.files.filter((file) => overlaps(file, range))
    const { assets, tags, everyMs } = query
    const sources = this.#sources(snapshot, files)
    const everyUs = Math.max(1000, micros(everyMs))
    const stretches = files.map(({ minUs, maxUs }) => ({ fromUs: minUs, toUs: maxUs + 1 }))
    const asked = { assets, tags, ...range, everyUs, stretches, means }
    return this.#historian.query({ kind: 'buckets', sources, ...asked }, signal)
  }

  #outermost(
    { tags, time, goodOnly = false }: HistoryMoment,
    { files, generations }: Snapshot,
    newest: boolean,
    signal: AbortSignal,
  ): Promise<HistorySamples> {
    const side = { newest, goodOnly, ...(newest ? { toUs: micros(time) + 1 } : { fromUs: micros(time) }) }
    return outermostSamples(
      { tags, side, snapshot: { files: files.filter(hasSamples), generations } },
      {
        sources: (snapshot) => this.#sources(snapshot, snapshot.files),
        ask: (query) => this.#historian.query(query, signal),
        sampleAt: (answer, row) => this.#sampleAt(textAt(answer.texts['asset']!, row)!, answer, row),
      },
    )
  }

  #sources({ generations }: Snapshot, files: readonly LakeFile[]): QuerySources {
    const { lake } = this.#historian
    return {
      generations,
      files: files.filter(hasSamples).map((file) => lake.path('samples', file)),
      ...this.#historian.rollupsOf(files),
    }
  }

  /** A sample of an answer, typed by the definition of its tag. */
  #sampleAt(asset: string, { numbers, texts }: Answer, row: number): HistorySample {
    const stored = valueOf(numbers['value']![row]!, textAt(texts['text']!, row))
    const definition = this.#catalogue.tags(asset)?.get(textAt(texts['tag']!, row)!)
    return {
      time: numbers['us']![row]! / 1000,
      value: definition === undefined ? stored : typedValue(stored, definition),
      quality: numbers['status']![row]!,
      receivedTime: numbers['received']![row]! / 1000,
    }
  }
}

function valueOf(number: number, text: string | null): Value | null {
  if (!Number.isNaN(number)) return number
  return text
}

function hasSamples({ bytes }: LakeFile): boolean {
  return bytes !== undefined
}

function micros(ms: number): number {
  return Math.round(ms * 1000)
}
