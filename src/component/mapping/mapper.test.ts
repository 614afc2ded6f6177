import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import fc from 'fast-check'
import { Quality } from '../../model/quality.ts'
import { encodeRecord } from '../../model/record.ts'
import type { Reading } from '../../model/reading.ts'
import type { Item, Rejected } from '../source.ts'
import { createMapper, unmapped } from './mapper.ts'
import { mappingRules, rawTopics } from './rules.ts'

const SITE = 'acme/berlin'
const RECEIVED = 1_732_287_000_131.5

function map(topics: unknown, topic: string, payload: string | Uint8Array): readonly Item[] {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
  const resolved = createMapper(SITE, 'cars', mappingRules.parse(topics)).resolve(topic)
  return resolved === undefined ? [unmapped(topic, bytes, RECEIVED)] : resolved.map(bytes, RECEIVED)
}

const CARS = { 'cars/{car}': { asset: 'fleet/{car}' } }

function car(payload: string | Uint8Array): readonly Item[] {
  return map(CARS, 'cars/7', payload)
}

function only(items: readonly Item[]): Reading {
  assert.equal(
    items.length,
    1,
    JSON.stringify(items, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
  )
  const item = items[0]!
  assert.ok(item.kind === 'reading', `it is ${item.kind}`)
  return item.reading
}

function refusal(items: readonly Item[]): Rejected {
  const item = items.find(({ kind }) => kind === 'rejected')
  assert.ok(item?.kind === 'rejected')
  return item
}

test('an object of tags is one reading', () => {
  assert.deepEqual(car('{"speed": 71.25, "gear": 4, "on": true, "mode": "eco"}'), [
    {
      kind: 'reading',
      reading: {
        asset: 'acme/berlin/fleet/7',
        sourceTime: RECEIVED,
        receivedTime: RECEIVED,
        values: { speed: 71.25, gear: 4, on: true, mode: 'eco' },
      },
    },
  ])
})

test('one value goes to the tag of the rule, or to "value"', () => {
  const tagged = { 'plant/{line}/{tag...}': { asset: '{line}', tag: '{tag}' } }
  assert.deepEqual(only(map(tagged, 'plant/line1/axis/x', '4.5')).values, { 'axis.x': 4.5 })
  assert.deepEqual(only(car('true')).values, { value: true })
  assert.deepEqual(only(car('"Execute"')).values, { value: 'Execute' })
  assert.deepEqual(only(car('[1, 2.5, [3]]')).values, { value: [1, 2.5, [3]] })
  const absent = only(car('null'))
  assert.deepEqual([absent.values, absent.quality], [{ value: null }, { value: Quality.BadNoData }])
})

test('the payload of the United Manufacturing Hub is recognised by itself', () => {
  const tagged = { 'umh/v1/{rest...}': { asset: '{rest}', tag: 'temperature' } }
  const reading = only(map(tagged, 'umh/v1/a/b', '{"timestamp_ms": 1732287000123, "value": 71.3}'))
  assert.deepEqual(reading, {
    asset: 'acme/berlin/a/b',
    sourceTime: 1_732_287_000_123,
    receivedTime: RECEIVED,
    values: { temperature: 71.3 },
  })
  const group = only(map(tagged, 'umh/v1/a/b', '{"timestamp_ms": 1732287000123, "x": 1, "y": 2}'))
  assert.deepEqual([group.sourceTime, group.values], [1_732_287_000_123, { x: 1, y: 2 }])
})

test('an array of records is a reading each, and a bad one harms only itself', () => {
  const items = car(
    '[{"ts":1732287000.5,"values":{"a":1}}, {"ts":"2024-11-22T14:50:00.123456Z","values":{"a":2}}, 7, {"a":"]}\\"", "ts":1}, {"ts":"noon" , "values":{"a":3}}]',
  )
  assert.deepEqual(
    items.flatMap((item) => (item.kind === 'reading' ? [[item.reading.sourceTime, item.reading.values]] : [])),
    [
      [1_732_287_000_500, { a: 1 }],
      [1_732_287_000_123.456, { a: 2 }],
      [RECEIVED, { a: ']}"', ts: 1 }],
    ],
  )
  const bad = items.flatMap((item) => (item.kind === 'rejected' ? [item] : []))
  assert.deepEqual(
    bad.map(({ code, payload, reason }) => [code, Buffer.from(payload).toString(), reason]),
    [
      ['BAD_PAYLOAD', '7', 'Cannot map "cars/7": record 2: it is 7, want an object'],
      [
        'BAD_TIMESTAMP',
        '{"ts":"noon" , "values":{"a":3}}',
        'Cannot map "cars/7": record 4: source time "ts" is "noon", want a number or ISO 8601',
      ],
    ],
  )
})

test('the field of the source time is configured, and left out of the tags', () => {
  const timed = { 'cars/{car}': { asset: 'fleet/{car}', timestamp: 'at', ignore: ['junk'] } }
  const reading = only(map(timed, 'cars/7', '{"speed":1,"at":1732287000123456,"junk":[null]}'))
  assert.deepEqual([reading.sourceTime, reading.values], [1_732_287_000_123.456, { speed: 1 }])
  assert.equal(only(map(timed, 'cars/7', '{"speed":1}')).sourceTime, RECEIVED)
  assert.equal(only(map(timed, 'cars/7', '{"speed":1,"at":null}')).sourceTime, RECEIVED)
  assert.equal(refusal(map(timed, 'cars/7', '{"speed":1,"at":"soon"}')).code, 'BAD_TIMESTAMP')
  const nothing = map(timed, 'cars/7', '{"junk":1,"at":1}')
  assert.deepEqual(
    nothing.map((item) => item.kind === 'dropped' && item.policy),
    ['ignored'],
  )
})

test('integers beyond 2^53 come back exactly, doubles stay doubles', () => {
  const reading = only(
    car(
      '{"big":9007199254740993,"min":-9223372036854775808,"ok":9007199254740991,"e":1e300,"s":{"id":18014398509481985,"n":[12345678901234567890123]}}',
    ),
  )
  assert.deepEqual(reading.values, {
    big: 9007199254740993n,
    min: -9223372036854775808n,
    ok: 9007199254740991,
    e: 1e300,
    s: { id: 18014398509481985n, n: [Number('12345678901234567890123')] },
  })
})

test('what JSON cannot hold is no value with a reason', () => {
  const reading = only(car('{"a":1e400,"b":null,"c":{"d":-1e999,"e":null}}'))
  assert.deepEqual(reading.values, { a: null, b: null, c: { d: null, e: null } })
  assert.deepEqual(reading.quality, { a: Quality.BadOutOfRange, b: Quality.BadNoData })
})

test('a bad tag harms only itself', () => {
  const items = car('{"good":1,"":2,"list":[1,null],"text":"\\ud800","deep":{"\\udc00":1}}')
  assert.deepEqual(
    items.flatMap((item) => (item.kind === 'reading' ? [item.reading.values] : [])),
    [{ good: 1 }],
  )
  const { code, reason, payload } = refusal(items)
  assert.equal(code, 'BAD_TAG')
  assert.equal(reason, 'Cannot map "cars/7": tag "": the name of a tag is empty, and 3 more of its tags')
  assert.match(Buffer.from(payload).toString(), /^\{"good":1,.*\}$/)
})

test('names like __proto__ are tags as any other', () => {
  const reading = only(car('{"__proto__":{"polluted":1},"constructor":2,"hasOwnProperty":null}'))
  assert.deepEqual(Object.keys(reading.values), ['__proto__', 'constructor', 'hasOwnProperty'])
  assert.equal(({} as { polluted?: number }).polluted, undefined)
  const timed = { 'cars/{car}': { asset: 'fleet/{car}', timestamp: 'ts' } }
  const copied = only(map(timed, 'cars/7', '{"__proto__":null,"ts":1}'))
  assert.deepEqual(Object.keys(copied.values), ['__proto__'])
  assert.deepEqual(Object.keys(copied.quality!), ['__proto__'])
})

test('bad payloads are refused with a code and their bytes', () => {
  const cases: [string | Uint8Array, string][] = [
    ['', 'BAD_PAYLOAD'],
    ['ON', 'BAD_PAYLOAD'],
    ['{"a":1', 'BAD_PAYLOAD'],
    ['{}', 'BAD_PAYLOAD'],
    ['{"a":NaN}', 'BAD_PAYLOAD'],
    [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), 'BAD_PAYLOAD'],
    ['['.repeat(100_000) + ']'.repeat(100_000), 'PAYLOAD_TOO_DEEP'],
    [`{"a":9007199254740993,"b":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, 'PAYLOAD_TOO_DEEP'],
    [`{${Array.from({ length: 10_001 }, (_, index) => `"t${index}":1`).join()}}`, 'TOO_MANY_TAGS'],
    [`{"${'x'.repeat(129)}":1}`, 'BAD_TAG'],
  ]
  for (const [payload, code] of cases) {
    const item = refusal(car(payload))
    assert.equal(item.code, code, item.reason)
    assert.equal(item.address, 'cars/7')
    assert.deepEqual(Buffer.from(item.payload), Buffer.from(payload))
    assert.ok(item.reason.length < 400, item.reason)
  }
})

test('a tag may be nested as deep as a record of the log', () => {
  const nested = (levels: number) => `{"a":1,"deep":${'['.repeat(levels)}${']'.repeat(levels)}}`
  const reading = only(car(nested(64)))
  assert.doesNotThrow(() => encodeRecord(reading))
  const items = car(nested(65))
  assert.deepEqual(
    items.map((item) => (item.kind === 'rejected' ? item.code : item.kind)),
    ['reading', 'PAYLOAD_TOO_DEEP'],
  )
})

test('captures that make no path or tag are refused', () => {
  const rules = { 'a/{path...}': { asset: '{path}' }, 'b/{tag}': { asset: 'x', tag: '{tag}' } }
  assert.equal(refusal(map(rules, 'a/x//y', '1')).code, 'BAD_PATH')
  assert.equal(refusal(map(rules, 'a/../y', '1')).code, 'BAD_PATH')
  assert.equal(refusal(map(rules, `a/${'x/'.repeat(12)}y`, '1')).code, 'BAD_PATH')
  assert.equal(refusal(map(rules, 'b/', '1')).code, 'BAD_TAG')
  assert.equal(refusal(map(rules, 'c', '1')).code, 'NO_MAPPING')
})

test('the first pattern that matches decides', () => {
  const rules = {
    'a/b/c': { asset: 'literal' },
    'a/{x}/c': { asset: 'one' },
    'a/+/+': { asset: 'any' },
    'raw/#': { raw: 'cars' },
    '{rest...}': { asset: 'all/{rest...}' },
  }
  const asset = (topic: string) => only(map(rules, topic, '1')).asset
  assert.equal(asset('a/b/c'), 'acme/berlin/literal')
  assert.equal(asset('a/x/c'), 'acme/berlin/one')
  assert.equal(asset('a/x/y'), 'acme/berlin/any')
  assert.equal(asset('a/x'), 'acme/berlin/all/a/x')
  const payload = Uint8Array.of(1, 2, 255)
  const raw = { kind: 'raw', topic: 'raw-cars', key: 'raw', payload, receivedTime: RECEIVED }
  assert.deepEqual(map(rules, 'raw', payload), [raw])
  assert.deepEqual(map(rules, 'raw/x/y', payload), [{ ...raw, key: 'raw/x/y' }])
  assert.equal(refusal(map(rules, '$SYS/broker', '1')).code, 'NO_MAPPING')
})

test('the topics of the log that raw rules write to are known beforehand', () => {
  const rules = { 'a/#': { raw: true }, 'b/#': { raw: 'cars' }, 'c/#': { raw: 'cars' }, 'd/{x}': { asset: '{x}' } }
  assert.deepEqual(rawTopics(mappingRules.parse(rules)), ['raw', 'raw-cars'])
})

test('malformed rules are config errors that say what was wanted', () => {
  const cases: [unknown, RegExp][] = [
    [{}, /Cannot map without a pattern/],
    [{ '': { asset: 'x' } }, /it is empty/],
    [{ 'a/{x': { asset: 'x' } }, /segment "\{x" has a brace, want \{name\} or \{name\.\.\.\} as a whole segment/],
    [{ 'a/car-{x}': { asset: 'x' } }, /as a whole segment/],
    [{ 'a/{x...}/b': { asset: 'x' } }, /"\{x\.\.\.\}" takes all that follows, want it as the last segment/],
    [{ 'a/#/b': { asset: 'x' } }, /last segment/],
    [{ 'a/b#': { asset: 'x' } }, /has a \+ or #/],
    [{ 'a/{x}/{x}': { asset: 'x' } }, /capture "\{x\}" is there twice/],
    [{ 'a/{x}': { asset: '{y}' } }, /"\{y\}" is no capture of "a\/\{x\}", want one of \{x\}/],
    [{ 'a/{x}': { asset: '{x...}' } }, /is one segment in "a\/\{x\}", want \{x\}/],
    [{ 'a/{x}': { asset: 'a//{x}' } }, /empty segment/],
    [{ 'a/{x}': { asset: 'a/../{x}' } }, /would leave its place/],
    [{ 'a/{x}': {} }, /it has no asset/],
    [{ 'a/{x}': { asset: '{x}', raw: true } }, /want raw alone/],
    [{ 'a/{x}': { raw: 'Bad Name' } }, /want lower-case letters/],
    [{ 'a/{x}': { asset: '{x}', tags: 'b' } }, /tags/],
  ]
  for (const [topics, wanted] of cases) {
    const result = mappingRules.safeParse(topics)
    assert.ok(!result.success, JSON.stringify(topics))
    assert.match(result.error.message.replaceAll('\\"', '"'), wanted)
  }
  const issue = mappingRules.safeParse({ 'a/{x': { asset: 'x' } }).error!.issues[0]!
  assert.deepEqual(issue.path, ['a/{x'])
})

test('any JSON object of tags comes back as it was sent', () => {
  const scalar = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
  )
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      scalar,
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.string({ unit: 'grapheme' }), tie('any'), { maxKeys: 3 }),
    ),
  })).any
  const tag = fc
    .stringMatching(/^[A-Za-z_][A-Za-z0-9_.]{0,20}$/)
    .filter((name) => !/^(values?|timestamp_ms)$/.test(name))
  fc.assert(
    fc.property(fc.dictionary(tag, value, { minKeys: 1, maxKeys: 8 }), (values) => {
      const text = JSON.stringify(values)
      const reading = only(car(text))
      const back = JSON.stringify(reading.values, (_, value: unknown) =>
        typeof value === 'bigint' ? Number(value) : value,
      )
      assert.equal(back, text)
    }),
  )
})

test('no bytes make it throw, and all of them are accounted for', () => {
  const rules = mappingRules.parse({ '{a}/{b...}': { asset: '{a}/{b}', timestamp: 'ts', ignore: ['x'] } })
  const mapper = createMapper(SITE, 'cars', rules)
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.json().map((text) => Buffer.from(text)),
    fc.string().map((text) => Buffer.from(text)),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), payload, (topic, bytes) => {
      const resolved = mapper.resolve(topic)
      const items = resolved?.map(bytes, RECEIVED) ?? [unmapped(topic, bytes, RECEIVED)]
      assert.notEqual(items.length, 0)
    }),
  )
})
