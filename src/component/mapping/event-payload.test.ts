import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEvent } from '../../model/event-record.ts'
import type { Event } from '../../model/event.ts'
import type { Item } from '../source.ts'
import { createMapper } from './mapper.ts'
import { readEvents, type EventTarget } from './event-payload.ts'
import { mappingRules } from './rules.ts'

const RECEIVED = 1_732_287_000_000
const TARGET: EventTarget = { address: '/api/v1/events', site: 'acme/berlin', source: 'mes' }

function eventOf(item: Item | undefined): Event {
  assert.ok(item?.kind === 'raw' && item.topic === 'events', JSON.stringify(item))
  const headers = item.headers!.map(([name, value]) => [name, Buffer.from(value)] as const)
  return decodeEvent({ key: Buffer.from(item.key), value: item.payload, headers, timestamp: item.receivedTime })
}

function read(json: unknown, target: Partial<EventTarget> = {}): readonly Item[] {
  return readEvents(Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)), RECEIVED, {
    ...TARGET,
    ...target,
  })
}

test('the short form, with the asset below the site or in full', () => {
  const [first, second] = read([
    { type: 'order.started', asset: 'line1/press7', time: '2024-11-22T14:49:00Z', data: { order: 'O-1' } },
    { type: 'shift.ended', asset: 'acme/berlin/line1', id: 'S1', source: 'hr' },
  ])
  const { id, ...event } = eventOf(first)
  assert.match(id, /^[A-Za-z0-9_-]{22}$/)
  assert.deepEqual(event, {
    type: 'order.started',
    asset: 'acme/berlin/line1/press7',
    time: RECEIVED - 60_000,
    receivedTime: RECEIVED,
    source: 'mes',
    data: { order: 'O-1' },
  })
  assert.deepEqual(eventOf(second), {
    id: 'S1',
    type: 'shift.ended',
    asset: 'acme/berlin/line1',
    time: RECEIVED,
    receivedTime: RECEIVED,
    source: 'hr',
    data: null,
  })
})

test('a CloudEvent keeps what it says, its extensions too', () => {
  const [item] = read({
    specversion: '1.0',
    id: '1',
    source: '/sap',
    type: 'x',
    subject: 'line1',
    sequence: '7',
    data: 1,
  })
  assert.equal(eventOf(item).asset, 'acme/berlin/line1')
  assert.ok(item?.kind === 'raw')
  assert.deepEqual(
    item.headers!.find(([name]) => name === 'ce_sequence'),
    ['ce_sequence', '7'],
  )
})

test('a message that comes again is the same event; two that have no time of their own are two', () => {
  const timed = { type: 'part.scrapped', asset: 'line1', time: 1_732_286_000_000, data: { part: 'A' } }
  const ids = (json: unknown) => read(json).map((item) => eventOf(item).id)
  assert.deepEqual(ids(timed), ids([timed]))
  assert.notDeepEqual(ids(timed), ids({ ...timed, data: { part: 'B' } }))
  const { time: _time, ...timeless } = timed
  const [first, second] = ids([timeless, timeless])
  assert.notEqual(first, second)
})

test('one bad event harms only itself, and its own bytes are kept', () => {
  const items = read(
    '[{"type":"a","asset":"l"}, {"type":"a"} ,7,{"type":"a b","asset":"l"},{"type":"a","asset":"l","at":1}]',
  )
  assert.deepEqual(
    items.map((item) =>
      item.kind === 'rejected' ? [item.code, item.reason, Buffer.from(item.payload).toString()] : item.kind,
    ),
    [
      'raw',
      [
        'BAD_EVENT',
        'Cannot map "/api/v1/events": event 1: Cannot read event: it names no asset, want "asset" or "subject"',
        '{"type":"a"}',
      ],
      ['BAD_EVENT', 'Cannot map "/api/v1/events": event 2: Cannot read event: it is 7, want an object', '7'],
      [
        'BAD_EVENT',
        'Cannot map "/api/v1/events": event 3: Cannot read event: "type" is "a b", want a name, e.g. "order.started"',
        '{"type":"a b","asset":"l"}',
      ],
      [
        'BAD_EVENT',
        'Cannot map "/api/v1/events": event 4: Cannot read event: field "at" is not known, want type, asset, time, id, source, data',
        '{"type":"a","asset":"l","at":1}',
      ],
    ],
  )
  for (const [payload, code] of [
    ['', 'BAD_PAYLOAD'],
    ['{', 'BAD_PAYLOAD'],
    ['{"type":"a","asset":"l","time":1e300}', 'BAD_EVENT'],
  ] as const) {
    const [item] = read(payload)
    assert.equal(item?.kind === 'rejected' && item.code, code, payload)
  }
  const [foreign] = read({ type: 'a', asset: 'x' }, { takes: (path) => path === 'l' })
  assert.equal(foreign?.kind === 'rejected' && foreign.code, 'PATH_NOT_TAKEN')
})

test('MQTT topics become events: the payload is the data, the topic says what and of which asset', () => {
  const rules = mappingRules.parse({
    'mes/orders/{asset}': { event: 'order.started', timestamp: 'at' },
    'mes/{what}/of/{line}/{machine}': { event: 'quality.{what}', asset: '{line}/{machine}' },
    'cloud/#': { event: true },
  })
  const mapper = createMapper('acme/berlin', 'broker', rules)
  const map = (topic: string, json: unknown) => mapper.resolve(topic)!.map(Buffer.from(JSON.stringify(json)), RECEIVED)
  const order = eventOf(map('mes/orders/line1', { order: 7, at: 1_732_286_000 })[0])
  assert.deepEqual(
    [order.type, order.asset, order.time, order.source, order.data],
    ['order.started', 'acme/berlin/line1', 1_732_286_000_000, 'broker', { order: 7, at: 1_732_286_000 }],
  )
  const scrap = eventOf(map('mes/scrap/of/line1/press7', ['a', 'b'])[0])
  assert.deepEqual([scrap.type, scrap.asset, scrap.data], ['quality.scrap', 'acme/berlin/line1/press7', ['a', 'b']])
  assert.equal(eventOf(map('cloud/x', { type: 't', asset: 'line2' })[0]).asset, 'acme/berlin/line2')
  assert.equal(map('cloud/x', { type: 't' })[0]!.kind, 'rejected')
})

test('a rule for events says what is wrong with it', () => {
  const cases: [pattern: string, rule: object, message: RegExp][] = [
    ['a/{x}', { event: 'a' }, /it has no asset, want e.g. asset/],
    ['a/{x}', { event: 'a', asset: '{x}', raw: true }, /an event rule has raw, tag or ignore/],
    ['a/{x}', { event: true, timestamp: 'at' }, /an event of its own has its own time/],
    ['a/{x}', { event: 'a.{y}', asset: '{x}' }, /"\{y\}" is no capture/],
  ]
  for (const [pattern, rule, message] of cases) {
    const { error } = mappingRules.safeParse({ [pattern]: rule })
    assert.match(error!.issues[0]!.message, message)
  }
})
