import { bareTail, deviationRule, observe, returnPeriod, type Tail } from './tail.ts'

/**
 * The day of a tag: what it usually reads at this time of day, and how far it strays. Learned from the start, heard
 * only once it predicts the tag at least twice as well as the tag's level does.
 *
 * A visit is the run of rows in one bin of one day; bins learn per visit, so the number of rows in it does not matter.
 */
export interface Season {
  mean: number[]
  spread: number[]
  /** Visits per bin. */
  visits: number[]
  /** The visit under way: its bin, rows, sum, and sum of |deviation from the bin's mean|. */
  bin: number
  rows: number
  sum: number
  strayed: number
  levelStrayed: number
  /** Mean |deviation| from the day and from the level, over about the last `JUDGED_VISITS`. */
  seasonError: number
  levelError: number
  judged: number
  /** Smoothed deviation, in spreads. */
  slow: number
  up: Tail
  down: Tail
  slowUp: Tail
  slowDown: Tail
}

const DAY_MS = 86_400_000
const BINS = 144
/** A bin is believed after so many visits. */
const MIN_VISITS = 3
const MEMORY_VISITS = 10
const JUDGED_VISITS = 2 * BINS
/** The season is heard when its error is below this part of the level's. */
const WORTH_HEARING = 0.5
const SLOW_ROWS = 16
/** Mean absolute deviation to standard deviation, for a normal distribution. */
const MAD_TO_SIGMA = 1.25

const FAST = deviationRule(1, 1 / 500)
const SLOW = deviationRule(SLOW_ROWS, 1 / 500)

export function newSeason(): Season {
  const zeros = () => Array.from({ length: BINS }, () => 0)
  return {
    mean: zeros(),
    spread: zeros(),
    visits: zeros(),
    bin: -1,
    rows: 0,
    sum: 0,
    strayed: 0,
    levelStrayed: 0,
    seasonError: 0,
    levelError: 0,
    judged: 0,
    slow: 0,
    up: bareTail(2.5),
    down: bareTail(2.5),
    slowUp: bareTail(1.5),
    slowDown: bareTail(1.5),
  }
}

/** What the day says of one value. */
export interface SeasonVerdict {
  readonly period: number
  readonly expected: number
  readonly low: number
  readonly high: number
}

/**
 * Judges and learns one value; undefined: the season has nothing to say. `level`: what is expected without a season;
 * `floor`: the smallest deviation that means anything; `learns` is off during an episode.
 */
export function judgeSeason(
  season: Season,
  time: number,
  value: number,
  level: number,
  floor: number,
  learns: boolean,
): SeasonVerdict | undefined {
  const bin = Math.min(BINS - 1, Math.floor(((((time % DAY_MS) + DAY_MS) % DAY_MS) / DAY_MS) * BINS))
  if (bin !== season.bin) {
    if (learns) endVisit(season)
    startVisit(season, bin)
  }
  season.rows += 1
  season.sum += value
  season.strayed += Math.abs(value - season.mean[bin]!)
  season.levelStrayed += Math.abs(value - level)
  return season.visits[bin]! < MIN_VISITS ? undefined : judge(season, bin, value, floor, learns)
}

function judge(season: Season, bin: number, value: number, floor: number, learns: boolean): SeasonVerdict | undefined {
  const expected = season.mean[bin]!
  const own = season.spread[bin]! * MAD_TO_SIGMA * (1 + 1 / season.visits[bin]!)
  const sigma = own + 0.3 * season.seasonError + floor
  const strayed = (value - expected) / sigma
  season.slow += (2 / (SLOW_ROWS + 1)) * (Math.max(-20, Math.min(20, strayed)) - season.slow)
  const heard = isHeard(season)
  const period = heard
    ? Math.max(
        returnPeriod(season.up, FAST, strayed),
        returnPeriod(season.down, FAST, -strayed),
        returnPeriod(season.slowUp, SLOW, season.slow),
        returnPeriod(season.slowDown, SLOW, -season.slow),
      )
    : 1
  observe(season.up, FAST, strayed, learns)
  observe(season.down, FAST, -strayed, learns)
  observe(season.slowUp, SLOW, season.slow, learns)
  observe(season.slowDown, SLOW, -season.slow, learns)
  if (!heard) return undefined
  return { period, expected, low: expected - season.down.limit * sigma, high: expected + season.up.limit * sigma }
}

function isHeard(season: Season): boolean {
  return season.judged >= BINS / 2 && season.seasonError < WORTH_HEARING * season.levelError
}

function startVisit(season: Season, bin: number): void {
  season.bin = bin
  season.rows = 0
  season.sum = 0
  season.strayed = 0
  season.levelStrayed = 0
}

/** A day that strays pulls the profile by at most three spreads. */
function endVisit(season: Season): void {
  const { bin, rows } = season
  if (bin < 0 || rows === 0) return
  const visits = season.visits[bin]!
  const pull = season.sum / rows - season.mean[bin]!
  const strayed = season.strayed / rows
  const rate = 1 / Math.min(visits + 1, MEMORY_VISITS)
  if (visits >= MIN_VISITS) judgeVisit(season, strayed, season.levelStrayed / rows)
  const most = visits < MIN_VISITS ? Infinity : 3 * (season.spread[bin]! + season.seasonError)
  season.mean[bin]! += rate * Math.max(-most, Math.min(most, pull))
  if (visits > 0)
    season.spread[bin]! += (1 / Math.min(visits, MEMORY_VISITS)) * (Math.min(most, strayed) - season.spread[bin]!)
  season.visits[bin] = visits + 1
}

function judgeVisit(season: Season, strayed: number, levelStrayed: number): void {
  season.judged += 1
  const rate = 1 / Math.min(season.judged, JUDGED_VISITS)
  season.seasonError += rate * (Math.min(strayed, levelStrayed + 4 * season.seasonError) - season.seasonError)
  season.levelError += rate * (levelStrayed - season.levelError)
}
