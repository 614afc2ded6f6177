import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metrics } from '../system/metrics.ts'
import { Book, emptyBook } from './book.ts'
import { Gaps } from './gaps.ts'

test('received is the sum of all fates and what is in flight, at every moment', () => {
  const book = new Book(emptyBook('cars'), new Metrics())
  assert.equal(book.handOver(5), 1)
  assert.equal(book.handOver(2), 6)
  assert.deepEqual(pick(book), { received: 7, stored: 0, inFlight: 7, balanced: true })
  book.settle({
    count: 5,
    stored: 2,
    quarantined: 1,
    letGo: [
      { seq: 2, kind: 'dropped', why: 'retained' },
      { seq: 4, kind: 'not-stored', why: 'LOG_FULL' },
    ],
  })
  const { dropped, droppedBy, quarantined, unacknowledged, lastSeq } = book.summary()
  assert.deepEqual(pick(book), { received: 7, stored: 2, inFlight: 2, balanced: true })
  assert.deepEqual(
    { dropped, droppedBy, quarantined, unacknowledged, lastSeq },
    {
      dropped: 1,
      droppedBy: { retained: 1 },
      quarantined: 1,
      unacknowledged: 1,
      lastSeq: 7,
    },
  )
})

test('fates that do not add up are our bug', () => {
  const book = new Book(emptyBook('cars'), new Metrics())
  book.handOver(2)
  assert.throws(() => book.settle({ count: 2, stored: 1, quarantined: 0, letGo: [] }), { name: 'AssertionError' })
})

test('a mark is the book as of the number given last, without what came after', async () => {
  const book = new Book(emptyBook('cars'), new Metrics())
  book.handOver(1)
  book.handOver(2)
  const marked = book.mark(1000)
  book.handOver(10)
  book.settle({ count: 1, stored: 1, quarantined: 0, letGo: [] })
  const early = await Promise.race([marked, Promise.resolve('still waiting')])
  assert.equal(early, 'still waiting')
  book.settle({ count: 2, stored: 1, quarantined: 0, letGo: [{ seq: 3, kind: 'dropped', why: 'expired' }] })
  book.settle({ count: 10, stored: 9, quarantined: 0, letGo: [{ seq: 4, kind: 'dropped', why: 'expired' }] })
  const { state, gaps } = await marked
  assert.deepEqual(state, {
    source: 'cars',
    epoch: 1,
    seq: 3,
    stored: 2,
    quarantined: 0,
    droppedBy: new Map([['expired', 1]]),
    unacknowledged: 0,
    duplicates: 0,
  })
  assert.deepEqual(
    gaps.map(({ policy, from, to, count, at }) => ({ policy, from, to, count, at })),
    [{ policy: 'expired', from: 3, to: 3, count: 1, at: 1000 }],
  )
})

test('gaps are one record a policy and reason, with runs of numbers and a sample of the first', () => {
  const gaps = new Gaps('cars')
  const payload = Buffer.alloc(1000, 'x')
  for (const seq of [3, 4, 5, 9]) gaps.add({ seq, kind: 'dropped', why: 'expired', address: `t/${seq}`, payload })
  gaps.add({ seq: 10, kind: 'not-stored', why: 'LOG_FULL' })
  assert.deepEqual(gaps.take(7), [
    {
      source: 'cars',
      kind: 'dropped',
      policy: 'expired',
      reason: 'dropped by policy "expired"',
      from: 3,
      to: 9,
      count: 4,
      ranges: [
        [3, 5],
        [9, 9],
      ],
      address: 't/3',
      sample: payload.subarray(0, 256).toString('base64'),
      at: 7,
    },
    { source: 'cars', kind: 'not-stored', reason: 'not stored: LOG_FULL', from: 10, to: 10, count: 1, at: 7 },
  ])
  assert.deepEqual(gaps.take(8), [])
})

test('a gap record stays small, and too many runs stop the intake', () => {
  const gaps = new Gaps('cars')
  for (let seq = 2; seq <= 2 * 499_999; seq += 2) gaps.add({ seq, kind: 'dropped', why: 'expired' })
  assert.equal(gaps.crowded, false)
  gaps.add({ seq: 2_000_000, kind: 'dropped', why: 'expired' })
  assert.equal(gaps.crowded, true)
  const records = gaps.take(1)
  assert.equal(records.length, 50)
  assert.ok(records.every((record) => JSON.stringify(record).length < 500_000))
  assert.equal(gaps.crowded, false)
  assert.equal(
    records.reduce((count, record) => count + record.count, 0),
    500_000,
  )
})

function pick(book: Book) {
  const { received, stored, inFlight, balanced } = book.summary()
  return { received, stored, inFlight, balanced }
}
