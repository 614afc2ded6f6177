import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RouteQuery } from './route.ts'
import { ends, moved, scaled, spanIn, spanQuery, USUAL_SPAN } from './span.ts'

const NOW = 1_000_000_000

test('the last hour moves with the time; what was moved or scaled stays where it is, and ends now at the latest', () => {
  assert.deepEqual(ends(USUAL_SPAN, NOW), { from: NOW - 3_600_000, to: NOW })
  assert.deepEqual(moved(USUAL_SPAN, -0.5, NOW), { from: NOW - 5_400_000, to: NOW - 1_800_000 })
  assert.deepEqual(moved(USUAL_SPAN, 0.5, NOW), { from: NOW - 3_600_000, to: NOW })
  assert.deepEqual(scaled({ from: 1_000, to: 11_000 }, 2, NOW), { from: -4_000, to: 16_000 })
  assert.deepEqual(scaled({ from: 1_000, to: 3_000 }, 0.1, NOW), { from: 1_500, to: 2_500 })
  assert.deepEqual(scaled(USUAL_SPAN, 2, NOW), { from: NOW - 7_200_000, to: NOW })
})

test('a span goes into a URL and out again', () => {
  for (const span of [USUAL_SPAN, { lastMs: 5_000 }, { from: 5, to: 17 }])
    assert.deepEqual(spanIn(spanQuery(span)), span)
  const wrong: readonly RouteQuery[] = [{}, { last: 'x' }, { from: '17', to: '5' }, { from: '1' }]
  for (const query of wrong) assert.deepEqual(spanIn(query), USUAL_SPAN)
})
