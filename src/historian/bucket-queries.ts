import type { DuckDBConnection } from '@duckdb/node-api'
import { ask, emptyAnswer, textAt, type Answer } from './answer.ts'
import { contestedMinutes, type Stretch } from './contested.ts'
import {
  between,
  literal,
  mergedMeans,
  mergedRollups,
  mixedMinutes,
  rollups,
  samples,
  startOf,
  storedRollups,
  type QuerySources,
  type SampleFilter,
} from './sql.ts'

export interface BucketsQuery extends SampleFilter {
  readonly kind: 'buckets'
  readonly sources: QuerySources
  readonly assets: readonly string[]
  readonly tags: readonly string[]
  readonly everyUs: number
  /** Of which times each of the files has samples. */
  readonly stretches: readonly Stretch[]
  /** Only what means are made of, which is much less. */
  readonly means: boolean
}

const MINUTE_US = 60_000_000

const MEAN = ['start', 'count', 'usable', 'sum', 'worst']
const BUCKET = [
  ...MEAN,
  'good',
  'minimum',
  'maximum',
  'first_us',
  'first_value',
  'first_status',
  'last_us',
  'last_value',
  'last_status',
  'integral',
  'trapezoid',
  'usable_ms',
]

/** Buckets in order of asset, tag and start: all statements see what was in memory at one moment. */
export async function askBuckets(connection: DuckDBConnection, query: BucketsQuery): Promise<Answer> {
  const { assets, tags, means } = query
  const numbers = means ? MEAN : BUCKET
  const codes = { asset: listed(assets), tag: listed(tags) }
  if (assets.length === 0 || tags.length === 0) return emptyAnswer({ numbers, codes })
  await connection.run('BEGIN TRANSACTION')
  try {
    const columns = numbers.map((name) => (name === 'start' ? 'epoch_us(start) AS start' : name))
    const sorted = `SELECT enum_code(asset) AS asset, enum_code(tag) AS tag, ${columns.join(', ')}
      FROM (${await buckets(connection, query)}) ORDER BY asset, tag, start`
    return await ask(connection, sorted, { numbers, codes })
  } finally {
    await connection.run('ROLLBACK')
  }
}

/**
 * Buckets of whole minutes come from the roll-ups, but where parts of one minute lie among one another: these, and
 * buckets that are no whole minutes, come from the samples. Where a bucket is a minute that has one roll-up, it is that one.
 */
async function buckets(connection: DuckDBConnection, query: BucketsQuery): Promise<string> {
  const { sources, everyUs, means } = query
  if (everyUs % MINUTE_US !== 0) return coded(query, rollups(samples(sources, query), everyUs))
  const merge = means ? mergedMeans : mergedRollups
  const { alone, contested } = await minuteParts(connection, query)
  const others = contested && (await unmixed(connection, query, contested))
  if (everyUs !== MINUTE_US) return merge(coded(query, unionOf([alone, others])), everyUs)
  return unionOf([coded(query, alone), others && merge(coded(query, others), everyUs)])
}

/**
 * Names become their places in the lists of those that are asked for: these are quick to put in order and to group by, and
 * no row has to carry a text.
 */
function coded({ assets, tags }: BucketsQuery, relation: string): string {
  const typeOf = (names: readonly string[]) => `ENUM(${listed(names).map(literal).join(', ')})`
  return `SELECT * REPLACE (asset::${typeOf(assets)} AS asset, tag::${typeOf(tags)} AS tag) FROM (${relation})`
}

/** Names as they are stored, each once, in the order that DuckDB has them in: that of their bytes. */
function listed(names: readonly string[]): string[] {
  const stored = new Set(names.map((name) => name.replaceAll('\0', '').toWellFormed()))
  return [...stored].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}

/**
 * Roll-ups of a minute: stored ones of whole minutes, and fresh ones of what is in memory and of the edges of the range.
 * `alone` are those of minutes that have no other one.
 */
