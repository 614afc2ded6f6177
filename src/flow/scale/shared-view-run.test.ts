import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { MemoryStore } from '../../log/memory/memory-store.ts'
import type { ConsumeOptions, PartitionRef } from '../../log/groups.ts'
import type { NewRecord, Position, ReadOptions } from '../../log/log.ts'
import { topicSpec } from '../../log/topics.ts'
import { Catalogue } from '../../model/catalogue.ts'
import { encodeRecord } from '../../model/record.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { seededRandom } from '../../system/random.ts'
import { SharedTwins } from '../../twins/shared-twins.ts'
import { encodeTwin } from '../../twins/twin-record.ts'
import { Twins } from '../../twins/twins.ts'
import { EntryDecoder } from '../entries.ts'
import { ViewRun } from '../views.ts'
import { SharedViewRun } from './shared-view-run.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

const SITE = 'acme/berlin'
const TELEMETRY = 'acme.berlin.telemetry'
const DERIVED = 'acme.berlin.derived'
const STATES = 'acme.berlin.twins'
const PARTITIONS = 4
const SESSION_MS = 400
const ASSETS = Array.from({ length: 20 }, (_, index) => `acme/berlin/m${index}`)

interface TestHub {
  readonly twins: Twins
  readonly run: SharedViewRun
  readonly log: MortalLog
  leave(): Promise<void>
  /** As if the process had been killed: nothing more reaches the log. */
  crash(): void
}

/** A log whose hub can die, or have trouble. */
class MortalLog extends MemoryLog {
  dead = false
  /** Commits do not get through. */
  mute = false
  /** What is published is not heard before this. */
  hears: Promise<void> = Promise.resolve()
  /** Partitions that the group has given. */
  readonly given = new Set<number>()

  override async *read(positions: readonly Position[], options: ReadOptions) {
    await this.hears
    yield* super.read(positions, options)
  }

  override async *consume(options: ConsumeOptions) {
    const onAssigned = async (refs: readonly PartitionRef[]) => {
      for (const { partition } of refs) this.given.add(partition)
      return options.onAssigned!(refs)
    }
    for await (const batch of super.consume({ ...options, onAssigned })) {
      yield this.mute ? { ...batch, commit: () => new Promise<never>(() => {}) } : batch
    }
  }

  override append(topic: string, records: readonly NewRecord[]) {
    return this.dead ? new Promise<never>(() => {}) : super.append(topic, records)
  }
}

async function bench(t: TestContext) {
  const store = new MemoryStore()
  const log = new MemoryLog({ clock: systemClock, store })
  await log.ensure((['telemetry', 'derived', 'twins'] as const).map((kind) => topicSpec(SITE, kind, PARTITIONS)))
  const directory = await temporaryFolder('shared')
  const random = seededRandom(7)
  let time = 1_000
  /** Readings of all assets, late ones and repeated times among them; every third one is derived. */
  const send = async (count: number) => {
    for (let left = count; left > 0; left -= 1) {
      const asset = ASSETS[Math.floor(random.next() * ASSETS.length)]!
      time += 1
      const sourceTime = time - Math.floor(random.next() * 3)
      const [topic, tag, source] = random.next() < 0.67 ? [TELEMETRY, 't', 's'] : [DERIVED, 'd', 'p']
      const values = { [`${tag}${Math.floor(random.next() * 3)}`]: Math.floor(random.next() * 4) }
      const value = encodeRecord({ asset, sourceTime, receivedTime: time, values })
      await log.append(topic, [{ key: asset, value, headers: [['source', source]], timestamp: time }])
    }
  }
  const open = (name: string, trouble: Partial<Pick<MortalLog, 'mute' | 'hears'>> = {}) => {
    const own = Object.assign(new MortalLog({ clock: systemClock, store }), trouble)
    return openHub(t, own, join(directory, name), name)
  }
  return { log, store, send, open, directory }
}

function system() {
  const parts = { clock: systemClock, random: seededRandom(1), logger: silentLogger, metrics: new Metrics() }
  return { ...parts, disk: fileDisk }
}

