import { joinHistory } from '../src/historian/query/join-history.ts'
import { ReadBudget } from '../src/historian/query/read-budget.ts'
import type { LakeReader } from '../src/historian/reader.ts'

/** A day of a plant whose history is asked: machines and their tags, all of numbers. */
export const SITE = 'acme/berlin'
export const T0 = Date.parse('2026-11-29T00:00:00Z')
export const DAY_MS = 86_400_000
export const MACHINES = 100
export const TAGS = 10
const NEVER = new AbortController().signal

/** A question as each of the two is asked it. */
export interface Question {
  readonly name: string
  readonly ask: (reader: LakeReader, round: number) => Promise<unknown>
  readonly sql: (round: number) => string
}

export const assetOf = (nth: number) => `${SITE}/line1/machine${nth % MACHINES}`
const ASSETS = Array.from({ length: MACHINES }, (_, nth) => assetOf(nth))
export const NAMES = Array.from({ length: TAGS }, (_, nth) => `tag${nth}`)
export const END = T0 + DAY_MS
const NOON = T0 + DAY_MS / 2
const SHIFT_MS = 8 * 3_600_000
const signalOf = (machine: number, tag: number) => (machine % MACHINES) * TAGS + tag

export const QUESTIONS: readonly Question[] = [
  {
    name: 'newest values of one machine, 10 tags',
    ask: (reader, round) => reader.before({ tags: new Map([[assetOf(round), NAMES]]), time: END }, NEVER),
    sql: (round) =>
      `SELECT s.id, v.* FROM signals s, LATERAL (SELECT time, value FROM samples WHERE signal = s.id ORDER BY time DESC LIMIT 1) v
       WHERE s.asset = '${assetOf(round)}'`,
  },
  {
    name: 'one tag, one day, as a chart of 1,000 points',
    ask: (reader, round) =>
      reader.buckets({ assets: [assetOf(round)], tags: ['tag3'], from: T0, to: END, everyMs: 86_400 }, NEVER),
    sql: (round) =>
      `SELECT floor(extract(epoch FROM time) / 86.4), min(value), max(value), count(*) FROM samples
       WHERE signal = (SELECT id FROM signals WHERE asset = '${assetOf(round)}' AND tag = 'tag3') GROUP BY 1 ORDER BY 1`,
  },
  {
    name: '1-minute averages of 1,000 tags over a day',
    ask: (reader) => averages(reader, 60_000),
    sql: () => `SELECT signal, date_trunc('minute', time), avg(value) FROM samples GROUP BY 1, 2`,
  },
  {
    name: 'hourly averages of 1,000 tags over a day',
    ask: (reader) => averages(reader, 3_600_000),
    sql: () => `SELECT signal, date_trunc('hour', time), avg(value) FROM samples GROUP BY 1, 2`,
  },
  {
    name: 'ten tags, an hour, as they were stored',
    ask: (reader, round) =>
      reader.read({ asset: assetOf(round), tags: NAMES, from: T0 + 8 * 3_600_000, to: T0 + 9 * 3_600_000 }, NEVER),
    sql: (round) =>
      `SELECT signal, time, value FROM samples WHERE signal IN (SELECT id FROM signals WHERE asset = '${assetOf(round)}')
       AND time >= to_timestamp(${T0 / 1_000 + 8 * 3_600}) AND time < to_timestamp(${T0 / 1_000 + 9 * 3_600}) ORDER BY 1, 2`,
  },
  {
    name: 'as-of join: 1,000 times of one tag, and what a tag of another machine was then',
    ask: (reader, round) =>
      joinHistory(
        reader,
        {
          tags: [
            { asset: assetOf(round), tag: 'tag3', type: 'number', stepped: false },
            { asset: assetOf(round + 1), tag: 'tag5', type: 'number', stepped: false },
          ],
          from: NOON,
          to: END,
          toleranceMs: Infinity,
          limit: 1_000,
        },
        new ReadBudget(2_000_000),
        NEVER,
      ),
    sql: (round) =>
      `SELECT a.time, a.value, b.value FROM
         (SELECT time, value FROM samples WHERE signal = ${signalOf(round, 3)} AND time >= to_timestamp(${NOON / 1_000})
          ORDER BY time LIMIT 1000) a,
         LATERAL (SELECT value FROM samples WHERE signal = ${signalOf(round + 1, 5)} AND time <= a.time
          ORDER BY time DESC LIMIT 1) b ORDER BY 1`,
  },
  {
    name: 'a day as OEE rolls it up: time, weighted sum and range of two tags of 100 machines in three shifts',
    ask: (reader) =>
      reader.buckets({ assets: ASSETS, tags: NAMES.slice(0, 2), from: T0, to: END, everyMs: SHIFT_MS }, NEVER),
    sql: () =>
      `SELECT signal, floor(extract(epoch FROM time) / ${SHIFT_MS / 1_000}), sum(held), sum(value * held), min(value), max(value)
       FROM (SELECT signal, time, value,
           extract(epoch FROM lead(time) OVER (PARTITION BY signal ORDER BY time) - time) AS held
         FROM samples WHERE signal % ${TAGS} < 2) s
       GROUP BY 1, 2`,
  },
]

async function averages(reader: LakeReader, everyMs: number): Promise<Float64Array[]> {
  const series = await reader.means({ assets: ASSETS, tags: NAMES, from: T0, to: END, everyMs }, NEVER)
  return series.map(({ sum, usable }) => sum.map((total, nth) => total / usable[nth]!))
}
