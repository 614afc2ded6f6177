import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ASSET,
  anyFacts,
  dying,
  eventsOf,
  inTime,
  readingsOf,
  reading,
  run,
  SEED,
  T0,
  told,
  topologyOf,
} from '../../../test/operators/rig.ts'
import {
  agrees,
  expected,
  gridFrames,
  sessionFrames,
  type Asked,
  type Frame,
} from '../../../test/operators/window-oracle.ts'
import type { Output } from '../../flow/topology/engine.ts'
import { seededRandom } from '../../system/random.ts'
import { TopologyDriver } from '../../testing.ts'
import { timeOf, type Fact } from '../topology.ts'
import { AGGREGATES } from './aggregates.ts'
import type { Shape } from './frames.ts'
import { MOST_IN_SLIDING } from './sliding.ts'
import { MOST_PENDING, windowOperator, type WindowOptions } from './window.ts'

const HOLD = 30_000
const LATE = 10_000
const ALL: readonly Asked[] = [
  { tag: 'x', aggregates: [...Object.keys(AGGREGATES), 'p50', 'p99.9'] },
  { tag: 'n', aggregates: ['delta', 'resets', 'timeAverage', 'percentGood'], rollover: 50 },
  { tag: 'y', aggregates: ['count', 'sum'] },
]

function window(shape: Shape, more: Partial<WindowOptions> = {}) {
  const operator = windowOperator({
    name: 'test',
    shape,
    tags: ALL,
    lateMs: LATE,
    onLate: 'side',
    holdMs: HOLD,
    limits: { percentDataGood: 100, percentDataBad: 100 },
    strict: true,
    nameOf: (tag, figure) => `${tag}.${figure}`,
    ...more,
  })
  return topologyOf(operator as never)
}

const tumbling = (size: number): Shape => ({ kind: 'tumbling', size, offset: 0 })

const SHAPES: {
  readonly [name: string]: { shape: Shape; frames: (rows: ReturnType<typeof inTime>['rows']) => Frame[] }
} = {
  tumbling: { shape: tumbling(20_000), frames: (rows) => gridFrames(rows, ALL, 20_000, 20_000, HOLD) },
  hopping: {
    shape: { kind: 'hopping', size: 25_000, every: 10_000, offset: 0 },
    frames: (rows) => gridFrames(rows, ALL, 25_000, 10_000, HOLD),
  },
  session: { shape: { kind: 'session', gap: 8_000, longest: 1e9 }, frames: (rows) => sessionFrames(rows, 8_000) },
}

for (const [name, { shape, frames }] of Object.entries(SHAPES)) {
  test(`${name}: folded one by one is the same as worked out from all facts`, () => {
    for (let seed = SEED; seed < SEED + 12; seed++) {
      const facts = anyFacts(seededRandom(seed), 300, ['x', 'n', 'y'], 25_000)
      const { rows, late } = inTime(facts, LATE)
      const outputs = run(window(shape), facts)
      const wanted = frames(rows).flatMap((frame) => {
        const said = expected(rows, ALL, frame, HOLD, shape.kind === 'session' ? 'both' : 'start')
        return said === undefined ? [] : [{ end: frame.end, said }]
      })
      const got = readingsOf(outputs)
      assert.deepEqual(
        got.map(({ sourceTime }) => sourceTime),
        wanted.map(({ end }) => end),
        `SEED=${seed}`,
      )
      got.forEach((one, index) => {
        assert.ok(agrees(one, wanted[index]!.said), `SEED=${seed} ${show(one)} is not ${show(wanted[index])}`)
      })
      assert.equal(eventsOf(outputs).length, late.length, `SEED=${seed}`)
    }
  })

  test(`${name}: killed and restored anywhere, the outputs are the same to the last bit`, () => {
    for (let seed = SEED; seed < SEED + 12; seed++) {
      const facts = anyFacts(seededRandom(seed), 300, ['x', 'n', 'y'], 25_000)
      assert.deepEqual(run(window(shape), facts, dying(seed, 0.3)), run(window(shape), facts), `SEED=${seed}`)
    }
  })

  test(`${name}: the order of arrival changes nothing, to the last bit`, () => {
    for (let seed = SEED; seed < SEED + 12; seed++) {
      const facts = differentTimes(anyFacts(seededRandom(seed), 200, ['x', 'n', 'y'], 1))
      const shaken = shake(facts, seed)
      const outputs = (some: readonly Fact[]) => told(run(window(shape), some))
      assert.deepEqual(outputs(shaken), outputs(facts), `SEED=${seed}`)
    }
  })
}

