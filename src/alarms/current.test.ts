import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MemoryLog } from '../log/memory/memory-log.ts'
import type { AlarmAction } from '../model/alarm.ts'
import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { textOf } from '../system/text.ts'
import { Alarms } from './alarms.ts'
import { CurrentAlarms } from './current.ts'
import { until } from '../../test/until.ts'

const TOPIC = 'acme.berlin.alarms-current'
const T0 = 1_732_287_000_000
const system = { clock: systemClock, disk: fileDisk, logger: silentLogger }

/** A hub's alarms, and what keeps the topic by them. */
async function hub(t: TestContext, log: MemoryLog) {
  const directory = await mkdtemp(join(tmpdir(), 'alarms-'))
  const alarms = new Alarms({ site: 'acme/berlin', directory, system })
  await alarms.open()
  const role = { isDue: true }
  const stop = new AbortController()
  const current = new CurrentAlarms({ log, topic: TOPIC, alarms, isDue: () => role.isDue, system })
  const ended = current.run(stop.signal)
  t.after(async () => {
    stop.abort()
    await ended
    await alarms.close()
    await rm(directory, { recursive: true })
  })
  let offset = 0
  const take = (asset: string, action: AlarmAction) => {
    const transition = { asset, alarm: 'hot', action, time: T0 + offset, by: 'anna' }
    const entries = [{ offset: offset++, transition, cause: '', receivedTime: T0 + offset }]
    alarms.take({ topic: 'acme.berlin.alarms', partition: 0, entries, nextOffset: offset, skipped: 0 })
  }
  return { take, role }
}

async function openLog(): Promise<MemoryLog> {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: TOPIC, partitions: 1, cleanup: 'compact' }])
  return log
}

/** What the topic holds once it is compacted: state by key. */
async function held(log: MemoryLog): Promise<{ [key: string]: string }> {
  const found = new Map<string, string>()
  const start = [{ topic: TOPIC, partition: 0, offset: 0 }]
  for await (const { records } of log.read(start, { signal: new AbortController().signal, untilEnd: true })) {
    for (const { key, value } of records) {
      if (value === null) found.delete(textOf(key!))
      else found.set(textOf(key!), (JSON.parse(textOf(value)) as { state: string }).state)
    }
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Waits until the topic says so, then looks that nothing more is written. */
async function settles(log: MemoryLog, wanted: { [key: string]: string }): Promise<void> {
  const text = JSON.stringify(wanted)
  await until(async () => JSON.stringify(await held(log)) === text)
  const before = await log.ends(TOPIC)
  await systemClock.sleep(600)
  assert.deepEqual(await log.ends(TOPIC), before)
}

test('the topic holds what is not normal, and a tombstone for what is normal again', async (t) => {
  const log = await openLog()
  const { take } = await hub(t, log)
  take('acme/berlin/oven1', 'raise')
  take('acme/berlin/oven2', 'raise')
  await settles(log, { 'acme/berlin/oven1#hot': 'unacknowledged', 'acme/berlin/oven2#hot': 'unacknowledged' })
  take('acme/berlin/oven1', 'acknowledge')
  await settles(log, { 'acme/berlin/oven1#hot': 'acknowledged', 'acme/berlin/oven2#hot': 'unacknowledged' })
  take('acme/berlin/oven1', 'clear')
  await settles(log, { 'acme/berlin/oven2#hot': 'unacknowledged' })
})

test('who takes over puts right what is there, and what a stranger or a late former writer has said', async (t) => {
  const log = await openLog()
  await log.append(TOPIC, [
    { key: 'acme/berlin/oven9#hot', value: '{"state":"unacknowledged"}', timestamp: T0 },
    { key: 'acme/berlin/oven1#hot', value: '{"state":"acknowledged"}', timestamp: T0 },
  ])
  const { take, role } = await hub(t, log)
  role.isDue = false
  take('acme/berlin/oven1', 'raise')
  await settles(log, { 'acme/berlin/oven1#hot': 'acknowledged', 'acme/berlin/oven9#hot': 'unacknowledged' })
  role.isDue = true
  await settles(log, { 'acme/berlin/oven1#hot': 'unacknowledged' })
  await log.append(TOPIC, [{ key: 'acme/berlin/oven1#hot', value: null, timestamp: T0 }])
  await settles(log, { 'acme/berlin/oven1#hot': 'unacknowledged' })
})
