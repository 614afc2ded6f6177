import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Catalogue } from './catalogue.ts'
import { typeOf, type TagDefinition } from './definition.ts'
import { Quality } from './quality.ts'
import type { Reading, Value } from './reading.ts'
import { decodeRecord, encodeRecord } from './record.ts'

const ASSET = 'acme/berlin/press-shop/line1/press7'

/** A catalogue that knows each tag of the reading by the type of its value. */
function catalogueOf(reading: Reading): Catalogue {
  const catalogue = new Catalogue()
  const tags = new Map<string, TagDefinition>()
  for (const tag of Object.keys(reading.values)) {
    const value = reading.values[tag]!
    if (value !== null) tags.set(tag, { type: typeOf(value), kind: 'gauge' })
  }
  catalogue.define({ path: reading.asset, tags })
  return catalogue
}

function roundTrip(reading: Reading, catalogue = catalogueOf(reading)): Reading {
  return decodeRecord(Buffer.from(encodeRecord(reading)), catalogue)
}

function valuesAfter(values: Reading['values'], quality?: Reading['quality']): Reading {
  return roundTrip({ asset: ASSET, sourceTime: 1, receivedTime: 2, values, ...(quality && { quality }) })
}

/** fast-check's names, with the ones that bite. */
const name = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', 'motor.temperature', 'Größe', 'a"b\\c', '\u2028'),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
)
const time = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
  // Whole microseconds, as ms with fractions.
  fc.integer({ min: 0, max: 4_102_444_800_000_000 }).map((us) => us / 1000),
)
const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-0, 0, 5e-324, 2 ** 60))
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
const string = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '\ud800', '\udc00\ud800', '{"a":1}', '12'))
const bytes = fc.uint8Array({ maxLength: 40 })
/** Inside arrays and structures an integer is a bigint exactly when it is beyond 2^53. */
const bigOnly = int64.filter((value) => value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
const { array, structure } = fc.letrec<{ any: Value; array: Value; structure: Value }>((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, number, bigOnly, string, fc.boolean(), tie('array'), tie('structure')),
  array: fc.array(tie('any'), { maxLength: 5 }),
  structure: fc.dictionary(name, fc.oneof(fc.constant(null), tie('any')), {
    maxKeys: 5,
    noNullPrototype: true,
  }),
}))
const value = fc.oneof(number, int64, fc.boolean(), string, bytes, array, structure)
const quality = fc.oneof(fc.constantFrom(...Object.values(Quality)), fc.nat({ max: 0xffffffff }))

const anyReading: fc.Arbitrary<Reading> = fc
  .record({
    asset: fc.constantFrom(ASSET, 'acme/münchen', 'a/"b"'),
    sourceTime: time,
    receivedTime: time,
    serverTime: fc.option(time, { nil: undefined }),
    entries: fc.uniqueArray(fc.tuple(name, fc.option(value, { freq: 10 }), quality), {
      selector: (entry) => entry[0],
      maxLength: 8,
    }),
  })
  .map(({ asset, sourceTime, receivedTime, serverTime, entries }) => {
    const status = entries.map(([tag, given, code]) => [tag, given === null && code === 0 ? Quality.BadNoData : code])
    const bad = status.filter(([, code]) => code !== 0)
    return {
      asset,
      sourceTime,
      receivedTime,
      ...(serverTime !== undefined && { serverTime }),
      values: Object.fromEntries(entries.map(([tag, given]) => [tag, given])),
      ...(bad.length > 0 && { quality: Object.fromEntries(bad) as { [tag: string]: number } }),
    }
  })

/** deepEqual that also tells a JSON object of JSON.parse from the same one made by hand, and keeps -0 apart. */
function assertSame(actual: Reading, expected: Reading): void {
  assert.deepStrictEqual(plain(actual), plain(expected))
}

