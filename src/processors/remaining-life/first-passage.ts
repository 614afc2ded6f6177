import { seededRandom, type Random } from '../../system/random.ts'
import { Ends } from './ends.ts'
import { fitLaw, LAWS, type Fit, type Law } from './laws.ts'
import { findOnset } from './onset.ts'
import type { Points } from './series.ts'

/** The value at which an indicator has reached its end, and from which side. */
export interface Limit {
  readonly value: number
  /** `below`: it ends when it falls below. */
  readonly side: 'below' | 'above'
}

/** Values from which something can be said. */
export const LEAST_POINTS = 8
/** Ages after which the past counts only 1/e: all of it, most of it, the last of it. */
const MEMORIES = [2, 0.7, 0.25]
/** Shares of the past from which the rest is foretold, to see who foretells well. */
const CUTS = [0.5, 0.6, 0.7, 0.8, 0.9]
/** Futures that are drawn. */
const PATHS = 1_000
/** How far they go, in ages; what comes later is said to be later. */
const FAR = 6
/** Chance that differences of the past are taken on in their order, so that a jump comes with what followed it. */
const GOES_ON = 0.9
const SEED = 1

/**
 * When an indicator first passes its limit, from its own past alone. Several laws with several memories are fitted; each
 * counts by how well it would have foretold the later part of the past from the earlier part. Then futures are drawn: a
 * law by its weight, its slope by how sure it is, and around it the differences of the past, in blocks (the stationary
 * bootstrap of Politis, Romano, J. Am. Stat. Assoc. 89, 1994), so that recoveries after rests happen again. Where a future
 * first passes the limit is an end. Always the same for the same points.
 */
export function firstPassage({ times, values }: Points, limit: Limit): Ends | undefined {
  const from = findOnset(values)
  const count = values.length - from
  if (count < LEAST_POINTS) return undefined
  const step = (times.at(-1)! - times[from]!) / (count - 1)
  const span = step * count
  const us = Float64Array.from({ length: count }, (_, i) => (times[from + i]! - times.at(-1)!) / span)
  const views = viewsOf(Float64Array.from(values.slice(from)), us, limit)
  if (isPassed(values.at(-1)!, limit)) return new Ends([0])
  return new Ends(drawEnds(views, count, seededRandom(SEED)).map((steps) => steps * step))
}

function isPassed(value: number, { value: at, side }: Limit): boolean {
  return side === 'below' ? value < at : value > at
}

/** One law with one memory. */
interface View {
  readonly law: Law
  readonly memory: number
  readonly fit: Fit
  /** What the law does not explain from one value to the next, oldest first; their mean is 0. */
  readonly shocks: Float64Array
  /** Standard errors of the slope and, apart from it, of the level. */
  readonly slopeError: number
  readonly levelError: number
  readonly weight: number
}

function viewsOf(values: Float64Array, us: Float64Array, limit: Limit): View[] {
  const isPositive = limit.value > 0 && values.every((value) => value > 0)
  const laws = LAWS.filter(({ isLog }) => isPositive || !isLog)
  return laws.flatMap((law) => {
    const margins = values.map((value) => marginOf(value, law, limit))
    return MEMORIES.map((memory): View => {
      const fit = fitLaw(law, memory, us, margins, margins.length)
      const shocks = shocksOf(fit)
      const weight = law.prior / typicalError(law, memory, us, margins, limit)
      return { law, memory, fit, shocks, slopeError: slopeErrorOf(fit, shocks), levelError: levelErrorOf(fit), weight }
    })
  })
}

/** How far it is from the limit on the scale of the law: 0 at the limit, below 0 beyond it. */
function marginOf(value: number, { isLog }: Law, { value: at, side }: Limit): number {
  const margin = isLog ? Math.log(value / at) : value - at
  return side === 'below' ? margin : -margin
}

/** A margin in the unit of the indicator. */
function plain(margin: number, { isLog }: Law, { value, side }: Limit): number {
  if (!isLog) return margin
  return side === 'below' ? value * Math.expm1(margin) : -value * Math.expm1(-margin)
}

