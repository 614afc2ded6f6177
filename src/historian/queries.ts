import type { DuckDBConnection } from '@duckdb/node-api'
import { CREATE_SPANS, outermostIn, spansOf, type Side, type Span } from './outermost-sql.ts'
import {
  mergedRollups,
  mixedMinutes,
  onceEach,
  rollups,
  samples,
  startOf,
  storedRollups,
  type RollupSources,
  type SampleFilter,
  type SampleSources,
} from './sql.ts'

/** Files and memory that a query reads, as they are at one moment. */
export interface QuerySources extends SampleSources, RollupSources {}

export type Query =
  | (SampleFilter & {
      readonly kind: 'samples'
      readonly sources: QuerySources
      readonly limit?: number
      readonly backwards?: boolean
    })
  /** Where the outermost sample of each tag lies. */
  | (SampleFilter & Side & { readonly kind: 'spans'; readonly sources: QuerySources })
  /** The outermost sample of each tag, within a span of its own; the side bounds all of them. */
  | (Side & { readonly kind: 'outermost'; readonly sources: QuerySources; readonly spans: readonly Span[] })
  | (SampleFilter & { readonly kind: 'buckets'; readonly sources: QuerySources; readonly everyUs: number })
  | (SampleFilter & { readonly kind: 'extent'; readonly sources: QuerySources })

/** Columns by name; numbers as doubles, NaN for none. */
export interface Answer {
  readonly rows: number
  readonly numbers: { readonly [name: string]: Float64Array<ArrayBuffer> }
  readonly texts: { readonly [name: string]: readonly (string | null)[] }
}

const MINUTE_US = 60_000_000

export function runQuery(connection: DuckDBConnection, query: Query): Promise<Answer> {
  switch (query.kind) {
    case 'samples':
      return ask(connection, samplesSql(query), SAMPLE)
    case 'outermost':
      return askOutermost(connection, query)
    case 'spans':
      return ask(connection, spansOf(query.sources, query), SPAN)
    case 'buckets':
      return askBuckets(connection, query)
    default:
      return ask(connection, extentSql(query), { numbers: ['count', 'from', 'to'], texts: [] })
  }
}

interface Columns {
  readonly numbers: readonly string[]
  readonly texts: readonly string[]
}

const SAMPLE: Columns = { numbers: ['us', 'value', 'status', 'received'], texts: ['tag', 'text'] }
const SPAN: Columns = { numbers: ['from_us', 'to_us'], texts: ['asset', 'tag'] }
const OUTERMOST: Columns = { ...SAMPLE, texts: ['asset', ...SAMPLE.texts] }
const BUCKET: Columns = {
  numbers: [
    'start',
    'count',
    'usable',
    'good',
    'minimum',
    'maximum',
    'sum',
    'first_us',
    'first_value',
    'first_status',
    'last_us',
    'last_value',
    'last_status',
    'worst',
    'integral',
    'trapezoid',
    'usable_ms',
  ],
  texts: ['asset', 'tag'],
}

function sampleColumns(relation: string): string {
  return `SELECT tag, us, value, status, received, text FROM (${relation})`
}

function samplesSql(query: Extract<Query, { kind: 'samples' }>): string {
  const once = onceEach(samples(query.sources, query))
  const direction = query.backwards ? 'DESC' : ''
  const limited =
    query.limit === undefined
      ? once
      : `SELECT * FROM (${once}) QUALIFY row_number() OVER (PARTITION BY tag ORDER BY us ${direction}) <= ${query.limit}`
  return `${sampleColumns(limited)} ORDER BY tag, us ${direction}`
}

