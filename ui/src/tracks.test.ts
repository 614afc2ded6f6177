import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alignTracks } from './tracks.ts'

const plan = 'ABCDEFGH'.split('').map((order, index) => ({ order, position: index + 1, variant: 'red' }))

function align(orders: string) {
  const { came, missing, next } = alignTracks(
    plan,
    orders.split('').map((order, time) => ({ order, time })),
  )
  return [came.map(({ order, column, fit }) => `${order}${column} ${fit}`).join(', '), [...missing].join(), next]
}

test('what comes as planned lies below its plan, from the first that was seen on', () => {
  assert.deepEqual(align('ABC'), ['A0 right, B1 right, C2 right', '', 3])
  assert.deepEqual(align('CD'), ['C2 right, D3 right', '', 4])
  assert.deepEqual(align(''), ['', '', 0])
})

test('two that are swapped take each other’s columns', () => {
  assert.deepEqual(align('BACD'), ['B1 right, A1 late, C2 right, D3 right', '', 4])
  assert.deepEqual(align('ACBD'), ['A0 right, C1 swap, B2 swap, D3 right', '', 4])
  assert.deepEqual(align('ADBCE'), ['A0 right, D1 swap, B2 swap, C3 swap, E4 right', '', 5])
})

test('a column stays empty where nobody came, and one that comes later has none', () => {
  assert.deepEqual(align('ABDEFG'), ['A0 right, B1 right, D3 right, E4 right, F5 right, G6 right', '2', 7])
  assert.deepEqual(align('ABDEFGC'), ['A0 right, B1 right, D3 right, E4 right, F5 right, G6 right, C6 late', '', 7])
})

test('what no plan has, and what comes again, is extra', () => {
  assert.deepEqual(align('AXB'), ['A0 right, X0 extra, B1 right', '', 2])
  assert.deepEqual(align('ABA'), ['A0 right, B1 right, A1 extra', '', 2])
})

test('another variant than planned is told in its place', () => {
  const { came } = alignTracks(plan, [{ order: 'A', variant: 'blue', time: 1 }])
  assert.deepEqual(
    came.map(({ column, fit }) => [column, fit]),
    [[0, 'wrong-variant']],
  )
})
