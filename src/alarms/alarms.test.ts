import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ALARM_ACTIONS, ALARM_PRIORITIES, type AlarmAction, type AlarmTransition } from '../model/alarm.ts'
import type { Clock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { seededRandom } from '../system/random.ts'
import { Alarms, type AlarmEntry } from './alarms.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'

const TOPIC = 'acme.berlin.alarms'
const T0 = 1_732_287_000_000
const MINUTE = 60_000

/** Time that moves when the test says so; timers never fire. */
class HandClock implements Clock {
  wall = T0
  now = () => this.wall
  monotonic = () => this.wall
  sleep = () => Promise.resolve()
  after = () => ({ cancel() {} })
  every = () => ({ cancel() {} })
}

async function folder(): Promise<string> {
  return temporaryFolder('alarms')
}

async function open(directory: string, clock = new HandClock()) {
  const alarms = new Alarms({ site: 'acme/berlin', directory, system: { clock, disk: fileDisk, logger: silentLogger } })
  await alarms.open()
  return { alarms, clock }
}

let offset = 0

function entry(
  action: AlarmAction,
  time: number,
  more: Partial<AlarmTransition> & { cause?: string } = {},
): AlarmEntry {
  const { cause = '', ...rest } = more
  const transition = { asset: 'acme/berlin/press-shop/line1/press7', alarm: 'hot', action, time, ...rest }
  return { offset: offset++, transition, cause, receivedTime: time + 1 }
}

function take(alarms: Alarms, entries: readonly AlarmEntry[], nextOffset = offset, partition = 0): void {
  alarms.take({ topic: TOPIC, partition, entries, nextOffset, skipped: 0 })
}

/** Steps of alarms of some assets, each in a partition of its own, with repeats as after a crash. */
function randomLog(seed: number, records: number): AlarmEntry[][] {
  const random = seededRandom(seed)
  const partitions: AlarmEntry[][] = [[], [], []]
  for (let count = 0; count < records; count++) {
    const place = random.integer(6)
    const entries = partitions[place % 3]!
    const repeated = random.integer(10) === 0 ? entries.at(-1 - random.integer(4)) : undefined
    const time = T0 + count * 20_000 + random.integer(40_000)
    const action = ALARM_ACTIONS[random.integer(ALARM_ACTIONS.length)]!
    const transition: AlarmTransition = {
      asset: `acme/berlin/line${place}`,
      alarm: `alarm${random.integer(2)}`,
      action,
      time,
      priority: ALARM_PRIORITIES[random.integer(4)]!,
      latch: random.integer(3) === 0,
      ...(action === 'shelve' && { until: time + random.integer(500_000), by: 'ann' }),
      ...(random.integer(5) === 0 && { comment: `comment ${count}`, by: 'bob' }),
    }
    const fresh = { transition, cause: random.integer(3) === 0 ? '' : `c${count}`, receivedTime: time }
    entries.push({ ...(repeated ?? fresh), offset: entries.length })
  }
  return partitions
}

async function bytesOf(alarms: Alarms, directory: string): Promise<Buffer> {
  await alarms.save()
  return readFile(join(directory, 'alarms.snapshot'))
}

test('rebuilt from the log, in whatever order of partitions and with stops anywhere, the file is the same to the byte', async (t) => {
  const seed = Number(process.env['SEED'] ?? 1 + Math.floor(Math.random() * 1e9))
  t.diagnostic(`seed ${seed}`)
  const random = seededRandom(seed)
  for (let round = 0; round < 20; round++) {
    const log = randomLog(random.integer(1e9), 400)
    const directory = await folder()
    const { alarms: whole } = await open(directory)
    log.forEach((entries, partition) => take(whole, entries, entries.length, partition))
    const expected = await bytesOf(whole, directory)

    const other = await folder()
    let { alarms } = await open(other)
    const at = log.map(() => 0)
    while (at.some((next, partition) => next < log[partition]!.length)) {
      const partition = random.integer(log.length)
      const from = at[partition]!
      const to = Math.min(log[partition]!.length, from + random.integer(30))
      take(alarms, log[partition]!.slice(from, to), to, partition)
      at[partition] = to
      if (random.integer(5) > 0) continue
      await alarms.close()
      alarms = (await open(other)).alarms
      for (const position of alarms.positions()) assert.equal(position.offset, at[position.partition])
    }
    assert.equal((await bytesOf(alarms, other)).toString(), expected.toString())
  }
})

test('a step that comes again with its cause is the same step', async () => {
  const { alarms } = await open(await folder())
  const steps = [
    entry('raise', T0, { cause: 'c/1' }),
    entry('clear', T0 + 1, { cause: 'c/2' }),
    entry('raise', T0, { cause: 'c/1' }),
    entry('clear', T0 + 1, { cause: 'c/2' }),
    entry('raise', T0 + 2, { cause: 'c/3' }),
  ]
  take(alarms, steps)
  const alarm = alarms.get('acme/berlin/press-shop/line1/press7', 'hot')
  assert.deepEqual([alarm?.occurrences, alarm?.state], [2, 'unacknowledged'])
  assert.equal(alarms.journal({ limit: 10 }).entries.length, 3)
  assert.equal(alarms.metrics(T0 - MINUTE, T0 + MINUTE).alarms, 2)
})

test('standing alarms: those that want an answer first', async () => {
  const { alarms } = await open(await folder())
  const of = (name: string) => ({ asset: `acme/berlin/press-shop/line1/${name}` })
  take(alarms, [
    entry('raise', T0, { ...of('a'), priority: 'low' }),
    entry('raise', T0 + 1, { ...of('b'), priority: 'critical' }),
    entry('acknowledge', T0 + 2, { ...of('b'), by: 'ann' }),
    entry('raise', T0 + 3, { ...of('c'), priority: 'high' }),
    entry('raise', T0 + 4, { ...of('d'), priority: 'high' }),
    entry('raise', T0 + 5, { asset: 'acme/berlin/paint/e' }),
    entry('raise', T0 + 6, of('f')),
    entry('clear', T0 + 7, of('f')),
    entry('acknowledge', T0 + 8, { ...of('f'), by: 'ann' }),
  ])
  const names = (query: Partial<Parameters<Alarms['standing']>[0]>) =>
    alarms
      .standing({ limit: 10, ...query })
      .alarms.map(({ asset }) => asset.at(-1))
      .join('')
  assert.equal(names({}), 'dceab')
  assert.equal(names({ assets: 'press-shop/**' }), 'dcab')
  assert.equal(names({ priorities: ['high', 'low'] }), 'dca')
  assert.equal(names({ states: ['acknowledged'] }), 'b')
  assert.deepEqual([names({ limit: 2, skip: 1 }), alarms.standing({ limit: 2 }).total], ['ce', 5])
})

test('the journal is read in pages, newest first, by what is asked', async () => {
  const { alarms } = await open(await folder())
  for (let count = 0; count < 25; count++) {
    const asset = `acme/berlin/${count % 2 === 0 ? 'paint' : 'press'}/m`
    const step = entry(count % 4 < 2 ? 'raise' : 'clear', T0 + count * 1000, {
      asset,
      priority: count % 2 === 0 ? 'low' : 'high',
    })
    take(alarms, [step], count + 1, count % 3)
  }
  const seen: number[] = []
  let after: Parameters<Alarms['journal']>[0]['after']
  for (;;) {
    const { entries, next } = alarms.journal({ limit: 7, ...(after && { after }) })
    seen.push(...entries.map(({ receivedTime }) => (receivedTime - T0 - 1) / 1000))
    if (next === undefined) break
    after = next
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, index) => 24 - index),
  )
  const asked = alarms.journal({
    assets: 'paint/*',
    actions: ['raise'],
    priorities: ['low'],
    states: ['unacknowledged'],
    from: T0 + 4_000,
    to: T0 + 13_000,
    limit: 100,
  })
  assert.deepEqual(
    asked.entries.map(({ transition }) => (transition.time - T0) / 1000),
    [12, 8, 4],
  )
})

