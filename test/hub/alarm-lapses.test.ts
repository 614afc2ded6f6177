import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { runAlarms, type Alarming } from '../../src/alarming.ts'
import { stepRecord } from '../../src/alarms/step-record.ts'
import type { Plant } from '../../src/config/plant.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import type { AlarmTransition } from '../../src/model/alarm.ts'
import { systemClock } from '../../src/system/clock.ts'
import { testSystem } from '../api/server.ts'
import { dataDirectory } from './lives.ts'
import { until as waitUntil } from '../until.ts'

/** Hubs that share a log: one of them writes down that a shelving is over, and twice is once. */

const TOPIC = 'acme.berlin.alarms'
const OVEN = 'acme/berlin/oven1'

async function hub(t: TestContext, log: MemoryLog, leads: boolean): Promise<Alarming> {
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  const plant = { site: 'acme/berlin' } as Plant
  const directory = await dataDirectory()
  return runAlarms({ plant, dataDirectory: directory, log, leads: () => leads, system: testSystem() }, stack)
}

async function shelvedLog() {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([
    { name: TOPIC, partitions: 1 },
    { name: 'acme.berlin.alarms-current', partitions: 1, cleanup: 'compact' },
  ])
  const now = systemClock.now()
  const about = { asset: OVEN, alarm: 'hot' }
  const until = now + 100
  const steps: AlarmTransition[] = [
    { ...about, action: 'raise', time: now, priority: 'high', message: 'hot' },
    { ...about, action: 'shelve', time: now, by: 'anna', until },
  ]
  await log.append(
    TOPIC,
    steps.map((step) => stepRecord(step, now)),
  )
  return { log, until }
}

async function endOf(log: MemoryLog): Promise<number> {
  return (await log.ends(TOPIC))[0]!.end
}

test('only the hub that leads writes that a shelving is over; the others know it all the same', async (t) => {
  const { log } = await shelvedLog()
  const follower = await hub(t, log, false)
  const state = () => follower.views.standing({ limit: 1 }).alarms[0]?.state
  // Its time is over though nobody has written that down: more than one turn of the timer passes.
  await waitUntil(() => state() === 'unacknowledged')
  await sleep(1_500)
  assert.equal(await endOf(log), 2)
  await hub(t, log, true)
  await waitUntil(async () => (await endOf(log)) >= 3)
  await waitUntil(() => follower.views.journal({ limit: 5 }).entries.length >= 3)
  assert.equal(state(), 'unacknowledged')
})

test('a second hub that believes to lead writes the same step, and it counts once', async (t) => {
  const { log, until } = await shelvedLog()
  const { views } = await hub(t, log, true)
  await waitUntil(async () => (await endOf(log)) >= 3)
  const about = { asset: OVEN, alarm: 'hot', by: 'hub', time: until }
  const now = systemClock.now()
  await log.append(TOPIC, [
    stepRecord({ ...about, action: 'unshelve' }, now, `unshelve/${OVEN}/hot/${until}`),
    stepRecord({ ...about, action: 'acknowledge', by: 'anna' }, now),
  ])
  await waitUntil(() => views.standing({ limit: 1 }).alarms[0]?.state === 'acknowledged')
  const { entries } = views.journal({ limit: 10 })
  assert.deepEqual(entries.map(({ action }) => action).reverse(), ['raise', 'shelve', 'unshelve', 'acknowledge'])
})
