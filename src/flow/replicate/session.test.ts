import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { CrashingLog, type Faults } from '../../../test/replicate/crashing-log.ts'
import { LogError, type Log, type NewRecord, type StoredRecord } from '../../log/log.ts'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { MemoryStore } from '../../log/memory/memory-store.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { seededRandom, type Random } from '../../system/random.ts'
import { originOf } from './origin.ts'
import type { Pace } from './pace.ts'
import { Positions, type Claim } from './positions.ts'
import type { ReplicationRules } from './rules.ts'
import { Session, type SessionOptions, type Timing } from './session.ts'

const SITE = 'acme/berlin'
const TELEMETRY = 'acme.berlin.telemetry'
const RULES: ReplicationRules = {
  name: 'cloud',
  site: SITE,
  topics: ['telemetry', 'quarantine', 'assets', 'gaps', 'ledger', 'raw', 'raw-*'],
  assets: [],
  tags: [],
  thin: [],
  catchUp: { order: 'in-order' },
  partitions: 3,
}
const DOOR = { kind: 'swinging-door', error: 2, atLeastEveryMs: 60_000 } as const
const DOOR_RULES: ReplicationRules = { ...RULES, thin: [{ asset: '**', tag: 'x', method: DOOR }] }
const TIMING: Timing = { checkpointMs: 3, thinnedCheckpointMs: 3, settleMs: 1, discoverMs: 5, graceMs: 500 }

class Rig {
  readonly sourceStore = new MemoryStore()
  readonly targetStore = new MemoryStore()
  readonly source: MemoryLog
  readonly random: Random
  readonly lost: string[] = []
  #seq = 0

  constructor(seed: number, partitions = 2) {
    this.random = seededRandom(seed)
    this.source = new MemoryLog({ clock: systemClock, store: this.sourceStore })
    void this.source.ensure([{ name: TELEMETRY, partitions }])
  }

  target(): MemoryLog {
    return new MemoryLog({ clock: systemClock, store: this.targetStore, flushMs: this.random.integer(2) })
  }

  session(target: Log, more: Partial<SessionOptions> = {}): Session {
    return new Session({
      rules: RULES,
      source: this.source,
      target,
      pace: undefined,
      system: { clock: systemClock, random: this.random, logger: silentLogger },
      timing: TIMING,
      lotRecords: 3,
      onLost: async (topic, partition, from, to) => void this.lost.push(`${topic}/${partition} ${from}-${to}`),
      ...more,
    })
  }

  async write(count: number): Promise<void> {
    const records = Array.from({ length: count }, (): NewRecord => {
      const seq = ++this.#seq
      const key = `acme/berlin/line1/press${this.random.integer(5)}`
      const x = this.random.integer(10)
      const value = JSON.stringify({ seq, asset: key, ts: 1_000 + seq, recv: 0, values: { x } })
      return { key, value, headers: [['seq', String(seq)]], timestamp: 1_000 + seq }
    })
    await this.source.append(TELEMETRY, records)
  }

  /** Runs a session until the target has as many records as it should. */
  async carryAll(count: number, more: Partial<SessionOptions> = {}): Promise<void> {
    const target = this.target()
    const stop = new AbortController()
    const running = this.session(target, more).run(stop.signal)
    await until(async () => (await recordsOf(target)).length >= count, running)
    stop.abort()
    await running
    await target.close()
  }
}

async function recordsOf(log: Log, topic = TELEMETRY): Promise<StoredRecord[]> {
  if (!(await log.topics()).some(({ name }) => name === topic)) return []
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const found: StoredRecord[] = []
  const options = { signal: new AbortController().signal, untilEnd: true }
  for await (const { records } of log.read(positions, options)) found.push(...records)
  return found
}

async function until(condition: () => Promise<boolean>, running: Promise<unknown> = new Promise(() => {})) {
  const failed = running.then(
    () => assert.fail('it ended'),
    (error: unknown) => Promise.reject(error),
  )
  failed.catch(() => {})
  for (let tries = 0; !(await Promise.race([condition(), failed])); tries++) {
    assert.ok(tries < 5_000, 'it never came true')
    await sleep(1)
  }
}

function text(bytes: Uint8Array | null): string {
  return bytes === null ? '' : Buffer.from(bytes).toString()
}

