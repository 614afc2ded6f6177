import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Quality } from '../model/quality.ts'
import type { Sample } from '../model/reading.ts'
import { Summary } from './summary.ts'

const sample = (sourceTime: number, value: Sample['value'], more: Partial<Sample> = {}): Sample => ({
  asset: 'acme/berlin/a',
  tag: 't',
  value,
  quality: 0,
  sourceTime,
  receivedTime: 0,
  ...more,
})

test('sums up by asset and tag; what is bad or no number counts, but not as a number', () => {
  const summary = new Summary()
  summary.add(sample(2, 10))
  summary.add(sample(9, 20))
  summary.add(sample(4, null, { quality: Quality.BadSensorFailure }))
  summary.add(sample(5, 1_000, { quality: Quality.BadSensorFailure }))
  summary.add(sample(1, 'Execute', { tag: 'state' }))
  assert.deepEqual(summary.rows(), [
    {
      from: 0,
      asset: 'acme/berlin/a',
      tag: 'state',
      count: 1,
      bad: 0,
      least: null,
      most: null,
      mean: null,
      value: 'Execute',
      first: 1,
      last: 1,
    },
    {
      from: 0,
      asset: 'acme/berlin/a',
      tag: 't',
      count: 4,
      bad: 2,
      least: 10,
      most: 20,
      mean: 15,
      value: 20,
      first: 2,
      last: 9,
    },
  ])
})

test('spans begin at whole multiples, in order of time, whatever the order of arrival', () => {
  const summary = new Summary(1_000)
  for (const at of [2_500, 999, 1_000, 10_000, 0]) summary.add(sample(at, at))
  assert.deepEqual(
    summary.rows().map(({ from, count, mean }) => [from, count, mean]),
    [
      [0, 2, 499.5],
      [1_000, 1, 1_000],
      [2_000, 1, 2_500],
      [10_000, 1, 10_000],
    ],
  )
})
