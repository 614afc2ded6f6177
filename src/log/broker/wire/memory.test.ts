import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Memory } from './memory.ts'

const MIB = 1024 * 1024
const limits = { maxRequestsBytes: 10 * MIB, maxUnsentBytes: 4 * MIB }

test('over the bound, connections with much wait, those with little are read, and room wakes the waiting', () => {
  const memory = new Memory(limits)
  let woken = 0
  const goOn = () => void woken++
  memory.changeRequests(10 * MIB)
  assert.equal(memory.mayRead(9 * MIB, goOn), true)
  memory.changeRequests(1)
  assert.equal(memory.mayRead(9 * MIB, goOn), false)
  assert.equal(memory.mayRead(1000, goOn), true)
  memory.changeRequests(1)
  memory.changeRequests(-1)
  assert.equal(woken, 0)
  memory.changeRequests(-1)
  assert.equal(woken, 1)
  memory.changeRequests(-1)
  assert.equal(woken, 1)
})

test('a connection that closed is not woken', () => {
  const memory = new Memory(limits)
  const goOn = () => assert.fail('It was woken')
  memory.changeRequests(11 * MIB)
  memory.mayRead(9 * MIB, goOn)
  memory.forget(goOn)
  memory.changeRequests(-11 * MIB)
})

test('answers get short while clients do not take theirs', () => {
  const memory = new Memory(limits)
  assert.equal(memory.answerBytes(), 4 * MIB)
  memory.changeUnsent(3 * MIB)
  assert.equal(memory.answerBytes(), MIB)
  memory.changeUnsent(3 * MIB)
  assert.equal(memory.answerBytes(), 64 * 1024)
  memory.changeUnsent(-6 * MIB)
  assert.equal(memory.answerBytes(), 4 * MIB)
})