test('the journal keeps so many of a partition, and says from when on it is whole', async () => {
  const directory = await folder()
  const { alarms } = await open(directory)
  const steps = Array.from({ length: 2_600 }, (_, count) => entry(count % 2 === 0 ? 'raise' : 'clear', T0 + count))
  take(alarms, steps)
  const { entries, heldFrom } = alarms.journal({ limit: 10_000 })
  assert.deepEqual([entries.length, heldFrom], [2_000, T0 + 600 + 1])
  await alarms.close()
  const again = await open(directory)
  assert.equal(again.alarms.journal({ limit: 10_000 }).heldFrom, heldFrom)
})

test('a flood begins with more than ten in ten minutes, ends below five, and leaves no alarm out', async () => {
  const { alarms, clock } = await open(await folder())
  const begin = Math.ceil(T0 / MINUTE) * MINUTE
  const steps = Array.from({ length: 30 }, (_, count) =>
    entry('raise', begin + (count < 20 ? count * 6_000 : (count - 17) * MINUTE), {
      asset: `acme/berlin/line1/press${count}`,
    }),
  )
  take(alarms, steps)
  clock.wall = begin + 30 * MINUTE
  const {
    alarms: count,
    floods,
    peakTenMinutes,
    perTenMinutes,
    standing,
    floodShare,
  } = alarms.metrics(begin, begin + 30 * MINUTE)
  // 20 in two minutes, then one a minute from the third to the twelfth.
  assert.deepEqual(
    { count, peakTenMinutes, perTenMinutes, standing },
    { count: 30, peakTenMinutes: 27, perTenMinutes: 10, standing: 30 },
  )
  assert.deepEqual(floods, [{ since: begin + MINUTE, until: begin + 18 * MINUTE, alarms: 30 }])
  assert.equal(floodShare, 17 / 30)
  const later = alarms.metrics(begin + 16 * MINUTE, begin + 26 * MINUTE)
  assert.deepEqual([later.floods, later.floodShare, later.alarms], [floods, 0.2, 0])
  const [group, ...others] = alarms.groups({ limit: 10 })
  assert.deepEqual([others.length, group?.alarm, group?.place, group?.count], [0, 'hot', 'acme/berlin/line1', 30])
})

