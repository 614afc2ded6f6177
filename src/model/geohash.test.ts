import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { distanceM, geohash, isPlace, middleOf, neighbourhood } from './geohash.ts'

test('known cells', () => {
  assert.equal(geohash({ lat: 57.64911, lon: 10.40744 }, 10), 'u4pruydqqv')
  assert.equal(geohash({ lat: 42.605, lon: -5.603 }, 5), 'ezs42')
  assert.equal(geohash({ lat: -90, lon: -180 }, 4), '0000')
  assert.equal(geohash({ lat: 90, lon: 180 }, 4), 'zzzz')
})

test('the cells around a cell, over the date line and at the poles', () => {
  assert.deepEqual(neighbourhood('dqcjq').sort(byName), [
    'dqcjj',
    'dqcjm',
    'dqcjn',
    'dqcjp',
    'dqcjq',
    'dqcjr',
    'dqcjt',
    'dqcjw',
    'dqcjx',
  ])
  assert.equal(neighbourhood(geohash({ lat: 90, lon: 0 }, 6)).length, 6)
  const east = geohash({ lat: 10, lon: 179.9999 }, 6)
  assert.ok(neighbourhood(east).includes(geohash({ lat: 10, lon: -179.9999 }, 6)))
})

test('a place lies within half a cell of the middle of its cell, and neighbours are neighbours of each other (seeded)', () => {
  const place = fc.record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lon: fc.double({ min: -180, max: 180, noNaN: true }),
  })
  const property = fc.property(place, fc.integer({ min: 1, max: 10 }), (where, precision) => {
    const cell = geohash(where, precision)
    const middle = middleOf(cell)
    const bits = 5 * precision
    assert.ok(Math.abs(where.lat - middle.lat) <= 90 / 2 ** Math.floor(bits / 2) + 1e-9)
    assert.ok(Math.abs(where.lon - middle.lon) <= 180 / 2 ** Math.ceil(bits / 2) + 1e-9)
    assert.equal(geohash(middle, precision), cell)
    assert.ok(geohash(where, Math.min(precision + 1, 10)).startsWith(cell))
    for (const other of neighbourhood(cell)) assert.ok(neighbourhood(other).includes(cell))
  })
  fc.assert(property, { seed: 31, numRuns: 1000 })
})

test('distances', () => {
  // Berlin, Brandenburg Gate, to Munich, Marienplatz: 504 km.
  assert.ok(Math.abs(distanceM({ lat: 52.5163, lon: 13.3777 }, { lat: 48.1374, lon: 11.5755 }) - 504_000) < 1_000)
  assert.ok(Math.abs(distanceM({ lat: 0, lon: 179.9995 }, { lat: 0, lon: -179.9995 }) - 111.2) < 0.1)
  assert.deepEqual(
    [isPlace({ lat: 0, lon: 0 }), isPlace({ lat: 91, lon: 0 }), isPlace({ lat: 48, lon: 11 })],
    [false, false, true],
  )
})

function byName(a: string, b: string): number {
  return a < b ? -1 : 1
}