/** What is wrong with a copy: records that are missing, there twice, or before an older one of the same key. */
function faultsOf(source: readonly StoredRecord[], target: readonly StoredRecord[]): string[] {
  const wanted = source.map(({ value }) => text(value))
  const found = target.map(({ value }) => text(value))
  const faults = wanted.filter((value) => !found.includes(value)).map((value) => `lost ${value}`)
  faults.push(...found.filter((value, index) => found.indexOf(value) !== index).map((value) => `twice ${value}`))
  const last = new Map<string, number>()
  for (const { key, value } of target) {
    const seq = (JSON.parse(text(value)) as { seq: number }).seq
    if (seq < (last.get(text(key)) ?? 0)) faults.push(`disorder ${seq}`)
    last.set(text(key), seq)
  }
  return faults
}

/** Lives that end in crashes at calls that chance chooses, a last one that does not, and what is then wrong. */
async function crashes(seed: number, faults: Partial<Faults> = {}, rules = RULES, judge = faultsOf): Promise<string[]> {
  const rig = new Rig(seed)
  let written = 0
  for (let life = 0; life < 4; life++) {
    const target = rig.target()
    const dying = new CrashingLog(target, rig.random, { ...faults, dieAt: 1 + rig.random.integer(60) })
    const stop = new AbortController()
    const running = rig.session(dying, { rules, timing: { ...TIMING, graceMs: 1 } }).run(stop.signal)
    for (let writes = 3; writes > 0; writes--) {
      const count = 1 + rig.random.integer(8)
      await rig.write(count)
      written += count
      await sleep(1)
    }
    await Promise.race([dying.died, sleep(50)])
    stop.abort()
    await running.catch(() => {})
    dying.die()
  }
  const target = rig.target()
  const stop = new AbortController()
  const last = rig.session(target, { rules })
  const running = last.run(stop.signal)
  await until(async () => {
    const tracks = last.topics.flatMap((one) => one.tracks)
    const ends = await rig.source.ends(TELEMETRY)
    return tracks.length === 2 && tracks.every((track) => track.passed >= ends[track.partition]!.end)
  }, running)
  stop.abort()
  await running
  assert.equal((await recordsOf(rig.source)).length, written)
  return judge(await recordsOf(rig.source), await recordsOf(target))
}

test('records arrive as they are, with where they came from', async () => {
  const rig = new Rig(1)
  await rig.source.append(TELEMETRY, [
    { key: 'acme/berlin/a', value: Buffer.from([0, 255, 1]), headers: [['seq', '7']], timestamp: 5 },
    { key: 'acme/berlin/a', value: null, timestamp: 6 },
  ])
  await rig.carryAll(2)
  const [first, second] = await recordsOf(rig.target())
  assert.deepEqual([...first!.value!], [0, 255, 1])
  assert.equal(text(first!.key), 'acme/berlin/a')
  assert.equal(first!.timestamp, 5)
  assert.deepEqual(
    first!.headers.map(([name]) => name),
    ['seq', 'origin'],
  )
  assert.match(text(first!.headers[1]![1]), /^[0-9a-f]{8}\/[01]\/0$/)
  assert.equal(second!.value, null)
  const { positions, claim } = await new Positions(rig.target(), SITE, 'cloud').load()
  assert.equal(claim!.released, true)
  const [partition] = text(first!.headers[1]![1]).split('/').slice(1)
  assert.equal(positions.get(`${TELEMETRY}/${partition}`)!.next, 2)
})

test('crashes at any call lose nothing, repeat nothing and keep the order of every key', async () => {
  for (let seed = 1; seed <= 40; seed++) assert.deepEqual(await crashes(seed), [], `seed ${seed}`)
})

test('fresh-first, crashes lose nothing and repeat nothing', async () => {
  const rules: ReplicationRules = { ...RULES, catchUp: { order: 'fresh-first' } }
  for (let seed = 1; seed <= 25; seed++) {
    const faults = (await crashes(seed, {}, rules)).filter((fault) => !fault.startsWith('disorder'))
    assert.deepEqual(faults, [], `seed ${seed}`)
  }
})

/** What is wrong with a thinned copy: values that are there twice, and lines that miss a value by more than they may. */
function thinFaults(error: number) {
  return (source: readonly StoredRecord[], target: readonly StoredRecord[]): string[] => {
    const origins = target.map(({ headers }) => text(headers.find(([name]) => name === 'origin')![1]))
    const faults = origins
      .filter((origin, index) => origins.indexOf(origin) !== index)
      .map((origin) => `twice ${origin}`)
    const lines = pointsByKey(target)
    for (const [key, points] of pointsByKey(source)) {
      const line = lines.get(key) ?? []
      for (const { ts, x } of points) {
        const next = line.findIndex((corner) => corner.ts >= ts)
        const [from, to] = [line[Math.max(0, next - 1)], line[next]]
        const at =
          from && to ? (to.ts === ts ? to.x : from.x + ((to.x - from.x) * (ts - from.ts)) / (to.ts - from.ts)) : NaN
        if (!(Math.abs(at - x) <= error + 1e-9)) faults.push(`${key} at ${ts} is ${x}, the line says ${at}`)
      }
    }
    return faults
  }
}

