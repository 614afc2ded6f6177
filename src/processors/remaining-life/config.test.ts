import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remainingLifeConfig } from './config.ts'

test('little has to be said', () => {
  assert.deepEqual(remainingLifeConfig.parse({}), {
    learn: 'failed',
    horizon: 604_800_000,
    costs: { planned: 1, failure: 5 },
  })
  const cells = { on: 'cells/*', tags: 'capacity', limit: { below: 1.4 }, age: 'cycle', horizon: 20 }
  assert.deepEqual(remainingLifeConfig.parse(cells), {
    on: ['cells/*'],
    tags: ['capacity'],
    limit: { value: 1.4, side: 'below' },
    learn: 'failed',
    age: 'cycle',
    horizon: 20,
    costs: { planned: 1, failure: 5 },
  })
})

test('a limit is of one indicator, and a failure dearer than maintenance', () => {
  const faults = (given: unknown) => remainingLifeConfig.safeParse(given).error?.issues.map(({ message }) => message)
  assert.deepEqual(faults({ limit: { above: 7 } }), ['want exactly one tag with a limit: the indicator'])
  assert.deepEqual(faults({ limit: { above: 7 }, tags: ['a', 'b'] }), [
    'want exactly one tag with a limit: the indicator',
  ])
  assert.deepEqual(faults({ costs: { planned: 5, failure: 5 } }), [
    'want a failure that costs more than planned maintenance',
  ])
})
