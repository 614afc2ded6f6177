import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Subscription, type Update } from './subscription.ts'

const NAMES = { id: 's', clientId: 'c', caller: undefined, displayName: 's' }

function subscription(queuedValues: number): Subscription {
  return new Subscription({ ...NAMES, queuedValues }, 0)
}

function update(value: number): Update {
  return { elementId: 'a/b#c', value, quality: 'Good', timestamp: '2026-01-31T08:00:00Z' }
}

test('a full queue lets the oldest go: it says so until that is acknowledged, and the numbers leave a gap', () => {
  const queue = subscription(3)
  for (const value of [1, 2]) queue.queue(update(value), 1)
  assert.deepEqual(numbersOf(queue.sync(undefined)), { isPartial: false, batches: [[1, [1, 2]]] })
  for (const value of [3, 4, 5, 6, 7]) queue.queue(update(value), 1)
  // 1 and 2 had number 1; 3 and 4 had none: numbers 2 and 3 are theirs.
  assert.deepEqual(numbersOf(queue.sync(1)), { isPartial: true, batches: [[4, [5, 6, 7]]] })
  assert.deepEqual(numbersOf(queue.sync(undefined)), { isPartial: true, batches: [[4, [5, 6, 7]]] })
  assert.deepEqual(numbersOf(queue.sync(4)), { isPartial: false, batches: [] })
})

test('one change that is more than the queue holds is kept all the same', () => {
  const queue = subscription(3)
  queue.queue(update(1), 1)
  queue.queue(update(2), 100)
  assert.deepEqual(numbersOf(queue.sync(undefined)), { isPartial: true, batches: [[2, [2]]] })
})

test('a stream takes what waits, and each change once; a slow one lets it wait', () => {
  const queue = subscription(2)
  const sent: unknown[] = []
  const stream = {
    isReady: false,
    send: (updates: readonly Update[], dropped: number) => void sent.push([updates.map(({ value }) => value), dropped]),
    end: () => void sent.push('end'),
  }
  for (const value of [1, 2, 3]) queue.queue(update(value), 1)
  queue.attach(stream)
  assert.deepEqual(sent, [])
  assert.throws(() => queue.sync(undefined), { code: 'BAD_REQUEST' })
  stream.isReady = true
  queue.flush()
  queue.flush()
  assert.deepEqual(sent, [[[2, 3], 1]])
  queue.detach(stream, 1)
  assert.deepEqual(numbersOf(queue.sync(undefined)), { isPartial: false, batches: [] })
})

test('whatever is queued and acknowledged: nothing comes twice, out of order, or is missing without a word', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('queue' as const), weight: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('sync' as const), isHeard: fc.boolean() }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (steps, most) => {
      const queue = subscription(most)
      let next = 0
      let acknowledged: number | undefined
      const heard: number[] = []
      let told = false
      for (const one of steps) {
        if (one.kind === 'queue') queue.queue(update((next += 1)), one.weight)
        else {
          const { batches, isPartial } = queue.sync(acknowledged)
          told ||= isPartial
          const values = batches.flatMap(({ updates }) => updates.map(({ value }) => value as number))
          assert.deepEqual(
            values,
            [...values].sort((a, b) => a - b),
          )
          assert.ok(values.every((value) => !heard.includes(value)))
          // A client that heard the answer acknowledges it with the next one.
          if (one.isHeard && batches.length > 0) {
            acknowledged = batches.at(-1)!.sequenceNumber
            heard.push(...values)
          }
        }
      }
      const last = queue.sync(acknowledged)
      told ||= last.isPartial
      heard.push(...last.batches.flatMap(({ updates }) => updates.map(({ value }) => value as number)))
      assert.ok(told || heard.length === next, `${heard.length} of ${next}`)
    }),
    { numRuns: 500 },
  )
})

function numbersOf({ batches, isPartial }: ReturnType<Subscription['sync']>) {
  return {
    isPartial,
    batches: batches.map(({ sequenceNumber, updates }) => [sequenceNumber, updates.map(({ value }) => value)]),
  }
}
