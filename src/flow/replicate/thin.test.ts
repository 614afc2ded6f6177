import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StoredRecord } from '../../log/log.ts'
import type { ReplicationRules, ThinMethod } from './rules.ts'
import { Selection, type Selected } from './selection.ts'
import { nameMatches, Thinner, type Point } from './thin.ts'

const MINUTE = 60_000

function thinner(method: ThinMethod) {
  return new Thinner<Point>('a/b', [{ asset: '**', tag: 'x', method }])
}

/** The points that go on, in the order of their times. */
function thinned(method: ThinMethod, points: readonly Point[]): Point[] {
  const one = thinner(method)
  const out: Point[] = []
  for (const point of points) {
    const { pass, release } = one.take('a/b/c', 'x', point, point)
    if (release) out.push(release)
    if (pass) out.push(point)
  }
  return [...out, ...one.flush()]
}

const series = fc.array(
  fc.record({ step: fc.integer({ min: 1, max: 5_000 }), value: fc.double({ min: -50, max: 50, noNaN: true }) }),
  {
    maxLength: 200,
  },
)
const pointsOf = (steps: readonly { step: number; value: number }[]): Point[] => {
  let ts = 1_000
  return steps.map(({ step, value }) => ({ ts: (ts += step), value }))
}

function lineAt(from: Point, to: Point, ts: number): number {
  return from.value + ((to.value - from.value) * (ts - from.ts)) / (to.ts - from.ts)
}

test('swinging door: lines between the points that go on are within the error of every point', () => {
  fc.assert(
    fc.property(series, fc.double({ min: 0.01, max: 20, noNaN: true }), (steps, error) => {
      const points = pointsOf(steps)
      const out = thinned({ kind: 'swinging-door', error, atLeastEveryMs: MINUTE }, points)
      assert.deepEqual([out[0], out.at(-1)], [points[0], points.at(-1)])
      for (let at = 1; at < out.length; at++) assert.ok(out[at]!.ts > out[at - 1]!.ts, 'in order, none twice')
      for (const point of points) {
        const next = out.findIndex(({ ts }) => ts >= point.ts)
        const after = out[next]!
        const at = after.ts === point.ts ? after.value : lineAt(out[next - 1]!, after, point.ts)
        assert.ok(Math.abs(at - point.value) <= error * (1 + 1e-9) + 1e-9, `${at} for ${point.value} at ${point.ts}`)
      }
    }),
  )
})

test('swinging door: a ramp is its two ends, and nothing is silent for longer than it may', () => {
  const ramp = Array.from({ length: 100 }, (_, index) => ({ ts: index * 100, value: index * 0.5 }))
  assert.deepEqual(thinned({ kind: 'swinging-door', error: 0.1, atLeastEveryMs: MINUTE }, ramp), [ramp[0], ramp[99]])
  const flat = Array.from({ length: 100 }, (_, index) => ({ ts: index * 1000, value: 7 }))
  const out = thinned({ kind: 'swinging-door', error: 0.1, atLeastEveryMs: 10_000 }, flat)
  for (let at = 1; at < out.length; at++) assert.ok(out[at]!.ts - out[at - 1]!.ts <= 10_000)
})

test('deadband: what is left out is within the band of the last point that went on, and not older than it may be', () => {
  fc.assert(
    fc.property(series, fc.double({ min: 0, max: 20, noNaN: true }), (steps, band) => {
      const points = pointsOf(steps)
      const out = new Set(thinned({ kind: 'deadband', band, atLeastEveryMs: 20_000 }, points))
      let last = points[0]!
      for (const point of points) {
        if (out.has(point)) last = point
        assert.ok(Math.abs(point.value - last.value) <= band)
        assert.ok(point.ts - last.ts < 20_000)
      }
    }),
  )
})

test('a clock that goes back draws no line: the point goes on', () => {
  const points = [10, 20, 30, 25, 26].map((ts) => ({ ts, value: 1 }))
  for (const method of [
    { kind: 'swinging-door', error: 1, atLeastEveryMs: MINUTE },
    { kind: 'deadband', band: 1, atLeastEveryMs: 15 },
  ] as const) {
    assert.ok(thinned(method, points).includes(points[3]!) || method.kind === 'deadband')
  }
  const door = thinned({ kind: 'swinging-door', error: 1, atLeastEveryMs: MINUTE }, points)
  assert.deepEqual(door, [points[0], points[2], points[3], points[4]])
})

