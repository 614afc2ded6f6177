import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { contestedMinutes, type Stretch } from './contested.ts'

const MINUTE_US = 60_000_000

test('the minutes that two stretches share, and no others, each in one stretch', () => {
  const stretch = fc
    .tuple(fc.integer({ min: -600, max: 600 }), fc.integer({ min: 1, max: 200 }))
    .map(([from, length]): Stretch => ({ fromUs: from * 10_000_000, toUs: (from + length) * 10_000_000 }))
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 6 }), (held) => {
      const found = contestedMinutes(held)
      for (let us = -110 * MINUTE_US; us < 150 * MINUTE_US; us += MINUTE_US) {
        const holders = held.filter(({ fromUs, toUs }) => fromUs < us + MINUTE_US && toUs > us).length
        const within = found.filter(({ fromUs, toUs }) => fromUs < us + MINUTE_US && toUs > us)
        assert.equal(within.length, holders > 1 ? 1 : 0, `minute ${us / MINUTE_US}`)
      }
      found.slice(1).forEach(({ fromUs }, nth) => assert.ok(fromUs > found[nth]!.toUs, 'stretches lie apart'))
    }),
  )
})
