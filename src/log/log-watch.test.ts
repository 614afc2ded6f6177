import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../test/mqtt/manual-clock.ts'
import { createLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { LogError, type Log, type LogState } from './log.ts'
import { LogWatch } from './log-watch.ts'

function watched() {
  const clock = new ManualClock()
  const said: string[] = []
  const logger = createLogger({
    level: 'info',
    format: 'text',
    now: () => 0,
    write: (line) => said.push(line.slice(13)),
  })
  const metrics = new Metrics()
  const now: { -readonly [name in keyof LogState]: LogState[name] } = { connected: true, pendingBytes: 0 }
  const log = { state: () => now } as Log
  const watch = new LogWatch({ log, system: { clock, logger, metrics } })
  const stop = watch.start()
  return { clock, said, metrics, now, watch, stop }
}

const FULL = new LogError('LOG_FULL', 'Cannot append: no room', { retriable: true })

test('a log that cannot store is an alarm within a second, said once, and once when it is well again', () => {
  const { clock, said, metrics, now, watch, stop } = watched()
  clock.advance(5_000)
  assert.equal(watch.health().state, 'live')
  now.lastError = FULL
  now.pendingBytes = 7
  clock.advance(1_000)
  const { state, reason, since } = watch.health()
  assert.deepEqual([state, /disk is full/.test(reason), clock.now() - since < 1_000], ['failed', true, true])
  assert.match(metrics.expose(), /millrace_log_up 0\n[^]*millrace_log_pending_bytes 7\n/)
  clock.advance(3_600_000)
  assert.equal(watch.health().since, since)
  assert.equal(said.length, 1)
  delete now.lastError
  clock.advance(2_000)
  assert.equal(watch.health().state, 'live')
  assert.match(said[1]!, /The log stores again afterMs=360\d{4}$/)
  assert.equal(said.length, 2)
  stop()
})

test('a fault of a moment is no alarm, and one that flickers is one alarm', () => {
  const { clock, said, now, watch } = watched()
  now.connected = false
  clock.advance(1_900)
  now.connected = true
  clock.advance(5_000)
  now.lastError = FULL
  clock.advance(200)
  delete now.lastError
  clock.advance(5_000)
  assert.deepEqual([watch.health().state, said.length], ['live', 0])
  now.lastError = FULL
  clock.advance(500)
  for (let i = 0; i < 100; i += 1) {
    delete now.lastError
    clock.advance(700)
    now.lastError = FULL
    clock.advance(700)
  }
  assert.deepEqual([watch.health().state, said.length], ['failed', 1])
})

test('a log that does not answer is down, and failed once it says that it is full', () => {
  const { clock, now, watch } = watched()
  now.connected = false
  clock.advance(2_100)
  assert.equal(watch.health().state, 'down')
  now.connected = true
  now.lastError = FULL
  clock.advance(1_000)
  assert.equal(watch.health().state, 'failed')
})

test('credentials that are refused are for somebody to mend, and said so', () => {
  const { clock, said, now, watch, stop } = watched()
  now.connected = false
  now.lastError = new LogError('LOG_NOT_AUTHENTICATED', 'Cannot log in: no', { retriable: false })
  clock.advance(1_000)
  assert.equal(watch.health().state, 'failed')
  assert.deepEqual(said, [
    'error The log does not take our credentials; nothing is acknowledged until it does error="Cannot log in: no"',
  ])
  stop()
})