test('sliding: at every value the same as worked out from the facts up to it', () => {
  const topology = window({ kind: 'sliding', size: 20_000 })
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const facts = anyFacts(seededRandom(seed), 200, ['x', 'n', 'y'], 25_000)
    const { rows, late } = inTime(facts, LATE)
    const outputs = run(topology, facts)
    const got = readingsOf(outputs)
    assert.equal(got.length, rows.length, `SEED=${seed}`)
    rows.forEach(({ sourceTime: end }, index) => {
      const said = expected(rows.slice(0, index + 1), ALL, { start: end - 20_000, end }, HOLD, 'end')
      assert.ok(agrees(got[index]!, said!), `SEED=${seed} ${show(got[index])} is not ${show(said)}`)
    })
    assert.equal(eventsOf(outputs).length, late.length)
    assert.deepEqual(run(topology, facts, dying(seed, 0.3)), outputs, `SEED=${seed}`)
  }
})

test('sliding: a window with more values than it may hold says that it is a part', () => {
  const tags = [{ tag: 'x', aggregates: ['count', 'worstQuality'] }]
  const topology = window({ kind: 'sliding', size: 1e9 }, { tags, lateMs: 0 })
  const facts = Array.from({ length: MOST_IN_SLIDING + 1 }, (_, index) => reading(T0 + index, { x: 1 }))
  const driver = new TopologyDriver(topology)
  const all = facts.flatMap((fact) => driver.send(fact))
  assert.deepEqual(told(all.slice(-2)), [
    [MOST_IN_SLIDING - 1, { 'x.count': MOST_IN_SLIDING, 'x.worstQuality': 0 }],
    [
      MOST_IN_SLIDING,
      { 'x.count': MOST_IN_SLIDING, 'x.worstQuality': 0 },
      { 'x.count': 0x40a40000, 'x.worstQuality': 0x40a40000 },
    ],
  ])
})

test('session: it ends at its longest, whether or not there is a gap', () => {
  const tags = [{ tag: 'x', aggregates: ['count'] }]
  const topology = window({ kind: 'session', gap: 5_000, longest: 10_000 }, { tags })
  const facts = [0, 4, 8, 12, 16].map((second) => reading(T0 + second * 1_000, { x: 1 }))
  assert.deepEqual(told(run(topology, facts)), [
    [8_000, { 'x.count': 3, 'window.duration': 8 }],
    [16_000, { 'x.count': 2, 'window.duration': 4 }],
  ])
})

for (const name of ['tumbling', 'hopping']) {
  test(`${name}, updated: the last revision of each window is what waiting would have said`, () => {
    const { shape } = SHAPES[name]!
    for (let seed = SEED; seed < SEED + 10; seed++) {
      const facts = anyFacts(seededRandom(seed), 300, ['x', 'n', 'y'], 25_000)
      const topology = window(shape, { onLate: 'update' })
      const outputs = run(topology, facts)
      const last = new Map<number, ReturnType<typeof told>[number]>()
      const revisions = new Map<number, number>()
      for (const [time, values, quality] of told(outputs)) {
        const { 'window.revision': revision = 0, ...rest } = values as { [tag: string]: unknown }
        assert.equal(revision, (revisions.get(time) ?? -1) + 1, `SEED=${seed}`)
        revisions.set(time, revision)
        assert.notDeepEqual(last.get(time), [time, rest, quality], `SEED=${seed} says the same twice`)
        last.set(time, quality === undefined ? [time, rest] : [time, rest, quality])
      }
      const final = [...last.values()].sort(([a], [b]) => a - b)
      assert.deepEqual(final, told(run(window(shape), facts)), `SEED=${seed}`)
      assert.deepEqual(run(topology, facts, dying(seed, 0.3)), outputs, `SEED=${seed}`)
    }
  })
}

