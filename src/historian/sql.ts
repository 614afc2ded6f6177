/**
 * What the store asks DuckDB. Every source of samples, in memory or in files, becomes the same relation:
 *
 *     asset, tag, us (µs since the epoch), value, text, status, received, server (µs), source,
 *     epoch, topic, part, off (the place in the log)
 */

/** Samples that are asked for; times in µs, `to` exclusive. */
export interface SampleFilter {
  readonly assets?: readonly string[]
  readonly tags?: readonly string[]
  readonly fromUs?: number
  readonly toUs?: number
}

/** Where samples are: files, and tables in memory by their generation. */
export interface SampleSources {
  readonly files: readonly string[]
  readonly generations: readonly number[]
}

/** Where roll-ups are: in files, one for each file of samples, but for those whose roll-ups are still to be made again. */
export interface RollupSources {
  readonly rollups: readonly string[]
  /** Files of samples that have no roll-ups at present. */
  readonly unrolled: readonly string[]
}

/** Files and memory that a query reads, as they are at one moment. */
export interface QuerySources extends SampleSources, RollupSources {}

/** Later in the log is later in this order; two topics of one log are told apart by name, so that there is one order. */
const PLACE = 'epoch, topic, off'
export const PLACE_BACK = 'epoch DESC, topic DESC, off DESC'

export const MINUTE_US = 60_000_000
const BAD = 0x80000000
export const UNCERTAIN = 0x40000000

/** A text as SQL. Names with a NUL are stored nowhere; DuckDB would end its statement there. */
export function literal(text: string): string {
  return `'${text.replaceAll('\0', '').replaceAll("'", "''")}'`
}

export function createGeneration(generation: number): string[] {
  const place = 'place SMALLINT, off BIGINT'
  return [
    `CREATE TABLE signals_${generation} (id INTEGER, asset VARCHAR, tag VARCHAR)`,
    // Numbers never have a null, so that a chunk of them is copied as it is.
    `CREATE TABLE numbers_${generation} (signal INTEGER, us BIGINT, value DOUBLE, status UINTEGER, received BIGINT, server BIGINT, source INTEGER, ${place})`,
    `CREATE TABLE others_${generation} (signal INTEGER, us BIGINT, text VARCHAR, status UINTEGER, received BIGINT, server BIGINT, source INTEGER, ${place})`,
  ]
}

export function dropGeneration(generation: number): string[] {
  return ['signals', 'numbers', 'others'].map((table) => `DROP TABLE IF EXISTS ${table}_${generation}`)
}

export const CREATE_NAMES = [
  'CREATE TABLE places (id SMALLINT, epoch INTEGER, topic VARCHAR, part INTEGER)',
  'CREATE TABLE sources (id INTEGER, name VARCHAR)',
]

/** No server time: an int64 that is no time. */
export const NO_SERVER = -(2 ** 62)

/** The relation of samples in memory and in files that pass a filter. */
export function samples({ files, generations }: SampleSources, filter: SampleFilter): string {
  const parts = generations.map((generation) => hotSamples(generation, filter))
  if (files.length > 0) parts.push(fileSamples(files, filter))
  return parts.length === 0 ? NONE : parts.join(' UNION ALL ')
}

const NONE = `SELECT NULL::VARCHAR AS asset, NULL::VARCHAR AS tag, NULL::BIGINT AS us, NULL::DOUBLE AS value,
  NULL::VARCHAR AS text, NULL::UINTEGER AS status, NULL::BIGINT AS received, NULL::BIGINT AS server,
  NULL::VARCHAR AS source, NULL::INTEGER AS epoch, NULL::VARCHAR AS topic, NULL::INTEGER AS part, NULL::BIGINT AS off
  WHERE false`

function hotSamples(generation: number, filter: SampleFilter): string {
  const where = [...nameFilter(filter), ...between('h.us', filter, String)]
  const columns = (value: string, text: string) =>
    `SELECT s.asset, s.tag, h.us, ${value} AS value, ${text} AS text, h.status, h.received,
       nullif(h.server, ${NO_SERVER}) AS server, n.name AS source, p.epoch, p.topic, p.part, h.off`
  const joined = (table: string) =>
    `FROM ${table}_${generation} h JOIN signals_${generation} s ON s.id = h.signal
     JOIN sources n ON n.id = h.source JOIN places p ON p.id = h.place ${whereOf(where)}`
  return `${columns('h.value', 'NULL::VARCHAR')} ${joined('numbers')}
    UNION ALL ${columns('NULL::DOUBLE', 'h.text')} ${joined('others')}`
}

