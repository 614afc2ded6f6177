import assert from 'node:assert/strict'
import { test } from 'node:test'
import { progressText } from './progress.ts'

test('progress has a bar, counts, a rate and an end', () => {
  assert.equal(
    progressText(1_000, 4_000, 2_000, 'records'),
    '[######                  ] 25 %  1,000 of 4,000 records  500/s  6 s left',
  )
  assert.equal(progressText(0, 0, 0, 'records'), `[${'#'.repeat(24)}] 100 %  0 of 0 records  0/s`)
  assert.match(progressText(1, 1_000_000, 1_000, 'records'), /277\.8 h left$/)
  assert.match(progressText(1, 1_000, 1_000, 'records'), /17 min left$/)
})
