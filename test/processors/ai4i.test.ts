import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { readTable, scoreAi4i } from '../../bench/detect/ai4i.ts'

const FILE = '../shared/data/ai4i2020/ai4i2020_blocks_0-3.csv.gz'

test('three conditions find the failures of AI4I 2020 that follow from rules, and no others', async (t) => {
  if (!existsSync(FILE)) return t.skip(`${FILE} is not here`)
  const { rows, failures, precision, recall, f1 } = scoreAi4i(await readTable(FILE))
  assert.deepEqual({ rows, failures, precision }, { rows: 8000, failures: 278, precision: 1 })
  assert.ok(recall > 0.84, `recall is ${recall}`)
  assert.ok(f1 >= 0.9, `F1 is ${f1}`)
})
