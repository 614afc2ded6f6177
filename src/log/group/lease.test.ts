import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../../test/mqtt/manual-clock.ts'
import { Lease } from './lease.ts'

function bench() {
  const clock = new ManualClock()
  const expired: number[] = []
  const lease = new Lease({
    clock,
    sessionMs: 6_000,
    rebalanceMs: 10_000,
    onExpired: () => expired.push(clock.monotonic()),
  })
  const sent = clock.monotonic()
  return { clock, expired, lease, sent }
}

test('a lease ends a session after the last answered request was sent, and `lost` comes a twentieth earlier', () => {
  const { clock, expired, lease, sent } = bench()
  assert.equal(lease.until, 0)
  lease.settle(sent)
  clock.advance(1_000)
  const lost = lease.begin()
  assert.equal(lease.until, sent + 6_000)
  clock.advance(4_699)
  assert.equal(lost.aborted, false)
  clock.advance(1)
  assert.equal(lost.aborted, true)
  assert.equal(lease.until, 0)
  assert.deepEqual(expired, [sent + 5_700])
})

test('what is over is lost before whatever else is due, so that a thread that was late lets go before others begin', () => {
  const { clock, lease, sent } = bench()
  lease.settle(sent)
  const lost = lease.begin()
  const seen: boolean[] = []
  clock.after(5_700, () => seen.push(lost.aborted))
  clock.advance(5_700)
  assert.deepEqual(seen, [true])
})

test('an answer counts from when its request was sent; an older one takes nothing back', () => {
  const { clock, lease, sent } = bench()
  lease.settle(sent)
  const lost = lease.begin()
  clock.advance(3_000)
  lease.settle(sent + 2_000)
  lease.settle(sent + 1_000)
  assert.equal(lease.until, sent + 8_000)
  clock.advance(4_600)
  assert.equal(lost.aborted, false)
  clock.advance(100)
  assert.equal(lost.aborted, true)
})

test('who is asked to join anew and does not get there is out after the rebalance timeout, whatever heartbeats say', () => {
  const { clock, lease, sent } = bench()
  lease.settle(sent)
  const lost = lease.begin()
  for (let at = 1_000; at <= 9_000; at += 1_000) {
    clock.advance(1_000)
    lease.renew(sent + at)
  }
  assert.equal(lease.until, sent + 10_000)
  assert.equal(lost.aborted, false)
  clock.advance(700)
  assert.equal(lost.aborted, true)
})

test('generations of one tenure share a signal; after a loss it is a new one', () => {
  const { clock, expired, lease, sent } = bench()
  lease.settle(sent)
  const first = lease.begin()
  assert.equal(lease.begin(), first)
  lease.lose()
  assert.equal(first.aborted, true)
  assert.equal(lease.until, 0)
  const second = lease.begin()
  assert.equal(second.aborted, false)
  assert.equal(lease.until, sent + 6_000)
  clock.advance(5_700)
  assert.deepEqual(expired, [sent + 5_700])
})
