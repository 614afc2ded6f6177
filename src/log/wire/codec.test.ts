import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/** What a writer has written, without the size prefix. */
function bytesOf(writer: Writer): Buffer {
  const whole = Buffer.concat(writer.finish())
  assert.equal(whole.readInt32BE(0), whole.length - 4)
  return whole.subarray(4)
}

function reader(bytes: Buffer | readonly number[], flexible = false): Reader {
  const made = new Reader(Buffer.from(bytes as number[]))
  made.flexible = flexible
  return made
}

function malformed(
  read: (body: Reader) => unknown,
  bytes: readonly number[],
  flexible: boolean,
  message: RegExp,
): void {
  assert.throws(() => read(reader(bytes, flexible)), { name: 'WireError', code: 'KAFKA_MALFORMED_REQUEST', message })
}

test('every primitive reads back as it was written, in classic and flexible form', () => {
  const value = fc.record({
    flexible: fc.boolean(),
    int8: fc.integer({ min: -128, max: 127 }),
    int16: fc.integer({ min: -32768, max: 32767 }),
    int32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    int64: fc.maxSafeInteger(),
    boolean: fc.boolean(),
    uuid: fc.uint8Array({ minLength: 16, maxLength: 16 }),
    string: fc.option(fc.string({ unit: 'binary', maxLength: 1000 })),
    strings: fc.option(fc.array(fc.string({ maxLength: 40 }), { maxLength: 40 })),
    records: fc.uint8Array({ maxLength: 1000 }),
  })
  fc.assert(
    fc.property(value, (given) => {
      const writer = new Writer(given.flexible)
      writer.int8(given.int8)
      writer.int16(given.int16)
      writer.int32(given.int32)
      writer.int64(given.int64)
      writer.boolean(given.boolean)
      writer.records(given.records)
      writer.uuid(given.uuid)
      writer.string(given.string)
      writer.array(given.strings, (one) => writer.string(one))
      writer.tags()
      const body = reader(bytesOf(writer), given.flexible)
      const read = {
        flexible: given.flexible,
        int8: body.int8(),
        int16: body.int16(),
        int32: body.int32(),
        int64: body.int64(),
        boolean: body.boolean(),
        records: new Uint8Array(body.nullableBytes()!),
        uuid: new Uint8Array(body.uuid()),
        string: body.nullableString(),
        strings: body.nullableArray((inner) => inner.string()),
      }
      body.tags()
      // What UTF-8 cannot hold (a lone surrogate) leaves as U+FFFD.
      assert.deepEqual(read, { ...given, string: given.string === null ? null : given.string.toWellFormed() })
      assert.equal(body.left, 0)
    }),
  )
})

test('wire bytes are those of the protocol guide', () => {
  const classic = new Writer(false)
  classic.int64(-1)
  classic.string('ab')
  classic.string(null)
  classic.array([7], (one) => classic.int32(one))
  classic.array(null, () => {})
  classic.tags()
  assert.equal(bytesOf(classic).toString('hex'), 'ffffffffffffffff00026162ffff0000000100000007ffffffff')
  const flexible = new Writer(true)
  flexible.string('ab')
  flexible.string(null)
  flexible.array([7], (one) => flexible.int32(one))
  flexible.array(null, () => {})
  flexible.records(new Uint8Array(200))
  flexible.tags()
  const hex = `03616200020000000700c901${'00'.repeat(200)}00`
  assert.equal(bytesOf(flexible).toString('hex'), hex)
})

test('records leave by reference: what the disk gave is not copied', () => {
  const writer = new Writer(false)
  const records = new Uint8Array(100_000)
  writer.int32(1)
  writer.records(records)
  writer.int32(2)
  const parts = writer.finish()
  assert.equal(parts.length, 3)
  assert.equal(parts[1], records)
})

test('a long answer is written in parts that are never copied again, and one that gets too long is given up', () => {
  const texts = Array.from({ length: 1000 }, (_, index) => String(index).repeat(5000))
  const writer = new Writer(true)
  writer.array(texts, (text) => writer.string(text))
  const whole = Buffer.concat(writer.finish())
  assert.ok(whole.length > 14_000_000)
  assert.deepEqual(
    reader(whole.subarray(4), true).array((inner) => inner.string()),
    texts,
  )
  const bounded = new Writer(true, 2 ** 20)
  bounded.records(new Uint8Array(2 ** 21))
  const tooLong = { code: 'KAFKA_MALFORMED_REQUEST', message: /the answer has more than 1048576 bytes/ }
  assert.throws(() => bounded.array(texts, (text) => bounded.string(text)), tooLong)
  const shared = new Writer(true, 2 ** 20)
  shared.bytes(new Uint8Array(2 ** 19))
  assert.throws(() => shared.bytes(new Uint8Array(2 ** 19)), tooLong)
})