function pointsByKey(records: readonly StoredRecord[]): Map<string, { ts: number; x: number }[]> {
  const keys = new Map<string, { ts: number; x: number }[]>()
  for (const { key, value } of records) {
    const { ts, values } = JSON.parse(text(value)) as { ts: number; values: { x: number } }
    const points = keys.get(text(key)) ?? []
    keys.set(text(key), points)
    points.push({ ts, x: values.x })
    points.sort((a, b) => a.ts - b.ts)
  }
  return keys
}

test('thinned, crashes repeat nothing, and the lines that are left are within the error', async () => {
  for (let seed = 1; seed <= 25; seed++)
    assert.deepEqual(await crashes(seed, {}, DOOR_RULES, thinFaults(2)), [], `seed ${seed}`)
})

/** A log that never answers appends to the topic of positions, from when it is told to. */
class ForgetfulLog extends CrashingLog {
  forgets = false

  override append(topic: string, records: readonly NewRecord[]) {
    if (this.forgets && topic.endsWith('.replication')) return new Promise<never>(() => {})
    return super.append(topic, records)
  }
}

/** One record for each value, a second apart, of one asset. */
function readings(values: readonly number[], from = 0): NewRecord[] {
  const key = 'acme/berlin/line1/press1'
  return values.map((x, index) => {
    const ts = 1_000 * (from + index)
    return { key, value: JSON.stringify({ asset: key, ts, recv: 0, values: { x } }), timestamp: ts }
  })
}

test('thinned, what was held back and sent for a position that was never written is a corner of the next line', async () => {
  const rig = new Rig(15, 1)
  await rig.source.append(TELEMETRY, readings([0, 1.5]))
  const dying = new ForgetfulLog(rig.target(), rig.random, { dieAt: Infinity })
  const stop = new AbortController()
  const timing = { ...TIMING, graceMs: 1 }
  const first = rig.session(dying, { rules: DOOR_RULES, timing })
  const running = first.run(stop.signal)
  await until(async () => (dying.forgets = first.topics.length > 0), running)
  await until(async () => (await recordsOf(rig.target())).length === 2, running)
  stop.abort()
  await running
  dying.die()
  assert.equal((await new Positions(rig.target(), SITE, 'cloud').load()).positions.get(`${TELEMETRY}/0`)!.next, 0)
  // From the first one a line to the last is within 2 of all between; from the second one it is not.
  await rig.source.append(TELEMETRY, readings([-1, 0, 0, 0, 0, 0, 0, 0], 2))
  const target = rig.target()
  const end = new AbortController()
  const second = rig.session(target, { rules: DOOR_RULES, timing: { ...TIMING, thinnedCheckpointMs: 60_000 } })
  const ending = second.run(end.signal)
  await until(async () => second.topics[0]?.tracks[0]?.passed === 10, ending)
  end.abort()
  await ending
  assert.deepEqual(thinFaults(2)(await recordsOf(rig.source), await recordsOf(target)), [])
})

test('a position between records that an earlier run has sent keeps what it found: the next run finds it too', async () => {
  const rig = new Rig(16, 1)
  await rig.source.append(TELEMETRY, readings(Array.from({ length: 12 }, (_, index) => index)))
  const dying = new ForgetfulLog(rig.target(), rig.random, { dieAt: Infinity })
  const stop = new AbortController()
  const first = rig.session(dying, { timing: { ...TIMING, graceMs: 1 } })
  const running = first.run(stop.signal)
  await until(async () => (dying.forgets = first.topics.length > 0), running)
  await until(async () => (await recordsOf(rig.target())).length === 12, running)
  stop.abort()
  await running
  dying.die()
  // It comes to the middle of what is there, writes that down, and dies.
  const positions = new Positions(rig.target(), SITE, 'cloud')
  const dead = new AbortController()
  const slow = { take: () => new Promise<void>((next) => setTimeout(next, 20)) } as unknown as Pace
  const second = rig.session(rig.target(), { pace: slow, timing: { ...TIMING, graceMs: 1 } }).run(dead.signal)
  const place = async () => (await positions.load()).positions.get(`${TELEMETRY}/0`)?.next ?? 0
  await until(async () => (await place()) > 0, second)
  dead.abort()
  await second
  assert.ok((await place()) < 12, 'it was in the middle')
  const target = rig.target()
  const end = new AbortController()
  const third = rig.session(target)
  const ending = third.run(end.signal)
  await until(async () => third.topics[0]?.tracks[0]?.passed === 12, ending)
  end.abort()
  await ending
  assert.equal((await recordsOf(target)).length, 12)
})

