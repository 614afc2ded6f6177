import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { encodeEvent } from '../model/event-record.ts'
import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { seededRandom } from '../system/random.ts'
import { Events, type EventsOptions } from './events.ts'
import type { HeldEvent } from './held.ts'
import { eventsInLog } from './older.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'

const TOPIC = 'acme.berlin.events'
const SITE = 'acme/berlin'
const T0 = 1_732_287_000_000

const clock = {
  now: () => T0,
  monotonic: () => 0,
  sleep: () => Promise.resolve(),
  after: () => ({ cancel() {} }),
  every: () => ({ cancel() {} }),
}

async function folder(): Promise<string> {
  return temporaryFolder('events')
}

async function open(directory: string, more: Partial<EventsOptions> = {}): Promise<Events> {
  const system = { clock, disk: fileDisk, logger: silentLogger }
  const events = new Events({ site: SITE, directory, partitions: 2, system, ...more })
  await events.open()
  return events
}

function event(n: number, more: Partial<HeldEvent> = {}): HeldEvent {
  const about = { id: `e${n}`, type: 'stock.moved', asset: `${SITE}/line1/press${n % 3}`, source: 'mes', cause: '' }
  return { partition: 0, offset: n, time: T0 + n, receivedTime: T0 + n, data: `{"n":${n}}`, ...about, ...more }
}

function take(events: Events, entries: readonly HeldEvent[], partition = 0): void {
  const nextOffset = (entries.at(-1)?.offset ?? -1) + 1
  events.take({ topic: TOPIC, partition, entries, nextOffset, skipped: 0 })
}

const idsOf = (events: Events, query: object) => events.page({ limit: 100, ...query }).events.map(({ id }) => id)

test('events are found by type, asset and time, newest first and page by page', async () => {
  const events = await open(await folder())
  take(events, [event(0), event(1, { type: 'stock.corrected' }), event(2), event(3, { type: 'oee.result' })])
  assert.deepEqual(idsOf(events, {}), ['e3', 'e2', 'e1', 'e0'])
  assert.deepEqual(idsOf(events, { type: 'stock.*' }), ['e2', 'e1', 'e0'])
  assert.deepEqual(idsOf(events, { type: '*.c*d' }), ['e1'])
  assert.deepEqual(idsOf(events, { type: 'stock.moved' }), ['e2', 'e0'])
  assert.deepEqual(idsOf(events, { asset: 'line1/press0' }), ['e3', 'e0'])
  assert.deepEqual(idsOf(events, { from: T0 + 1, to: T0 + 3 }), ['e2', 'e1'])
  const first = events.page({ limit: 3 })
  assert.deepEqual(first.next, { receivedTime: T0 + 1, partition: 0, offset: 1 })
  assert.deepEqual(idsOf(events, { after: first.next }), ['e0'])
})

test('of events about the same thing the newest is asked for, and one that comes again counts once', async () => {
  const events = await open(await folder())
  const result = { type: 'oee.result', asset: `${SITE}/line1/press0` }
  take(events, [
    event(0, { ...result, data: '{"key":"hour:1","revision":0}', cause: 'a/0/1/0' }),
    event(1, { ...result, data: '{"key":"hour:2"}', cause: 'a/0/2/0' }),
    event(2, { ...result, data: '{"key":"hour:1","revision":1}', cause: 'a/0/3/0' }),
    event(3, { ...result, id: 'other', data: '{"key":"hour:1","revision":1}', cause: 'a/0/3/0' }),
    event(4, { id: 'e0', source: 'mes' }),
    event(5, { id: 'e0', source: 'mes' }),
  ])
  assert.deepEqual(idsOf(events, { type: 'oee.*', latest: true }), ['e2', 'e1'])
  assert.deepEqual(idsOf(events, { type: 'stock.*' }), ['e0'])
})

