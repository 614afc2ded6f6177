import assert from 'node:assert/strict'
import { test } from 'node:test'
import { remainingLifeConfig } from './config.ts'

const faults = (given: unknown) => remainingLifeConfig.safeParse(given).error?.issues.map(({ message }) => message)

test('little has to be said', () => {
  const defaults = {
    failed: 'machine.failed',
    maintained: 'maintenance.done',
    step: 0,
    every: 60_000,
    horizon: { ms: 604_800_000 },
    costs: { planned: 1, failure: 5 },
    as: 'life',
  }
  assert.deepEqual(remainingLifeConfig.parse({ tags: 'wear' }), { ...defaults, tags: ['wear'] })
  const cells = { on: 'cells/*', tags: 'capacity', limit: { below: 1.4 }, age: 'cycle', horizon: 20 }
  assert.deepEqual(remainingLifeConfig.parse(cells), {
    ...defaults,
    on: ['cells/*'],
    tags: ['capacity'],
    limit: { value: 1.4, side: 'below' },
    age: 'cycle',
    horizon: 20,
  })
})

test('a limit is of one indicator, and a failure dearer than maintenance', () => {
  const one = 'want exactly one tag with a limit: the indicator'
  assert.deepEqual(faults({ limit: { above: 7 }, tags: ['a', 'b'] }), [one])
  assert.deepEqual(faults({ limit: { above: 7 } }), [one, 'want the tags that tell of wear'])
  assert.deepEqual(faults({}), ['want the tags that tell of wear'])
  assert.deepEqual(faults({ tags: 'a', costs: { planned: 5, failure: 5 } }), [
    'want a failure that costs more than planned maintenance',
  ])
  assert.deepEqual(faults({ tags: 'a', age: 'cycle', step: '1h' }), [
    'want a number in the unit of "age", not a duration',
  ])
})

test('a model is one that was learned, from rows as the config makes them', () => {
  assert.match(faults({ model: 'x' })![0]!, /it is not JSON, want file:PATH/)
  assert.match(
    faults({ model: '{"millrace":"remaining-life","version":2}' })![0]!,
    /"version" is not as "millrace learn"/,
  )
  const list = [0]
  const model = {
    millrace: 'remaining-life',
    version: 1,
    tags: ['a', 'b'],
    age: null,
    step: 0,
    learned: { units: 4, rows: 9, from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' },
    model: {
      life: 1,
      columns: [0],
      rowsPerLife: 1,
      regimes: { means: list },
      forests: [{ base: 0, depth: 0, features: [], thresholds: [], leaves: list }],
      witnesses: { scores: list, ages: list, left: list },
    },
  }
  const text = JSON.stringify(model)
  assert.deepEqual(faults({ model: text }), undefined)
  assert.deepEqual(faults({ model: text, tags: ['a', 'b'] }), undefined)
  assert.match(
    faults({ model: text, tags: ['b'], age: 'cycle' })![0]!,
    /it was learned from a, b, age time, step 0, want b, age cycle, step 0/,
  )
  assert.deepEqual(faults({ model: text, tags: 'a', limit: { above: 1 } }), [
    'want a limit or a model, not both',
    'Cannot use the model: it was learned from a, b, age time, step 0, want a, age time, step 0; take it out of the config, then learn it again',
  ])
})
