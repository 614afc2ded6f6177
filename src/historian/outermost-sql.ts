import {
  MINUTE_US,
  onceEach,
  PLACE_BACK,
  samples,
  startOf,
  storedRollups,
  UNCERTAIN,
  whereOf,
  type RollupSources,
  type SampleFilter,
  type SampleSources,
} from './sql.ts'

/** Which samples are looked for: the newest before `toUs`, or the oldest from `fromUs` on; all, or only Good ones. */
export interface Side {
  readonly newest: boolean
  readonly goodOnly: boolean
  readonly fromUs?: number
  readonly toUs?: number
}

/** A part of a minute in which the outermost sample of a tag lies; `toUs` exclusive. */
export interface Span {
  readonly asset: string
  readonly tag: string
  readonly fromUs: number
  readonly toUs: number
}

type Sources = SampleSources & RollupSources

/** Spans that a query looks at, in a table of its connection. */
export const CREATE_SPANS =
  'CREATE OR REPLACE TEMP TABLE spans (asset VARCHAR, tag VARCHAR, from_us BIGINT, to_us BIGINT)'

/**
 * Where the outermost sample of each tag lies, by roll-ups and by what is in memory: in its outermost minute. Unless it has
 * to be Good, it is the last (or first) one of that, but for the minute of the moment itself, which has samples beyond it.
 */
export function spansOf(sources: Sources, filter: SampleFilter & Side): string {
  const { newest, goodOnly, fromUs = -Infinity, toUs = Infinity } = filter
  const edge = goodOnly ? 'NULL' : 'edge'
  const [from, to] = newest
    ? [
        `CASE WHEN ${edge} < ${toUs} THEN edge ELSE minute END`,
        `least(${toUs}, coalesce(${edge} + 1, minute + ${MINUTE_US}))`,
      ]
    : [
        `greatest(${fromUs}, coalesce(${edge}, minute))`,
        `CASE WHEN ${edge} >= ${fromUs} THEN edge + 1 ELSE minute + ${MINUTE_US} END`,
      ]
  const outermost = newest
    ? 'max(minute) AS minute, max(last_us) AS edge'
    : 'min(minute) AS minute, min(first_us) AS edge'
  return `SELECT asset, tag, ${from} AS from_us, ${to} AS to_us
    FROM (SELECT asset, tag, ${outermost} FROM (${minutes(sources, filter)}) GROUP BY asset, tag)`
}

/** Minutes that have samples on a side: all that such a minute holds, though parts of it may lie beyond the moment. */
function minutes(sources: Sources, filter: SampleFilter & Side): string {
  const { newest, goodOnly, fromUs = -Infinity, toUs = Infinity } = filter
  const hot = samples({ files: [], generations: sources.generations }, filter)
  const whole = { ...filter, fromUs: Math.floor(fromUs / MINUTE_US) * MINUTE_US }
  return `SELECT asset, tag, ${startOf('us', MINUTE_US)} AS minute, us AS first_us, us AS last_us FROM (${hot})
      ${whereOf(goodOnly ? [`status < ${UNCERTAIN}`] : [])}
    UNION ALL SELECT asset, tag, epoch_us("start"), first_us, last_us FROM (${storedRollups(sources, whole)})
      ${whereOf([newest ? `first_us < ${toUs}` : `last_us >= ${fromUs}`, ...(goodOnly ? ['good > 0'] : [])])}`
}

/** The samples that lie within the span of their tag. */
export function withinSpans(relation: string): string {
  return `SELECT s.* FROM (${relation}) s JOIN spans w ON w.asset = s.asset AND w.tag = s.tag
    AND s.us >= w.from_us AND s.us < w.to_us`
}

/** The newest (or oldest) sample of each tag in a relation. */
export function outermostIn(relation: string, { newest, goodOnly }: Side): string {
  const order = newest ? `us DESC, ${PLACE_BACK}` : `us, ${PLACE_BACK}`
  // Good ones are looked for among those that count: a later one with the same time has taken the place of an earlier one.
  const from = goodOnly ? `SELECT * FROM (${onceEach(relation)}) WHERE status < ${UNCERTAIN}` : relation
  return `SELECT * FROM (${from}) QUALIFY row_number() OVER (PARTITION BY asset, tag ORDER BY ${order}) = 1`
}
