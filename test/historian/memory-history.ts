import type { Bucket, BucketEdge, HistoryReader, HistorySample } from '../../src/historian/history-reader.ts'
import { isBad, isGood, numberOf } from '../../src/historian/aggregates/raw-value.ts'
import { severity } from '../../src/model/quality.ts'
import type { Value } from '../../src/model/reading.ts'

/** A history in memory, in the plainest way: what questions to history are tested against. */
export class MemoryHistory implements HistoryReader {
  readonly #tags = new Map<string, Map<string, HistorySample[]>>()
  /** Samples that took the place of another one. */
  readonly #again = new WeakSet<HistorySample>()
  /** Samples that were handed out, and calls: so that a test sees what a question costs. */
  readonly asked = { samples: 0, calls: 0 }

  /** Adds samples of a tag in any order; a later one with the same time replaces an earlier one. */
  add(
    asset: string,
    tag: string,
    ...samples: readonly (readonly [time: number, value: Value | null, quality?: number, receivedTime?: number])[]
  ): this {
    const tags = this.#tags.get(asset) ?? new Map<string, HistorySample[]>()
    this.#tags.set(asset, tags)
    const byTime = new Map((tags.get(tag) ?? []).map((sample) => [sample.time, sample]))
    for (const [time, value, quality = 0, receivedTime = time] of samples) {
      const sample = { time, value, quality, receivedTime }
      if (byTime.has(time)) this.#again.add(sample)
      byTime.set(time, sample)
    }
    tags.set(
      tag,
      [...byTime.values()].sort((one, other) => one.time - other.time),
    )
    return this
  }

  read(
    { asset, tags, from, to, limit = Infinity, backwards = false }: Parameters<HistoryReader['read']>[0],
    signal: AbortSignal,
  ) {
    return this.#answer(signal, () => {
      const entries = tags.map((tag) => {
        const all = this.#of(asset, tag).filter(({ time }) => time >= from && time < to)
        if (backwards) all.reverse()
        const samples = all.slice(0, limit)
        this.asked.samples += samples.length
        return [tag, { samples, more: all.length > samples.length }] as const
      })
      return new Map(entries)
    })
  }

  before({ tags, time, goodOnly = false }: Parameters<HistoryReader['before']>[0], signal: AbortSignal) {
    return this.#found(tags, signal, (samples) =>
      samples.findLast((sample) => sample.time <= time && (!goodOnly || isGood(sample))),
    )
  }

  after({ tags, time, goodOnly = false }: Parameters<HistoryReader['after']>[0], signal: AbortSignal) {
    return this.#found(tags, signal, (samples) =>
      samples.find((sample) => sample.time >= time && (!goodOnly || isGood(sample))),
    )
  }

  extent({ asset }: { readonly asset?: string }, signal: AbortSignal) {
    return this.#answer(signal, () => {
      const all = [...this.#tags].flatMap(([path, tags]) =>
        asset === undefined || path === asset ? [...tags.values()].flat() : [],
      )
      if (all.length === 0) return undefined
      const times = all.map(({ time }) => time)
      return { from: Math.min(...times), to: Math.max(...times), samples: all.length }
    })
  }

  buckets({ assets, tags, from, to, everyMs }: Parameters<HistoryReader['buckets']>[0], signal: AbortSignal) {
    return this.#answer(signal, () =>
      assets.toSorted().flatMap((asset) =>
        tags.toSorted().flatMap((tag) => {
          const samples = this.#of(asset, tag).filter(({ time }) => time >= from && time < to)
          const groups = Map.groupBy(samples, ({ time }) => Math.floor(time / everyMs) * everyMs)
          const buckets = [...groups].map(([start, own]) => this.#bucketOf(start, own))
          return buckets.length === 0 ? [] : [{ asset, tag, buckets }]
        }),
      ),
    )
  }

  async means(query: Parameters<HistoryReader['means']>[0], signal: AbortSignal) {
    return (await this.buckets(query, signal)).map(({ asset, tag, buckets }) => {
      const column = (of: (bucket: Bucket) => number | undefined) => Float64Array.from(buckets, (b) => of(b) ?? NaN)
      return {
        asset,
        tag,
        start: column(({ start }) => start),
        count: column(({ count }) => count),
        usable: column(({ usable }) => usable),
        sum: column(({ sum }) => sum),
        worstQuality: column(({ worstQuality }) => worstQuality),
      }
    })
  }

  #of(asset: string, tag: string): readonly HistorySample[] {
    return this.#tags.get(asset)?.get(tag) ?? []
  }

  #bucketOf(start: number, own: readonly HistorySample[]): Bucket {
    const straight = own.every((sample) => isUsable(sample) && !this.#again.has(sample))
    return { ...bucketOf(start, own), ...(straight && { trapezoid: trapezoidOf(own) }) }
  }

  #found(
    tags: ReadonlyMap<string, readonly string[]>,
    signal: AbortSignal,
    find: (samples: readonly HistorySample[]) => HistorySample | undefined,
  ) {
    return this.#answer(signal, () => {
      const ofAsset = (asset: string, names: readonly string[]) => {
        const found = names.map((tag) => [tag, find(this.#of(asset, tag))] as const)
        return new Map(found.flatMap(([tag, sample]) => (sample === undefined ? [] : [[tag, sample] as const])))
      }
      return new Map([...tags].map(([asset, names]) => [asset, ofAsset(asset, names)]))
    })
  }

  async #answer<T>(signal: AbortSignal, answer: () => T): Promise<T> {
    signal.throwIfAborted()
    this.asked.calls += 1
    await Promise.resolve()
    return answer()
  }
}

function bucketOf(start: number, samples: readonly HistorySample[]): Bucket {
  const usable = samples.filter((sample) => isUsable(sample))
  const numbers = usable.map(({ value }) => numberOf(value)!)
  let [integral, usableMs] = [0, 0]
  samples.slice(0, -1).forEach((sample, nth) => {
    const lasts = samples[nth + 1]!.time - sample.time
    if (!isUsable(sample)) return
    integral += numberOf(sample.value)! * lasts
    usableMs += lasts
  })
  return {
    start,
    count: samples.length,
    usable: usable.length,
    good: samples.filter(isGood).length,
    ...(numbers.length > 0 && {
      minimum: Math.min(...numbers),
      maximum: Math.max(...numbers),
      sum: numbers.reduce((sum, one) => sum + one, 0),
    }),
    first: edgeOf(samples[0]!),
    last: edgeOf(samples.at(-1)!),
    worstQuality: worst(samples),
    integral,
    usableMs,
  }
}

function trapezoidOf(samples: readonly HistorySample[]): number {
  let area = 0
  samples.slice(1).forEach(({ time, value }, nth) => {
    const from = samples[nth]!
    area += ((numberOf(from.value)! + numberOf(value)!) / 2) * (time - from.time)
  })
  return area
}

function isUsable(sample: HistorySample): boolean {
  return !isBad(sample) && Number.isFinite(numberOf(sample.value))
}

function edgeOf({ time, value, quality }: HistorySample): BucketEdge {
  const number = numberOf(value)
  return { time, quality, ...(number !== undefined && { number }) }
}

const RANK = { good: 0, uncertain: 1, bad: 2 } as const

function worst(samples: readonly HistorySample[]): number {
  return samples
    .map(({ quality }) => quality)
    .reduce((one, other) => {
      const order = RANK[severity(other)] - RANK[severity(one)] || other - one
      return order > 0 ? other : one
    })
}
