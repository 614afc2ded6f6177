/**
 * The upper tail of one statistic: how often has it gone this far? Learned from peaks over a limit that follows the data
 * (Coles, "An Introduction to Statistical Modeling of Extreme Values", 2001, chapter 4; on a stream: Siffer et al.,
 * "Anomaly detection in streams with extreme value theory", KDD 2017). Two things differ from the textbook:
 *
 * - Excesses are taken as ratios, ln(peak / limit), and as exponential: a Pareto tail, so a heavy-tailed machine is
 *   judged by its own tail and the scale of the statistic drops out. Their mean has a conjugate Gamma prior, and the
 *   predictive distribution is used instead of the fitted one: a few peaks give a cautious tail, many a sharp one.
 * - An excursion counts once, at its peak, however long it lasts.
 *
 * Plain numbers, so that it is saved as JSON as it is.
 */
export interface Tail {
  /** Peaks are what goes beyond; above 0. */
  limit: number
  /** Rows seen, and excursions among them, both fading over `MEMORY_ROWS`. */
  rows: number
  excursions: number
  /** Finished peaks that shape the tail, and the sum of their ln(peak / limit). */
  peaks: number
  excess: number
  /** The highest value of the excursion under way; 0: none. */
  peak: number
  /** Rows since it was last above the limit. */
  quiet: number
}

/** How the tail of one kind of statistic is learned. */
export interface TailRule {
  /** The prior: so many peaks, with this mean ln(peak / limit). */
  readonly priorPeaks: number
  readonly priorExcess: number
  /** The limit is moved until this share of rows is above it, or until excursions begin at this rate per row. */
  readonly follows: 'rows' | 'excursions'
  readonly rate: number
  /** How far the limit moves in ln: per row at most, or per excursion. */
  readonly step: number
  /** An excursion is over after so many rows below the limit. */
  readonly gap: number
}

/** The share of rows beyond a limit. */
const TAIL_SHARE = 0.025
/** Rates are those of about the last so many rows. */
const MEMORY_ROWS = 20_000
/** The shape of a tail forgets peaks beyond about so many. */
const MEMORY_PEAKS = 500
/** One peak counts at most so many times the mean excess: a catastrophe does not teach that catastrophes are usual. */
const MOST_EXCESS = 6
const FIRST_STEP = 1
/** One excursion in so many rows is assumed before there is experience. */
const PRIOR_ROWS = 100

/** How the tail of a deviation is learned: like a normal distribution's, until there are peaks that say otherwise. */
export function deviationRule(rows: number, step = 1 / 2000): TailRule {
  return { priorPeaks: 10, priorExcess: 0.14, follows: 'rows', rate: TAIL_SHARE, step, gap: 2 * rows }
}

/** A tail of which nothing is known but its limit. */
export function bareTail(limit: number): Tail {
  return { limit, rows: 0, excursions: 0, peaks: 0, excess: 0, peak: 0, quiet: 0 }
}

/** The tail of `values`: the limit where the rule puts it, but not below `floor`, then every one observed. */
export function tailOf(values: readonly number[], rule: TailRule, floor: number): Tail {
  const sorted = Float64Array.from(values).sort()
  const quantile = Math.max(sorted[Math.floor((1 - TAIL_SHARE) * (sorted.length - 1))] ?? 0, floor)
  const tail = bareTail(rule.follows === 'rows' ? quantile : peakLimit(values, quantile, rule))
  for (const value of values) observe(tail, rule, value, false)
  return tail
}

/** The limit that as many excursions go beyond as the rule wants, and at least one. */
function peakLimit(values: readonly number[], from: number, rule: TailRule): number {
  const peaks: number[] = []
  let above = -Infinity
  values.forEach((value, row) => {
    if (value <= from) return
    if (row - above > rule.gap) peaks.push(value)
    else peaks[peaks.length - 1] = Math.max(peaks.at(-1)!, value)
    above = row
  })
  const wanted = Math.max(1, Math.round(rule.rate * values.length))
  return peaks.sort((a, b) => b - a)[wanted] ?? from
}

/** Rows until it goes as far as `value` again, at least 1. */
export function returnPeriod(tail: Tail, rule: TailRule, value: number): number {
  if (!(value > tail.limit)) return 1
  const between = (tail.rows + PRIOR_ROWS) / (tail.excursions + 1)
  const beyond = Math.log(value / tail.limit) / (rule.priorPeaks * rule.priorExcess + tail.excess)
  return Math.max(1, between * (1 + beyond) ** (rule.priorPeaks + tail.peaks))
}

/** Takes in one row's value. `moves`: the limit follows; off during an episode, which is not what normal looks like. */
export function observe(tail: Tail, rule: TailRule, value: number, moves: boolean): void {
  tail.rows = tail.rows * (1 - 1 / MEMORY_ROWS) + 1
  tail.excursions *= 1 - 1 / MEMORY_ROWS
  const above = value > tail.limit
  if (above) {
    tail.quiet = 0
    if (value > tail.peak) tail.peak = value
  } else if (tail.peak > 0 && ++tail.quiet >= rule.gap) endExcursion(tail, rule)
  if (!moves) return
  if (rule.follows === 'rows') tail.limit *= 1 + rule.step * ((above ? 1 : 0) - rule.rate)
  else if (tail.peak === 0) tail.limit = Math.max(1 / rule.rate, tail.limit * (1 - stepOf(tail, rule) * rule.rate))
}

function endExcursion(tail: Tail, rule: TailRule): void {
  tail.excursions += 1
  const mean = (rule.priorPeaks * rule.priorExcess + tail.excess) / (rule.priorPeaks + tail.peaks)
  const excess = Math.min(MOST_EXCESS * mean, Math.max(0, Math.log(tail.peak / tail.limit)))
  tail.peaks = tail.peaks * (1 - 1 / MEMORY_PEAKS) + 1
  tail.excess = tail.excess * (1 - 1 / MEMORY_PEAKS) + excess
  tail.peak = 0
  if (rule.follows === 'excursions') tail.limit *= 1 + stepOf(tail, rule)
}

/** The fewer excursions, the longer the stride (Robbins and Monro 1951): a limit from a bad warm-up comes down. */
function stepOf(tail: Tail, rule: TailRule): number {
  return Math.max(rule.step, FIRST_STEP / (1 + tail.excursions))
}
