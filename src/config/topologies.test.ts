import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Stage, Topology } from '../component/topology.ts'
import { diffTopologies, topologyFaults, topologyText } from './topologies.ts'

const operator = { create: () => null, take: () => {} }

function topology(name: string, limit: number, stages: Partial<Stage>[] = [{}]): Topology {
  const steps = [{ name: 'limit', does: 'filter', with: { limit, tags: ['a', 'b'] }, operator }]
  return {
    name,
    stages: stages.map((stage, index) => ({
      name: `stage${index}`,
      from: [{ topic: index === 0 ? 'telemetry' : 'keyed' }],
      steps,
      ...stage,
    })),
  }
}

test('a topology can be read', () => {
  const from = [
    { topic: 'telemetry', on: ['line1/**', 'line2/*'] },
    { topic: 'derived', of: ['means'] },
  ] as const
  assert.equal(
    topologyText(topology('hot', 95, [{ from }, { order: 'as-they-come' }])),
    `hot
  stage0: from telemetry on line1/**, line2/* and derived of means
    filter "limit" {"limit":95,"tags":["a","b"]}
  stage1: from keyed, as-they-come
    filter "limit" {"limit":95,"tags":["a","b"]}`,
  )
})

test('what differs between two topologies is told line by line', () => {
  const before = [topology('hot', 95), topology('gone', 1)]
  const after = [topology('hot', 90), topology('new', 2)]
  assert.deepEqual(diffTopologies(before, after), [
    '- gone.stage0.from: telemetry',
    '- gone.stage0.limit.limit: 1',
    '- gone.stage0.limit.tags: ["a","b"]',
    '- gone.stage0.steps: limit',
    '~ hot.stage0.limit.limit: 95 -> 90',
    '+ new.stage0.from: telemetry',
    '+ new.stage0.limit.limit: 2',
    '+ new.stage0.limit.tags: ["a","b"]',
    '+ new.stage0.steps: limit',
  ])
  assert.deepEqual(diffTopologies(after, after), [])
})

for (const [what, topologies, message] of [
  [
    'keyed facts in the first stage',
    [topology('a', 1, [{ from: [{ topic: 'keyed' }] }])],
    /takes keyed facts, want a stage before/,
  ],
  ['a second stage of its own', [topology('a', 1, [{}, { from: [{ topic: 'events' }] }])], /takes no keyed facts/],
  ['no steps', [topology('a', 1, [{ steps: [] }])], /has no steps/],
  [
    'a stranger',
    [topology('a', 1, [{ from: [{ topic: 'derived', of: ['b'] }] }])],
    /what "b" derives, want a processor of that name/,
  ],
  [
    'a circle',
    [
      topology('a', 1, [{ from: [{ topic: 'derived', of: ['b'] }] }]),
      topology('b', 1, [{ from: [{ topic: 'derived', of: ['a'] }] }]),
    ],
    /takes what it leads to, want no circle/,
  ],
] as const) {
  test(`${what} cannot run`, () => {
    assert.match(topologyFaults(topologies)[0]?.message ?? '', message)
  })
}

test('a topology that fits has no faults', () => {
  assert.deepEqual(
    topologyFaults([topology('a', 1, [{}, {}]), topology('b', 1, [{ from: [{ topic: 'derived', of: ['a'] }] }])]),
    [],
  )
})
