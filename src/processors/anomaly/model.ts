import { judgeJoint, settleJoint, trainJoint, type Joint, type JointVerdict } from './joint.ts'
import { bareTail, observe, returnPeriod, tailOf, type Tail, type TailRule } from './tail.ts'
import {
  followMean,
  judgeTag,
  settle,
  smooth,
  stretchOf,
  trainTag,
  type Moment,
  type Tag,
  type TagVerdict,
} from './tag.ts'

/**
 * A machine's normal behaviour: every tag by itself, all of them together, and three layers of rarity. A question about
 * a tag has a return period; the return periods of a tag have a tail of their own, so a tag that drifts is rare only
 * when it drifts as it never does; and so have those of the machine, so many tags do not mean many alarms.
 */
export interface Model {
  tags: Tag[]
  /** undefined: one tag only. */
  joint: Joint | undefined
  /** Of the rarest return period per row. */
  tail: Tail
}

/** What one row says. Written anew for every row. */
export interface Verdict {
  tags: TagVerdict[]
  joint: JointVerdict
  /** Return period per tag, then of all together, in rows of their own. */
  periods: number[]
  /** The rarest of them, of the whole row and of what makes an episode last. */
  rarest: number
  lasting: number
  /** Index of the rarest. */
  leading: number
}

/** Until the tails of return periods are learned. */
const UNKNOWN_LIMIT = 200
const FOLDS = 4

export function newVerdict(tags: number): Verdict {
  return {
    tags: Array.from({ length: tags }, () => ({ period: 1, lasting: 1, kind: 'level', scale: 0, season: undefined })),
    joint: { period: 1, scale: 0, statistic: 'T2' },
    periods: Array.from({ length: tags + (tags > 1 ? 1 : 0) }, () => 1),
    rarest: 1,
    lasting: 1,
    leading: 0,
  }
}

/**
 * How return periods are learned: the limit is where excursions begin ten times as often as alarms may, so that tails
 * are extrapolated by a factor of ten whatever the budget is.
 */
export function periodRule(rowsPerAlarm: number): TailRule {
  const rate = Math.min(1 / 40, Math.max(10 / rowsPerAlarm, 1 / 200))
  return { priorPeaks: 5, priorExcess: 1, follows: 'excursions', rate, step: 0.05, gap: 32 }
}

/**
 * Learns from the warm-up: `rows` by tag, without holes. The tails of return periods come from rows that the model
 * they are judged by has not seen, a quarter of the warm-up at a time; from its own rows a model would learn that
 * nothing ever surprises it.
 */
export function trainModel(rows: readonly (readonly number[])[], rule: TailRule): Model {
  const size = rows[0]!.length
  const verdict = newVerdict(size)
  const surprises = verdict.periods.map((): number[] => [])
  for (let fold = 0; fold < FOLDS; fold++) {
    const held = (row: number) => Math.floor((row * FOLDS) / rows.length) === fold
    replay(
      trainParts(rows, (row) => !held(row)),
      rows,
      verdict,
      (row) => {
        if (held(row)) surprises.forEach((values, part) => values.push(rawPeriod(verdict, part)))
      },
    )
  }
  const model = trainParts(rows, () => true)
  if (model.joint !== undefined) {
    model.tags.forEach((tag, part) => (tag.tail = periodTail(surprises[part]!, rule)))
    model.joint.tail = periodTail(surprises.at(-1)!, rule)
  }
  model.tail = periodTail(
    rows.map((_, row) =>
      surprises.reduce((most, values, part) => Math.max(most, layered(model, part, values[row]!, rule)), 1),
    ),
    rule,
  )
  replay(model, rows, verdict, () => {})
  return model
}

function periodTail(periods: readonly number[], rule: TailRule): Tail {
  return tailOf(periods, rule, 1 / rule.rate)
}

function trainParts(rows: readonly (readonly number[])[], uses: (row: number) => boolean): Model {
  const used = rows.flatMap((_, row) => (uses(row) ? [row] : []))
  const size = rows[0]!.length
  const tags = Array.from({ length: size }, (_, tag) => {
    const all = rows.map((row) => row[tag]!)
    return trainTag(all, used, outsideMeans(used.map((row) => all[row]!)))
  })
  const joint =
    size > 1
      ? trainJoint(
          used.map((row) => rows[row]!),
          bareTail(UNKNOWN_LIMIT),
        )
      : undefined
  return { tags, joint, tail: bareTail(UNKNOWN_LIMIT) }
}