async function minuteParts(
  connection: DuckDBConnection,
  query: BucketsQuery,
): Promise<{ readonly alone: string; readonly contested: string | undefined }> {
  const { sources, stretches, fromUs = -Infinity, toUs = Infinity } = query
  const memory = samples({ files: [], generations: sources.generations }, query)
  const inMemory = await stretchOf(connection, memory)
  if (sources.files.length === 0 && sources.rollups.length === 0)
    return { alone: rollups(memory, MINUTE_US), contested: undefined }
  const fresh = inMemory ? [rollups(memory, MINUTE_US)] : []
  const whole = { fromUs: Math.ceil(fromUs / MINUTE_US) * MINUTE_US, toUs: Math.floor(toUs / MINUTE_US) * MINUTE_US }
  const edges = [within(query, fromUs, whole.fromUs), within(query, Math.max(whole.fromUs, whole.toUs), toUs)].filter(
    (edge) => edge.fromUs < edge.toUs,
  )
  for (const edge of edges) fresh.push(rollups(samples({ files: sources.files, generations: [] }, edge), MINUTE_US))
  const stored = storedRollups(sources, { ...query, ...whole })
  const shared = contestedMinutes([...stretches, ...edges, ...(inMemory ? [inMemory] : [])])
  if (shared.length === 0) return { alone: unionOf([stored, ...fresh]), contested: undefined }
  const isShared = shared
    .map((stretch) => between('start', stretch, (us) => `make_timestamptz(${us})`).join(' AND '))
    .join(' OR ')
  return {
    alone: `SELECT * FROM (${stored}) WHERE NOT (${isShared})`,
    contested: unionOf([`SELECT * FROM (${stored}) WHERE ${isShared}`, ...fresh]),
  }
}

/** Of which times a relation has samples; undefined: it has none. */
async function stretchOf(connection: DuckDBConnection, relation: string): Promise<Stretch | undefined> {
  const { numbers } = await ask(connection, `SELECT min(us) AS "from", max(us) + 1 AS "to" FROM (${relation})`, {
    numbers: ['from', 'to'],
  })
  const [fromUs, toUs] = [numbers['from']![0]!, numbers['to']![0]!]
  return Number.isNaN(fromUs) ? undefined : { fromUs, toUs }
}

/** Roll-ups of minutes, those made from the samples where parts of one minute lie among one another. */
async function unmixed(connection: DuckDBConnection, query: BucketsQuery, parts: string): Promise<string> {
  const mixed = await ask(connection, `${mixedMinutes(parts)} ORDER BY us`, {
    numbers: ['us'],
    texts: ['asset', 'tag'],
  })
  if (mixed.rows === 0) return parts
  await keepMixed(connection, mixed)
  const again = within(query, mixed.numbers['us']![0]!, mixed.numbers['us']!.at(-1)! + MINUTE_US)
  const fresh = rollups(
    `SELECT s.* FROM (${samples(query.sources, again)}) s SEMI JOIN mixed m ON m.asset = s.asset AND m.tag = s.tag
       AND m.minute = ${startOf('s.us', MINUTE_US)}`,
    MINUTE_US,
  )
  const others = `SELECT p.* FROM (${parts}) p ANTI JOIN mixed m ON m.asset = p.asset AND m.tag = p.tag
    AND m.minute = epoch_us(p.start)`
  return unionOf([others, fresh])
}

/** Minutes that are mixed, in a table of this connection. */
async function keepMixed(connection: DuckDBConnection, mixed: Answer): Promise<void> {
  await connection.run('CREATE OR REPLACE TEMP TABLE mixed (asset VARCHAR, tag VARCHAR, minute BIGINT)')
  const appender = await connection.createAppender('mixed')
  for (let row = 0; row < mixed.rows; row++) {
    appender.appendVarchar(textAt(mixed.texts['asset']!, row)!)
    appender.appendVarchar(textAt(mixed.texts['tag']!, row)!)
    appender.appendBigInt(BigInt(mixed.numbers['us']![row]!))
    appender.endRow()
  }
  appender.closeSync()
}

/** A query for those of its samples that lie from one moment to another. */
function within(query: BucketsQuery, fromUs: number, toUs: number): BucketsQuery & Stretch {
  return {
    ...query,
    fromUs: Math.max(fromUs, query.fromUs ?? -Infinity),
    toUs: Math.min(toUs, query.toUs ?? Infinity),
  }
}

/** Those relations that are there, one behind the other. */
function unionOf(relations: readonly (string | undefined)[]): string {
  return relations.filter((relation) => relation !== undefined).join(' UNION ALL BY NAME ')
}