function fileSamples(files: readonly string[], filter: SampleFilter): string {
  const where = [...nameFilter(filter), ...between('time', filter, (us) => `make_timestamptz(${us})`)]
  return `SELECT asset, tag, epoch_us(time) AS us, value, text, status, epoch_us(received) AS received,
      epoch_us(server) AS server, source, log_epoch AS epoch, log_topic AS topic, log_partition AS part, log_offset AS off
    FROM ${parquet(files)} ${whereOf(where)}`
}

export function parquet(files: readonly string[]): string {
  return `read_parquet([${files.map(literal).join(', ')}], hive_partitioning = false)`
}

function nameFilter({ assets, tags }: SampleFilter): string[] {
  return [...anyOf('asset', assets), ...anyOf('tag', tags)]
}

function anyOf(column: string, names: readonly string[] | undefined): string[] {
  if (names === undefined) return []
  if (names.length === 0) return ['false']
  if (names.length === 1) return [`${column} = ${literal(names[0]!)}`]
  return [`${column} IN (${names.map(literal).join(', ')})`]
}

export function between(column: string, { fromUs, toUs }: SampleFilter, time: (us: number) => string): string[] {
  return [
    ...(fromUs === undefined || fromUs === -Infinity ? [] : [`${column} >= ${time(fromUs)}`]),
    ...(toUs === undefined || toUs === Infinity ? [] : [`${column} < ${time(toUs)}`]),
  ]
}

export function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
}

/**
 * Names of a generation as types whose order is that of the names: to sort a million rows by them takes nearly a third less than by the
 * names.
 */
export function createNames(generation: number): string[] {
  return NAMES.map(
    (name) => `CREATE OR REPLACE TEMP TYPE ${name}_${generation} AS ENUM
      (SELECT DISTINCT ${name} FROM signals_${generation} ORDER BY ${name})`,
  )
}

export function dropNames(generation: number): string[] {
  return NAMES.map((name) => `DROP TYPE IF EXISTS ${name}_${generation}`)
}

const NAMES = ['asset', 'tag']

/** A relation of samples of a generation, with names of these types. */
export function named(relation: string, generation: number): string {
  return `SELECT * REPLACE (${NAMES.map((name) => `${name}::${name}_${generation} AS ${name}`).join(', ')})
    FROM (${relation})`
}

/** The file of the samples of one day, in the order that the files are read in. */
export function copySamples(relation: string, file: string): string {
  return copy(
    `SELECT asset::VARCHAR AS asset, tag::VARCHAR AS tag, make_timestamptz(us) AS time, value, text, status,
       make_timestamptz(received) AS received, make_timestamptz(server) AS server, source, epoch AS log_epoch,
       topic AS log_topic, part AS log_partition, off AS log_offset
     FROM (SELECT * FROM (${relation}) ORDER BY asset, tag, us, ${PLACE})`,
    file,
  )
}

/** Rows of an export, and the file that they become. */
export const CREATE_ROWS =
  'CREATE TABLE rows (asset VARCHAR, tag VARCHAR, us BIGINT, value DOUBLE, text VARCHAR, status UINTEGER, received BIGINT)'

export function copyRows(file: string): string {
  return copy(
    `SELECT asset, tag, make_timestamptz(us) AS time, value, text, status, make_timestamptz(received) AS received
     FROM rows ORDER BY asset, tag, us`,
    file,
  )
}

/** The roll-ups of a minute of these samples. */
export function copyRollups(relation: string, file: string): string {
  return copy(`SELECT * FROM (${rollups(relation, MINUTE_US)}) ORDER BY asset, tag, start`, file)
}

function copy(select: string, file: string): string {
  return `COPY (${select}) TO ${literal(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)`
}

/** A µs time cut to a whole multiple of `every`, also before 1970. */
export function startOf(us: string, every: number): string {
  return `(${us} - ((${us} % ${every}) + ${every}) % ${every})`
}

/** Of samples of one tag with equal times only the last one of the log. */
export function onceEach(relation: string): string {
  return `SELECT * FROM (${relation})
    QUALIFY lead(us) OVER (PARTITION BY asset, tag ORDER BY us, ${PLACE}) IS DISTINCT FROM us`
}

/**
 * Roll-ups of samples by asset, tag and bucket. `stored` are all of them; everything else is of those that count.
 * `integral`, `trapezoid` and `usable_ms` go from the first sample to the last one; what a value holds beyond its bucket is for
 * whoever puts buckets together. `trapezoid` is null unless every sample that is stored is usable: each then weighs by half
 * the time to its neighbours.
 */
