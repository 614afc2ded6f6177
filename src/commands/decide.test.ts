import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CommandDefinition } from '../model/command.ts'
import type { Requested } from '../model/command-event.ts'
import type { TagDefinition } from '../model/definition.ts'
import { Quality } from '../model/quality.ts'
import type { Value } from '../model/reading.ts'
import { decide, decideAgain, type Known, type Situation, type Wish } from './decide.ts'
import type { Tracked } from './tracked.ts'

const ASSET = 'acme/berlin/line1/press1'
const NOW = 1_700_000_000_000

const TAGS = new Map<string, TagDefinition>([
  ['setpoint', { type: 'number', kind: 'gauge', range: [0, 100] }],
  ['batch', { type: 'int64', kind: 'gauge' }],
  ['mode', { type: 'string', kind: 'state', states: ['Auto', 'Manual'] }],
  ['light', { type: 'boolean', kind: 'gauge' }],
  ['state', { type: 'string', kind: 'state' }],
  ['door', { type: 'boolean', kind: 'gauge' }],
])
const TIMES = { ttlMs: 10_000, confirmMs: 5_000, approveMs: 600_000 }
const POINT: CommandDefinition = { name: 'setpoint', tag: 'setpoint', ...TIMES }

const ANN = { name: 'ann', can: ['command'] }

function known(value: Value | null, more: Partial<Known> = {}): Known {
  return { value, quality: 0, stale: false, sourceTime: NOW, receivedTime: NOW, heardAt: 0, ...more }
}

interface Scene {
  readonly point?: Partial<CommandDefinition> | null
  readonly values?: { readonly [tag: string]: Known }
  readonly person?: Situation['person']
  readonly earlier?: readonly Tracked[]
  readonly reachable?: boolean
}

function situation({ point = {}, values = {}, person = ANN, earlier = [], reachable = true }: Scene): Situation {
  const definition = { ...POINT, ...point }
  return {
    site: 'acme/berlin',
    person,
    point: point === null ? undefined : { definition, tags: TAGS },
    known: (tag) => values[tag],
    earlier,
    reachable,
    now: NOW,
  }
}

function codes(wish: Partial<Wish>, scene: Scene = {}): string[] {
  const decision = decide({ asset: ASSET, command: 'setpoint', ...wish }, situation(scene))
  return 'refused' in decision ? decision.refused.map(({ code }) => code) : ['allowed']
}

function earlier(more: Partial<Tracked> & { readonly time?: number; readonly value?: Value } = {}): Tracked {
  const { time = NOW - 1_000, value = 50, ...rest } = more
  const request: Requested = {
    kind: 'requested',
    id: 'c0',
    asset: ASSET,
    time,
    run: 'r',
    command: 'setpoint',
    act: { kind: 'tag', tag: 'setpoint', value },
    by: 'ann',
    via: 'rest',
    ttlMs: 10_000,
    confirmMs: 5_000,
  }
  return { request, offset: 0, state: 'requested', ...rest }
}

const CLAIM = { hub: 'a', run: 'r', token: 't', source: 's', time: NOW - 500 }

test('values are taken as the tag holds them, or refused', () => {
  assert.deepEqual(codes({ value: 50 }), ['allowed'])
  for (const value of ['50', null, true, [50], {}]) assert.deepEqual(codes({ value }), ['type'], JSON.stringify(value))
  assert.deepEqual(codes({}), ['type'])
  assert.deepEqual(codes({ args: [50] }), ['type'])
  assert.deepEqual(codes({ value: 100.5 }), ['range'])
  assert.deepEqual(codes({ value: 19 }, { point: { range: [20, 80] } }), ['range'])
  assert.deepEqual(codes({ value: 30 }, { point: { oneOf: [20, 40] } }), ['one-of'])
  const batch = { point: { tag: 'batch' } }
  assert.deepEqual(decide({ asset: ASSET, command: 'setpoint', value: '9007199254740993' }, situation(batch)), {
    act: { kind: 'tag', tag: 'batch', value: 9_007_199_254_740_993n },
  })
  for (const value of [1.5, 2 ** 53, '9223372036854775808', '1e3', ''])
    assert.deepEqual(codes({ value }, batch), ['type'], String(value))
  assert.deepEqual(codes({ value: 'Idle' }, { point: { tag: 'mode' } }), ['one-of'])
  assert.deepEqual(codes({ value: 'Auto' }, { point: { tag: 'mode' } }), ['allowed'])
  assert.deepEqual(codes({ value: 1 }, { point: { tag: 'light' } }), ['type'])
})

test('arguments of a method are looked at one by one', () => {
  const { tag: _tag, ...rest } = POINT
  const method = { name: 'Start', args: [{ name: 'speed', type: 'number', range: [0, 5] }] } as const
  const scene = { ...situation({}), point: { definition: { ...rest, method }, tags: TAGS } }
  const of = (wish: Partial<Wish>) => decide({ asset: ASSET, command: 'setpoint', ...wish }, scene)
  assert.deepEqual(of({ args: [3] }), { act: { kind: 'method', method: 'Start', args: [3] } })
  assert.deepEqual(of({ value: 3 }), { act: { kind: 'method', method: 'Start', args: [3] } })
  const reasons = [of({}), of({ args: [6] }), of({ args: ['x'] }), of({ args: [1, 2] }), of({ args: [3], expected: 1 })]
  assert.deepEqual(
    reasons.map((one) => ('refused' in one ? one.refused.map(({ code }) => code) : [])),
    [['type'], ['range'], ['type'], ['type'], ['type']],
  )
})

