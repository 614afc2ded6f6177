import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { aborted, within } from './wait.ts'

/** A clock whose sleeps end when they are told to, or are called off. */
function handClock() {
  const sleeps: { readonly ms: number; readonly end: () => void; readonly signal: AbortSignal }[] = []
  const sleep = (ms: number, signal?: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    signal!.addEventListener('abort', () => reject(signal!.reason as Error))
    sleeps.push({ ms, end: resolve, signal: signal! })
    return promise
  }
  return { sleep, sleeps }
}

test('a wait for work says whether it was done in time, and calls its clock off', async () => {
  const clock = handClock()
  assert.equal(await within(50, Promise.resolve(7), clock), true)
  const late = within(60, new Promise(() => {}), clock)
  clock.sleeps[1]!.end()
  assert.equal(await late, false)
  await assert.rejects(within(70, Promise.reject(new Error('no')), clock), /no/)
  assert.deepEqual(
    clock.sleeps.map(({ ms, signal }) => [ms, signal.aborted]),
    [
      [50, true],
      [60, true],
      [70, true],
    ],
  )
})

test('an abort is waited for, also one that has been', async () => {
  const controller = new AbortController()
  const waiting = aborted(controller.signal)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 1)
  controller.abort()
  await waiting
  await aborted(controller.signal)
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0)
})
