import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Quality } from '../../model/quality.ts'
import type { RawValue } from '../aggregates/raw-value.ts'
import { lttb } from './lttb.ts'

const of = (...values: readonly (number | null)[]): RawValue[] =>
  values.map((value, at) => ({ time: at, value, quality: value === null ? Quality.BadNoCommunication : Quality.Good }))

test('no more points than asked for; the first and the last sample, and a spike, stay', () => {
  const values = of(...Array.from({ length: 1_000 }, (_, at) => (at === 617 ? 50 : Math.sin(at / 50))))
  const points = lttb(values, 40)
  assert.equal(points.length, 40)
  assert.deepEqual([points[0]!.time, points.at(-1)!.time], [0, 999])
  assert.ok(points.some(({ time, value }) => time === 617 && value === 50))
})

test('of so few samples all are points', () => {
  assert.deepEqual(lttb(of(1, null, 3), 3), [
    { time: 0, value: 1, quality: 0 },
    { time: 1, value: null, quality: Quality.BadNoCommunication },
    { time: 2, value: 3, quality: 0 },
  ])
})

test('a bucket with a Bad sample says so, and a spell without any value is a gap', () => {
  const values = of(...Array.from({ length: 300 }, (_, at) => (at === 20 || (at >= 100 && at < 200) ? null : at)))
  const points = lttb(values, 32)
  assert.equal(points.find(({ time }) => time > 10 && time < 30)!.quality, Quality.BadNoCommunication)
  const gap = points.filter(({ value }) => value === null)
  assert.ok(gap.length >= 8, `${gap.length} points have no value`)
  for (const { time, quality } of gap) assert.ok(time >= 100 && time < 200 && quality === Quality.BadNoCommunication)
})

test('every point is a sample, in order of time, with a quality as bad as the worst around it', () => {
  const numbers = fc.array(
    fc.oneof({ weight: 5, arbitrary: fc.integer() }, { weight: 1, arbitrary: fc.constant(null) }),
    {
      minLength: 1,
      maxLength: 400,
    },
  )
  fc.assert(
    fc.property(numbers, fc.integer({ min: 3, max: 60 }), (numbers, most) => {
      const values = of(...numbers)
      const points = lttb(values, most)
      assert.equal(points.length, Math.min(most, values.length))
      points.forEach(({ time, value }, nth) => {
        assert.ok(nth === 0 || time > points[nth - 1]!.time)
        if (value !== null) assert.equal(values[time]!.value, value)
      })
      const bad = values.filter(({ value }) => value === null).length
      assert.equal(
        points.some(({ quality }) => quality !== 0),
        bad > 0,
      )
    }),
  )
})
