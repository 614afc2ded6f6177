import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Json } from '../../model/json-value.ts'
import { seededRandom, type Random } from '../../system/random.ts'
import { LEAST_POINTS, type Limit } from './first-passage.ts'
import { findOnset } from './onset.ts'
import { outlook } from './prognosis.ts'
import { ThresholdLife } from './threshold-life.ts'

const BELOW: Limit = { value: 1, side: 'below' }
const ABOVE: Limit = { value: 100, side: 'above' }

function lifeOf(limit: Limit, values: readonly number[]): ThresholdLife {
  const life = new ThresholdLife(limit)
  values.forEach((value, index) => life.take(index + 1, [value]))
  return life
}

const series = (count: number, value: (index: number) => number) => Array.from({ length: count }, (_, i) => value(i))

/** A standard normal number: 12 uniform ones. */
const noise = (random: Random) => Array.from({ length: 12 }, () => random.next()).reduce((a, b) => a + b, -6)

test('without noise a law is followed to its end', () => {
  const wear = outlook(
    lifeOf(
      { value: 10.1, side: 'above' },
      series(40, (i) => -5 + 0.25 * i),
    ).ends()!,
    10,
  )
  // It is 4.75 after the 40th and above 10.1 at the 22nd step from there. It was negative: no exponential law.
  assert.deepEqual([wear.low, wear.median, wear.high], [22, 22, 22])
  const growth = outlook(
    lifeOf(
      ABOVE,
      series(40, (i) => 1.1 ** i),
    ).ends()!,
    10,
  )
  // 1.1 ** 48 = 97.0 and 1.1 ** 49 = 106.7; the 40th value is 1.1 ** 39.
  assert.deepEqual([growth.low, growth.median, growth.high, growth.failure], [10, 10, 10, 1])
  const layer = outlook(
    lifeOf(
      { value: -12.02, side: 'below' },
      series(100, (i) => -Math.sqrt(i + 1)),
    ).ends()!,
    10,
  )
  // The root of 145 is the first above 12.02.
  assert.deepEqual(layer.median, 45)
})

test('an indicator that stands still, or goes away from its limit, has no end', () => {
  assert.deepEqual(
    outlook(
      lifeOf(
        BELOW,
        series(50, () => 3),
      ).ends()!,
      1e6,
    ),
    { level: 0.8, failure: 0 },
  )
  assert.deepEqual(
    outlook(
      lifeOf(
        BELOW,
        series(50, (i) => 2 + i),
      ).ends()!,
      1e6,
    ),
    { level: 0.8, failure: 0 },
  )
})

test('one that is beyond its limit has ended, and too few values say nothing', () => {
  assert.deepEqual(
    outlook(
      lifeOf(
        BELOW,
        series(20, (i) => 2.8 - i / 10),
      ).ends()!,
      5,
    ).median,
    0,
  )
  assert.equal(
    lifeOf(
      BELOW,
      series(LEAST_POINTS - 1, (i) => 5 - i / 10),
    ).ends(),
    undefined,
  )
  assert.notEqual(
    lifeOf(
      BELOW,
      series(LEAST_POINTS, (i) => 5 - i / 10),
    ).ends(),
    undefined,
  )
})

test('rows without a value, or not later than the last one, are not taken', () => {
  const values = series(30, (i) => 5 - i / 10)
  const life = new ThresholdLife(BELOW)
  values.forEach((value, index) => {
    life.take(index + 1, [value])
    life.take(index + 1, [0])
    life.take(index - 1, [0])
    life.take(index + 1.5, [NaN])
    life.take(NaN, [0])
  })
  assert.deepEqual(life.save(), lifeOf(BELOW, values).save())
  assert.equal(life.age(), 29)
})

test('times are in the unit of the age', () => {
  const hours = new ThresholdLife(BELOW)
  series(40, (i) => 5 - i / 20).forEach((value, i) => hours.take(1_000 + 24 * i, [value]))
  const cycles = lifeOf(
    BELOW,
    series(40, (i) => 5 - i / 20),
  )
  assert.equal(hours.ends()!.quantile(0.5), 24 * cycles.ends()!.quantile(0.5))
})

test('the flat beginning of a bearing says nothing of how fast it goes', () => {
  const random = seededRandom(5)
  const vibration = series(150, (i) => (1 + 0.05 * noise(random)) * (i < 100 ? 1 : Math.exp(0.05 * (i - 100))))
  const onset = findOnset(vibration)
  assert.ok(Math.abs(onset - 100) <= 6, `onset at ${onset}`)
  // 20 = e ** (0.05 * 60): it ends after the 160th.
  const { median } = outlook(lifeOf({ value: 20, side: 'above' }, vibration).ends()!, 10)
  assert.ok(Math.abs(median! - 11) <= 3, `median ${median}`)
  assert.equal(findOnset(series(100, (i) => 1 - i / 200 + 0.01 * noise(random))), 0)
})

test('intervals hold the end about as often as they say', () => {
  const fleets: { readonly [name: string]: (random: Random) => (i: number) => number } = {
    wear: (random) => {
      const speed = 0.5 + random.next()
      return (i) => 3 - (speed * i) / 100 + 0.04 * noise(random)
    },
    fade: (random) => {
      const speed = 0.005 + 0.005 * random.next()
      return (i) => 3 * Math.exp(-speed * i) * (1 + 0.02 * noise(random))
    },
    'with recoveries': (random) => {
      const speed = 0.005 + 0.005 * random.next()
      let recovery = 0
      return (i) => {
        recovery = 0.85 * recovery + (random.next() < 0.06 ? 0.2 * random.next() : 0)
        return 3 - 2 * speed * i + recovery + 0.005 * noise(random)
      }
    },
  }
  for (const [name, make] of Object.entries(fleets)) {
    let [asked, held] = [0, 0]
    for (let seed = 1; seed <= 40; seed += 1) {
      const values = series(2_000, make(seededRandom(seed)))
      const end = values.findIndex((value) => value < 1) + 1
      for (const share of [0.6, 0.8, 0.9]) {
        const cycle = Math.floor(share * end)
        const { low, high } = outlook(lifeOf(BELOW, values.slice(0, cycle)).ends()!, 10)
        asked += 1
        if (end - cycle >= low! && end - cycle <= (high ?? Infinity)) held += 1
      }
    }
    const coverage = held / asked
    assert.ok(coverage >= 0.72 && coverage <= 0.96, `${name}: intervals of 80 % hold ${coverage}`)
  }
})

test('restored it goes on bit by bit, also when points were merged; maintenance makes it new', () => {
  const random = seededRandom(3)
  const values = series(700, (i) => 9 - i / 100 + 0.1 * noise(random))
  const whole = new ThresholdLife(BELOW)
  let parted = new ThresholdLife(BELOW)
  values.forEach((value, at) => {
    if (at % 97 === 0) parted = ThresholdLife.restore(BELOW, JSON.parse(JSON.stringify(parted.save())) as Json)
    whole.take(at, [value])
    parted.take(at, [value])
  })
  assert.equal(JSON.stringify(parted.save()), JSON.stringify(whole.save()))
  assert.deepEqual(outlook(parted.ends()!, 50), outlook(whole.ends()!, 50))
  parted.maintained()
  assert.deepEqual(parted.save(), new ThresholdLife(BELOW).save())
  assert.equal(parted.age(), 0)
})
