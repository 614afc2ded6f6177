import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import { Car } from './car.ts'
import { Journey } from './journey.ts'

test('cars drive as far as their speed takes them, and enough of them are on the ice within two minutes', () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seededRandom(seed)
    const fork = () => seededRandom(random.integer(2 ** 32))
    const cars = Array.from({ length: 25 }, (_, number) => ({
      car: new Car(number, fork()),
      journey: new Journey(fork()),
    }))
    const slipped = new Set<number>()
    for (let ms = 0; ms < 120_000; ms += 2_000) {
      for (const [number, { car, journey }] of cars.entries()) {
        if (journey.next(2_000, car.next(2_000).speed).wheel_slip > 0.25) slipped.add(number)
      }
    }
    assert.ok(slipped.size >= 3, `seed ${seed}: ${slipped.size} cars`)
  }
})

test('a journey is the same for the same seed, stands while the car does, and moves by metres', () => {
  const [one, other] = [new Journey(seededRandom(7)), new Journey(seededRandom(7))]
  const begin = one.next(1_000, 0)
  assert.deepEqual(other.next(1_000, 0), begin)
  const stood = one.next(1_000, 0)
  assert.deepEqual([stood.lat, stood.lon], [begin.lat, begin.lon])
  const moved = one.next(2_000, 20)
  const metres = Math.hypot((moved.lat - begin.lat) * 111_195, (moved.lon - begin.lon) * 111_195 * Math.cos(0.9166))
  assert.ok(metres > 30 && metres < 41, `${metres} m, want 40, or less around a corner`)
})