function plain(reading: Reading): unknown {
  const sorted = (object: object): unknown[] => Object.entries(object).sort(([a], [b]) => (a < b ? -1 : 1))
  return { ...reading, values: sorted(reading.values), quality: reading.quality && sorted(reading.quality) }
}

test('every value type, quality and time comes back exactly', () => {
  fc.assert(
    fc.property(anyReading, (reading) => assertSame(roundTrip(reading), reading)),
    { numRuns: 3000 },
  )
})

test('the text is JSON that any tool reads, and the shape of the record is the documented one', () => {
  fc.assert(
    fc.property(anyReading, (reading) => {
      const record = JSON.parse(encodeRecord(reading))
      assert.equal(record.asset, reading.asset)
      assert.equal(record.ts, reading.sourceTime)
    }),
  )
  assert.equal(
    encodeRecord({
      asset: ASSET,
      sourceTime: 1732287000123,
      serverTime: 1732287000125.5,
      receivedTime: 1732287000131.123,
      values: {
        temperature: 71.3,
        cycles: 812n,
        running: true,
        door: false,
        state: 'Execute',
        total: 2n ** 63n,
        blob: Uint8Array.of(1, 2, 255),
        curve: [1, -0, 2n ** 60n, 2 ** 60],
        order: { id: 'A"1', pos: null },
        pressure: null,
        flow: NaN,
        level: 3,
      },
      quality: { pressure: 0x808c0000, level: 0x40940000, door: 0 },
    }),
    '{"asset":"acme/berlin/press-shop/line1/press7","ts":1732287000123,"recv":1732287000131.123,' +
      '"values":{"temperature":71.3,"cycles":812,"running":1,"door":0,"level":3},' +
      '"texts":{"state":"Execute","total":"9223372036854775808","blob":"AQL/",' +
      '"curve":"[1,-0,1152921504606846976,1.152921504606847e+18]","order":"{\\"id\\":\\"A\\\\\\"1\\",\\"pos\\":null}"},' +
      '"status":{"flow":2151415808,"pressure":2156658688,"level":1083441152},"server":1732287000125.5}',
  )
  assert.equal(
    encodeRecord({ asset: 'a/b', sourceTime: 0, receivedTime: 1e12, values: {} }),
    '{"asset":"a/b","ts":0,"recv":1000000000000,"values":{}}',
  )
})

test('what has no value has a status that says why', () => {
  const all = { a: NaN, b: Infinity, c: -Infinity, d: NaN, e: null, f: null, g: null }
  const given = { c: Quality.BadSensorFailure, d: Quality.Uncertain, f: Quality.BadTimeout, g: Quality.GoodNoData }
  const { values, quality } = valuesAfter(all, given)
  assert.deepEqual({ ...values }, { a: null, b: null, c: null, d: null, e: null, f: null, g: null })
  assert.deepEqual(
    { ...quality },
    {
      a: Quality.BadOutOfRange,
      b: Quality.BadOutOfRange,
      c: Quality.BadSensorFailure,
      d: Quality.BadOutOfRange,
      e: Quality.BadNoData,
      f: Quality.BadTimeout,
      g: Quality.GoodNoData,
    },
  )
})

test('a status without a value is a tag without a value', () => {
  assert.deepEqual({ ...valuesAfter({ a: 1 }, { b: Quality.BadNoCommunication }).values }, { a: 1, b: null })
})

test('a name of a tag is never more than a name', () => {
  const values = JSON.parse('{"__proto__": "x", "constructor": 1}') as Reading['values']
  const back = valuesAfter(values, JSON.parse('{"__proto__": 2147483648}') as Reading['quality'])
  assert.deepEqual(Object.entries(back.values).reverse(), [
    ['__proto__', 'x'],
    ['constructor', 1],
  ])
  assert.deepEqual(Object.entries(back.quality!), [['__proto__', Quality.Bad]])
  assert.equal(Object.getPrototypeOf(back.values), Object.prototype)
})

