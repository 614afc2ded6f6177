import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import type { Reading, Value } from '../model/reading.ts'
import { compareTaken, evolve, isSame, newTwin, sourceOf, type Twin } from './twin.ts'

const PATH = 'acme/berlin/press7'

function at(sourceTime: number, values: Reading['values'], receivedTime = sourceTime + 5): Reading {
  return { asset: PATH, sourceTime, receivedTime, values }
}

function shown(twin: Twin): { [tag: string]: unknown } {
  return Object.fromEntries([...twin.tags].map(([tag, state]) => [tag, state.value]))
}

test('a twin shows the newest value of each tag, and its revision counts the records that changed it', () => {
  const twin = newTwin(PATH)
  assert.equal(evolve(twin, at(100, { a: 1, b: 'x' }), 'line1', 0), true)
  assert.equal(evolve(twin, at(200, { a: 2 }), 'line1', 0), true)
  assert.deepEqual(shown(twin), { a: 2, b: 'x' })
  assert.deepEqual([twin.revision, twin.lastReceived, sourceOf(twin)], [2, 205, 'line1'])
})

test('late data does not overwrite newer; of two values of one time the later record counts', () => {
  const twin = newTwin(PATH)
  evolve(twin, at(200, { a: 2 }), 'line1', 0)
  assert.equal(evolve(twin, at(100, { a: 1 }, 900), 'backfill', 0), false)
  assert.deepEqual([shown(twin), twin.revision, sourceOf(twin), twin.lastReceived], [{ a: 2 }, 1, 'line1', 900])
  assert.equal(evolve(twin, at(100, { a: 1, b: 7 }, 901), 'backfill', 0), true)
  assert.deepEqual(shown(twin), { a: 2, b: 7 })
  evolve(twin, at(200, { a: 3 }), 'line1', 0)
  assert.deepEqual(shown(twin), { a: 3, b: 7 })
})

test('a machine whose clock was ahead does not freeze its twin', () => {
  const twin = newTwin(PATH)
  evolve(twin, at(9_999_999, { a: 1 }, 1_000), 'line1', 0)
  assert.equal(evolve(twin, at(1_100, { a: 2 }, 1_105), 'line1', 0), true)
  assert.deepEqual(shown(twin), { a: 2 })
})

test('a value that is gone is shown as gone, with its quality', () => {
  const twin = newTwin(PATH)
  evolve(twin, at(100, { a: 1 }), 'line1', 0)
  evolve(twin, { ...at(200, { a: null }), quality: { a: 0x808c0000 }, serverTime: 201 }, 'line1', 7)
  assert.deepEqual(twin.tags.get('a'), {
    value: null,
    quality: 0x808c0000,
    sourceTime: 200,
    serverTime: 201,
    receivedTime: 205,
    since: 200,
    source: 'line1',
    heardAt: 7,
  })
})

test('a value has been there since the first of its equals, whatever quality and repetition came in between', () => {
  const twin = newTwin(PATH)
  const since = () => twin.tags.get('state')?.since
  evolve(twin, at(100, { state: 'Idle' }), 'line1', 0)
  evolve(twin, at(200, { state: 'Execute' }), 'line1', 0)
  evolve(twin, { ...at(300, { state: 'Execute' }), quality: { state: 0x40000000 } }, 'line1', 0)
  assert.equal(since(), 200)
  evolve(twin, at(250, { state: 'Held' }, 900), 'backfill', 0)
  assert.equal(since(), 200)
  evolve(twin, at(400, { state: null }), 'line1', 0)
  assert.equal(since(), 400)
  evolve(twin, at(500, { state: 'Execute' }), 'line1', 0)
  assert.equal(since(), 500)
})

test('a value that was decoded before its type was known is the same as the typed one', () => {
  const same: readonly (readonly [Value | null, Value | null])[] = [
    [1, true],
    [0, false],
    [5, 5n],
    ['9007199254740993', 9007199254740993n],
    [null, null],
  ]
  for (const [a, b] of same) assert.equal(isSame(a, b), true, inspect([a, b]))
  const other: readonly (readonly [Value | null, Value | null])[] = [
    [1, '1'],
    ['', 0n],
    [null, 0],
    [2, true],
    [[1], [1]],
  ]
  for (const [a, b] of other) assert.equal(isSame(a, b), false, inspect([a, b]))
})

test('the source of a twin is that of its newest value, whichever topic was read first', () => {
  const readings = [
    [at(100, { a: 1 }), 'line1'],
    [at(300, { b: 1 }), 'mean'],
    [at(200, { c: 1 }, 305), 'line1'],
  ] as const
  for (const order of [readings, readings.toReversed()]) {
    const twin = newTwin(PATH)
    for (const [reading, source] of order) evolve(twin, reading, source, 0)
    assert.equal(sourceOf(twin), 'line1')
  }
})

test('of two twins the one that has taken more of both topics is ahead', () => {
  const of = (telemetry: number, derived: number) => ({ telemetry, derived })
  assert.equal(compareTaken(of(3, 2), of(3, 2)), 'same')
  assert.equal(compareTaken(of(3, 2), of(3, 1)), 'ahead')
  assert.equal(compareTaken(of(3, 2), of(4, 2)), 'behind')
  assert.equal(compareTaken(of(3, 2), of(4, 1)), 'apart')
  assert.equal(compareTaken(undefined, of(0, 1)), 'behind')
})

test('names of tags are only names', () => {
  const twin = newTwin(PATH)
  evolve(twin, { ...at(1, JSON.parse('{"__proto__":1,"constructor":2}') as Reading['values']), quality: {} }, 's', 0)
  assert.deepEqual(
    [...twin.tags].map(([tag, state]) => [tag, state.value, state.quality]),
    [
      ['__proto__', 1, 0],
      ['constructor', 2, 0],
    ],
  )
})

test('in whatever order readings arrive, each tag shows one of its newest', () => {
  const readings = fc.array(fc.record({ time: fc.nat({ max: 20 }), tag: fc.constantFrom('a', 'b'), value: fc.nat() }))
  fc.assert(
    fc.property(readings, (given) => {
      const twin = newTwin(PATH)
      for (const { time, tag, value } of given) evolve(twin, at(time, { [tag]: value }), 's', 0)
      for (const tag of ['a', 'b']) {
        const own = given.filter((reading) => reading.tag === tag)
        const newest = own.filter((reading) => reading.time === Math.max(...own.map(({ time }) => time)))
        assert.equal(twin.tags.get(tag)?.value, newest.at(-1)?.value)
      }
    }),
  )
})
