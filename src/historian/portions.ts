import type { Snapshot } from './archive.ts'
import { DAY_US } from './hot.ts'
import type { Lake } from './lake.ts'
import type { LakeFile } from './manifest.ts'
import type { QuerySources } from './sql.ts'

interface Range {
  readonly fromUs: number
  readonly toUs: number
}

/** A part of a range, and what may hold samples of it. */
export interface Portion extends Range {
  readonly sources: QuerySources
}

/** Samples that one query goes through at most, unless one day has more. */
const MOST_ROWS = 4_000_000

/**
 * A range in parts of whole days, in the order in which it is read: so a query for the first samples of a year looks at a
 * few days, and none needs memory for all of them. Days without any file are in the part before them.
 */
export function* inPortions(snapshot: Snapshot, lake: Lake, range: Range, backwards: boolean): Iterable<Portion> {
  const files = snapshot.files.filter(
    ({ bytes, minUs, maxUs }) => bytes !== undefined && minUs < range.toUs && maxUs >= range.fromUs,
  )
  const days = [...Map.groupBy(files, ({ day }) => day)].sort(([a], [b]) => (backwards ? b - a : a - b))
  let gathered: LakeFile[] = []
  let rows = 0
  let edge = backwards ? range.toUs : range.fromUs
  const portion = (end: number, last: boolean): Portion => {
    const bound = last ? (backwards ? range.fromUs : range.toUs) : end
    const within = backwards ? { fromUs: bound, toUs: edge } : { fromUs: edge, toUs: bound }
    edge = bound
    const sources = {
      generations: snapshot.generations,
      files: gathered.map((file) => lake.path('samples', file)),
      rollups: [],
      unrolled: [],
    }
    gathered = []
    rows = 0
    return { sources, ...within }
  }
  for (const [day, ofDay] of days) {
    const more = ofDay.reduce((sum, file) => sum + file.rows, 0)
    // Ends with the last day that was gathered, on the side that is read next.
    if (gathered.length > 0 && rows + more > MOST_ROWS)
      yield portion(backwards ? (day + 1) * DAY_US : day * DAY_US, false)
    gathered.push(...ofDay)
    rows += more
  }
  yield portion(0, true)
}