async function openHub(t: TestContext, log: MortalLog, directory: string, hub: string): Promise<TestHub> {
  const parts = system()
  const catalogue = new Catalogue()
  const twins = new Twins({ directory, catalogue, system: parts, everyMs: 3_600_000 })
  await twins.open()
  const run = new SharedViewRun(new SharedTwins(twins), {
    log,
    topics: [TELEMETRY, DERIVED],
    states: STATES,
    group: STATES,
    hub,
    run: `${hub}-${Math.random()}`,
    catalogue,
    system: parts,
    sessionMs: SESSION_MS,
  })
  const stop = new AbortController()
  const running = run.run(stop.signal)
  let left: Promise<void> | undefined
  const leave = () => (left ??= end())
  const end = async () => {
    stop.abort()
    await running
    await twins.close()
    await log.close()
  }
  const crash = () => {
    log.dead = true
    left = Promise.resolve()
    void log.close()
    stop.abort()
  }
  t.after(leave)
  return { twins, run, log, leave, crash }
}

/** What one hub alone makes of the same log. */
async function recomputed(t: TestContext, store: MemoryStore, directory: string): Promise<string[]> {
  const log = new MemoryLog({ clock: systemClock, store })
  const parts = system()
  const catalogue = new Catalogue()
  const twins = new Twins({ directory: join(directory, 'alone'), catalogue, system: parts, everyMs: 3_600_000 })
  const run = new ViewRun(twins, {
    log,
    topics: [TELEMETRY, DERIVED],
    decoder: new EntryDecoder('twins', { catalogue, system: parts }),
    system: parts,
  })
  const stop = new AbortController()
  const running = run.run(stop.signal)
  t.after(() => log.close())
  await until(() => run.caughtUp, 'the lone view has caught up')
  stop.abort()
  await running
  return shown(twins)
}

/** All twins as they are, but for how far they have read. */
function shown(twins: Twins): string[] {
  return ASSETS.flatMap((path) => {
    const { taken: _, ...twin } = twins.get(path) ?? {}
    return 'path' in twin ? [encodeTwin(twin)] : []
  })
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    assert.ok(tries < 2_000, what)
    await sleep(5)
  }
}

async function sameAs(hubs: readonly TestHub[], wanted: readonly string[], what: string): Promise<void> {
  const texts = () => hubs.map(({ twins }) => shown(twins).join('\n'))
  const deadline = performance.now() + 10_000
  while (!texts().every((text) => text === wanted.join('\n')) && performance.now() < deadline) await sleep(10)
  for (const { twins } of hubs) assert.deepEqual(shown(twins), wanted, what)
}

function spread(hubs: readonly TestHub[], ...counts: readonly number[]): boolean {
  const held = hubs.map(({ run }) => run.partitions())
  const all = new Set(held.flat())
  return all.size === PARTITIONS && held.map((list) => list.length).join() === counts.join()
}

test('hubs share the partitions, and every one of them has every twin, as one hub alone would have it', async (t) => {
  const { store, send, open, directory } = await bench(t)
  await send(300)
  const a = await open('a')
  await until(() => spread([a], 4) && a.run.caughtUp, 'a has everything')
  const b = await open('b')
  await until(() => spread([a, b], 2, 2) && b.run.caughtUp, 'they share the partitions')
  await send(300)
  const wanted = await recomputed(t, store, directory)
  assert.equal(wanted.length, ASSETS.length)
  await sameAs([a, b], wanted, 'equal to the state of a single view')
})

test('a hub that dies is taken over from what it published; nothing is lost, goes back, or counts twice', async (t) => {
  const { store, send, open, directory } = await bench(t)
  const [a, b] = [await open('a'), await open('b')]
  await until(() => spread([a, b], 2, 2), 'they share the partitions')
  const revisions = new Map<string, number>()
  b.twins.subscribe((path) => {
    const { revision } = b.twins.get(path)!
    assert.ok(revision > (revisions.get(path) ?? 0), `${path} went back to revision ${revision}`)
    revisions.set(path, revision)
  })
  const sending = send(2_000)
  await until(() => revisions.size > 10, 'b hears of twins')
  a.crash()
  await sending
  await until(() => spread([b], 4), 'b has everything')
  await send(50)
  const wanted = await recomputed(t, store, directory)
  await sameAs([b], wanted, 'equal to the state of a single view')

  const back = await open('a')
  await until(() => spread([back, b], 2, 2) && back.run.caughtUp, 'a is back')
  await send(50)
  await sameAs([back, b], await recomputed(t, store, directory), 'equal to the state of a single view')
})

