import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlarmView, JsonValue } from '../../src/api/contract.ts'
import { deviationsOf } from './deviations.ts'

function alarm(detail: JsonValue, isActive = true): AlarmView {
  return {
    asset: 'acme/berlin/press7',
    alarm: 'unusual',
    state: 'unacknowledged',
    priority: 'medium',
    message: '',
    detail,
    isActive,
    latches: false,
    isChattering: false,
    isStale: false,
    occurrences: 1,
    comments: [],
  }
}

const HOT = { tag: 'temperature', kind: 'level', seen: 97, expected: 71, low: 68, high: 74 }

test('the tags that active alarms call unusual, with what is usual and since when', () => {
  const found = deviationsOf([
    alarm({ since: 5, score: 3, deviations: [HOT, { ...HOT, tag: 'pressure', low: 1, high: 2 }] }),
    alarm({ since: 9, deviations: [{ ...HOT, low: 0 }] }),
    alarm({ since: 1, deviations: [{ ...HOT, tag: 'energy' }] }, false),
  ])
  assert.deepEqual(
    [...found],
    [
      ['temperature', { since: 5, low: 68, high: 74 }],
      ['pressure', { since: 5, low: 1, high: 2 }],
    ],
  )
})

test('details of any other shape say nothing', () => {
  const details: readonly JsonValue[] = [
    null,
    'x',
    [HOT],
    { values: { temperature: 1 } },
    { deviations: 'x' },
    { deviations: [null, 5, {}] },
  ]
  assert.equal(deviationsOf(details.map((detail) => alarm(detail))).size, 0)
})
