import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  anyFacts,
  ASSET,
  dying,
  eventsOf,
  inTime,
  reading,
  readingsOf,
  run,
  SEED,
  T0,
  told,
  topologyOf,
} from '../../../test/operators/rig.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'
import { severity } from '../../model/quality.ts'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { parseExpression } from '../expression/expression.ts'
import type { Fact, Operator } from '../topology.ts'
import { deadbandOperator } from './deadband.ts'
import { deriveOperator } from './derive.ts'
import { filterOperator } from './filter.ts'
import { gapAwareOperator } from './gap-aware.ts'
import { inOrderOperator } from './in-order.ts'
import { keyByOperator } from './key-by.ts'
import { mapOperator } from './map.ts'
import { sampleAndHoldOperator } from './sample-and-hold.ts'
import { stateDurationOperator } from './state-duration.ts'

const LATE = 10_000
const HOLD = 20_000

type Said = [time: number, values: object, quality?: object]
type Any = Operator<never>

/** An operator behind `in-order`, and what it should say of all rows that come in time, worked out from all of them at once. */
interface Case {
  readonly operator: () => unknown
  readonly expected: (rows: readonly Reading[]) => Said[]
}

const CASES: { readonly [name: string]: Case } = {
  'sample-and-hold': {
    operator: () => sampleAndHoldOperator({ tags: ['x', 'y'], holdMs: HOLD, strict: true }),
    expected: (rows) =>
      rows.flatMap((row, index) => {
        if (!has(row, 'x') && !has(row, 'y')) return []
        const cells = ['x', 'y'].flatMap((tag) => {
          const last = lastGood(rows.slice(0, index + 1), tag)
          return last === undefined || row.sourceTime - last.sourceTime > HOLD ? [] : [[tag, last.values[tag]] as const]
        })
        return cells.length === 0 ? [] : [[row.sourceTime - T0, Object.fromEntries(cells)] as Said]
      }),
  },
  derive: {
    operator: () => {
      const tags = new Map([['product', parseExpression('double(x) * double(y)')]])
      return deriveOperator({ tags, holdMs: HOLD, strict: true })
    },
    expected: (rows) =>
      rows.flatMap((row, index) => {
        if (!has(row, 'x') && !has(row, 'y')) return []
        const [x, y] = ['x', 'y'].map((tag) => {
          const last = lastGood(rows.slice(0, index + 1), tag)
          return last === undefined || row.sourceTime - last.sourceTime > HOLD ? undefined : last.values[tag]
        })
        const at = row.sourceTime - T0
        if (x === undefined || y === undefined) return [[at, { product: null }, { product: 0x809b0000 }] as Said]
        if (typeof x === 'boolean' || typeof y === 'boolean')
          return [[at, { product: null }, { product: 0x80740000 }] as Said]
        return [[at, { product: (x as number) * (y as number) + 0 }] as Said]
      }),
  },
  deadband: {
    operator: () =>
      deadbandOperator({ bands: new Map([['x', { deadband: 20, atLeastEveryMs: 60_000 }]]), nameOf: String }),
    expected: (rows) => {
      const said: Said[] = []
      let last: Reading | undefined
      for (const row of rows.filter((one) => has(one, 'x'))) {
        const kept = last
        const [value, before] = [row.values['x'], kept?.values['x']]
        const isNear =
          typeof value === 'number' && typeof before === 'number' ? Math.abs(value - before) <= 20 : value === before
        const isSameQuality = kept !== undefined && severity(qualityOf(kept, 'x')) === severity(qualityOf(row, 'x'))
        if (kept && isNear && isSameQuality && row.sourceTime - kept.sourceTime < 60_000) continue
        last = row
        const quality = qualityOf(row, 'x')
        said.push(
          quality === 0 ? [row.sourceTime - T0, { x: value }] : [row.sourceTime - T0, { x: value }, { x: quality }],
        )
      }
      return said
    },
  },
  'gap-aware': {
    operator: () => gapAwareOperator({ tags: ['x'], gapMs: 5_000, lagMs: LATE }),
    expected: (rows) => {
      const values = rows.filter((row) => has(row, 'x'))
      const gaps = values.flatMap((row, index): Said[] => {
        const from = row.sourceTime + 5_000
        const next = values[index + 1]?.sourceTime ?? Infinity
        return row.values['x'] === null || next < from ? [] : [[from - T0, { x: null }, { x: 0x809b0000 }]]
      })
      // A gap is said before what comes at the same time.
      const all = [
        ...gaps,
        ...rows.map((row) => told([{ fact: { kind: 'reading', reading: row }, cause: '', received: 0 }])[0]!),
      ]
      return all.sort(([a], [b]) => a - b)
    },
  },
  'state-duration': {
    operator: () =>
      stateDurationOperator({
        tag: 'x',
        holdMs: HOLD,
        lagMs: LATE,
        strict: true,
        names: { state: 'was', duration: 'for' },
      }),
    expected: (rows) => {
      const said: Said[] = []
      const values = rows.filter((row) => has(row, 'x'))
      let since: Reading | undefined
      values.forEach((row, index) => {
        const isGood = row.values['x'] !== null && qualityOf(row, 'x') === 0
        if (isGood) since ??= row
        if (!since) return
        const next = values[index + 1]
        const isNextGood = next !== undefined && next.values['x'] !== null && qualityOf(next, 'x') === 0
        const ended = Math.min(next?.sourceTime ?? Infinity, row.sourceTime + HOLD)
        const isGap = next === undefined || row.sourceTime + HOLD <= next.sourceTime
        if (!isGap && isNextGood && next.values['x'] === since.values['x']) return
        const [was, seconds] = [since.values['x'], (ended - since.sourceTime) / 1000]
        since = undefined
        const poor = { was: 0x40a40000, for: 0x40a40000 }
        said.push(
          isGap || !isNextGood ? [ended - T0, { was, for: seconds }, poor] : [ended - T0, { was, for: seconds }],
        )
      })
      return said
    },
  },
}