test('what is out of sight calls nobody', async () => {
  const { alarms } = await open(await folder())
  take(alarms, [
    entry('shelve', T0, { by: 'ann', until: T0 + 1000 }),
    entry('raise', T0 + 1),
    entry('clear', T0 + 2),
    entry('raise', T0 + 2000),
  ])
  assert.equal(alarms.metrics(T0 - MINUTE, T0 + MINUTE).alarms, 1)
})

test('a shelving that is over is over at once, and is written down once', async () => {
  const { alarms, clock } = await open(await folder())
  take(alarms, [entry('raise', T0), entry('shelve', T0 + 1, { by: 'ann', until: T0 + 1000 })])
  clock.wall = T0 + 999
  assert.deepEqual([alarms.standing({ limit: 1 }).alarms[0]?.state, alarms.lapsed(clock.wall)], ['shelved', []])
  clock.wall = T0 + 1000
  assert.equal(alarms.standing({ limit: 1 }).alarms[0]?.state, 'unacknowledged')
  const [{ transition, cause } = assert.fail()] = alarms.lapsed(clock.wall)
  const { asset, alarm } = transition
  assert.deepEqual(transition, { asset, alarm, action: 'unshelve', time: T0 + 1000, by: 'hub' })
  assert.equal(cause, `unshelve/${asset}/${alarm}/${T0 + 1000}`)
  take(alarms, [entry('unshelve', T0 + 1000, { by: 'hub', cause }), entry('unshelve', T0 + 1000, { by: 'hub', cause })])
  assert.deepEqual(alarms.lapsed(clock.wall), [])
  assert.equal(alarms.journal({ limit: 10 }).entries.length, 3)
})

test('chattering and stale alarms are told', async () => {
  const { alarms, clock } = await open(await folder())
  const steps = [0, 20, 40].flatMap((second) => [
    entry('raise', T0 + second * 1000),
    entry('clear', T0 + second * 1000 + 5000),
  ])
  take(alarms, [...steps, entry('raise', T0, { alarm: 'slow' })])
  clock.wall = T0 + 50_000
  const { chattering, stale, top } = alarms.metrics(T0, T0 + MINUTE)
  assert.deepEqual({ chattering, stale }, { chattering: 1, stale: 0 })
  assert.deepEqual(
    top.map(({ alarm, count }) => [alarm, count]),
    [
      ['hot', 3],
      ['slow', 1],
    ],
  )
  clock.wall = T0 + 25 * 3_600_000
  const later = alarms.metrics(T0, T0 + MINUTE)
  assert.deepEqual([later.chattering, later.stale], [0, 1])
})

test('commands are decided on what is known now', async () => {
  const { alarms } = await open(await folder())
  take(alarms, [entry('raise', T0)])
  const asset = 'acme/berlin/press-shop/line1/press7'
  const decided = alarms.decide(asset, 'hot', { action: 'acknowledge', by: 'ann' })
  assert.deepEqual(decided, [{ asset, alarm: 'hot', action: 'acknowledge', time: T0, by: 'ann' }])
  assert.deepEqual(alarms.decide(asset, 'cold', { action: 'acknowledge', by: 'ann' }), {
    refused: 'it is normal, want it unacknowledged',
  })
})

test('a listener hears each step with what became of the alarm', async () => {
  const { alarms } = await open(await folder())
  const heard: string[] = []
  const end = alarms.subscribe(({ state }, { action }) => heard.push(`${action} ${state}`))
  take(alarms, [entry('raise', T0, { cause: 'a' }), entry('raise', T0, { cause: 'a' }), entry('clear', T0 + 1)])
  end()
  take(alarms, [entry('raise', T0 + 2)])
  assert.deepEqual(heard, ['raise unacknowledged', 'clear returned-unacknowledged'])
})

test('a damaged snapshot is set aside', async () => {
  const directory = await folder()
  const { alarms } = await open(directory)
  take(alarms, [entry('raise', T0)])
  await alarms.close()
  const file = join(directory, 'alarms.snapshot')
  const bytes = await readFile(file)
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(file, bytes)
  const again = await open(directory)
  assert.deepEqual([again.alarms.positions(), again.alarms.standing({ limit: 1 }).total], [[], 0])
  assert.deepEqual(await readFile(`${file}.damaged`), bytes)
})
