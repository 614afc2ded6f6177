import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../system/clock.ts'
import { conformance } from '../conformance.ts'
import { groupsConformance } from '../groups-conformance.ts'
import { LogError } from '../log.ts'
import { MemoryLog } from './memory-log.ts'
import { MemoryStore } from './memory-store.ts'

conformance(
  'memory',
  async () => {
    const store = new MemoryStore()
    const admin = new MemoryLog({ clock: systemClock, store })
    return {
      open: async (options) => new MemoryLog({ clock: systemClock, store, flushMs: 1, ...options }),
      trim: async (topic, partition, offset) => admin.trim(topic, partition, offset),
      stop: () => admin.close(),
    }
  },
  { trims: true },
)

groupsConformance('memory', 1_000, async () => {
  const store = new MemoryStore()
  return {
    open: async () => new MemoryLog({ clock: systemClock, store, flushMs: 1 }),
    async openCuttable() {
      const log = new MemoryLog({ clock: systemClock, store, flushMs: 1 })
      return { log, cut: () => log.hang(true), heal: () => log.hang(false) }
    },
    stop: async () => {},
  }
})

test('a crash loses what was not flushed, and only that', async () => {
  const store = new MemoryStore()
  const log = new MemoryLog({ clock: systemClock, store, autoFlush: false })
  await log.ensure([{ name: 't', partitions: 1 }])
  const kept = log.append('t', [{ key: 'a', value: 'kept', timestamp: 1 }])
  log.flush()
  assert.deepEqual(await kept, [{ partition: 0, nextOffset: 1, count: 1 }])
  const lost = log.append('t', [{ key: 'a', value: 'lost', timestamp: 2 }])
  assert.deepEqual(await log.ends('t'), [{ partition: 0, start: 0, end: 1 }])
  log.crash()
  await assert.rejects(lost, { code: 'LOG_UNAVAILABLE', retriable: true })
  await assert.rejects(log.append('t', []), { code: 'LOG_CLOSED' })

  const again = new MemoryLog({ clock: systemClock, store })
  assert.deepEqual(await again.append('t', [{ key: 'a', value: 'next', timestamp: 3 }]), [
    { partition: 0, nextOffset: 2, count: 1 },
  ])
})

test('a refusal lasts until it is lifted and shows in the state', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: 't', partitions: 1 }])
  const full = new LogError('LOG_FULL', 'Cannot append: the disk is full', { retriable: true })
  log.refuse(full)
  await assert.rejects(log.append('t', [{ key: 'a', value: 'x', timestamp: 1 }]), full)
  assert.equal(log.state().lastError, full)
  log.refuse(undefined)
  await log.append('t', [{ key: 'a', value: 'x', timestamp: 1 }])
  assert.deepEqual(log.state(), { connected: true, pendingBytes: 0 })
})