test('who may not command is told that, and nothing of the machine', () => {
  const bad = { value: 500, expected: 1 }
  assert.deepEqual(codes(bad, { person: { name: 'max', can: ['read', 'write', 'approve'] } }), ['right'])
  assert.deepEqual(codes(bad, { person: { ...ANN, areas: ['line2/**'] } }), ['area'])
  assert.deepEqual(codes({ value: 1 }, { person: { ...ANN, areas: ['line2/**', 'line1/*'] } }), ['allowed'])
  assert.deepEqual(codes({ value: 1 }, { person: { ...ANN, areas: [] } }), ['area'])
  assert.deepEqual(codes({ value: 1 }, { point: null }), ['not-declared'])
})

test('an interlock lets through only on fresh Good values of every tag it names', () => {
  const point = { interlock: "state != 'Execute' || door" }
  const state = known('Idle')
  const door = known(true)
  assert.deepEqual(codes({ value: 1 }, { point, values: { state, door } }), ['allowed'])
  assert.deepEqual(codes({ value: 1 }, { point, values: { state: known('Execute'), door: known(false) } }), [
    'interlock',
  ])
  // One side alone would decide, but what is not known may be what matters.
  assert.deepEqual(codes({ value: 1 }, { point, values: { state } }), ['stale'])
  for (const doubtful of [
    known(true, { stale: true }),
    known(true, { quality: Quality.Uncertain }),
    known(true, { quality: Quality.BadSensorFailure }),
    known(null),
  ])
    assert.deepEqual(codes({ value: 1 }, { point, values: { state, door: doubtful } }), ['stale'])
})

test('what was expected has to be there, fresh and Good; a command on its way is somebody who was faster', () => {
  const values = { setpoint: known(50) }
  assert.deepEqual(codes({ value: 1, expected: 50 }, { values }), ['allowed'])
  assert.deepEqual(codes({ value: 1, expected: 51 }, { values }), ['expected'])
  assert.deepEqual(codes({ value: 1, expected: '50' }, { values }), ['type'])
  assert.deepEqual(codes({ value: 1, expected: 50 }), ['expected'])
  assert.deepEqual(codes({ value: 1, expected: 50 }, { values: { setpoint: known(50, { stale: true }) } }), [
    'expected',
  ])
  assert.deepEqual(codes({ value: 1, expected: 50 }, { values, earlier: [earlier()] }), ['in-flight'])
  assert.deepEqual(codes({ value: 1 }, { values, earlier: [earlier()] }), ['allowed'])
  const confirmed = earlier({ state: 'confirmed', claim: CLAIM, outcome: { reasons: [], readBack: 60, time: NOW + 1 } })
  assert.deepEqual(codes({ value: 1, expected: 50 }, { values, earlier: [confirmed] }), ['expected'])
  assert.deepEqual(codes({ value: 1, expected: 60 }, { values, earlier: [confirmed] }), ['allowed'])
  const unknown = earlier({ state: 'unknown', claim: CLAIM, outcome: { reasons: [], time: NOW + 1 } })
  assert.deepEqual(codes({ value: 1, expected: 50 }, { values, earlier: [unknown] }), ['expected'])
})

test('the rate of an asset and a command is limited, and so is what is on its way', () => {
  const point = { perMinute: 2 }
  const old = earlier({ time: NOW - 60_000 })
  assert.deepEqual(codes({ value: 1 }, { point, earlier: [old, earlier()] }), ['allowed'])
  assert.deepEqual(codes({ value: 1 }, { point, earlier: [earlier(), earlier()] }), ['rate'])
  assert.deepEqual(codes({ value: 1 }, { earlier: Array.from({ length: 20 }, () => earlier()) }), ['too-many'])
  assert.deepEqual(codes({ value: 1 }, { reachable: false }), ['unreachable'])
})

test('every reason is told, not the first one', () => {
  const point = { interlock: "state != 'Execute'", perMinute: 1 }
  const values = { state: known('Execute'), setpoint: known(5) }
  const scene = { point, values, reachable: false, earlier: [earlier({ state: 'expired' })] }
  assert.deepEqual(codes({ value: 500, expected: 7 }, scene), ['range', 'expected', 'unreachable', 'rate', 'interlock'])
})

test('before it is sent everything is looked at again', () => {
  const { request } = earlier()
  const again = (scene: Scene) => decideAgain(request, situation(scene)).map(({ code }) => code)
  assert.deepEqual(again({}), [])
  assert.deepEqual(again({ person: { name: 'ann', can: [] } }), ['right'])
  assert.deepEqual(again({ point: null }), ['not-declared'])
  assert.deepEqual(again({ point: { range: [0, 40] } }), ['range'])
  assert.deepEqual(again({ point: { tag: 'batch' } }), ['not-declared'])
  assert.deepEqual(again({ point: { interlock: "state != 'Execute'" } }), ['stale'])
  const expecting = { ...request, expected: 50 }
  assert.deepEqual(
    decideAgain(expecting, situation({ values: { setpoint: known(51) } })).map(({ code }) => code),
    ['expected'],
  )
})