test('what is not sent within the grace is not sent at all', async () => {
  const rig = new Rig(17, 1)
  await rig.source.append(TELEMETRY, readings([0, 2]))
  const target = rig.target()
  const gate = Promise.withResolvers<void>()
  const ends = target.ends.bind(target)
  const stop = new AbortController()
  const timing = { ...TIMING, checkpointMs: 60_000, thinnedCheckpointMs: 60_000, graceMs: 1 }
  const session = rig.session(target, { rules: DOOR_RULES, timing })
  const running = session.run(stop.signal)
  await until(async () => session.topics[0]?.tracks[0]?.passed === 2, running)
  target.ends = async (topic) => {
    await gate.promise
    return ends(topic)
  }
  stop.abort()
  await running
  target.ends = ends
  gate.resolve()
  await sleep(20)
  assert.equal((await recordsOf(target)).length, 1)
})

test('the check sees what is wrong: a target that answers too early loses, one without origins has repeats', async () => {
  const found = { lost: 0, twice: 0 }
  for (let seed = 1; seed <= 15; seed++) {
    found.lost += (await crashes(seed, { acknowledgesEarly: true })).filter((fault) => fault.startsWith('lost')).length
    found.twice += (await crashes(seed, { forgetsOrigins: true })).filter((fault) => fault.startsWith('twice')).length
  }
  assert.ok(found.lost > 0, 'no loss was seen')
  assert.ok(found.twice > 0, 'no repeat was seen')
})

test('a clean end leaves nothing to find: the next run reads no tail and repeats nothing', async () => {
  const rig = new Rig(3)
  await rig.write(50)
  await rig.carryAll(50)
  await rig.write(50)
  await rig.carryAll(100)
  assert.deepEqual(faultsOf(await recordsOf(rig.source), await recordsOf(rig.target())), [])
  const { claim } = await new Positions(rig.target(), SITE, 'cloud').load()
  assert.equal(claim!.epoch, 2)
})

test('the older of two replications of a name stops, and says who took over', async () => {
  const rig = new Rig(4)
  await rig.write(10)
  const first = rig.session(rig.target()).run(new AbortController().signal)
  await until(async () => (await recordsOf(rig.target())).length === 10, first)
  const stop = new AbortController()
  const second = rig.session(rig.target()).run(stop.signal)
  await assert.rejects(first, { code: 'REPLICATION_FENCED' })
  await rig.write(10)
  await until(async () => (await recordsOf(rig.target())).length === 20, second)
  stop.abort()
  await second
  assert.deepEqual(faultsOf(await recordsOf(rig.source), await recordsOf(rig.target())), [])
})

test('of two that claim the same epoch the first one has it', async () => {
  const target = new Rig(5).target()
  const positions = new Positions(target, SITE, 'cloud')
  await positions.load()
  const claim = (holder: string): Claim => ({
    epoch: 1,
    holder,
    line: 'x',
    whole: true,
    ordered: true,
    books: true,
    at: 1,
  })
  await positions.claim(claim('a'))
  await assert.rejects(positions.claim(claim('b')), { code: 'REPLICATION_FENCED', message: /a took it over/ })
})

test('what retention takes before it is carried is reported, once, by its offsets', async () => {
  const rig = new Rig(6, 1)
  await rig.write(10)
  await rig.carryAll(10)
  await rig.write(10)
  rig.source.trim(TELEMETRY, 0, 15)
  await rig.carryAll(15)
  assert.deepEqual(rig.lost, [`${TELEMETRY}/0 10-15`])
})

test('a record that the target does not take is put aside alone, and order is kept around it', async () => {
  const rig = new Rig(7, 1)
  const big = 'x'.repeat(300_000)
  const record = (value: string): NewRecord => ({ key: 'k', value, headers: [['source', 's']], timestamp: 1 })
  await rig.source.append(TELEMETRY, [record('before'), record(big), record('after')])
  const target = new MemoryLog({ clock: systemClock, store: rig.targetStore, maxRecordBytes: 200_000 })
  const stop = new AbortController()
  const running = rig.session(target).run(stop.signal)
  await until(async () => (await recordsOf(target)).length === 2, running)
  stop.abort()
  await running
  assert.deepEqual(
    (await recordsOf(target)).map(({ value }) => text(value)),
    ['before', 'after'],
  )
  const [aside] = await recordsOf(target, 'acme.berlin.quarantine')
  assert.equal(aside!.value!.length, 65_536)
  assert.deepEqual(
    aside!.headers.map(([name]) => name),
    ['source', 'origin', 'code', 'reason', 'topic'],
  )
})