test('a minute by hand', () => {
  const tags = [
    { tag: 'x', aggregates: ['mean', 'max', 'timeAverage', 'percentGood'] },
    { tag: 'n', aggregates: ['delta'] },
    { tag: 's', aggregates: ['duration', 'last'] },
  ]
  const start = T0 - (T0 % 60_000)
  const facts = [
    reading(start, { x: 10, n: 5, s: 'Idle' }),
    reading(start + 20_000, { x: 40, s: 'Execute' }),
    reading(start + 30_000, { x: null, n: 9 }, { quality: { x: 0x808c0000 } }),
    reading(start + 60_000, { x: 1, n: 12, s: 'Execute' }),
  ]
  assert.deepEqual(told(run(window(tumbling(60_000), { tags, holdMs: 60_000 }), facts)), [
    [
      start + 60_000 - T0,
      {
        'x.mean': 25,
        'x.max': 40,
        'x.timeAverage': 20,
        'x.percentGood': 50,
        'n.delta': 4,
        's.duration.Idle': 20,
        's.duration.Execute': 40,
        's.last': 'Execute',
      },
      { 'x.mean': 0x40a40000, 'x.max': 0x40a40000, 'x.timeAverage': 0x40a40000 },
    ],
    [
      start + 120_000 - T0,
      {
        'x.mean': 1,
        'x.max': 1,
        'x.timeAverage': 1,
        'x.percentGood': 100,
        'n.delta': 3,
        's.duration.Execute': 60,
        's.last': 'Execute',
      },
    ],
  ])
})

test('a value holds over windows in which none comes, for as long as it may and no longer', () => {
  const tags = [{ tag: 'x', aggregates: ['timeAverage', 'percentGood', 'count'] }]
  const start = T0 - (T0 % 10_000)
  const outputs = run(window(tumbling(10_000), { tags, holdMs: 25_000 }), [reading(start, { x: 4 })])
  assert.deepEqual(told(outputs), [
    [start + 10_000 - T0, { 'x.timeAverage': 4, 'x.percentGood': 100, 'x.count': 1 }],
    [start + 20_000 - T0, { 'x.timeAverage': 4, 'x.percentGood': 100 }],
    [start + 30_000 - T0, { 'x.timeAverage': 4, 'x.percentGood': 50 }, { 'x.timeAverage': 0x40a40000 }],
  ])
})

test('a counter that rolls over goes on; one that is reset begins anew', () => {
  const tags = [{ tag: 'n', aggregates: ['delta', 'resets'], rollover: 65_536 }]
  const start = T0 - (T0 % 60_000)
  const values = [65_000, 65_530, 4, 1_004, 10, 12]
  const facts = values.map((n, index) => reading(start + index * 1_000, { n }))
  assert.deepEqual(told(run(window(tumbling(60_000), { tags }), facts)), [
    [start + 60_000 - T0, { 'n.delta': 530 + 10 + 1_000 + 10 + 2, 'n.resets': 1 }],
  ])
})

test('what comes too late goes aside with how late it was, or is counted in the next result', () => {
  const tags = [{ tag: 'x', aggregates: ['count'] }]
  const start = T0 - (T0 % 10_000)
  const facts = [reading(start, { x: 1 }), reading(start + 21_000, { x: 1 }), reading(start + 9_000, { x: 7 })]
  const aside = run(window(tumbling(10_000), { tags }), facts)
  assert.deepEqual(
    eventsOf(aside).map(({ id, type, time, data }) => ({ id, type, time: time - start, data })),
    [{ id: 'test:test.telemetry/0/2', type: 'reading.late', time: 9_000, data: { behindMs: 2_000, values: { x: 7 } } }],
  )
  assert.deepEqual(told(run(window(tumbling(10_000), { tags, onLate: 'drop' }), facts)), [
    [start + 10_000 - T0, { 'x.count': 1 }],
    [start + 30_000 - T0, { 'x.count': 1, 'window.dropped': 1 }],
  ])
})

