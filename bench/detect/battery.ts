import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Limit } from '../../src/processors/remaining-life/first-passage.ts'
import { outlook, type Outlook } from '../../src/processors/remaining-life/prognosis.ts'
import { ThresholdLife } from '../../src/processors/remaining-life/threshold-life.ts'
import { readTable } from './ai4i.ts'

/**
 * `node bench/detect/battery.ts [--battery FILE]... [--limit 1.4]`: when the capacity of a lithium-ion cell first falls below
 * its limit, foretold from its own past alone, for cells of NASA's ageing set (Saha, Goebel 2007). Asked at 80 % of its
 * life, and at cycles 60, 80 and 100.
 */

export interface Cell {
  /** By cycle, from the first one. */
  readonly capacities: readonly number[]
}

/** What was foretold after a cycle: the error is in cycles, late is above 0. */
export interface Asked {
  readonly cycle: number
  readonly outlook: Outlook | undefined
  /** Cycle by which it is to end, by the median; absent where nothing can be said, or it is later than that. */
  readonly end?: number
  readonly error?: number
}

const FILES = ['B0005', 'B0006'].map((cell) => `../shared/data/battery/${cell}_discharge.csv.gz`)
const CYCLES = [60, 80, 100]
const SHARE = 0.8
const HORIZON = 20

/** One capacity a cycle of a table that has columns `cycle` and `capacity_ah`, in the order of its rows. */
export function cellOf(csv: string): Cell {
  const [heading, ...rows] = csv
    .trim()
    .split('\n')
    .map((line) => line.trim().split(','))
  const cycle = heading!.indexOf('cycle')
  const capacity = heading!.findIndex((name) => name.toLowerCase().startsWith('capacity'))
  const byCycle = new Map(rows.map((row) => [row[cycle]!, Number(row[capacity])]))
  return { capacities: [...byCycle.values()] }
}

/** The first cycle beyond the limit, or undefined where it never gets there. */
export function endOf({ capacities }: Cell, { value, side }: Limit): number | undefined {
  const index = capacities.findIndex((capacity) => (side === 'below' ? capacity < value : capacity > value))
  return index < 0 ? undefined : index + 1
}

/** Asks after each of the cycles, having seen no later one. */
export function ask(cell: Cell, limit: Limit, cycles: readonly number[]): Asked[] {
  const truth = endOf(cell, limit)
  return cycles.map((cycle) => {
    const life = new ThresholdLife(limit)
    cell.capacities.slice(0, cycle).forEach((capacity, index) => life.take(index + 1, [capacity]))
    const ends = life.ends()
    if (ends === undefined) return { cycle, outlook: undefined }
    const told = outlook(ends, HORIZON)
    if (told.median === undefined) return { cycle, outlook: told }
    const end = cycle + told.median
    return { cycle, outlook: told, end, ...(truth !== undefined && { error: end - truth }) }
  })
}

/** The cycles at which a cell is asked: 80 % of its life, and the fixed ones that it reaches alive. */
function asksOf(cell: Cell, limit: Limit): number[] {
  const end = endOf(cell, limit)
  const share = end === undefined ? [] : [Math.floor(SHARE * end)]
  const fixed = CYCLES.filter((cycle) => cycle < (end ?? cell.capacities.length))
  return [...new Set([...share, ...fixed])]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      battery: { type: 'string', multiple: true, default: FILES },
      limit: { type: 'string', default: '1.4' },
    },
  })
  const limit: Limit = { value: Number(values.limit), side: 'below' }
  for (const file of values.battery) {
    const cell = cellOf(await readTable(file))
    const end = endOf(cell, limit)
    const life =
      end === undefined ? `not below ${limit.value} in ${cell.capacities.length} cycles` : `ends at cycle ${end}`
    console.log(`${basename(file)}: ${life}`)
    for (const asked of ask(cell, limit, asksOf(cell, limit))) console.log(`  ${told(asked)}`)
  }
}

function told({ cycle, outlook: told, end, error }: Asked): string {
  if (told === undefined) return `after ${cycle}: nothing can be said yet`
  const by = (left: number | undefined) => (left === undefined ? 'later' : String(cycle + left))
  const off = error === undefined ? '' : `, error ${error > 0 ? '+' : ''}${error}`
  return (
    `after ${cycle}: ends at ${end ?? 'later'}${off}, 80 % between ${by(told.low)} and ${by(told.high)}, ` +
    `within ${HORIZON} cycles with probability ${told.failure.toFixed(2)}`
  )
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
