import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import { test } from 'node:test'
import { aborted, LongWork, unlessAborted, within } from './wait.ts'

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

test('work that outlasts a thousand waits carries the mark of one', async (t) => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const marks = t.mock.method(promise, 'then').mock
  const work = new LongWork(promise)
  const { signal } = new AbortController()
  for (let wait = 0; wait < 1000; wait++)
    assert.equal(await work.within(1, { sleep: () => Promise.resolve() }, signal), false)
  assert.equal(marks.callCount(), 1)
  assert.equal(getEventListeners(signal, 'abort').length, 0)
  const clock = handClock()
  const last = work.within(50, clock, signal)
  resolve(7)
  assert.equal(await last, true)
  assert.equal(clock.sleeps[0]!.signal.aborted, true)
  assert.equal(await work.within(50, clock, signal), true)
  assert.equal(await work.result, 7)
})

test('an abort ends a wait for long work, and work that fails is done', async () => {
  const stop = new AbortController()
  const work = new LongWork(new Promise<never>(() => {}))
  const waiting = work.within(50, handClock(), stop.signal)
  stop.abort()
  assert.equal(await waiting, false)
  assert.equal(await work.within(50, handClock(), stop.signal), false)
  const failed = new LongWork(Promise.reject(new Error('no')))
  assert.equal(await failed.within(50, handClock(), new AbortController().signal), true)
  await assert.rejects(failed.result, /no/)
})

test('work or an abort, whichever comes first, and nothing is left on the signal', async () => {
  const stop = new AbortController()
  for (let time = 0; time < 20; time++) assert.equal(await unlessAborted(Promise.resolve(7), stop.signal), 7)
  await assert.rejects(unlessAborted(Promise.reject(new Error('no')), stop.signal), /no/)
  assert.equal(getEventListeners(stop.signal, 'abort').length, 0)
  const waiting = unlessAborted(new Promise(() => {}), stop.signal)
  stop.abort()
  assert.equal(await waiting, undefined)
  assert.equal(await unlessAborted(Promise.reject(new Error('nobody hears')), stop.signal), undefined)
})
