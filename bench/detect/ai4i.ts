import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import type { Value } from '../../src/model/reading.ts'
import { conditionSpec } from '../../src/processors/condition/spec.ts'
import { TopologyDriver } from '../../src/testing.ts'

/**
 * `node bench/detect/ai4i.ts FILE`: how well conditions find the failures of AI4I 2020 (UCI 601, a milling machine). Three of
 * its five modes of failure follow from the values by exact rules (S. Matzka, 2020); the two others are random.
 */

/** The three rules as conditions; the names of columns are those of the table. */
export const AI4I_CONDITIONS: { readonly [name: string]: string } = {
  // Heat dissipation: too little difference of temperature at too low a speed.
  'heat-dissipation':
    'tag("Process temperature [K]") - tag("Air temperature [K]") < 8.6 && tag("Rotational speed [rpm]") < 1380',
  // Power: torque by angular speed, outside of 3500 to 9000 W.
  power:
    'tag("Torque [Nm]") * tag("Rotational speed [rpm]") * 0.10471975511965977 < 3500' +
    ' || tag("Torque [Nm]") * tag("Rotational speed [rpm]") * 0.10471975511965977 > 9000',
  // Overstrain: wear by torque, above a limit that depends on the quality of the product.
  overstrain: 'tag("Tool wear [min]") * tag("Torque [Nm]") > (Type == "L" ? 11000 : Type == "M" ? 12000 : 13000)',
}

export interface Ai4iScore {
  readonly rows: number
  readonly failures: number
  /** Rows with an alarm and no failure. */
  readonly wrong: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
  readonly rowsPerSecond: number
}

/** A row of the table: what the machine says, and whether it failed then. */
export interface Ai4iRow {
  /** ms since the epoch; a minute apart. */
  readonly time: number
  readonly values: { readonly [tag: string]: number | string }
  readonly isFailure: boolean
}

const BEGIN = 1_732_287_000_000

export function ai4iRows(csv: string): Ai4iRow[] {
  const [heading, ...rows] = csv
    .trim()
    .split('\n')
    .map((line) => line.trim().split(','))
  const failure = heading!.indexOf('Machine failure')
  // What follows is the label itself.
  const inputs = heading!.slice(0, failure)
  return rows.map((row, index) => ({
    time: BEGIN + index * 60_000,
    values: Object.fromEntries(inputs.map((name, column) => [name, valueOf(row[column]!)])),
    isFailure: row[failure] === '1',
  }))
}

/** How well alarms tell failures, row by row. */
export function scoreRows(rows: readonly Ai4iRow[], isAlarm: readonly boolean[]): Omit<Ai4iScore, 'rowsPerSecond'> {
  const count = (alarm: boolean, failure: boolean) =>
    rows.filter(({ isFailure }, row) => isFailure === failure && isAlarm[row] === alarm).length
  const found = count(true, true)
  const wrong = count(true, false)
  const failures = found + count(false, true)
  const precision = found / (found + wrong)
  const recall = found / failures
  return { rows: rows.length, failures, wrong, precision, recall, f1: (2 * precision * recall) / (precision + recall) }
}

/** Lets the conditions look at one row after the other; a row is found where one of them is active. */
export function scoreAi4i(csv: string): Ai4iScore {
  const rows = ai4iRows(csv)
  const watch = watcher()
  const begin = performance.now()
  const isAlarm = rows.map(({ time, values }) => watch(time, values))
  const seconds = (performance.now() - begin) / 1000
  return { ...scoreRows(rows, isAlarm), rowsPerSecond: rows.length / seconds }
}

/** Answers whether an alarm is active after a row. */
function watcher(): (time: number, values: { readonly [tag: string]: Value }) => boolean {
  const drivers = Object.entries(AI4I_CONDITIONS).map(([name, when]) => {
    const config = conditionSpec.config.parse({ when })
    return new TopologyDriver(conditionSpec.topology(config, { name, site: 'acme/berlin' }))
  })
  const active = new Set<string>()
  return (time, values) => {
    const reading = { asset: 'acme/berlin/mill', sourceTime: time, receivedTime: time, values }
    for (const { fact } of drivers.flatMap((driver) => driver.send({ kind: 'reading', reading }))) {
      if (fact.kind !== 'alarm') continue
      if (fact.alarm.action === 'raise') active.add(fact.alarm.alarm)
      if (fact.alarm.action === 'clear') active.delete(fact.alarm.alarm)
    }
    return active.size > 0
  }
}

function valueOf(text: string): number | string {
  return /^-?\d/.test(text) ? Number(text) : text
}

/** The text of a table, packed or not. */
export async function readTable(file: string): Promise<string> {
  const bytes = await readFile(file)
  return (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString()
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { rows, failures, precision, recall, f1, rowsPerSecond } = scoreAi4i(await readTable(process.argv[2]!))
  console.log(
    `${rows} rows, ${failures} failures: precision ${precision.toFixed(3)}, recall ${recall.toFixed(3)}, F1 ${f1.toFixed(3)}`,
  )
  console.log(`${Math.round(rowsPerSecond)} rows/s through three conditions`)
}
