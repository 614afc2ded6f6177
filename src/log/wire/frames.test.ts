import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { Frames } from './frames.ts'

function framed(payload: Uint8Array): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeInt32BE(payload.length)
  return Buffer.concat([prefix, payload])
}

function drain(frames: Frames): Buffer[] {
  const all: Buffer[] = []
  for (let one = frames.next(); one; one = frames.next()) all.push(one)
  return all
}

test('requests come out whole and in order, however the bytes were cut', () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 10 })
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 25 }))
  fc.assert(
    fc.property(payloads, cuts, (sent, sizes) => {
      const bytes = Buffer.concat(sent.map(framed))
      const frames = new Frames(1000)
      const came: Buffer[] = []
      for (let at = 0; at < bytes.length;) {
        const size = sizes.next().value as number
        frames.push(bytes.subarray(at, at + size))
        came.push(...drain(frames))
        at += size
      }
      assert.deepEqual(
        came.map((one) => one.toString('hex')),
        sent.map((one) => Buffer.from(one).toString('hex')),
      )
      assert.equal(frames.buffered, 0)
    }),
  )
})

test("chunks that are a socket's own buffers are let go when a request was copied out of them, and no request with them", () => {
  const payloads = fc.array(fc.uint8Array({ minLength: 1, maxLength: 60 }), { maxLength: 10 })
  const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 25 }))
  fc.assert(
    fc.property(payloads, cuts, (sent, sizes) => {
      const bytes = Buffer.concat(sent.map(framed))
      const frames = new Frames(1000)
      const came: Buffer[] = []
      for (let at = 0; at < bytes.length;) {
        const size = sizes.next().value as number
        const chunk = Buffer.allocUnsafeSlow(Math.min(size, bytes.length - at))
        bytes.copy(chunk, 0, at)
        frames.push(chunk)
        came.push(...drain(frames))
        at += size
      }
      assert.deepEqual(
        came.map((one) => one.toString('hex')),
        sent.map((one) => Buffer.from(one).toString('hex')),
      )
    }),
  )
  const frames = new Frames(1000)
  const whole = framed(Buffer.alloc(50, 7))
  const [first, last] = [0, 30].map((at) => Buffer.from(Uint8Array.from(whole.subarray(at, at + 30)).buffer))
  frames.push(first!)
  frames.push(last!)
  const [request] = drain(frames)
  assert.deepEqual([request!.equals(Buffer.alloc(50, 7)), first!.length, last!.length], [true, 0, 0])
})

test('a request within one chunk is a view of it', () => {
  const frames = new Frames(1000)
  const chunk = Buffer.concat([framed(Buffer.from('one')), framed(Buffer.from('two'))])
  frames.push(chunk)
  const [one, two] = drain(frames)
  assert.equal(one!.buffer, chunk.buffer)
  assert.equal(one!.toString(), 'one')
  assert.equal(two!.toString(), 'two')
})

test('bad input: size prefix negative, 0, one too many, 2 GB', () => {
  for (const size of [-1, -(2 ** 31), 0, 1001, 2 ** 31 - 1]) {
    const frames = new Frames(1000)
    const prefix = Buffer.alloc(4)
    prefix.writeInt32BE(size)
    frames.push(prefix)
    const message = `Cannot read request: size is ${size}, want 1 to 1000`
    assert.throws(() => frames.next(), { code: 'KAFKA_MALFORMED_REQUEST', message })
  }
})

test('bad input: a TLS hello and an HTTP request are named', () => {
  const tls = new Frames(100 * 2 ** 20)
  tls.push(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]))
  assert.throws(() => tls.next(), { message: /size is 369295618 \(a TLS hello\), want 1 to/ })
  const http = new Frames(100 * 2 ** 20)
  http.push(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  assert.throws(() => http.next(), { message: /size is 1195725856 \(an HTTP request\), want 1 to/ })
})