test('another log in place of the first is carried from its first record', async () => {
  const rig = new Rig(8, 1)
  await rig.write(20)
  await rig.carryAll(20)
  const other = new Rig(9, 1)
  await other.source.append(
    TELEMETRY,
    Array.from({ length: 30 }, (_, index) => ({ key: 'k', value: `{"seq":${900 + index}}`, timestamp: 9_000 + index })),
  )
  await rig.carryAll(50, { source: other.source })
  assert.equal((await recordsOf(rig.target())).length, 50)
  const short = new Rig(10, 1)
  await short.source.append(TELEMETRY, [{ key: 'k', value: '{"seq":1}', timestamp: 99_000 }])
  await rig.carryAll(51, { source: short.source })
})

test('a source that has lost its end goes on at its end, and nothing is taken for what was there before', async () => {
  const rig = new Rig(11, 1)
  await rig.write(20)
  await rig.carryAll(20)
  const restored = new MemoryLog({ clock: systemClock, store: new MemoryStore() })
  await restored.ensure([{ name: TELEMETRY, partitions: 1 }])
  for (const { key, value, timestamp } of (await recordsOf(rig.source)).slice(0, 15)) {
    await restored.append(TELEMETRY, [{ key, value, timestamp }])
  }
  await rig.carryAll(20, { source: restored })
  await restored.append(TELEMETRY, [{ key: 'k', value: '{"seq":777}', timestamp: 5_000 }])
  await rig.carryAll(21, { source: restored })
  assert.equal(text((await recordsOf(rig.target())).at(-1)!.value), '{"seq":777}')
})

test('a target that has lost its end gets again what it does not hold', async () => {
  const rig = new Rig(12, 1)
  await rig.write(40)
  await rig.carryAll(40)
  const kept = (await recordsOf(rig.target())).slice(0, 25)
  const topic = rig.targetStore.topics.get(TELEMETRY)!
  rig.targetStore.topics.delete(TELEMETRY)
  const target = rig.target()
  await target.ensure([topic.spec])
  for (const { key, value, headers, timestamp } of kept)
    await target.append(TELEMETRY, [{ key, value, headers, timestamp }])
  await rig.carryAll(40)
  const found = await recordsOf(rig.target())
  assert.deepEqual(
    found.map(({ value }) => text(value)).sort(),
    (await recordsOf(rig.source)).map(({ value }) => text(value)).sort(),
  )
})

test('a checkpoint of the books arrives after everything that it counts', async () => {
  const rig = new Rig(13)
  const ledger = 'acme.berlin.ledger'
  await rig.source.ensure([{ name: ledger, partitions: 1 }])
  for (let round = 1; round <= 20; round++) {
    await rig.write(20)
    await rig.source.append(ledger, [{ key: null, value: String(round * 20), timestamp: 1 }])
  }
  const target = rig.target()
  const stop = new AbortController()
  const running = rig.session(target).run(stop.signal)
  const carried = () => recordsOf(target, ledger)
  await until(async () => {
    const books = await carried()
    const counted = Number(text(books.at(-1)?.value ?? null))
    assert.ok((await recordsOf(target)).length >= counted, `${counted} are counted`)
    return books.length === 20
  }, running)
  stop.abort()
  await running
})

test('a target that refuses for a while only delays', async () => {
  const rig = new Rig(14)
  await rig.write(20)
  const target = rig.target()
  target.refuse(new LogError('LOG_UNAVAILABLE', 'Cannot append: gone', { retriable: true }))
  await assert.rejects(rig.session(target).run(new AbortController().signal), { code: 'LOG_UNAVAILABLE' })
  await rig.carryAll(20)
  assert.deepEqual(faultsOf(await recordsOf(rig.source), await recordsOf(rig.target())), [])
})

test('origins of other lines are not ours', () => {
  const header = (value: string) => ['origin', Buffer.from(value)] as const
  assert.deepEqual(originOf([header('a/1/5'), header('b/2/6/x/y')], 'a'), { partition: 1, offset: 5 })
  assert.deepEqual(originOf([header('a/1/5'), header('b/2/6/x/y')], 'b'), { partition: 2, offset: 6, tag: 'x/y' })
  assert.equal(originOf([header('a/1')], 'a'), undefined)
})