test('unknown tagged fields are skipped', () => {
  const body = reader([2, 0, 3, 1, 2, 3, 200, 1, 1, 9, 42], true)
  body.tags()
  assert.equal(body.int8(), 42)
})

test('bad input: a length beyond the request is refused before anything is allocated', () => {
  malformed((body) => body.int32(), [0, 0, 0], false, /field length is 4, want 0 to 3/)
  malformed((body) => body.nullableString(), [0x7f, 0xff, 65], false, /field length is 32767, want 0 to 1/)
  malformed((body) => body.nullableString(), [0xff, 0xfe], false, /field length is -2, want 0 to 0/)
  malformed((body) => body.string(), [0xff, 0xff], false, /string is null/)
  malformed((body) => body.nullableBytes(), [0x7f, 0xff, 0xff, 0xff], false, /field length is 2147483647/)
  malformed((body) => body.nullableBytes(), [0xff, 0xff, 0xff, 0xff, 0x0f], true, /field length is 4294967294/)
})

test('bad input: a text that could not be written back is refused, however it is longer than a string can be', () => {
  const longest = 'x'.repeat(32_767)
  const compact = (bytes: Buffer) => Buffer.concat([Buffer.from([0x81, 0x80, 0x02]), bytes])
  assert.equal(reader(Buffer.concat([Buffer.from([0x80, 0x80, 0x02]), Buffer.from(longest)]), true).string(), longest)
  malformed(
    (body) => body.string(),
    [...compact(Buffer.alloc(32_768))],
    true,
    /string has 32768 bytes, want at most 32767/,
  )
  const fits = Buffer.alloc(10_922, 0xff)
  assert.equal(Buffer.byteLength(reader([0x2a, 0xaa, ...fits]).string()), 32_766)
  const grows = [0x2a, 0xab, ...fits, 0xff]
  malformed((body) => body.string(), grows, false, /string has 10923 bytes that are not UTF-8, want at most 32767/)
})

test('a message is cut in its middle, so that what was refused and why stay', () => {
  const written = (sentence: string | null) => {
    const writer = new Writer(false)
    writer.message(sentence)
    return reader(bytesOf(writer)).nullableString()
  }
  assert.equal(written(null), null)
  assert.equal(written('ü'.repeat(1000)), 'ü'.repeat(1000))
  const cut = written(`Cannot create topic "${'ü'.repeat(32_767)}": it is named twice`)!
  assert.equal(cut.length, 1000)
  assert.match(cut, /^Cannot create topic "ü{478}\.\.\.ü{478}": it is named twice$/)
})

test('bad input: array length -2, 2^31 - 1, 2^32 - 2 and more elements than bytes', () => {
  const read = (body: Reader) => body.array((inner) => inner.int8())
  malformed(read, [0xff, 0xff, 0xff, 0xfe], false, /array length is -2, want 0 to 0/)
  malformed(read, [0x7f, 0xff, 0xff, 0xff], false, /array length is 2147483647, want 0 to 0/)
  malformed(read, [0xff, 0xff, 0xff, 0xff, 0x0f], true, /array length is 4294967294, want 0 to 0/)
  malformed(read, [0, 0, 0, 3, 1, 2], false, /array length is 3, want 0 to 2/)
  malformed(read, [0xff, 0xff, 0xff, 0xff], false, /array is null/)
})

test('bad input: elements cheap on the wire and dear in memory are bounded', () => {
  const body = reader(Buffer.concat([Buffer.from([0, 1, 0x86, 0xa1]), Buffer.alloc(100_001)]))
  assert.throws(() => body.array((inner) => inner.int8()), {
    code: 'KAFKA_MALFORMED_REQUEST',
    message: /more than 100000/,
  })
})

test('bad input: a varint without end, and tagged fields that lie', () => {
  malformed(
    (body) => body.nullableString(),
    [0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
    true,
    /varint is longer than 5 bytes/,
  )
  malformed((body) => body.tags(), [0xff, 0xff, 0xff, 0xff, 0x0f], true, /count of tagged fields is 4294967295/)
  malformed((body) => body.tags(), [1, 0, 9, 1], true, /field length is 9, want 0 to 1/)
})

test('random bytes never do worse than a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, flexible) => {
      const body = reader(Buffer.from(bytes), flexible)
      try {
        while (body.left > 0) {
          body.nullableArray((inner) => inner.nullableString())
          body.nullableBytes()
          body.tags()
        }
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'KAFKA_MALFORMED_REQUEST')
      }
    }),
  )
})