/** Per row, the mean of the four blocks of five that it is not in. */
function outsideMeans(values: readonly number[]): (row: number) => number {
  const blocks = 5
  const block = (row: number) => Math.floor((row * blocks) / values.length)
  const sums = Array.from({ length: blocks }, () => 0)
  const counts = Array.from({ length: blocks }, () => 0)
  values.forEach((value, row) => {
    sums[block(row)]! += value
    counts[block(row)]! += 1
  })
  const sum = sums.reduce((a, b) => a + b, 0)
  const means = sums.map((own, i) => (sum - own) / (values.length - counts[i]!))
  return (row) => means[block(row)]!
}

function replay(
  model: Model,
  rows: readonly (readonly number[])[],
  verdict: Verdict,
  each: (row: number) => void,
): void {
  const moment = { time: 0, experience: rows.length, observes: false, moves: false, episodeRows: 0 }
  for (const tag of model.tags) settle(tag)
  if (model.joint !== undefined) settleJoint(model.joint)
  rows.forEach((row, i) => {
    judgeParts(model, row, moment, verdict)
    each(i)
  })
}

/** Judges one row, NaN where a tag has no value, into `verdict`, and takes it in as far as `moment` allows. */
export function judgeRow(model: Model, row: readonly number[], moment: Moment, rule: TailRule, verdict: Verdict): void {
  judgeParts(model, row, moment, verdict)
  verdict.rarest = 1
  verdict.lasting = 1
  verdict.leading = 0
  for (let part = 0; part < verdict.periods.length; part++) {
    const raw = rawPeriod(verdict, part)
    const period = layered(model, part, raw, rule)
    verdict.periods[part] = period
    if (period > verdict.rarest) {
      verdict.rarest = period
      verdict.leading = part
    }
    const lasting = part < model.tags.length ? layered(model, part, verdict.tags[part]!.lasting, rule) : period
    if (lasting > verdict.lasting) verdict.lasting = lasting
    if (model.joint !== undefined) observe(tailOfPart(model, part), rule, raw, moment.moves)
  }
}

function judgeParts(model: Model, row: readonly number[], moment: Moment, verdict: Verdict): void {
  const { tags, joint } = model
  for (let i = 0; i < tags.length; i++) {
    const tag = tags[i]!
    const value = held(tag, row[i]!)
    if (Number.isNaN(value)) {
      verdict.tags[i]!.period = 1
      verdict.tags[i]!.lasting = 1
      continue
    }
    smooth(tag, value)
    judgeTag(tag, value, moment, verdict.tags[i]!)
  }
  if (joint !== undefined)
    judgeJoint(joint, standardised(model, joint, moment.episodeRows), moment.observes, moment.moves, verdict.joint)
}

/** A value holds until the next one, but not for ever: then nothing is known of the tag. */
const MAX_HELD_ROWS = 100

function held(tag: Tag, value: number): number {
  tag.missing = Number.isNaN(value) ? tag.missing + 1 : 0
  return tag.missing > 0 && tag.missing <= MAX_HELD_ROWS ? tag.averages[0]! : value
}

function standardised(model: Model, joint: Joint, episodeRows: number): number[] {
  return model.tags.map((tag, i) =>
    tag.missing > MAX_HELD_ROWS ? 0 : (tag.averages[0]! - tag.mean) / (joint.sigma[i]! * stretchOf(tag, episodeRows)),
  )
}

function rawPeriod(verdict: Verdict, part: number): number {
  return part < verdict.tags.length ? verdict.tags[part]!.period : verdict.joint.period
}

/** One tag alone needs no layer of its own: it is the machine. */
function layered(model: Model, part: number, period: number, rule: TailRule): number {
  return model.joint === undefined ? period : returnPeriod(tailOfPart(model, part), rule, period)
}

function tailOfPart(model: Model, part: number): Tail {
  return part < model.tags.length ? model.tags[part]!.tail : model.joint!.tail
}

/** Lets the means follow, outside episodes. */
export function followMeans(model: Model, row: readonly number[]): void {
  for (let i = 0; i < model.tags.length; i++) if (!Number.isNaN(row[i]!)) followMean(model.tags[i]!, row[i]!)
}
