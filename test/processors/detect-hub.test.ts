import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { readTable } from '../../bench/detect/ai4i.ts'
import { ai4iThroughHub, batteriesThroughHub } from '../../bench/detect/hub-sets.ts'
import { isMet, tableOf } from '../../bench/detect/result.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const DATA = '../shared/data'

test('failures of a milling machine are found by three conditions of a hub', async (t) => {
  const file = `${DATA}/ai4i2020/ai4i2020_blocks_0-3.csv.gz`
  if (!existsSync(file)) return t.skip(`${file} is not here`)
  const [heading, ...rows] = (await readTable(file)).trim().split('\n')
  const figures = await ai4iThroughHub([heading, ...rows.slice(0, 2_000)].join('\n'))
  assert.deepEqual(
    figures.map(({ metric, falseAlarms }) => [metric, falseAlarms]),
    [
      ['F1', '0 of 2000 rows'],
      ['precision', undefined],
      ['recall', undefined],
    ],
  )
  assert.ok(
    figures.every((figure) => isMet(figure) !== false),
    tableOf(figures).join('\n'),
  )
})

test('the end of a cell is foretold by a hub at 80 % of its life', async (t) => {
  const file = `${DATA}/battery/B0005_discharge.csv.gz`
  if (!existsSync(file)) return t.skip(`${file} is not here`)
  const young = join(await temporaryFolder('cells'), 'B0007_discharge.csv')
  // B0005 is below its limit from cycle 125 on.
  const [heading, ...rows] = (await readTable(file)).trim().split('\n')
  await writeFile(young, [heading, ...rows.filter((row) => Number.parseInt(row, 10) <= 100)].join('\n'))
  const figures = await batteriesThroughHub([file, young])
  assert.deepEqual(figures.map(isMet), [true, undefined], tableOf(figures).join('\n'))
  const { set, metric, reached } = figures[1]!
  assert.deepEqual([set, metric], ['battery B0007, has no end', 'lowest capacity in 100 cycles, never below 1.4 Ah'])
  assert.ok(reached > 1.4 && reached < 1.6, `${reached}`)
})

test('a figure is told with what was wanted of it', () => {
  const figure = { set: 's', metric: 'm', reached: 0.91, wanted: { least: 0.95 }, falseAlarms: '3', seconds: 4.2 }
  assert.equal(isMet(figure), false)
  assert.equal(isMet({ ...figure, wanted: { most: 0.95 } }), true)
  assert.deepEqual(tableOf([figure]), [
    '| set | metric | reached | wanted |  | false alarms | s |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    '| s | m | 0.91 | >= 0.95 | not met | 3 | 4 |',
  ])
})
