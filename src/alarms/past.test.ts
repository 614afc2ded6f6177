import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlarmDecoder } from '../flow/alarm-entries.ts'
import { ViewRun } from '../flow/views.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { topicSpec } from '../log/topics.ts'
import { ALARM_ACTIONS, ALARM_PRIORITIES, type AlarmTransition } from '../model/alarm.ts'
import { systemClock, type Clock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom, type Random } from '../system/random.ts'
import { Alarms } from './alarms.ts'
import { alarmsAt } from './past.ts'
import { standingPage } from './standing.ts'
import { stepRecord } from './step-record.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'
import { until } from '../../test/until.ts'

const SITE = 'acme/berlin'
const TOPIC = 'acme.berlin.alarms'
const T0 = 1_732_287_000_000
const { signal } = new AbortController()

async function emptyLog(): Promise<MemoryLog> {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([topicSpec(SITE, 'alarms', 3)])
  return log
}

function randomStep(random: Random, time: number): AlarmTransition {
  const action = ALARM_ACTIONS[random.integer(ALARM_ACTIONS.length)]!
  return {
    asset: `acme/berlin/line${random.integer(6)}`,
    alarm: `alarm${random.integer(2)}`,
    action: random.next() < 0.4 ? 'raise' : action,
    time: time - random.integer(30_000),
    priority: ALARM_PRIORITIES[random.integer(4)]!,
    latch: random.integer(3) === 0,
    ...(action === 'shelve' && { until: time + random.integer(500_000), by: 'ann' }),
  }
}

/** The view as it was at a moment: it has taken what the hub had been told by then, and its clock stands still. */
async function viewAt(steps: readonly (readonly [AlarmTransition, number, string])[], time: number) {
  const log = await emptyLog()
  for (const [step, received, cause] of steps)
    if (received <= time) await log.append(TOPIC, [stepRecord(step, received, cause)])
  const directory = await temporaryFolder('past')
  const clock: Clock = { ...systemClock, now: () => time, every: () => ({ cancel() {} }) }
  const system = { clock, disk: fileDisk, logger: silentLogger, metrics: new Metrics(), random: seededRandom(1) }
  const alarms = new Alarms({ site: SITE, directory, system })
  await alarms.open()
  const running = { ...system, clock: systemClock }
  const run = new ViewRun(alarms, { log, topics: [TOPIC], decoder: new AlarmDecoder(running), system: running })
  const stop = new AbortController()
  const ended = run.run(stop.signal)
  await until(() => run.caughtUp)
  stop.abort()
  await ended
  return alarms
}

test('at any moment they are what the view showed then', async (t) => {
  const seed = Number(process.env['SEED'] ?? 1 + Math.floor(Math.random() * 1e9))
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  const log = await emptyLog()
  const steps: (readonly [AlarmTransition, number, string])[] = []
  for (let count = 0; count < 300; count++) {
    const received = T0 + count * 20_000
    const step = [randomStep(random, received), received, random.integer(4) === 0 ? 'again' : `c${count}`] as const
    steps.push(step)
    await log.append(TOPIC, [stepRecord(...step)])
  }
  for (let round = 0; round < 15; round++) {
    const time = T0 + random.integer(300 * 20_000)
    const view = await viewAt(steps, time)
    for (const filter of [{}, { assets: 'line1', priorities: ['high', 'critical'] as const }]) {
      const { standing, knownFrom } = await alarmsAt({ log, topic: TOPIC, site: SITE }, time, filter, signal)
      assert.equal(knownFrom, undefined)
      assert.deepEqual(standingPage(standing, { limit: 100 }), view.standing({ ...filter, limit: 100 }))
    }
  }
})

test('where older steps are too many to be read, it is said from when on they were', async () => {
  const log = await emptyLog()
  for (let count = 0; count < 40; count++) {
    const step = { asset: 'acme/berlin/line1', alarm: `a${count}`, action: 'raise', time: T0 } as const
    await log.append(TOPIC, [stepRecord(step, T0 + count)])
  }
  const options = { log, topic: TOPIC, site: SITE, mostSteps: 30 }
  const { standing, knownFrom } = await alarmsAt(options, T0 + 39, {}, signal)
  assert.deepEqual([standing.length, knownFrom], [10, T0 + 30])
  const earlier = await alarmsAt(options, T0 + 4, {}, signal)
  assert.deepEqual([earlier.standing.length, earlier.knownFrom], [5, undefined])
})

test('what is no step of an alarm is passed over', async () => {
  const log = await emptyLog()
  await log.append(TOPIC, [{ key: 'x', value: 'none of ours', timestamp: T0 }])
  assert.deepEqual(await alarmsAt({ log, topic: TOPIC, site: SITE }, T0, {}, signal), { standing: [] })
})