export function rollups(relation: string, everyUs: number): string {
  return `SELECT asset, tag, make_timestamptz(bucket) AS start, count(*) AS stored,
      count(*) FILTER (counts) AS count, count(*) FILTER (usable) AS usable,
      count(*) FILTER (counts AND status < ${UNCERTAIN}) AS good,
      min(value) FILTER (usable) AS minimum, max(value) FILTER (usable) AS maximum, sum(value) FILTER (usable) AS sum,
      min(us) AS first_us, arg_min_null(value, us) FILTER (counts) AS first_value,
      arg_min(status, us) FILTER (counts) AS first_status,
      max(us) AS last_us, arg_max_null(value, us) FILTER (counts) AS last_value,
      arg_max(status, us) FILTER (counts) AS last_status,
      max(status) FILTER (counts) AS worst,
      coalesce(sum(value * held / 1000.0) FILTER (usable), 0) AS integral,
      CASE WHEN count(*) = count(*) FILTER (usable) THEN sum(value * (held + since) / 2000.0) END AS trapezoid,
      coalesce(sum(held) FILTER (usable), 0) / 1000.0 AS usable_ms
    FROM (
      SELECT *, counts AND value IS NOT NULL AND status < ${BAD} AS usable,
        CASE WHEN next < bucket + ${everyUs} THEN next - us ELSE 0 END AS held,
        CASE WHEN previous >= bucket THEN us - previous ELSE 0 END AS since
      FROM (
        SELECT asset, tag, us, value, status, ${startOf('us', everyUs)} AS bucket,
          lead(us) OVER w AS next, lag(us) OVER w AS previous, next IS DISTINCT FROM us AS counts
        FROM (${relation})
        WINDOW w AS (PARTITION BY asset, tag ORDER BY us, ${PLACE})
      )
    )
    GROUP BY asset, tag, bucket`
}

/** Roll-ups of minutes of what is in files: those that are stored, and fresh ones of a file that has none at present. */
export function storedRollups({ rollups: stored, unrolled }: RollupSources, filter: SampleFilter): string {
  const fresh = rollups(samples({ files: unrolled, generations: [] }, filter), MINUTE_US)
  if (stored.length === 0) return fresh
  const conditions = [
    ...anyOf('asset', filter.assets),
    ...anyOf('tag', filter.tags),
    ...between('start', filter, (us) => `make_timestamptz(${us})`),
  ]
  const kept = `SELECT * FROM ${parquet(stored)} ${whereOf(conditions)}`
  return unrolled.length === 0 ? kept : `${kept} UNION ALL BY NAME ${fresh}`
}

/** Roll-ups that come from several files and from memory, put together to buckets of `everyUs`. */
export function mergedRollups(parts: string, everyUs: number): string {
  return `SELECT asset, tag, make_timestamptz(bucket) AS start,
      sum(stored)::BIGINT AS stored, sum(count)::BIGINT AS count, sum(usable)::BIGINT AS usable, sum(good)::BIGINT AS good,
      min(minimum) AS minimum, max(maximum) AS maximum, sum(sum) AS sum,
      min(first_us) AS first_us, arg_min_null(first_value, first_us) AS first_value,
      arg_min(first_status, first_us) AS first_status,
      max(last_us) AS last_us, arg_max_null(last_value, last_us) AS last_value, arg_max(last_status, last_us) AS last_status,
      max(worst) AS worst,
      sum(integral + CASE WHEN holds THEN held_value * gap / 1000.0 ELSE 0 END) AS integral,
      CASE WHEN count(trapezoid) = count(*) THEN
        sum(trapezoid + CASE WHEN holds THEN (held_value + first_value) * gap / 2000.0 ELSE 0 END) END AS trapezoid,
      sum(usable_ms + CASE WHEN holds THEN gap / 1000.0 ELSE 0 END) AS usable_ms
    FROM (
      SELECT *, first_us - lag(last_us) OVER w AS gap, lag(last_value) OVER w AS held_value,
        coalesce(lag(last_value) OVER w IS NOT NULL AND lag(last_status) OVER w < ${BAD}, false) AS holds
      FROM (SELECT *, ${startOf('epoch_us(start)', everyUs)} AS bucket FROM (${parts}))
      WINDOW w AS (PARTITION BY asset, tag, bucket ORDER BY first_us)
    )
    GROUP BY asset, tag, bucket`
}

/** The same of what means are made of; it needs no order. */
export function mergedMeans(parts: string, everyUs: number): string {
  return `SELECT asset, tag, make_timestamptz(bucket) AS start, sum(count)::BIGINT AS count, sum(usable)::BIGINT AS usable,
      sum(sum) AS sum, max(worst) AS worst
    FROM (SELECT *, ${startOf('epoch_us(start)', everyUs)} AS bucket FROM (${parts}))
    GROUP BY asset, tag, bucket`
}

/** Starts of minutes whose parts do not follow one another: late data lies between, so they are made from samples. */
export function mixedMinutes(parts: string): string {
  return `SELECT DISTINCT asset, tag, epoch_us(start) AS us FROM (
      SELECT asset, tag, start, first_us,
        max(last_us) OVER (PARTITION BY asset, tag, start ORDER BY first_us, last_us
          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
      FROM (${parts})
    ) WHERE before >= first_us`
}
