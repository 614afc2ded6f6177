import { judgeSeason, newSeason, type Season, type SeasonVerdict } from './season.ts'
import { bareTail, deviationRule, observe, returnPeriod, tailOf, type Tail } from './tail.ts'

/**
 * One tag by itself: exponentially weighted averages over 1, 4, 16, 64 and 256 rows, and per scale two questions. How
 * far is the average from the tag's long mean (level)? How far from the average four times as slow (change)? Each has
 * an upper and a lower tail, so what counts is how rare a deviation is for this tag at this scale and on this side,
 * not how many sigmas it has. The day's season is a third question (season.ts).
 */
export interface Tag {
  /** The long mean, and how many rows it stands for. */
  mean: number
  weight: number
  /** The smallest deviation that means anything: half the resolution of the values. */
  floor: number
  /** One per scale, and one four times as slow as the slowest. */
  averages: number[]
  level: Side[]
  change: Side[]
  season: Season
  /** Of the tag's return periods: how rare is it that some question about this tag has a rare answer? */
  tail: Tail
  /** Rows since it had a value. */
  missing: number
}

interface Side {
  up: Tail
  down: Tail
}

export interface TagVerdict {
  /** Rows until something about the tag is this unusual again; of `lasting`, only its level at the fast scales. */
  period: number
  lasting: number
  kind: 'level' | 'change' | 'season'
  scale: number
  season: SeasonVerdict | undefined
}

/** What of judging depends on the machine. */
export interface Moment {
  readonly time: number
  /** Rows of experience: a scale is heard when it has fitted in it five times. */
  readonly experience: number
  /** Off while the warm-up is replayed. */
  readonly observes: boolean
  /** Limits and means follow; off during an episode. */
  readonly moves: boolean
  /** Rows since the episode began; 0: there is none. */
  readonly episodeRows: number
}

export const SCALES = [1, 4, 16, 64, 256] as const
/** An average this fast says whether an episode goes on. */
const LASTING_ROWS = 16
const EXPERIENCE_PER_SCALE = 5
/** The long mean follows over so many rows at most. */
const MEAN_ROWS = 4000

const RULES = SCALES.map((scale) => deviationRule(scale))
const RATES: readonly number[] = [...SCALES, 4 * SCALES.at(-1)!].map((scale) => 2 / (scale + 1))

/** The tag as `rows` show it; `outside[i]`: the mean of the blocks that row i is not in, so that no row judges itself. */
export function trainTag(all: readonly number[], used: readonly number[], outside: (used: number) => number): Tag {
  const values = used.map((row) => all[row]!)
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const tag: Tag = {
    mean,
    weight: values.length,
    floor: resolution(values, mean) / 2,
    averages: RATES.map(() => mean),
    level: [],
    change: [],
    season: newSeason(),
    tail: bareTail(1),
    missing: 0,
  }
  const levels: number[][] = SCALES.map(() => [])
  const changes: number[][] = SCALES.map(() => [])
  let next = 0
  for (let row = 0; row < all.length; row++) {
    smooth(tag, all[row]!)
    if (used[next] !== row) continue
    const away = outside(next++)
    for (let scale = 0; scale < SCALES.length; scale++) {
      levels[scale]!.push(tag.averages[scale]! - away)
      changes[scale]!.push(changeAt(tag, scale))
    }
  }
  tag.level = levels.map((values, scale) => sideOf(values, scale, tag.floor))
  tag.change = changes.map((values, scale) => sideOf(values, scale, tag.floor))
  return tag
}

function sideOf(values: readonly number[], scale: number, floor: number): Side {
  const least = floor / Math.sqrt(SCALES[scale]!)
  const rule = RULES[scale]!
  return {
    up: tailOf(values, rule, least),
    down: tailOf(
      values.map((value) => -value),
      rule,
      least,
    ),
  }
}

/** The smallest step between values. A tag that has never moved: a hundredth of its value. */
function resolution(values: readonly number[], mean: number): number {
  const sorted = Float64Array.from(values).sort()
  let least = Infinity
  for (let i = 1; i < sorted.length; i++) {
    const step = sorted[i]! - sorted[i - 1]!
    if (step > 0 && step < least) least = step
  }
  return least < Infinity ? Math.max(least, 2e-9 * Math.abs(mean)) : Math.max(0.02 * Math.abs(mean), 2e-6)
}

/** Starts the averages over, at the mean. */
export function settle(tag: Tag): void {
  tag.averages.fill(tag.mean)
}