test('of each series and of a partition the newest are kept, and it is known what is not', async () => {
  const events = await open(await folder(), { each: 2, most: 8 })
  take(
    events,
    [0, 1, 2, 3, 4, 6, 9].map((n) => event(n)),
  )
  // press0 has had 0, 3, 6, 9; of the partition 4 of 8 are kept.
  assert.deepEqual(idsOf(events, {}), ['e9', 'e6', 'e4', 'e2'])
  assert.equal(events.page({ limit: 1, asset: 'line1/press0' }).droppedTo, T0 + 3)
  const large = await open(await folder(), { mostBytes: 2 * 2_000 })
  take(
    large,
    [0, 1, 2, 3].map((n) => event(n, { data: JSON.stringify('x'.repeat(300)) })),
  )
  assert.deepEqual(idsOf(large, {}), ['e3', 'e2'])
})

test('kept record by record over restarts, or rebuilt in one go: the same file, byte by byte', async () => {
  const seed = 11
  const random = seededRandom(seed)
  const bounds = { each: 40, most: 200, mostBytes: 120_000 }
  const records = [0, 1].map((partition) =>
    Array.from({ length: 400 }, (_, offset) => {
      const cause = random.next() < 0.5 ? '' : `acme.berlin.telemetry/0/${random.integer(300)}/0`
      const type = ['oee.result', 'stock.moved', 'part.scrapped'][random.integer(3)]!
      const data = JSON.stringify({ key: `k${random.integer(9)}`, text: 'ä'.repeat(random.integer(200)) })
      return event(offset, { partition, cause, type, data, id: `e${random.integer(350)}` })
    }),
  )
  const [one, other] = [await folder(), await folder()]
  let kept = await open(one, bounds)
  const at = [0, 0]
  while (at.some((offset) => offset < 400)) {
    const partition = at[0] === 400 ? 1 : at[1] === 400 ? 0 : random.integer(2)
    const count = 1 + random.integer(30)
    take(kept, records[partition]!.slice(at[partition], at[partition]! + count), partition)
    at[partition] = Math.min(400, at[partition]! + count)
    if (random.next() > 0.2) continue
    await kept.close()
    kept = await open(one, bounds)
  }
  await kept.close()
  const rebuilt = await open(other, bounds)
  for (const partition of [1, 0]) take(rebuilt, records[partition]!, partition)
  await rebuilt.close()
  const bytes = await readFile(join(one, 'events.snapshot'))
  assert.deepEqual(bytes, await readFile(join(other, 'events.snapshot')), `seed ${seed}`)
  assert.ok(bytes.length > 10_000 && bytes.length < 200_000, `${bytes.length} bytes`)
})

test('a damaged snapshot is set aside, and the log is read again', async () => {
  const directory = await folder()
  const events = await open(directory)
  take(events, [event(0)])
  await events.close()
  const file = join(directory, 'events.snapshot')
  const bytes = await readFile(file)
  bytes[bytes.length >> 1]! ^= 1
  await writeFile(file, bytes)
  const again = await open(directory)
  assert.deepEqual([again.positions(), idsOf(again, {})], [[], []])
  assert.deepEqual(await readFile(`${file}.damaged`), bytes)
})

test('older events are read from the log by time, each once', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: TOPIC, partitions: 2 }])
  for (let n = 0; n < 300; n += 1) {
    const told = { id: `e${n}`, type: n % 2 ? 'oee.result' : 'stock.moved', asset: `${SITE}/p${n % 5}`, source: 'mes' }
    const { key, value, headers } = encodeEvent({ ...told, time: T0, receivedTime: T0 + n, data: { key: `${n % 3}` } })
    const record = { key, value, headers, timestamp: T0 + n }
    await log.append(TOPIC, n % 7 ? [record] : [record, record])
  }
  const { signal } = new AbortController()
  const ask = (query: object) => eventsInLog(log, TOPIC, SITE, { limit: 5, ...query }, signal)
  const page = await ask({ from: T0 + 100, to: T0 + 200, type: 'oee.*' })
  assert.deepEqual(
    page.events.map(({ id }) => id),
    ['e199', 'e197', 'e195', 'e193', 'e191'],
  )
  const next = await ask({ from: T0 + 100, to: T0 + 200, type: 'oee.*', after: page.next })
  assert.deepEqual(
    next.events.map(({ id }) => id),
    ['e189', 'e187', 'e185', 'e183', 'e181'],
  )
  const newest = await ask({ asset: 'p1', type: 'oee.result', latest: true })
  assert.deepEqual(
    newest.events.map(({ id }) => id),
    ['e291', 'e281', 'e271'],
  )
})