/** Keeps the spans in a table of this connection, and looks within them. */
async function askOutermost(
  connection: DuckDBConnection,
  { sources, spans, ...side }: Extract<Query, { kind: 'outermost' }>,
): Promise<Answer> {
  await connection.run(CREATE_SPANS)
  const appender = await connection.createAppender('spans')
  for (const { asset, tag, fromUs, toUs } of spans) {
    appender.appendVarchar(asset)
    appender.appendVarchar(tag)
    appender.appendBigInt(BigInt(fromUs))
    appender.appendBigInt(BigInt(toUs))
    appender.endRow()
  }
  appender.closeSync()
  const names = { assets: distinct(spans.map(({ asset }) => asset)), tags: distinct(spans.map(({ tag }) => tag)) }
  return ask(connection, outermostIn(sources, { ...side, ...names }), OUTERMOST)
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function extentSql({ sources, ...filter }: Extract<Query, { kind: 'extent' }>): string {
  const hot = samples({ files: [], generations: sources.generations }, filter)
  return `SELECT sum(count) AS count, min(first_us) AS "from", max(last_us) AS "to"
    FROM (SELECT count(*) AS count, min(us) AS first_us, max(us) AS last_us FROM (${hot})
      UNION ALL SELECT stored, first_us, last_us FROM (${storedRollups(sources, filter)}))`
}

type BucketsQuery = Extract<Query, { kind: 'buckets' }>

/**
 * Buckets of whole minutes come from the roll-ups, but where parts of one minute lie among one another: these, and
 * buckets that are no whole minutes, come from the samples.
 */
async function askBuckets(connection: DuckDBConnection, query: BucketsQuery): Promise<Answer> {
  const { sources, everyUs } = query
  if (everyUs % MINUTE_US !== 0) {
    return ask(connection, bucketColumns(rollups(samples(sources, query), everyUs)), BUCKET)
  }
  const parts = minuteParts(query)
  const mixed = await ask(connection, `${mixedMinutes(parts)} ORDER BY us`, {
    numbers: ['us'],
    texts: ['asset', 'tag'],
  })
  if (mixed.rows === 0) return ask(connection, bucketColumns(mergedRollups(parts, everyUs)), BUCKET)
  await keepMixed(connection, mixed)
  const again = samples(sources, within(query, mixed.numbers['us']![0]!, mixed.numbers['us']!.at(-1)! + MINUTE_US))
  const fresh = rollups(
    `SELECT s.* FROM (${again}) s SEMI JOIN mixed m ON m.asset = s.asset AND m.tag = s.tag
       AND m.minute = ${startOf('s.us', MINUTE_US)}`,
    MINUTE_US,
  )
  const others = `SELECT p.* FROM (${parts}) p ANTI JOIN mixed m ON m.asset = p.asset AND m.tag = p.tag
    AND m.minute = epoch_us(p.start)`
  return ask(connection, bucketColumns(mergedRollups(`${others} UNION ALL BY NAME ${fresh}`, everyUs)), BUCKET)
}

/** Roll-ups of a minute: stored ones of whole minutes, and fresh ones of what is in memory and of the edges of the range. */
function minuteParts(query: BucketsQuery): string {
  const { sources, fromUs = -Infinity, toUs = Infinity } = query
  const memory = rollups(samples({ files: [], generations: sources.generations }, query), MINUTE_US)
  if (sources.files.length === 0 && sources.rollups.length === 0) return memory
  const whole = { fromUs: Math.ceil(fromUs / MINUTE_US) * MINUTE_US, toUs: Math.floor(toUs / MINUTE_US) * MINUTE_US }
  const stored = storedRollups(sources, { ...query, ...whole })
  const edges = [within(query, fromUs, whole.fromUs), within(query, Math.max(whole.fromUs, whole.toUs), toUs)]
    .filter((edge) => edge.fromUs! < edge.toUs!)
    .map((edge) => rollups(samples({ files: sources.files, generations: [] }, edge), MINUTE_US))
  return [memory, stored, ...edges].join(' UNION ALL BY NAME ')
}

/** A query for those of its samples that lie from one moment to another. */
function within<Q extends SampleFilter>(query: Q, fromUs: number, toUs: number): Q {
  return {
    ...query,
    fromUs: Math.max(fromUs, query.fromUs ?? -Infinity),
    toUs: Math.min(toUs, query.toUs ?? Infinity),
  }
}

/** Minutes that are mixed, in a table of this connection. */
async function keepMixed(connection: DuckDBConnection, mixed: Answer): Promise<void> {
  await connection.run('CREATE OR REPLACE TEMP TABLE mixed (asset VARCHAR, tag VARCHAR, minute BIGINT)')
  const appender = await connection.createAppender('mixed')
  for (let row = 0; row < mixed.rows; row++) {
    appender.appendVarchar(mixed.texts['asset']![row]!)
    appender.appendVarchar(mixed.texts['tag']![row]!)
    appender.appendBigInt(BigInt(mixed.numbers['us']![row]!))
    appender.endRow()
  }
  appender.closeSync()
}

function bucketColumns(relation: string): string {
  return `SELECT * REPLACE (epoch_us(start) AS start) FROM (${relation}) ORDER BY asset, tag, start`
}

/**
 * Texts of an answer, in the heap of the thread, which has bounds (`engine.ts`): two answers are made at a time, and a
 * thread that runs out of it dies, with all that waits for it.
 */
const MOST_TEXT_BYTES = 48 << 20
/** Of a text, beside its characters. */
const TEXT_BYTES = 32

/**
 * Runs a statement and gathers its columns.
 * @throws Error "out of memory" where they come to too much
 */
async function ask(connection: DuckDBConnection, sql: string, { numbers, texts }: Columns): Promise<Answer> {
  const wanted = [
    ...numbers.map((name) => `coalesce("${name}"::DOUBLE, 'nan') AS "${name}"`),
    ...texts.map((name) => `"${name}"`),
  ]
  const result = await connection.stream(`SELECT ${wanted.join(', ')} FROM (${sql})`)
  const parts = numbers.map(() => [] as Float64Array[])
  const gathered = texts.map(() => [] as (string | null)[])
  let rows = 0
  let textBytes = 0
  for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
    rows += chunk.rowCount
    for (const [i, list] of parts.entries()) {
      const { items } = chunk.getColumnVector(i) as unknown as { readonly items: Float64Array }
      list.push(items.slice(0, chunk.rowCount))
    }
    for (const [i, list] of gathered.entries()) {
      const vector = chunk.getColumnVector(numbers.length + i)
      for (let row = 0; row < chunk.rowCount; row++) {
        const text = vector.getItem(row) as string | null
        if (text !== null) textBytes += TEXT_BYTES + text.length
        if (textBytes > MOST_TEXT_BYTES) throw new Error(`out of memory: texts of over ${MOST_TEXT_BYTES >> 20} MiB`)
        list.push(text)
      }
    }
  }
  return {
    rows,
    numbers: Object.fromEntries(numbers.map((name, i) => [name, concat(parts[i]!, rows)])),
    texts: Object.fromEntries(texts.map((name, i) => [name, gathered[i]!])),
  }
}

function concat(parts: readonly Float64Array[], length: number): Float64Array<ArrayBuffer> {
  const all = new Float64Array(length)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}