export function smooth(tag: Tag, value: number): void {
  const { averages } = tag
  for (let i = 0; i < RATES.length; i++) averages[i]! += RATES[i]! * (value - averages[i]!)
}

/** Judges the tag as its averages are now, into `verdict`, and takes it in. */
export function judgeTag(tag: Tag, value: number, moment: Moment, verdict: TagVerdict): void {
  verdict.period = 1
  verdict.lasting = 1
  verdict.kind = 'level'
  verdict.scale = 0
  verdict.season = undefined
  const stretch = stretchOf(tag, moment.episodeRows)
  for (let scale = 0; scale < SCALES.length; scale++) {
    const rows = SCALES[scale]!
    if (scale > 0 && rows * EXPERIENCE_PER_SCALE > moment.experience) break
    const level = tag.averages[scale]! - tag.mean
    const change = changeAt(tag, scale)
    note(verdict, 'level', scale, periodOf(tag.level[scale]!, scale, level))
    note(verdict, 'change', scale, periodOf(tag.change[scale]!, scale, change))
    if (rows <= LASTING_ROWS || staysOut(tag, level))
      verdict.lasting = Math.max(verdict.lasting, periodOf(tag.level[scale]!, scale, level / stretch))
    if (!moment.observes) continue
    take(tag.level[scale]!, scale, level, moment.moves)
    take(tag.change[scale]!, scale, change, moment.moves)
  }
  if (moment.observes) hearSeason(tag, value, moment, verdict)
}

/** A slow average takes long to come back: it counts only while a fast one is still out there. */
function staysOut(tag: Tag, level: number): boolean {
  const now = tag.averages[2]! - tag.mean
  return level > 0 ? now > level / 2 : now < level / 2
}

function note(verdict: TagVerdict, kind: TagVerdict['kind'], scale: number, period: number): void {
  if (period <= verdict.period) return
  verdict.period = period
  verdict.kind = kind
  verdict.scale = scale
}

function hearSeason(tag: Tag, value: number, moment: Moment, verdict: TagVerdict): void {
  const season = judgeSeason(tag.season, moment.time, value, tag.mean, tag.floor, moment.moves)
  verdict.season = season
  if (season === undefined) return
  note(verdict, 'season', 0, season.period)
  verdict.lasting = Math.max(verdict.lasting, season.period)
}

function changeAt(tag: Tag, scale: number): number {
  return tag.averages[scale]! - tag.averages[scale + 1]!
}

function periodOf(side: Side, scale: number, value: number): number {
  return value > 0 ? returnPeriod(side.up, RULES[scale]!, value) : returnPeriod(side.down, RULES[scale]!, -value)
}

function take(side: Side, scale: number, value: number, moves: boolean): void {
  observe(side.up, RULES[scale]!, value, moves)
  observe(side.down, RULES[scale]!, -value, moves)
}

/** Lets the long mean follow. */
export function followMean(tag: Tag, value: number): void {
  tag.weight = Math.min(MEAN_ROWS, tag.weight + 1)
  tag.mean += (value - tag.mean) / tag.weight
}

/**
 * How much wider the normal band of a wandering tag is, so many rows after its mean was frozen. The exponent is the
 * tag's own: how its changes grow from one scale to the next (-1/2 for noise, 1/2 for a random walk; Hurst 1951), with
 * 0.3 added because a slow average that began at the mean hides some of it.
 */
export function stretchOf(tag: Tag, episodeRows: number): number {
  if (episodeRows === 0) return 1
  const fast = tag.change[2]!
  const slow = tag.change[3]!
  const growth = Math.log((slow.up.limit + slow.down.limit) / (fast.up.limit + fast.down.limit)) / Math.log(4)
  const exponent = Math.min(1, Math.max(0, growth + 0.3))
  return exponent === 0 ? 1 : (1 + episodeRows / 50) ** exponent
}

/** What a verdict is about: what was seen, what was expected, and the band that holds all but a few per cent of rows. */
export function describe(tag: Tag, verdict: TagVerdict): { seen: number; expected: number; low: number; high: number } {
  const { scale } = verdict
  const seen = tag.averages[scale]!
  if (verdict.kind === 'season' && verdict.season !== undefined) {
    const { expected, low, high } = verdict.season
    return { seen, expected, low, high }
  }
  const side = verdict.kind === 'change' ? tag.change[scale]! : tag.level[scale]!
  const expected = verdict.kind === 'change' ? tag.averages[scale + 1]! : tag.mean
  return { seen, expected, low: expected - side.down.limit, high: expected + side.up.limit }
}
