import type { DuckDBConnection } from '@duckdb/node-api'
import { ask, type Answer, type Columns } from './answer.ts'
import { askBuckets, type BucketsQuery } from './bucket-queries.ts'
import { CREATE_SPANS, outermostIn, spansOf, withinSpans, type Side, type Span } from './outermost-sql.ts'
import { onceEach, samples, storedRollups, type QuerySources, type SampleFilter } from './sql.ts'

export type Query =
  | (SampleFilter & {
      readonly kind: 'samples'
      readonly sources: QuerySources
      readonly limit?: number
      readonly backwards?: boolean
    })
  /** Where the outermost sample of each tag lies. */
  | (SampleFilter & Side & { readonly kind: 'spans'; readonly sources: QuerySources })
  /** The outermost sample of each tag; with `spans` within the one of its own. */
  | (SampleFilter &
      Side & { readonly kind: 'outermost'; readonly sources: QuerySources; readonly spans?: readonly Span[] })
  | BucketsQuery
  | (SampleFilter & { readonly kind: 'extent'; readonly sources: QuerySources })

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
      return ask(connection, extentSql(query), { numbers: ['count', 'from', 'to'] })
  }
}

const SAMPLE: Columns = { numbers: ['us', 'value', 'status', 'received'], texts: ['tag', 'text'] }
const SPAN: Columns = { numbers: ['from_us', 'to_us'], texts: ['asset', 'tag'] }
const OUTERMOST: Columns = { numbers: SAMPLE.numbers, texts: ['asset', 'tag', 'text'] }

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

/** Keeps spans in a table of this connection, and looks within them. */
async function askOutermost(
  connection: DuckDBConnection,
  { sources, spans, ...filter }: Extract<Query, { kind: 'outermost' }>,
): Promise<Answer> {
  if (spans === undefined) return ask(connection, outermostIn(samples(sources, filter), filter), OUTERMOST)
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
  return ask(connection, outermostIn(withinSpans(samples(sources, filter)), filter), OUTERMOST)
}

function extentSql({ sources, ...filter }: Extract<Query, { kind: 'extent' }>): string {
  const hot = samples({ files: [], generations: sources.generations }, filter)
  return `SELECT sum(count) AS count, min(first_us) AS "from", max(last_us) AS "to"
    FROM (SELECT count(*) AS count, min(us) AS first_us, max(us) AS last_us FROM (${hot})
      UNION ALL SELECT stored, first_us, last_us FROM (${storedRollups(sources, filter)}))`
}
