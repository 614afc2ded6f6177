import { literal, parquet, storedRollups, type RollupSources } from '../sql.ts'

/** The tables that people ask (docs/history.md, "SQL"). */

/**
 * Every sample that counts: of those of one tag with equal times the one that is later in the log. The newest ones come from
 * memory, in a file of their own.
 */
export function samplesView(files: readonly string[]): string {
  if (files.length === 0) return `CREATE VIEW samples AS ${NO_SAMPLES} WHERE false`
  return `CREATE VIEW samples AS
    SELECT asset, tag, time, value, text, status AS quality, received, server, source
    FROM ${parquet(files)}
    QUALIFY lead(time) OVER (
      PARTITION BY asset, tag ORDER BY time, log_epoch, log_topic, log_offset) IS DISTINCT FROM time`
}

const NO_SAMPLES = `SELECT NULL::VARCHAR AS asset, NULL::VARCHAR AS tag, NULL::TIMESTAMPTZ AS time, NULL::DOUBLE AS value,
    NULL::VARCHAR AS text, NULL::UINTEGER AS quality, NULL::TIMESTAMPTZ AS received, NULL::TIMESTAMPTZ AS server,
    NULL::VARCHAR AS source`

/** The same without the look for equal times: faster, and a sample that was corrected may be there twice. */
export function allSamplesView(files: readonly string[]): string {
  if (files.length === 0) return `CREATE VIEW all_samples AS ${NO_SAMPLES} WHERE false`
  return `CREATE VIEW all_samples AS
    SELECT asset, tag, time, value, text, status AS quality, received, server, source FROM ${parquet(files)}`
}

/** Roll-ups of a minute out of the files; what is in memory only is not in them yet. */
export function minutesView(sources: RollupSources): string {
  const columns = 'asset, tag, start, count, usable, good, minimum, maximum, sum, worst AS worst_quality'
  return `CREATE VIEW minutes AS SELECT ${columns} FROM (${storedRollups(sources, {})})`
}

/** What is known of tags (`tags-file.ts`). */
export function tagsView(file: string): string {
  const columns = ['asset', 'tag', 'type', 'kind', 'unit', 'model'].map((name) => `${name}: 'VARCHAR'`).join(', ')
  // Nothing is guessed from what is in it.
  const dialect = `header = false, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false`
  return `CREATE VIEW tags AS
    FROM read_csv(${literal(file)}, columns = {${columns}}, ${dialect}, new_line = '\\n', auto_detect = false)`
}

/**
 * From here on there are these files and nothing else: no other file, no network, no extensions, no settings (DuckDB,
 * "Securing DuckDB").
 */
export function closeDoors(files: readonly string[]): readonly string[] {
  return [
    `SET allowed_paths = [${files.map(literal).join(', ')}]`,
    'SET enable_external_access = false',
    'SET lock_configuration = true',
  ]
}
