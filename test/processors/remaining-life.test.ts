import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { readTable } from '../../bench/detect/ai4i.ts'
import { ask, cellOf, endOf } from '../../bench/detect/battery.ts'
import { engines, foretell, score } from '../../bench/detect/cmapss.ts'
import type { Limit } from '../../src/processors/remaining-life/first-passage.ts'
import { learnLife } from '../../src/processors/remaining-life/learn.ts'

const ENGINES = '../shared/data/cmapss'
const CELLS = '../shared/data/battery'
const EMPTY: Limit = { value: 1.4, side: 'below' }

for (const [set, regimes, error] of [
  ['FD001', 1, 13.5],
  ['FD003', 1, 13.9],
] as const) {
  test(`engines of ${set}: what is left is foretold within ${error} cycles, and intervals hold`, async (t) => {
    if (!existsSync(ENGINES)) return t.skip(`${ENGINES} is not here`)
    const model = learnLife(engines(await readTable(`${ENGINES}/train_${set}.csv.gz`)))
    const cut = engines(await readTable(`${ENGINES}/test_${set}.csv.gz`))
    const truth = (await readTable(`${ENGINES}/RUL_${set}.txt`)).trim().split(/\s+/).map(Number)
    const { rows, clipped, coverage } = score(foretell(model, cut, truth))
    assert.deepEqual([rows, model.regimes.centres.length], [100, regimes])
    assert.ok(clipped <= error, `error ${clipped}`)
    assert.ok(coverage >= 0.7 && coverage <= 0.9, `intervals of 80 % hold ${coverage}`)
  })
}

test('engines of six operating conditions: the conditions are found', async (t) => {
  if (!existsSync(ENGINES)) return t.skip(`${ENGINES} is not here`)
  const all = engines(await readTable(`${ENGINES}/train_FD004.csv.gz`))
  const { regimes, columns } = learnLife(all.filter((_, index) => index % 4 === 0))
  assert.equal(regimes.centres.length, 6)
  // Sensors 18 and 19 and the third setting never change within a condition.
  assert.ok([2, 20, 21].every((column) => !columns.includes(column)))
})

for (const [cell, end, cycle] of [
  ['B0005', 125, 100],
  ['B0006', 109, 87],
] as const) {
  test(`cell ${cell}: the end is foretold at 80 % of its life within 15 cycles`, async (t) => {
    if (!existsSync(CELLS)) return t.skip(`${CELLS} is not here`)
    const capacities = cellOf(await readTable(`${CELLS}/${cell}_discharge.csv.gz`))
    assert.equal(endOf(capacities, EMPTY), end)
    const [asked] = ask(capacities, EMPTY, [cycle])
    assert.ok(Math.abs(asked!.error!) <= 15, `error ${asked!.error}`)
    assert.ok(asked!.outlook!.low! <= asked!.outlook!.median!)
  })
}
