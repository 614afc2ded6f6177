import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { learnLife, type FailedUnit } from '../../src/processors/remaining-life/learn.ts'
import { LearnedLife } from '../../src/processors/remaining-life/learned-life.ts'
import type { LifeModel } from '../../src/processors/remaining-life/life-model.ts'
import { outlook, type Outlook } from '../../src/processors/remaining-life/prognosis.ts'
import { seededRandom } from '../../src/system/random.ts'
import { readTable } from './ai4i.ts'

/**
 * `node bench/detect/cmapss.ts [--cmapss DIR] [--set FD001]... [--no-validate]`: remaining life of turbofan engines (Saxena,
 * Goebel, Simon, Eklund: Damage propagation modeling for aircraft engine run-to-failure simulation, PHM 2008). For each
 * set of the folder: what was learned from the units of `train_*` is asked at the last row of each unit of `test_*` and
 * held against `RUL_*`, where that is there; and cross-validation within `train_*`. Nothing is set by hand for any set.
 */

/** A unit of a set: it failed at its last row, or was cut before it did. */
export interface Engine extends FailedUnit {
  readonly unit: number
}

/** What was foretold for an engine at one of its rows, and what came. */
export interface Foretold {
  readonly outlook: Outlook
  /** Cycles that were left. */
  readonly left: number
}

export interface CmapssScore {
  readonly rows: number
  /** Root mean square error of the median in cycles, where more than 125 cycles count as 125. */
  readonly clipped: number
  /** The same with the truth as it is: what papers give that never foretell more than 125. */
  readonly capped: number
  /** The same with both as they are. */
  readonly unclipped: number
  /** Penalty of PHM 2008 of the clipped ones, late ones count more: sum of exp(d / 10) - 1, or exp(-d / 13) - 1. */
  readonly penalty: number
  /** Share of the intervals that hold the end, and their mean length; they are to hold 80 %. */
  readonly coverage: number
  readonly length: number
  /** Mean square error of the probability of failure within the horizon (Brier). */
  readonly brier: number
}

/** Cycles within which failure is foretold. */
export const HORIZON = 30
/** From here on engines do not differ: what the literature clips at. */
const CLIPPED_AT = 125
/** Parts of the cross-validation, and every so many rows of a unit that are asked. */
const FOLDS = 4
const EVERY = 8
/** Cycles that are left at the rows that are asked in cross-validation: as in the test sets whose truth is known. */
const LEAST_LEFT = 6
const MOST_LEFT = 145
/** Rows that a unit must have before it is asked; the shortest test unit has 31. */
const LEAST_ROWS = 20
const SEED = 1

/** The rows of a table: unit, cycle, three settings, 21 sensors; with commas and a heading, or as NASA has it. */
export function engines(table: string): Engine[] {
  const byUnit = new Map<number, { at: number; values: number[] }[]>()
  for (const line of table.trim().split('\n')) {
    const [unit, at, ...values] = line
      .trim()
      .split(/[\s,]+/)
      .map(Number)
    if (Number.isNaN(unit)) continue
    let rows = byUnit.get(unit!)
    if (rows === undefined) byUnit.set(unit!, (rows = []))
    rows.push({ at: at!, values })
  }
  return [...byUnit].map(([unit, rows]) => ({ unit, rows }))
}

/** What is foretold at the last row of each engine that was cut. */
export function foretell(model: LifeModel, cut: readonly Engine[], truth: readonly number[]): Foretold[] {
  return cut.map(({ rows }, index) => {
    const life = new LearnedLife(model)
    for (const { at, values } of rows) life.take(at, values)
    return { outlook: outlook(life.ends()!, HORIZON), left: truth[index]! }
  })
}

/** Every engine at some of its rows, foretold from engines of other folds only. */
function validate(failed: readonly Engine[]): Foretold[] {
  const random = seededRandom(SEED)
  const folds = failed.map((_, index) => ({ index, chance: random.next() })).sort((a, b) => a.chance - b.chance)
  const foldOf = new Map(folds.map(({ index }, rank) => [index, rank % FOLDS]))
  return Array.from({ length: FOLDS }, (_, fold) => {
    const model = learnLife(failed.filter((_, index) => foldOf.get(index) !== fold))
    return failed.filter((_, index) => foldOf.get(index) === fold).flatMap((engine) => along(model, engine))
  }).flat()
}

