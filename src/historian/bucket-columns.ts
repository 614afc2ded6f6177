import type { Answer, TextColumn } from './answer.ts'
import type { Bucket, BucketEdge, BucketList, BucketSeries, MeanSeries } from './history-reader.ts'

/** The buckets of an answer by tag; rows are in order of asset, tag and start. */
export function bucketSeries(answer: Answer): BucketSeries[] {
  const row = bucketsOf(answer)
  return seriesOf(answer).map(({ asset, tag, from, to }) => ({ asset, tag, buckets: new BucketRows(row, from, to) }))
}

export function meanSeries(answer: Answer): MeanSeries[] {
  const { numbers } = answer
  const start = numbers['start']!.map((us) => us / 1000)
  return seriesOf(answer).map(({ asset, tag, from, to }) => {
    const column = (name: string) => numbers[name]!.subarray(from, to)
    return {
      asset,
      tag,
      start: start.subarray(from, to),
      count: column('count'),
      usable: column('usable'),
      sum: column('sum'),
      worstQuality: column('worst'),
    }
  })
}

/** Rows of one tag, which lie together. */
interface Series {
  readonly asset: string
  readonly tag: string
  readonly from: number
  readonly to: number
}

function seriesOf({ rows, texts }: Answer): Series[] {
  const [assets, tags] = [texts['asset']!, texts['tag']!]
  const series: Series[] = []
  const differs = ({ codes }: TextColumn, row: number) => codes[row] !== codes[row - 1]
  let from = 0
  for (let row = 1; row <= rows; row++) {
    if (row < rows && !differs(assets, row) && !differs(tags, row)) continue
    series.push({ asset: assets.texts[assets.codes[from]!]!, tag: tags.texts[tags.codes[from]!]!, from, to: row })
    from = row
  }
  return series
}

/** Buckets that are made when they are asked for. */
class BucketRows implements BucketList {
  readonly #bucketAt: (row: number) => Bucket
  readonly #from: number
  readonly length: number

  constructor(bucketAt: (row: number) => Bucket, from: number, to: number) {
    this.#bucketAt = bucketAt
    this.#from = from
    this.length = to - from
  }

  at(nth: number): Bucket | undefined {
    const place = nth < 0 ? this.length + nth : nth
    return place >= 0 && place < this.length ? this.#bucketAt(this.#from + place) : undefined
  }

  *[Symbol.iterator](): Generator<Bucket> {
    for (let nth = 0; nth < this.length; nth++) yield this.#bucketAt(this.#from + nth)
  }
}

function bucketsOf({ numbers }: Answer): (row: number) => Bucket {
  const at = (name: string, row: number) => numbers[name]![row]!
  const edge = (name: string, row: number): BucketEdge => ({
    time: at(`${name}_us`, row) / 1000,
    ...known('number', at(`${name}_value`, row)),
    quality: at(`${name}_status`, row),
  })
  return (row) => ({
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
  })
}

function known<N extends string>(name: N, value: number): { readonly [name in N]?: number } {
  return Number.isNaN(value) ? {} : ({ [name]: value } as { [name in N]?: number })
}
