import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OffsetMap } from './offset-map.ts'

const key = (n: number) => Buffer.from(`acme/berlin/press-shop/line${n}`)

test('the last offset of every key, through growth, and nothing for keys that were never set', () => {
  const map = new OffsetMap(2 ** 20)
  assert.equal(map.get(key(1)), undefined)
  for (let round = 0; round < 2; round++) for (let n = 0; n < 20_000; n++) map.set(key(n), 20_000 * round + n)
  assert.equal(map.size, 20_000)
  for (let n = 0; n < 20_000; n++) assert.equal(map.get(key(n)), 20_000 + n)
  assert.equal(map.get(key(20_000)), undefined)
  map.set(Buffer.alloc(0), 0)
  assert.equal(map.get(Buffer.alloc(0)), 0)
})

test('it says when it is full, and keeps what is set beyond', () => {
  // 2048 slots of 24 bytes, seven tenths of which may be taken.
  const map = new OffsetMap(2048 * 24)
  let keys = 0
  while (map.fits(1)) map.set(key(keys), keys++)
  assert.equal(keys, 1433)
  assert.equal(map.fits(0), true)
  for (; keys < 5000; keys++) map.set(key(keys), keys)
  for (let n = 0; n < keys; n++) assert.equal(map.get(key(n)), n)
})
