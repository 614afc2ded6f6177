import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readTable } from './ai4i.ts'
import { engines, HORIZON, score, type Engine, type Foretold } from './cmapss.ts'
import { DetectPlant, fullPath, type Row } from './plant.ts'
import type { Figure } from './result.ts'

/** Turbofan engines: the hub takes the lives of a fleet, `millrace learn` learns from them, and the hub foretells another fleet. */

const BEGIN = 1_732_287_000_000
const HOUR_MS = 3_600_000
/** Of the remaining life, clipped at 125 cycles. */
const WANTED: { readonly [set: string]: number } = { FD001: 13.5, FD003: 13.9 }
/** Units of a cross-validation that are foretold from the others, where a set has no truth: every fourth. */
const FOLD = 4
/** Cycles that are left where a unit of a cross-validation is cut: as in the test sets whose truth is known. */
const CUTS = [20, 60, 100]

/** A unit that was cut, and the cycles that were left then. */
interface Cut {
  readonly engine: Engine
  readonly left: number
}

/** Every set of the folder whose lives are there; those without a truth are validated within themselves. */
export async function enginesThroughHub(folder: string, only: readonly string[]): Promise<Figure[]> {
  const files = await readdir(folder)
  const read = async (part: string, set: string) => {
    const file = files.find((name) => name.startsWith(`${part}_${set}.`))
    return file === undefined ? undefined : await readTable(join(folder, file))
  }
  const sets = files.flatMap((file) => /^train_(\w+)\./.exec(file)?.[1] ?? []).sort()
  const figures: Figure[] = []
  for (const set of sets.filter((one) => only.length === 0 || only.includes(one))) {
    const all = engines((await read('train', set))!)
    const cut = await read('test', set)
    const truth = await read('RUL', set)
    if (cut !== undefined && truth !== undefined) {
      const left = truth.trim().split(/\s+/).map(Number)
      const cuts = engines(cut).map((engine, index) => ({ engine, left: left[index]! }))
      figures.push(...(await setThroughHub(`C-MAPSS ${set}`, all, cuts, WANTED[set])))
    } else {
      const others = all.filter((_, index) => index % FOLD !== 0)
      const cuts = all.filter((_, index) => index % FOLD === 0).map(cutOf)
      figures.push(
        ...(await setThroughHub(`C-MAPSS ${set}, a quarter foretold from the rest`, others, cuts, undefined)),
      )
    }
  }
  return figures
}

function cutOf({ unit, rows }: Engine, index: number): Cut {
  const left = Math.min(CUTS[index % CUTS.length]!, rows.length - 21)
  return { engine: { unit, rows: rows.slice(0, rows.length - left) }, left }
}

async function setThroughHub(
  set: string,
  failed: readonly Engine[],
  cuts: readonly Cut[],
  wanted: number | undefined,
): Promise<Figure[]> {
  const began = performance.now()
  const tags = failed[0]!.rows[0]!.values.map((_, column) => `v${column + 1}`)
  const config = (more: string) =>
    `  engines: { remaining-life: { on: "engines/*", tags: [${tags.join(', ')}], age: cycle, horizon: ${HORIZON}${more} } }`
  await using plant = await DetectPlant.start(config(''))
  for (const { unit, rows } of failed) {
    await plant.send(`engines/old${unit}`, rowsOf(rows, tags))
    await plant.sendEvent('machine.failed', `engines/old${unit}`)
  }
  await plant.end()
  const file = await plant.learn('engines')
  await plant.run(config(`, model: "file:${file}"`))
  for (const { engine } of cuts) await plant.send(`engines/unit${engine.unit}`, rowsOf(engine.rows, tags))
  await plant.end()
  const last = new Map((await plant.derived()).map(({ asset, values }) => [asset, values]))
  const foretold = cuts.map(({ engine, left }): Foretold => {
    const values = last.get(fullPath(`engines/unit${engine.unit}`))
    const number = (name: string) => values?.[`life.${name}`] as number
    if (number('age') !== engine.rows.at(-1)!.at - engine.rows[0]!.at)
      throw new Error(`${set}: unit ${engine.unit} was not foretold at its last row`)
    const interval = { low: number('left.low'), high: number('left.high'), level: 0.8 }
    return { outlook: { median: number('left'), ...interval, failure: number('failure') }, left }
  })
  const { clipped, capped, unclipped, coverage, penalty } = score(foretold)
  const seconds = (performance.now() - began) / 1000
  return [
    {
      set,
      metric: `RMSE of ${cuts.length} units, cycles, clipped at 125`,
      reached: clipped,
      ...(wanted !== undefined && { wanted: { most: wanted } }),
      seconds,
    },
    // Clipping is kind to what is far from its end: so the others are told too.
    { set, metric: 'RMSE, only what is foretold clipped', reached: capped, seconds },
    { set, metric: 'RMSE, nothing clipped', reached: unclipped, seconds },
    { set, metric: '% of ends in the interval of 80 %', reached: 100 * coverage, wanted: { least: 70 }, seconds },
    { set, metric: 'penalty of PHM 2008', reached: penalty, seconds },
  ]
}

function rowsOf(rows: Engine['rows'], tags: readonly string[]): Row[] {
  return rows.map(({ at, values }) => ({
    ts: BEGIN + at * HOUR_MS,
    values: { cycle: at, ...Object.fromEntries(tags.map((tag, column) => [tag, values[column]!])) },
  }))
}