test('without a definition values are numbers and texts are strings', () => {
  const reading = {
    asset: ASSET,
    sourceTime: 1,
    receivedTime: 1,
    values: { on: true, big: 2n ** 60n, small: 5n, list: [1], raw: Uint8Array.of(0), word: 'w' },
  }
  const { values } = roundTrip(reading, new Catalogue())
  assert.deepEqual({ ...values }, { on: 1, big: '1152921504606846976', small: 5, list: '[1]', raw: 'AA==', word: 'w' })
})

test('a value that does not have the shape of its type stays what it is', () => {
  const mismatches: readonly (readonly [TagDefinition['type'], Value, Value])[] = [
    ['boolean', 7, 7],
    ['boolean', 'on', 'on'],
    ['int64', 1.5, 1.5],
    ['int64', 'many', 'many'],
    ['number', true, 1],
    ['number', 'hot', 'hot'],
    ['string', 3, 3],
    ['bytes', 'no base64!', 'no base64!'],
    ['array', '{"a":1}', '{"a":1}'],
    ['structure', '[1]', '[1]'],
    ['structure', 'null', 'null'],
  ]
  for (const [type, sent, shown] of mismatches) {
    const catalogue = new Catalogue()
    catalogue.define({ path: ASSET, tags: new Map([['tag', { type, kind: 'gauge' }]]) })
    const reading = { asset: ASSET, sourceTime: 1, receivedTime: 1, values: { tag: sent } }
    assert.deepEqual(roundTrip(reading, catalogue).values['tag'], shown, type)
  }
})

test('a record that is none is refused with what is wrong', () => {
  const record = { asset: 'a/b', ts: 1, recv: 1, values: {} }
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [null, /not an object/],
    [[], /not an object/],
    [{ ...record, asset: 1 }, /"asset" is not a text/],
    [{ ...record, recv: '1' }, /"ts" or "recv" is not a number/],
    [{ ...record, server: null }, /"server" is not a number/],
    [{ ...record, values: { a: 'x' } }, /"values" is not an object of numbers/],
    [{ ...record, values: [] }, /"values" is not an object of numbers/],
    [{ ...record, texts: { a: 1 } }, /"texts" is not an object of texts/],
    [{ ...record, status: { a: null } }, /"status" is not an object of numbers/],
  ]
  for (const [json, message] of wrong) {
    const bytes = Buffer.from(JSON.stringify(json))
    assert.throws(() => decodeRecord(bytes, new Catalogue()), { code: 'BAD_RECORD', message })
  }
  assert.throws(() => decodeRecord(Buffer.from('{"asset":'), new Catalogue()), {
    code: 'BAD_RECORD',
    message: /not JSON/,
  })
  fc.assert(
    fc.property(fc.uint8Array(), (noise) => {
      assert.throws(() => decodeRecord(noise, new Catalogue()), { code: 'BAD_RECORD' })
    }),
  )
})

test('a time that is none and a value without end are refused', () => {
  const reading = { asset: 'a/b', sourceTime: NaN, receivedTime: 1, values: {} }
  assert.throws(() => encodeRecord(reading), { code: 'BAD_TIME', message: /^Cannot encode reading of "a\/b"/ })
  let deep: Value = 1
  for (let level = 0; level < 10_000; level++) deep = [deep]
  assert.throws(() => encodeRecord({ ...reading, sourceTime: 1, values: { deep } }), { code: 'VALUE_TOO_DEEP' })
})

test('bytes that lie in a larger buffer are read where they lie', () => {
  const text = Buffer.from(`xx${encodeRecord({ asset: 'a/b', sourceTime: 1, receivedTime: 2, values: { a: 1 } })}yy`)
  const view = new Uint8Array(text.buffer, text.byteOffset + 2, text.length - 4)
  assert.equal(decodeRecord(view, new Catalogue()).values['a'], 1)
})