for (const [name, { operator, expected }] of Object.entries(CASES)) {
  describe(name, () => {
    const topology = () =>
      topologyOf(inOrderOperator({ name: 'test', lateMs: LATE, onLate: 'side' }) as never, operator() as Any)

    test('one fact after the other is the same as worked out from all of them', () => {
      for (let seed = SEED; seed < SEED + 20; seed++) {
        const facts = anyFacts(seededRandom(seed), 200, ['x', 'y'], 25_000)
        const { rows, late } = inTimeWithEmpty(facts)
        const outputs = run(topology(), facts)
        assert.deepEqual(told(outputs), expected(rows), `SEED=${seed}`)
        assert.equal(eventsOf(outputs).length, late.length, `SEED=${seed}`)
      }
    })

    test('killed and restored anywhere, the outputs are the same to the last bit', () => {
      for (let seed = SEED; seed < SEED + 10; seed++) {
        const facts = anyFacts(seededRandom(seed), 200, ['x', 'y'], 25_000)
        assert.deepEqual(run(topology(), facts, dying(seed, 0.3)), run(topology(), facts), `SEED=${seed}`)
      }
    })
  })
}

describe('in-order', () => {
  test('values of every type wait and come back as they were', () => {
    const values = { i: 2n ** 60n, b: new Uint8Array([1, 2]), a: [1, 2], s: { k: null }, t: 'x', o: true, n: null }
    const topology = topologyOf(inOrderOperator({ name: 'test', lateMs: LATE, onLate: 'side' }) as never)
    const facts = [reading(T0, values, { quality: { n: 0x80000000 } })]
    assert.deepEqual(readingsOf(run(topology, facts, () => true))[0]!.values, values)
  })

  test('a machine whose clock was ahead for a moment is not refused afterwards', () => {
    const order = inOrderOperator({ name: 'test', lateMs: 0, onLate: 'side' })
    const hold = sampleAndHoldOperator({ tags: ['x'], holdMs: HOLD, strict: true })
    const driver = new TopologyDriver(topologyOf(order as never, hold as never))
    const send = (time: number, received: number) => driver.send(reading(time, { x: 1 }), { received })
    const outputs = [send(T0, T0), send(T0 + 9e9, T0 + 1_000), send(T0 + 2_000, T0 + 2_000)].flat()
    assert.deepEqual(
      told(outputs).map(([time]) => time),
      [0, 1_000, 2_000],
    )
  })

  test('what is dropped is thrown, so that it is counted', () => {
    const faults: string[] = []
    const topology = topologyOf(inOrderOperator({ name: 'test', lateMs: 0, onLate: 'drop' }) as never)
    const driver = new TopologyDriver(topology, { onFault: ({ error }) => faults.push((error as Error).message) })
    driver.send(reading(T0, { x: 1 }))
    assert.deepEqual(driver.send(reading(T0 - 5, { x: 1 })), [])
    assert.deepEqual(faults, ['Cannot take a fact: it is 5 ms too late'])
  })

  test('an operator behind it that is used without it refuses what is out of order', () => {
    const topology = topologyOf(sampleAndHoldOperator({ tags: ['x'], holdMs: HOLD, strict: true }) as never)
    const driver = new TopologyDriver(topology)
    driver.send(reading(T0, { x: 1 }))
    assert.throws(
      () => driver.send(reading(T0 - 5, { x: 1 })),
      /is 5 ms older than the one before it: want facts in order/,
    )
  })
})

