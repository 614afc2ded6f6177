import { isUtf8 } from 'node:buffer'
import type { ViewPosition } from '../component/view.ts'
import { browse, type BrowsedRecord } from '../log/browse.ts'
import type { Log, PartitionEnds, Position } from '../log/log.ts'
import type { System } from '../system/system.ts'
import type { BytesView, ConsumerView, RecordsView, RecordView, TopicView } from './contract.ts'
import type { LogPort, RecordsQuery } from './log-port.ts'
import { TopicRates } from './topic-rates.ts'

export interface LogViewsOptions {
  readonly log: Log
  /** The parts of the hub that read the log by themselves, and where each is. */
  readonly readers: () => readonly { readonly name: string; readonly positions: readonly ViewPosition[] }[]
  readonly system: Pick<System, 'clock'>
}

/** Most bytes of a key, a header or a value that a page shows. */
const SHOWN_BYTES = 16 * 1024

/** What the API shows of the log, asked from the log itself. */
export class LogViews implements LogPort {
  readonly #options: LogViewsOptions
  readonly #rates = new TopicRates()

  constructor(options: LogViewsOptions) {
    this.#options = options
  }

  async topics(): Promise<readonly TopicView[]> {
    const topics = await this.#options.log.topics()
    const views = await Promise.all(topics.map(({ name }) => this.topic(name)))
    return views.filter((view) => view !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async topic(name: string): Promise<TopicView | undefined> {
    const ends = await this.#ends(name)
    if (ends === undefined) return undefined
    const written = ends.reduce((sum, { end }) => sum + end, 0)
    const rate = this.#rates.note(name, this.#options.system.clock.monotonic(), written)
    const records = ends.reduce((sum, { start, end }) => sum + end - start, 0)
    return { name, records, ...(rate === undefined ? {} : { rate }), partitions: ends }
  }

  async records(topic: string, query: RecordsQuery, signal: AbortSignal): Promise<RecordsView | undefined> {
    const ends = await this.#ends(topic)
    if (ends === undefined) return undefined
    const wanted = ends.filter(({ partition }) => query.partition === undefined || partition === query.partition)
    const at = await this.#positions(topic, wanted, query)
    // Without a place to begin at, a page is the newest one.
    const back = query.back || (query.at === undefined && query.time === undefined)
    const page = await browse(this.#options.log, { at, back, limit: query.limit }, signal)
    return {
      topic,
      records: page.records.map(recordView),
      before: positionsText(page.before),
      after: positionsText(page.after),
    }
  }

  async consumers(): Promise<readonly ConsumerView[]> {
    const ends = new Map<string, Promise<readonly PartitionEnds[] | undefined>>()
    const endsOf = (topic: string) => {
      const known = ends.get(topic) ?? this.#ends(topic)
      ends.set(topic, known)
      return known
    }
    const readers = this.#options.readers().map(async ({ name, positions }): Promise<ConsumerView> => {
      return { name, kind: 'view', ...(await lags(positions, endsOf)) }
    })
    const groups = (await this.#options.log.groups()).map(async ({ group, state, members, positions }) => {
      return { name: group, kind: 'group' as const, state, members, ...(await lags(positions, endsOf)) }
    })
    return Promise.all([...readers, ...groups])
  }

  async #positions(topic: string, ends: readonly PartitionEnds[], { at, time }: RecordsQuery): Promise<Position[]> {
    if (at !== undefined) {
      return ends.flatMap(({ partition }) => {
        const offset = at.get(partition)
        return offset === undefined ? [] : [{ topic, partition, offset }]
      })
    }
    if (time === undefined) return ends.map(({ partition, end }) => ({ topic, partition, offset: end }))
    const wanted = new Set(ends.map(({ partition }) => partition))
    return (await this.#options.log.offsetsAt(topic, time)).filter(({ partition }) => wanted.has(partition))
  }

  async #ends(topic: string): Promise<readonly PartitionEnds[] | undefined> {
    try {
      return await this.#options.log.ends(topic)
    } catch (error) {
      if ((error as { code?: unknown }).code === 'TOPIC_UNKNOWN') return undefined
      throw error
    }
  }
}

async function lags(
  positions: readonly ViewPosition[],
  endsOf: (topic: string) => Promise<readonly PartitionEnds[] | undefined>,
): Promise<Pick<ConsumerView, 'lag' | 'positions'>> {
  const views = await Promise.all(
    positions.map(async ({ topic, partition, offset }) => {
      const end = (await endsOf(topic))?.find((one) => one.partition === partition)?.end ?? offset
      return { topic, partition, offset, lag: Math.max(0, end - offset) }
    }),
  )
  const sorted = views.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  return { lag: sorted.reduce((sum, { lag }) => sum + lag, 0), positions: sorted }
}

function recordView({ partition, offset, timestamp, key, value, headers }: BrowsedRecord): RecordView {
  return {
    partition,
    offset,
    timestamp,
    key: key && bytesView(key),
    value: value && bytesView(value),
    headers: headers.map(([name, bytes]) => ({ name, value: bytesView(bytes) })),
  }
}

function bytesView(data: Uint8Array): BytesView {
  const bytes = data.length
  const shown = Buffer.from(data.buffer, data.byteOffset, Math.min(bytes, SHOWN_BYTES))
  if (!isUtf8(data)) return { base64: shown.toString('base64'), bytes }
  // A character may have been cut in two.
  return { text: shown.toString().replace(bytes > SHOWN_BYTES ? /\uFFFD$/ : '', ''), bytes }
}

/** `0:17,1:4`: offsets by partition, as `at` takes them. */
function positionsText(positions: readonly Position[]): string {
  return positions.map(({ partition, offset }) => `${partition}:${offset}`).join(',')
}
