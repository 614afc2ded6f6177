import assert from 'node:assert/strict'
import { test } from 'node:test'
import { letGo, letGoAll } from './let-go.ts'

test('what is let go is empty at once, in every view of it', () => {
  const bytes = Buffer.alloc(100_000, 7)
  const view = bytes.subarray(10, 20)
  letGo(bytes)
  assert.deepEqual([bytes.length, view.length], [0, 0])
})

test('a part of a buffer is let go only by who says that nobody has any other part', () => {
  const bytes = Buffer.alloc(100_000, 7)
  letGo(bytes.subarray(1))
  assert.equal(bytes[0], 7)
  letGoAll(bytes.subarray(1))
  assert.equal(bytes.length, 0)
})

test('the buffer that Node cuts small ones out of stays, and so does memory that is shared between threads', () => {
  const small = Buffer.from('small')
  letGo(small)
  letGoAll(small)
  assert.equal(small.toString(), 'small')
  const shared = new Uint8Array(new SharedArrayBuffer(100_000))
  letGo(shared)
  letGoAll(shared)
  letGo(new Uint8Array(0))
  assert.equal(shared.length, 100_000)
})