test('filter, map and key-by keep nothing and change what they are given', () => {
  const even = filterOperator((fact) => fact.kind === 'reading' && (fact.reading.values['x'] as number) % 2 === 0)
  const twice = mapOperator((fact) => [fact, fact])
  const byLine = keyByOperator((fact) => {
    return fact.kind === 'reading' ? [{ key: 'line1', data: { x: fact.reading.values['x'] as number } }] : []
  })
  const outputs = run(topologyOf(even as never, twice as never, byLine as never), [
    reading(T0, { x: 1 }),
    reading(T0 + 1, { x: 2 }),
  ])
  const keyed: Fact = { kind: 'keyed', key: 'line1', time: T0 + 1, receivedTime: outputs[0]!.received, data: { x: 2 } }
  assert.deepEqual(
    outputs.map(({ fact }) => fact),
    [keyed, keyed],
  )
})

test('derive: quality is the worst of the inputs, and an input that is uncertain counts unless it is told not to', () => {
  const tags = new Map([['sum', parseExpression('x + y')]])
  const facts = [reading(T0, { x: 1 }), reading(T0 + 1, { y: 2 }, { quality: { y: 0x40940000 } })]
  const outputs = (strict: boolean) =>
    told(run(topologyOf(deriveOperator({ tags, holdMs: HOLD, strict }) as never), facts))
  assert.deepEqual(outputs(false), [
    [0, { sum: null }, { sum: 0x809b0000 }],
    [1, { sum: 3 }, { sum: 0x40940000 }],
  ])
  assert.deepEqual(outputs(true)[1], [1, { sum: null }, { sum: 0x809b0000 }])
})

test('all that is derived is of the asset', () => {
  const tags = new Map([['double', parseExpression('x * 2.0')]])
  const topology = topologyOf(deriveOperator({ tags, holdMs: HOLD, strict: true }) as never)
  assert.deepEqual(
    readingsOf(run(topology, [reading(T0, { x: 1 })])).map(({ asset }) => asset),
    [ASSET],
  )
})

function has(row: Reading, tag: string): boolean {
  return Object.hasOwn(row.values, tag)
}

function lastGood(rows: readonly Reading[], tag: string): Reading | undefined {
  return rows.findLast((row) => has(row, tag) && row.values[tag] !== null && qualityOf(row, tag) === 0)
}

/** As `inTime`, readings without a tag too: `in-order` hands every fact on. */
function inTimeWithEmpty(facts: readonly Fact[]): ReturnType<typeof inTime> {
  return inTime(facts, LATE, true)
}
