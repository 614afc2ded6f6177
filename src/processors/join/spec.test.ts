import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import { dying, reading, readingsOf, run, SEED, T0 } from '../../../test/operators/rig.ts'
import type { Fact } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { seededRandom } from '../../system/random.ts'
import { joinSpec } from './spec.ts'

const CONTEXT = { name: 'with-order', site: 'acme/berlin' }
const LINE = 'acme/berlin/press-shop/line1'

function topology(config: object) {
  return joinSpec.topology(joinSpec.config.parse(config), CONTEXT)
}

function order(time: number, data: Json, asset = LINE): Fact {
  const event = { id: `${time}`, type: 'order.started', asset, time, receivedTime: time, source: 'mes', data }
  return { kind: 'event', event }
}

const EXAMPLE = (parse(joinSpec.example) as { processors: { 'with-order': { join: object } } }).processors['with-order']
  .join

test('each reading of a press has the order of its line as of its time, also when the order is told late', () => {
  const at = (asset: string, time: number, cycles: number) => reading(T0 + time, { cycles, other: 1 }, { asset })
  const facts = [
    order(T0, { order: 'A', product: 'lid', quantity: 5 }),
    at(`${LINE}/press1`, 1_000, 1),
    at('acme/berlin/press-shop/line2/press1', 1_500, 7),
    at(`${LINE}/press2`, 6_000, 2),
    order(T0 + 5_000, { order: 'B' }),
    order(T0 + 5_500, { order: 'X' }, 'acme/berlin/press-shop/line2'),
    at(`${LINE}/press1`, 9_000, 3),
  ]
  const said = readingsOf(run(topology(EXAMPLE), facts)).map(({ asset, sourceTime, values }) => {
    return [asset.slice(LINE.length), sourceTime - T0, values]
  })
  const values = (order: string, cycles: number) => {
    return { 'with-order.cycles': cycles, 'with-order.order': order, 'with-order.product': 'lid' }
  }
  assert.deepEqual(said, [
    ['/press1', 1_000, values('A', 1)],
    ['/press2', 6_000, values('B', 2)],
    ['/press1', 9_000, values('B', 3)],
  ])
})

test('without a name that both have, facts of the same asset meet; a reading of both sides meets itself', () => {
  const config = {
    left: { on: '**', tags: 'x' },
    right: { on: '**', tags: 'y' },
    how: 'within',
    before: '1s',
    as: 'j.{tag}',
  }
  const facts = [reading(T0, { x: 1, y: 2 }), reading(T0 + 500, { x: 3 }), reading(T0 + 2_000, { x: 4 })]
  assert.deepEqual(
    readingsOf(run(topology(config), facts)).map(({ values }) => values),
    [
      { 'j.x': 1, 'j.y': 2 },
      { 'j.x': 3, 'j.y': 2 },
    ],
  )
})

test('killed and restored anywhere, both stages say the same to the last bit', () => {
  const random = seededRandom(SEED)
  const facts = Array.from({ length: 300 }, (_, index): Fact => {
    const time = T0 + index * 400 - random.integer(8_000)
    const line = `acme/berlin/press-shop/line${random.integer(2)}`
    if (random.next() < 0.2) return order(time, { order: `${index}` }, line)
    return reading(time, { cycles: index }, { asset: `${line}/press${random.integer(3)}` })
  })
  const outputs = run(topology(EXAMPLE), facts)
  assert.ok(outputs.length > 100)
  assert.deepEqual(run(topology(EXAMPLE), facts, dying(SEED, 0.3)), outputs, `SEED=${SEED}`)
})

test('the topology has a stage that gives facts the key of both sides, and one that joins', () => {
  const { stages } = topology(EXAMPLE)
  assert.deepEqual(
    stages.map(({ name, from, steps }) => ({ name, from, steps: steps.map((step) => [step.does, step.with]) })),
    [
      {
        name: 'sides',
        from: [
          { topic: 'telemetry', on: ['press-shop/*/*'] },
          { topic: 'events', on: ['press-shop/*'] },
        ],
        steps: [['key-by', { left: 'press-shop/*/*', right: 'press-shop/*' }]],
      },
      {
        name: 'join',
        from: [{ topic: 'keyed' }],
        steps: [
          ['in-order', { lateMs: 10_000, onLate: 'drop' }],
          ['join-as-of', { how: 'as-of', tolerance: 28_800_000, unmatched: false, as: '{processor}.{tag}' }],
        ],
      },
    ],
  )
})

const SIDES = { left: { on: '{line}/*', tags: 'x' }, right: { on: '{line}', tags: 'y' } }

const FAULTS: [config: object, fault: RegExp][] = [
  [{ ...SIDES, right: { on: '{line}' } }, /want either "tags", or "event" and "fields"/],
  [{ ...SIDES, right: { on: '{line}', tags: 'y', event: 'e' } }, /want either "tags", or "event" and "fields"/],
  [{ ...SIDES, right: { on: '{line}', tags: 'x' } }, /Cannot join "x" of both sides/],
  [{ ...SIDES, left: { on: 'a{line}', tags: 'x' } }, /segment "a{line}" has a brace, want {name} as a whole segment/],
  [{ ...SIDES, left: { on: '{line}/{line}', tags: 'x' } }, /a name is there twice/],
  [{ ...SIDES, how: 'latest', tolerance: '1h' }, /Cannot use tolerance with "latest": want as-of/],
  [{ ...SIDES, before: '1h' }, /Cannot use before and after with "as-of": want within/],
  [{ ...SIDES, as: '{tag}' }, /as: want {tag} and more/],
]

for (const [config, fault] of FAULTS) {
  test(`a config that cannot be is refused: ${String(fault)}`, () => {
    const issues = joinSpec.config.safeParse(config).error?.issues ?? []
    assert.match(issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('\n'), fault)
  })
}
