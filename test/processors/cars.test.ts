import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { readTable } from '../../bench/detect/ai4i.ts'
import { carMessages, scoreCars } from '../../bench/detect/cars.ts'

const FILE = '../shared/data/connected-cars/car-sensor-data.csv.gz'

test('messages per car and five minutes are counted exactly, in order or up to 30 s late', async (t) => {
  if (!existsSync(FILE)) return t.skip(`${FILE} is not here`)
  const messages = carMessages(await readTable(FILE))
  for (const delayMs of [0, 30_000]) {
    const { messages: count, cars, windows, wrong } = scoreCars(messages, delayMs)
    assert.deepEqual({ count, cars, windows, wrong }, { count: 10_000, cars: 100, windows: 500, wrong: 0 })
  }
})
