import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { scanRecord } from './record-scan.ts'
import { encodeRecord } from './record.ts'

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -1_000_000, max: 1_000_000 }).map((thousandths) => thousandths / 1000),
  fc.integer(),
  fc.constantFrom(0, -0, 0.1 + 0.2, 71.30000305175781, 5e-324, 1.7976931348623157e308, 2 ** 53, 999_999_999_999.999),
)
const tag = fc.oneof(
  fc.string(),
  fc.constantFrom('temperature', 'motor.speed', '1', '', 'constructor', 'x'.repeat(300)),
)
const text = fc
  .record({ values: fc.dictionary(tag, number), asset: fc.string(), time: fc.integer({ min: 0, max: 2e12 }) })
  .map(({ asset, time, values }) => encodeRecord({ asset, sourceTime: time, receivedTime: time + 0.125, values }))

test('a record of numbers is read as JSON.parse reads it', () => {
  const check = fc.property(text, (record) => {
    const scanned = scanRecord(Buffer.from(record))
    if (scanned !== undefined) assert.deepEqual(scanned, JSON.parse(record))
    // Only names that need care are left to the parser.
    else assert.match(record, /\\|[^\x20-\x7e]|x{300}|"__proto__"/)
  })
  fc.assert(check, { numRuns: 2_000 })
})

test('whatever the bytes, they are read as JSON.parse reads them, or not at all', () => {
  const edit = fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.constantFrom(...Array.from('{}[]",:.-+eE0123456789 \n\\xtn')))
  const check = fc.property(text, fc.array(edit, { minLength: 1, maxLength: 3 }), (record, edits) => {
    const changed = edits.reduce((so, [at, cut, put]) => spliced(so, at % (so.length + 1), cut, put), record)
    const scanned = scanRecord(Buffer.from(changed))
    if (scanned !== undefined) assert.deepEqual(scanned, JSON.parse(changed))
  })
  fc.assert(check, { numRuns: 5_000 })
})

test('what is no JSON number is none', () => {
  for (const spelling of [
    '01',
    '1.',
    '.5',
    '-',
    '+1',
    '1e',
    '1e+',
    '0x1',
    '--1',
    '1.2.3',
    'Infinity',
    '',
    '1 ',
    'null',
  ]) {
    const record = `{"asset":"a","ts":1,"recv":2,"values":{"x":${spelling}}}`
    assert.equal(scanRecord(Buffer.from(record)), undefined, spelling)
  }
})

test('a record with texts, statuses or a server time is left to the parser', () => {
  const reading = { asset: 'a', sourceTime: 1, receivedTime: 2, values: { x: 1, s: 'on' } }
  assert.equal(scanRecord(Buffer.from(encodeRecord(reading))), undefined)
  assert.equal(scanRecord(Buffer.from(encodeRecord({ ...reading, values: { x: null } }))), undefined)
  assert.equal(scanRecord(Buffer.from(encodeRecord({ ...reading, values: { x: 1 }, serverTime: 3 }))), undefined)
})

function spliced(text: string, at: number, cut: number, put: string): string {
  return text.slice(0, at) + put + text.slice(at + cut)
}
