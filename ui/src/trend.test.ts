import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TagView, TwinView } from '../../src/api/contract.ts'
import { trendPath, Trends } from './trend.ts'

function twin(path: string, change: Partial<TagView>): TwinView {
  const times = { sourceTime: 1, receivedTime: 1, stale: false }
  const quality = { quality: 0, qualityName: 'Good', severity: 'good' as const }
  return {
    path,
    revision: 1,
    tags: [{ tag: 't', value: 1, type: 'number', kind: 'gauge', ...quality, ...times, ...change }],
  }
}

test('keeps a bounded number of points, of a bounded number of assets', () => {
  const trends = new Trends()
  for (let at = 1; at <= 1000; at += 1) trends.add(twin('a', { sourceTime: at, value: at }))
  assert.equal(trends.of('a', 't').length, 240)
  assert.deepEqual(trends.of('a', 't').at(-1), { at: 1000, value: 1000 })
  for (let n = 0; n < 20; n += 1) trends.add(twin(`b${n}`, {}))
  assert.deepEqual(trends.of('a', 't'), [])
  assert.equal(trends.of('b0', 't').length, 1)
})

test('takes neither the same moment twice, nor late, bad or wordy values', () => {
  const trends = new Trends()
  trends.add(twin('a', { sourceTime: 5 }))
  trends.add(twin('a', { sourceTime: 5, value: 2 }))
  trends.add(twin('a', { sourceTime: 4, value: 3 }))
  trends.add(twin('a', { sourceTime: 6, severity: 'bad' }))
  trends.add(twin('a', { sourceTime: 7, value: 'Execute' }))
  trends.add(twin('a', { sourceTime: 8, value: true }))
  assert.deepEqual(trends.of('a', 't'), [
    { at: 5, value: 1 },
    { at: 8, value: 1 },
  ])
})

test('a line through the box, flat in the middle where nothing moves', () => {
  assert.equal(
    trendPath(
      [
        { at: 0, value: 1 },
        { at: 10, value: 3 },
        { at: 20, value: 2 },
      ],
      100,
      20,
    ),
    'M0.0 20.0L50.0 0.0L100.0 10.0',
  )
  assert.equal(
    trendPath(
      [
        { at: 0, value: 7 },
        { at: 10, value: 7 },
      ],
      100,
      20,
    ),
    'M0.0 10.0L100.0 10.0',
  )
})
