import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TagView } from '../../src/api/contract.ts'
import { measuredAt, tagState } from './tag.ts'

const GOOD: TagView = {
  tag: 't',
  value: 1,
  type: 'number',
  kind: 'gauge',
  quality: 0,
  qualityName: 'Good',
  severity: 'good',
  sourceTime: 1000,
  receivedTime: 2000,
  stale: false,
}

const WAITING: TagView = {
  ...GOOD,
  value: null,
  qualityName: 'BadWaitingForInitialData',
  severity: 'bad',
  sourceTime: 0,
}

test('bad is worse than stale is worse than uncertain; no value yet is no fault', () => {
  assert.equal(tagState(GOOD, false), 'good')
  assert.equal(tagState(GOOD, true), 'stale')
  assert.equal(tagState({ ...GOOD, severity: 'uncertain' }, false), 'uncertain')
  assert.equal(tagState({ ...GOOD, severity: 'uncertain' }, true), 'stale')
  assert.equal(tagState({ ...GOOD, severity: 'bad' }, true), 'bad')
  assert.equal(tagState(WAITING, false), 'stale')
})

test('an age counts from when it was measured, and never from the future of a wrong clock', () => {
  assert.equal(measuredAt(GOOD), 1000)
  assert.equal(measuredAt({ ...GOOD, sourceTime: 253_402_300_799_000 }), 2000)
  assert.equal(measuredAt(WAITING), undefined)
})
