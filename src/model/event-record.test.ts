import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeEvent, encodeEvent, type StoredEvent } from './event-record.ts'
import type { Event } from './event.ts'
import type { Json } from './json-value.ts'

const EVENT: Event = {
  id: 'A-1',
  type: 'order.started',
  asset: 'acme/berlin/line1/press7',
  time: 1_732_287_000_123.456,
  receivedTime: 1_732_287_000_200,
  source: 'mes',
  data: { order: 'O-4711', quantity: 12.5, lots: ['a', null] },
}

function stored(
  headers: { [name: string]: string },
  value: string | null,
  key: string | null = 'acme/berlin/a',
): StoredEvent {
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const)
  return {
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: bytes,
    timestamp: 5,
  }
}

test('an event is a CloudEvent in binary mode: attributes in headers, data as JSON, the asset as key', () => {
  assert.deepEqual(encodeEvent(EVENT, { traceparent: '00-1-2-01' }), {
    key: 'acme/berlin/line1/press7',
    value: '{"order":"O-4711","quantity":12.5,"lots":["a",null]}',
    headers: [
      ['ce_specversion', '1.0'],
      ['ce_id', 'A-1'],
      ['ce_source', 'mes'],
      ['ce_type', 'order.started'],
      ['ce_subject', 'acme/berlin/line1/press7'],
      ['ce_time', '2024-11-22T14:50:00.123456Z'],
      ['ce_traceparent', '00-1-2-01'],
      ['content-type', 'application/json'],
    ],
    timestamp: 1_732_287_000_200,
  })
})

test('what was encoded is decoded again, to the microsecond (seeded)', () => {
  const json = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as Json)
  const name = fc.stringMatching(/^[a-z][a-z.-]{0,20}$/)
  const micros = fc.integer({ min: 0, max: 4_000_000_000_000_000 })
  const property = fc.property(name, name, micros, json.filter(isExact), (id, type, time, data) => {
    const event = { ...EVENT, id, type, time: time / 1000, data }
    const { headers, value, key, timestamp } = encodeEvent(event)
    const record = { ...stored(Object.fromEntries(headers), value, key), timestamp }
    assert.deepEqual(decodeEvent(record), event)
  })
  fc.assert(property, { seed: 1, numRuns: 500 })
})

/** Integers beyond 2^53 come back as their digits. */
function isExact(json: Json): boolean {
  if (typeof json === 'number') return !Number.isInteger(json) || Number.isSafeInteger(json)
  return typeof json !== 'object' || json === null || Object.values(json).every((one: Json) => isExact(one))
}

test('the record of another producer: subject and time may be missing, attributes are case-blind, extensions ignored', () => {
  const headers = { CE_specversion: '1.0', ce_id: '1', ce_source: '/erp', ce_type: 'stock.moved', ce_partitionkey: 'x' }
  assert.deepEqual(decodeEvent(stored(headers, '{"n":12345678901234567890}')), {
    id: '1',
    type: 'stock.moved',
    asset: 'acme/berlin/a',
    time: 5,
    receivedTime: 5,
    source: '/erp',
    data: { n: '12345678901234567890' },
  })
  assert.equal(decodeEvent(stored(headers, null)).data, null)
})

test('structured mode is read as well', () => {
  const json = {
    specversion: '1.0',
    id: 'x',
    source: '/s',
    type: 't',
    subject: 'acme/berlin/b',
    time: '2024-11-22T15:50:00+01:00',
    data: [1],
  }
  const event = decodeEvent(
    stored({ 'content-type': 'application/cloudevents+json; charset=utf-8' }, JSON.stringify(json)),
  )
  assert.deepEqual(event, {
    id: 'x',
    type: 't',
    asset: 'acme/berlin/b',
    time: 1_732_287_000_000,
    receivedTime: 5,
    source: '/s',
    data: [1],
  })
})

test('what is no event is refused, with the attribute and what was wanted', () => {
  const good = { ce_specversion: '1.0', ce_id: '1', ce_source: 's', ce_type: 't' }
  const cases: [headers: { [name: string]: string }, value: string, message: string][] = [
    [{}, '{}', 'it has no "ce_" headers, want those of a CloudEvent'],
    [{ ...good, ce_specversion: '0.3' }, '{}', '"specversion" is "0.3", want "1.0"'],
    [{ ...good, ce_id: '' }, '{}', '"id" is "", want a text'],
    [{ ...good, ce_id: 'x'.repeat(257) }, '{}', '"id" has 257 characters, want at most 256'],
    [{ ...good, ce_type: 'a b' }, '{}', '"type" is "a b", want a name, e.g. "order.started"'],
    [{ ...good, ce_time: 'yesterday' }, '{}', '"time" is "yesterday", want RFC 3339, e.g. "2025-11-30T08:15:00Z"'],
    [
      { ...good, ce_time: '2025-13-01T00:00:00Z' },
      '{}',
      '"time" is "2025-13-01T00:00:00Z", want RFC 3339, e.g. "2025-11-30T08:15:00Z"',
    ],
    [{ ...good, 'content-type': 'text/xml' }, '<a/>', 'content-type is "text/xml", want application/json'],
    [
      { ...good, 'content-type': 'application/cloudevents-batch+json' },
      '[]',
      'content-type is "application/cloudevents-batch+json", want application/cloudevents+json or application/json',
    ],
    [{ ...good, ce_data_base64: 'AA==' }, '{}', '"data_base64" is there, want "data" as JSON'],
    [{ 'content-type': 'application/cloudevents+json' }, '[]', 'the value is [], want an object'],
    [good, `${'['.repeat(65)}${']'.repeat(65)}`, '"data" is nested more than 64 levels deep'],
  ]
  for (const [headers, value, message] of cases) {
    assert.throws(() => decodeEvent(stored(headers, value)), {
      code: 'BAD_EVENT',
      message: `Cannot read event: ${message}`,
    })
  }
  assert.throws(() => decodeEvent(stored(good, '{"a":')), { code: 'BAD_EVENT' })
  assert.throws(() => decodeEvent(stored({ ...good, ce_subject: 'nowhere' }, '{}')), { code: 'BAD_PATH' })
  assert.throws(() => decodeEvent(stored(good, '{}', null)), { code: 'BAD_PATH' })
})

test('hostile bytes are refused, never a crash (seeded)', () => {
  const header = fc.tuple(
    fc.constantFrom('ce_id', 'ce_specversion', 'ce_type', 'ce_source', 'ce_subject', 'ce___proto__', 'content-type'),
    fc.uint8Array({ maxLength: 20 }),
  )
  const property = fc.property(fc.array(header), fc.uint8Array({ maxLength: 60 }), (headers, value) => {
    try {
      decodeEvent({ key: value, value, headers, timestamp: 1 })
    } catch (error) {
      assert.ok(['BAD_EVENT', 'BAD_PATH'].includes((error as { code: string }).code))
    }
  })
  fc.assert(property, { seed: 2, numRuns: 2000 })
})