function along(model: LifeModel, { unit, rows }: Engine): Foretold[] {
  const life = new LearnedLife(model)
  return rows.flatMap(({ at, values }, row) => {
    life.take(at, values)
    const left = rows.at(-1)!.at - at
    if (row < LEAST_ROWS || row % EVERY !== unit % EVERY || left < LEAST_LEFT || left > MOST_LEFT) return []
    return [{ outlook: outlook(life.ends()!, HORIZON), left }]
  })
}

export function score(all: readonly Foretold[]): CmapssScore {
  const mean = (each: (one: Foretold) => number) => all.reduce((sum, one) => sum + each(one), 0) / all.length
  const clip = (cycles: number) => Math.min(CLIPPED_AT, cycles)
  const late = ({ outlook, left }: Foretold) => clip(outlook.median!) - clip(left)
  const holds = ({ outlook, left }: Foretold) => left >= outlook.low! && left <= outlook.high!
  return {
    rows: all.length,
    clipped: Math.sqrt(mean((one) => late(one) ** 2)),
    capped: Math.sqrt(mean(({ outlook, left }) => (clip(outlook.median!) - left) ** 2)),
    unclipped: Math.sqrt(mean(({ outlook, left }) => (outlook.median! - left) ** 2)),
    penalty: all.map(late).reduce((sum, d) => sum + Math.expm1(d < 0 ? -d / 13 : d / 10), 0),
    coverage: mean((one) => (holds(one) ? 1 : 0)),
    length: mean(({ outlook }) => outlook.high! - outlook.low!),
    brier: mean(({ outlook, left }) => (outlook.failure - (left <= HORIZON ? 1 : 0)) ** 2),
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cmapss: { type: 'string', default: '../shared/data/cmapss' },
      set: { type: 'string', multiple: true, default: [] },
      'no-validate': { type: 'boolean', default: false },
    },
  })
  const files = await readdir(values.cmapss)
  const sets = files.flatMap((file) => /^train_(\w+)\./.exec(file)?.[1] ?? []).sort()
  const read = async (part: string, set: string) => {
    const file = files.find((name) => name.startsWith(`${part}_${set}.`))
    return file === undefined ? undefined : await readTable(join(values.cmapss, file))
  }
  for (const set of sets.filter((one) => values.set.length === 0 || values.set.includes(one))) {
    const failed = engines((await read('train', set))!)
    const before = process.cpuUsage()
    const model = learnLife(failed)
    const { user, system } = process.cpuUsage(before)
    const size = (JSON.stringify(model).length / 1000).toFixed(0)
    console.log(
      `${set}: learned from ${failed.length} engines in ${((user + system) / 1e6).toFixed(1)} CPU s, ` +
        `${model.regimes.centres.length} regimes, ${model.columns.length} columns, ${size} kB`,
    )
    const cut = await read('test', set)
    const truth = await read('RUL', set)
    if (cut !== undefined && truth !== undefined) {
      console.log(
        `  test:             ${told(score(foretell(model, engines(cut), truth.trim().split(/\s+/).map(Number))))}`,
      )
    }
    if (!values['no-validate']) console.log(`  cross-validation: ${told(score(validate(failed)))}`)
  }
}

function told({ rows, clipped, capped, unclipped, penalty, coverage, length, brier }: CmapssScore): string {
  return (
    `${rows} rows, RMSE ${clipped.toFixed(2)} clipped at ${CLIPPED_AT}, ` +
    `${capped.toFixed(2)} truth unclipped, ${unclipped.toFixed(2)} both unclipped, ` +
    `penalty ${penalty.toFixed(0)}, 80 % interval holds ${(100 * coverage).toFixed(0)} % (${length.toFixed(0)} cycles), ` +
    `Brier ${brier.toFixed(4)} of failure within ${HORIZON} cycles`
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