test('what a machine sends after an hour offline counts, but for the window that was told while it was silent', () => {
  const tags = [{ tag: 'x', aggregates: ['count'] }]
  const driver = new TopologyDriver(window(tumbling(60_000), { tags }))
  const start = T0 - (T0 % 60_000)
  const outputs: Output[] = []
  const send = (time: number, received: number, asset?: string) => {
    outputs.push(
      ...driver.send(reading(start + time, { x: 1 }, asset === undefined ? {} : { asset }), {
        received: start + received,
      }),
    )
  }
  send(50_000, 50_000)
  for (let minute = 1; minute < 60; minute++) send(minute * 60_000, minute * 60_000, 'acme/berlin/other')
  // The first is older than what was there before the silence; then ten minutes of what it has kept.
  for (let time = 40_000; time < 600_000; time += 10_000) send(time, 3_600_000)
  outputs.push(...driver.advance(start + 7_200_000))
  const own = (asset: string) => asset === ASSET
  assert.deepEqual(
    readingsOf(outputs)
      .filter(({ asset }) => own(asset))
      .map(({ sourceTime, values }) => [sourceTime - start, values['x.count']]),
    [[60_000, 1], ...Array.from({ length: 9 }, (_, index) => [120_000 + index * 60_000, 6])],
  )
  assert.deepEqual(
    eventsOf(outputs).map(({ time }) => time - start),
    [40_000, 50_000],
  )
})

test('times and lateness with fractions that do not add up end all the same', () => {
  for (let seed = SEED; seed < SEED + 20; seed++) {
    const random = seededRandom(seed)
    const facts = Array.from({ length: 100 }, () => reading(random.next() * 100, { x: 1 }))
    for (const shape of [
      tumbling(0.7),
      { kind: 'session', gap: 0.3, longest: 1e9 },
      { kind: 'sliding', size: 0.9 },
    ] as const) {
      const counted = readingsOf(run(window(shape, { lateMs: 100.1, holdMs: 3.3 }), facts))
      assert.ok(counted.length > 50, `SEED=${seed}`)
    }
  }
})

test('names of tags and of states are only names', () => {
  const tags = [{ tag: '__proto__', aggregates: ['duration', 'count'] }]
  const values = JSON.parse('{"__proto__":"constructor"}') as { [tag: string]: string }
  const start = T0 - (T0 % 10_000)
  const [one] = readingsOf(run(window(tumbling(10_000), { tags }), [reading(start, values)]))
  assert.deepEqual(Object.entries(one!.values), [
    ['__proto__.duration.constructor', 10],
    ['__proto__.count', 1],
  ])
})

test('more rows than may wait push the oldest out of the waiting, not out of the count', () => {
  const tags = [{ tag: 'x', aggregates: ['count'] }]
  const facts = Array.from({ length: MOST_PENDING + 500 }, (_, index) => reading(T0 + index, { x: 1 }))
  const outputs = run(window(tumbling(5_000), { tags, lateMs: 60_000 }), [...facts, reading(T0 + 100, { x: 1 })])
  const counted = readingsOf(outputs).reduce((sum, { values }) => sum + (values['x.count'] as number), 0)
  assert.equal(counted, MOST_PENDING + 500)
  assert.equal(eventsOf(outputs).length, 1)
})

function differentTimes(facts: readonly Fact[]): Fact[] {
  return [...new Map(facts.map((fact) => [timeOf(fact), fact])).values()]
}

/** Facts of different times in another order, none too late. */
function shake(facts: readonly Fact[], seed: number): Fact[] {
  const random = seededRandom(seed)
  const moved = facts.map((fact) => {
    const time = timeOf(fact)
    return { fact, at: time + Math.floor(random.next() * 5) * 1_000, time }
  })
  return moved.sort((a, b) => a.at - b.at || a.time - b.time).map(({ fact }) => fact)
}

function show(what: unknown): string {
  return JSON.stringify(what)
}