/** Geometric mean, over the cuts, of the error with which the law foretells what followed the cut. */
function typicalError(law: Law, memory: number, us: Float64Array, margins: Float64Array, limit: Limit): number {
  const count = margins.length
  const known = CUTS.map((cut) => Math.max(5, Math.floor(cut * count))).filter((cut) => cut < count)
  let sum = 0
  for (const cut of known) {
    const ages = 1 + us[cut - 1]!
    const before = us.map((u) => (u - us[cut - 1]!) / ages)
    const fit = fitLaw(law, memory, before, margins, cut)
    let squares = 0
    for (let i = cut; i < count; i += 1) {
      const lasting = fit.residuals[cut - 1]! * fit.persistence ** (i - cut + 1)
      const foretold = fit.level + fit.slope * law.basis(before[i]!) + lasting
      squares += (plain(foretold, law, limit) - plain(margins[i]!, law, limit)) ** 2
    }
    sum += Math.log(squares / (count - cut) + 1e-12) / 2
  }
  return Math.exp(sum / known.length)
}

function shocksOf({ residuals, persistence }: Fit): Float64Array {
  const shocks = residuals.subarray(1).map((residual, i) => residual - persistence * residuals[i]!)
  const mean = shocks.reduce((sum, shock) => sum + shock, 0) / shocks.length
  return shocks.map((shock) => shock - mean)
}

/**
 * Standard error of the slope. Shocks that die away leave the error of a regression with correlated noise; shocks that
 * stay leave that of the drift of a random walk, which is the most it can be.
 */
function slopeErrorOf({ persistence, variance, worth }: Fit, shocks: Float64Array): number {
  const shock = shocks.reduce((sum, one) => sum + one * one, 0) / shocks.length
  const dying = shock / ((1 - persistence) ** 2 * variance * worth)
  const staying = (1.2 * shock * (shocks.length + 1) ** 2) / worth
  return Math.sqrt(Math.min(dying, staying))
}

/** Of correlated values only some count as independent; never fewer than three, or nothing could be said of short histories. */
function levelErrorOf({ spread, worth, persistence }: Fit): number {
  return Math.sqrt((1.5 * spread) / Math.max(3, (worth * (1 - persistence)) / (1 + persistence)))
}

/** Steps until each future passes the limit, by turns over the views in proportion to their weight. */
function drawEnds(views: readonly View[], count: number, random: Random): number[] {
  const total = views.reduce((sum, { weight }) => sum + weight, 0)
  return Array.from({ length: PATHS }, (_, path) => {
    let left = ((path + 0.5) / PATHS) * total
    const view = views.find(({ weight }) => (left -= weight) <= 0) ?? views.at(-1)!
    return drawEnd(view, count, random)
  })
}

function drawEnd({ law, memory, fit, shocks, slopeError, levelError }: View, count: number, random: Random): number {
  const slope = fit.slope + slopeError * normal(random)
  const level = fit.level + (fit.slope - slope) * fit.mean + levelError * normal(random)
  let difference = fit.level + fit.residuals.at(-1)! - level
  let at = shocks.length
  for (let step = 1; step <= FAR * count; step += 1) {
    if (at >= shocks.length || random.next() > GOES_ON) at = drawShock(shocks.length, memory, random)
    difference = fit.persistence * difference + shocks[at]!
    at += 1
    if (level + slope * law.basis(step / count) + difference < 0) return step
  }
  return Infinity
}

/** Index of a shock of the past, as much more likely the newer it is as a value weighs more in the fit. */
function drawShock(count: number, memory: number, random: Random): number {
  const forgotten = Math.exp(-1 / memory)
  const ago = -memory * Math.log(1 - random.next() * (1 - forgotten))
  return Math.min(count - 1, Math.floor((1 - ago) * count))
}

/** A standard normal number (Box, Muller 1958). */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next())
}