test('names match whole, or by their beginning', () => {
  assert.equal(nameMatches('motor.*', 'motor.temperature'), true)
  assert.equal(nameMatches('motor', 'motor.temperature'), false)
  assert.equal(nameMatches('*', 'anything'), true)
})

const RULES: ReplicationRules = {
  name: 'cloud',
  site: 'acme/berlin',
  topics: ['telemetry'],
  assets: [],
  tags: [],
  thin: [],
  catchUp: { order: 'in-order' },
  partitions: 1,
}

function record(offset: number, asset: string, json: object): StoredRecord {
  const value = Buffer.from(JSON.stringify({ asset, ts: 1_000 + offset, recv: 2_000, ...json }))
  const headers = [['source', Buffer.from('s')] as const, ['seq', Buffer.from('9')] as const]
  return { offset, timestamp: 2_000, key: Buffer.from(asset), value, headers }
}

function carried(rules: Partial<ReplicationRules>, kind: string, records: readonly StoredRecord[]): Selected[] {
  const selection = new Selection({ ...RULES, ...rules }, kind, 'line', 0)
  const out: Selected[] = []
  for (const one of records) selection.take(one, out)
  selection.flush(out)
  return out
}

const valueOf = ({ value }: Selected) => JSON.parse(Buffer.from(value as Uint8Array).toString()) as object

test('assets are chosen by their patterns; topics that are not kept by asset go whole', () => {
  const records = [record(0, 'acme/berlin/hall/press1', {}), record(1, 'acme/berlin/yard/truck', {})]
  const assets = ['hall/**']
  assert.deepEqual(
    carried({ assets }, 'telemetry', records).map(({ offset }) => offset),
    [0],
  )
  assert.equal(carried({ assets }, 'quarantine', records).length, 2)
})

test('without filters of tags the bytes pass as they are', () => {
  const given = record(5, 'acme/berlin/a', { values: { x: 1 } })
  const [one] = carried({}, 'telemetry', [given])
  assert.equal(one!.value, given.value)
  assert.deepEqual(one!.headers!.at(-1), ['origin', 'line/0/5'])
})

test('tags are chosen by name, with their statuses; a record of none of them is left out', () => {
  const records = [
    record(0, 'acme/berlin/a', { values: { x: 1, y: 2 }, texts: { state: 'on' }, status: { y: 5 } }),
    record(1, 'acme/berlin/a', { values: { y: 3 } }),
    record(2, 'acme/berlin/a', { values: { x: 4 } }),
    { ...record(3, 'acme/berlin/a', {}), value: Buffer.from('not ours') },
  ]
  const out = carried({ tags: ['x', 'st*'] }, 'telemetry', records)
  assert.deepEqual(
    out.map(({ offset }) => offset),
    [0, 2, 3],
  )
  assert.deepEqual(valueOf(out[0]!), {
    asset: 'acme/berlin/a',
    ts: 1_000,
    recv: 2_000,
    values: { x: 1 },
    texts: { state: 'on' },
  })
  assert.equal(out[1]!.value, records[2]!.value)
})

test('a value that is held back comes on its own, before what makes it a corner; a bad one ends the line', () => {
  const thin = [
    { asset: '**', tag: 'x', method: { kind: 'swinging-door', error: 0.5, atLeastEveryMs: MINUTE } },
  ] as const
  const records = [
    record(0, 'acme/berlin/a', { values: { x: 0, y: 1 } }),
    record(1, 'acme/berlin/a', { values: { x: 0, y: 2 } }),
    record(2, 'acme/berlin/a', { values: { x: 9, y: 3 } }),
    record(3, 'acme/berlin/a', { values: {}, status: { x: 2_147_483_648 } }),
  ]
  const out = carried({ thin }, 'telemetry', records)
  const told = out.map((one) => [one.offset, one.tag ?? '', (valueOf(one) as { values: object }).values])
  assert.deepEqual(told, [
    [0, '', { x: 0, y: 1 }],
    [1, '', { y: 2 }],
    [1, 'x', { x: 0 }],
    [2, '', { y: 3 }],
    [2, 'x', { x: 9 }],
    [3, '', {}],
  ])
  assert.deepEqual(
    out[2]!.headers!.map(([name]) => name),
    ['source', 'content-type', 'origin'],
  )
})