test('a record whose state is published and whose offset is not committed counts once', async (t) => {
  const { store, send, open, directory } = await bench(t)
  const a = await open('a', { mute: true })
  await until(() => spread([a], 4), 'a has everything')
  await send(200)
  const wanted = await recomputed(t, store, directory)
  const b = await open('b')
  await sameAs([a, b], wanted, 'a has published everything')
  a.crash()
  await until(() => spread([b], 4), 'b has everything')
  await until(() => b.run.caughtUp, 'b has taken it again')
  assert.deepEqual(shown(b.twins), wanted)
})

test('a hub does not begin with a partition before it knows what was published of it', async (t) => {
  const { store, send, open, directory } = await bench(t)
  const a = await open('a')
  await until(() => spread([a], 4), 'a has everything')
  await send(200)
  await sameAs([a], await recomputed(t, store, directory), 'a has everything')
  await a.leave()
  const { promise: hears, resolve: hear } = Promise.withResolvers<void>()
  const b = await open('b', { hears })
  await until(() => b.log.given.size === PARTITIONS, 'b is given everything')
  await send(50)
  await sleep(50)
  assert.deepEqual(b.run.partitions(), [])
  hear()
  await sameAs([b], await recomputed(t, store, directory), 'equal to the state of a single view')
})

test('a hub without a snapshot has all twins from what was published, and those of records that nobody took', async (t) => {
  const { log, store, send, open, directory } = await bench(t)
  const a = await open('a')
  await send(200)
  await until(() => a.run.caughtUp && spread([a], 4), 'a has begun')
  await sameAs([a], await recomputed(t, store, directory), 'a has everything')
  await a.leave()
  for (const topic of [TELEMETRY, DERIVED]) {
    const ends = await log.ends(topic)
    const committed = await log.committed(STATES, [topic])
    assert.deepEqual(
      new Map(committed.map(({ partition, offset }) => [partition, offset])),
      new Map(ends.filter(({ end }) => end > 0).map(({ partition, end }) => [partition, end])),
      'what was taken is published and committed when a hub ends',
    )
  }
  await send(20)
  const b = await open('b')
  await until(() => b.run.caughtUp, 'b has caught up')
  assert.deepEqual(shown(b.twins), await recomputed(t, store, directory), 'caught up is caught up')
})

test('a state that a hub wrote after its time is put right by the hub whose partition it is', async (t) => {
  const { log, store, send, open, directory } = await bench(t)
  const a = await open('a')
  await until(() => spread([a], 4), 'a has everything')
  await send(100)
  const wanted = await recomputed(t, store, directory)
  await sameAs([a], wanted, 'a has everything')
  const path = ASSETS[0]!
  const old = encodeTwin({ path, revision: 1, lastReceived: 5, tags: new Map(), taken: { telemetry: 1, derived: 0 } })
  await log.append(STATES, [{ key: path, value: old, headers: [['run', 'zombie']], timestamp: 1 }])
  const newest = async () => {
    const stop = new AbortController()
    const from = (await log.ends(STATES)).map(({ partition, start }) => ({ topic: STATES, partition, offset: start }))
    let text = ''
    for await (const { records } of log.read(from, { signal: stop.signal, untilEnd: true })) {
      for (const { key, value } of records) if (String(Buffer.from(key!)) === path) text = String(Buffer.from(value!))
    }
    return text
  }
  let text = await newest()
  for (let tries = 0; text === old && tries < 200; tries += 1) {
    await sleep(10)
    text = await newest()
  }
  assert.equal(text, encodeTwin(a.twins.get(path)!))
  assert.deepEqual(shown(a.twins), wanted)
})
