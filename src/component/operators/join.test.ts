import assert from 'node:assert/strict'
import { test } from 'node:test'
import { anyFacts, dying, reading, readingsOf, run, SEED, T0, told, topologyOf } from '../../../test/operators/rig.ts'
import type { Output } from '../../flow/topology/engine.ts'
import type { Reading } from '../../model/reading.ts'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { timeOf, type Fact } from '../topology.ts'
import { inOrderOperator } from './in-order.ts'
import { joinAsOfOperator } from './join-as-of.ts'
import type { Joined, SideOf } from './join-row.ts'
import { joinWithinOperator, MOST_JOINABLE } from './join-within.ts'
import { rowOf } from './row.ts'

const LATE = 10_000

/** `x` is the left, `y` the right; a reading of both is both. */
const sideOf: SideOf = (fact, time) => {
  if (fact.kind !== 'reading') return []
  const { asset } = fact.reading
  return (['right', 'left'] as const).flatMap((side) => {
    const row = rowOf(fact.reading, time, [side === 'left' ? 'x' : 'y'])
    return row === undefined ? [] : [{ side, row: { ...row, asset } }]
  })
}

const joined: Joined = (left, right, { received }) => {
  const values = Object.fromEntries([...left.cells, ...right].map(([tag, value]) => [tag, value]))
  return { kind: 'reading', reading: { asset: left.asset, sourceTime: left.time, receivedTime: received, values } }
}

const within = { sideOf, beforeMs: 3_000, afterMs: 1_000, lateMs: LATE, joined }

/** Facts of which the join would refuse the late ones; here they are let go before. */
function inTimeOnly(facts: readonly Fact[]): Fact[] {
  let now = -Infinity
  return facts.filter((fact) => {
    now = Math.max(now, timeOf(fact))
    return timeOf(fact) >= now - LATE
  })
}

function pairs(facts: readonly Fact[], unmatched: boolean): string[] {
  const rows = facts.map((fact) => (fact as Fact & { kind: 'reading' }).reading)
  const side = (tag: string) => rows.filter(({ values }) => Object.hasOwn(values, tag))
  return side('x')
    .flatMap((left) => {
      const found = side('y').filter(({ sourceTime }) => {
        return sourceTime >= left.sourceTime - 3_000 && sourceTime <= left.sourceTime + 1_000
      })
      const all = found.map((right) => [left.sourceTime - T0, { x: left.values['x'], y: right.values['y'] }])
      return all.length === 0 && unmatched ? [[left.sourceTime - T0, { x: left.values['x'] }]] : all
    })
    .map((pair) => JSON.stringify(pair))
    .sort()
}

const sorted = (outputs: readonly Output[]) =>
  told(outputs)
    .map((one) => JSON.stringify(one))
    .sort()

for (const unmatched of [false, true]) {
  test(`within, ${unmatched ? 'the unmatched too' : 'pairs only'}: each pair once, the same as worked out from all facts`, () => {
    const topology = topologyOf(joinWithinOperator({ ...within, unmatched }) as never)
    for (let seed = SEED; seed < SEED + 20; seed++) {
      const facts = inTimeOnly(anyFacts(seededRandom(seed), 200, ['x', 'y'], 25_000))
      const outputs = run(topology, facts)
      assert.deepEqual(sorted(outputs), pairs(facts, unmatched), `SEED=${seed}`)
      assert.deepEqual(run(topology, facts, dying(seed, 0.3)), outputs, `SEED=${seed}`)
    }
  })
}

test('within: what is too late and what would be too much is refused and counted', () => {
  const faults: string[] = []
  const onFault = ({ error }: { error: unknown }) => faults.push((error as Error).message)
  const driver = new TopologyDriver(topologyOf(joinWithinOperator({ ...within, unmatched: false }) as never), {
    onFault,
  })
  for (let index = 0; index <= MOST_JOINABLE; index++) driver.send(reading(T0, { x: index }))
  driver.send(reading(T0 + 20_000, { x: 1 }))
  driver.send(reading(T0 + 9_000, { y: 1 }))
  assert.deepEqual(faults, [
    `Cannot take a row: ${MOST_JOINABLE} rows of the left wait for another, want fewer`,
    'Cannot take a fact: it is 1000 ms too late',
  ])
})

for (const unmatched of [false, true]) {
  test(`as of, ${unmatched ? 'the unmatched too' : 'pairs only'}: the same as looked up among all facts`, () => {
    const order = inOrderOperator({ name: 'test', lateMs: LATE, onLate: 'side' })
    const join = joinAsOfOperator({ sideOf, toleranceMs: 5_000, unmatched, joined })
    const topology = topologyOf(order as never, join as never)
    for (let seed = SEED; seed < SEED + 20; seed++) {
      const facts = inTimeOnly(anyFacts(seededRandom(seed), 200, ['x', 'y'], 25_000))
      const rows = facts.map((fact) => (fact as Fact & { kind: 'reading' }).reading)
      rows.sort((a, b) => a.sourceTime - b.sourceTime)
      const expected = rows.flatMap((row, index) => asOf(row, rows.slice(0, index + 1), unmatched))
      const outputs = run(topology, facts)
      assert.deepEqual(told(outputs), expected, `SEED=${seed}`)
      assert.deepEqual(run(topology, facts, dying(seed, 0.3)), outputs, `SEED=${seed}`)
    }
  })
}

function asOf(row: Reading, before: readonly Reading[], unmatched: boolean): [number, object][] {
  if (!Object.hasOwn(row.values, 'x')) return []
  const right = before.findLast(({ values }) => Object.hasOwn(values, 'y'))
  const isThere = right !== undefined && right.values['y'] !== null && row.sourceTime - right.sourceTime <= 5_000
  if (!isThere && !unmatched) return []
  return [[row.sourceTime - T0, isThere ? { x: row.values['x'], y: right.values['y'] } : { x: row.values['x'] }]]
}

test('with a table: whatever comes is joined with the newest that is there; a late row of the table changes nothing', () => {
  const topology = topologyOf(joinAsOfOperator({ sideOf, toleranceMs: Infinity, unmatched: false, joined }) as never)
  const facts = [
    reading(T0, { x: 1 }),
    reading(T0 + 5_000, { y: 'b' }),
    reading(T0 + 1_000, { y: 'a' }),
    reading(T0 + 2_000, { x: 2 }),
    reading(T0 + 9_000, { x: 3 }),
  ]
  assert.deepEqual(
    readingsOf(run(topology, facts)).map(({ values }) => values),
    [
      { x: 2, y: 'b' },
      { x: 3, y: 'b' },
    ],
  )
})
