import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { countOf, SeqSet } from './seq-set.ts'

test('a set of numbers knows its members, its highest and what is missing, as a plain Set does', () => {
  const numbers = fc.array(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 32_750, max: 32_800 })))
  fc.assert(
    fc.property(numbers, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 40, max: 70_000 }), (given, from, to) => {
      const set = new SeqSet()
      const model = new Set<number>()
      for (const seq of given) {
        assert.equal(set.add(seq), !model.has(seq))
        model.add(seq)
      }
      assert.equal(set.max, Math.max(0, ...given))
      const missing: number[] = []
      for (const [first, last] of set.missing(from, to)) for (let seq = first; seq <= last; seq++) missing.push(seq)
      const expected = Array.from({ length: to - from + 1 }, (_, index) => from + index).filter(
        (seq) => !model.has(seq),
      )
      assert.deepEqual(missing, expected)
    }),
  )
})

test('full pages cost nothing, empty ones are passed over', () => {
  const set = new SeqSet()
  for (let seq = 1; seq <= 100_000; seq++) assert.equal(set.add(seq), true)
  assert.equal(set.add(50_000), false)
  assert.equal(set.has(100_000), true)
  assert.deepEqual([...set.missing(1, 100_000)], [])
  assert.deepEqual([...set.missing(1, 100_002)], [[100_001, 100_002]])
  set.add(3_000_000_000)
  assert.deepEqual([...set.missing(1, 3_000_000_000)], [[100_001, 2_999_999_999]])
  assert.equal(
    countOf([
      [1, 1],
      [5, 9],
    ]),
    6,
  )
})
