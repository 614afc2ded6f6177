import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { PowerDisk } from '../../../../test/faults/power-disk.ts'
import type { Negligence } from '../../../../test/faults/power-disk.ts'
import { systemClock } from '../../../system/clock.ts'
import type { Clock } from '../../../system/clock.ts'
import { silentLogger } from '../../../system/logger.ts'
import { seededRandom } from '../../../system/random.ts'
import type { Random } from '../../../system/random.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { openStorage } from './open-storage.ts'
import type { Damage, Partition, Storage } from './storage.ts'

/**
 * Power cuts while the log changes what it has: compaction, deleted records, topics that are deleted, made again, get
 * partitions and other configs. The model knows what was acknowledged and what was only asked for.
 */
const clock: Clock = {
  ...systemClock,
  monotonic: () => 0,
  after: () => ({ cancel() {} }),
  // Indexes of active segments are written in the midst of everything else.
  sleep: async (_ms, signal) => {
    await nextTurn()
    signal?.throwIfAborted()
  },
}
const DIRECTORY = '/data'
const KEYS = 12
/** Tombstones go an hour after compaction has met them. */
const HOUR_MS = 3_600_000
const COMPACTED = {
  'cleanup.policy': 'compact',
  'min.cleanable.dirty.ratio': '0',
  'delete.retention.ms': String(HOUR_MS),
}

interface Model {
  /** Values that were ever handed in: `key=value` of the compacted topic, values of the others. */
  readonly sent: Set<string>
  /** Of each key of the compacted topic: its last acknowledged record. */
  readonly last: Map<string, { readonly offset: number; readonly value: string | null }>
  /** Keys with a tombstone that was handed in and not acknowledged: it may be stored, and have done its work. */
  readonly burying: Set<string>
  /** What was acknowledged in the topic whose records are deleted. */
  readonly kept: Map<number, string>
  /** Up to where its deletion was acknowledged, and asked for. */
  deleted: number
  wanted: number
  /** The topic that comes and goes. */
  passing: { state: 'there' | 'gone' | 'unknown'; readonly acked: Map<number, string> }
  /** Acknowledged number of partitions of the first topic, and the config that was set last. */
  partitions: number
  retention: { acked: string | undefined; wanted: Set<string | undefined> }
  /** Advances by an hour now and then. */
  now: number
  acknowledged: number
}

function start(disk: PowerDisk): Storage {
  return openStorage(DIRECTORY, { disk, clock, logger: silentLogger, sync: { mode: 'ack' }, segmentBytes: 1500 })
}

async function live(disk: PowerDisk, random: Random, model: Model): Promise<string[]> {
  const storage = start(disk)
  let faults: string[] = []
  const inRecovery = random.next() < 0.25
  if (inRecovery) disk.callsLeft = random.integer(12)
  try {
    const { damage } = await storage.open()
    if (!disk.failing) faults = [...check(storage, model), ...mismatches(damage)]
    if (!inRecovery) disk.callsLeft = 10 + random.integer(250)
    await storage.createTopic('c', { partitions: 1, configs: COMPACTED })
    await storage.createTopic('d', { partitions: 1, configs: {} })
    model.partitions = Math.max(model.partitions, 1)
    for (let step = 0; step < 60; step++) await STEPS[random.integer(STEPS.length)]!(storage, random, model)
    if (random.next() < 0.5) await storage.close()
  } catch {
    // The power is off.
  }
  disk.callsLeft = 0
  return faults
}

type Step = (storage: Storage, random: Random, model: Model) => Promise<void>

const write: Step = async (storage, random, model) => {
  const records = Array.from({ length: 1 + random.integer(4) }, () => ({
    key: `k${random.integer(KEYS)}`,
    value: random.integer(4) === 0 ? null : `${random.next()}`.padEnd(random.integer(400), 'x'),
  }))
  for (const { key, value } of records) {
    model.sent.add(`${key}=${value}`)
    if (value === null) model.burying.add(key)
  }
  const compression = (['none', 'zstd'] as const)[random.integer(2)]!
  const { baseOffset } = await storage.partition('c', 0)!.append(makeBatch(records, { compression }))
  for (const [i, { key, value }] of records.entries()) {
    model.last.set(key, { offset: baseOffset + i, value })
    model.burying.delete(key)
  }
  model.acknowledged += records.length
}

const compact: Step = async (storage, random, model) => {
  if (random.integer(2) === 0) model.now += HOUR_MS + 1
  await storage.compact(model.now)
}

/** Retention has no part in this: times are those of today. */
async function put(partition: Partition, random: Random, model: Model, acked: Map<number, string>): Promise<void> {
  const value = `${random.next()} `.padEnd(random.integer(700), 'y')
  model.sent.add(value)
  const { baseOffset } = await partition.append(makeBatch([{ value, timestamp: Date.now() }]))
  acked.set(baseOffset, value)
  model.acknowledged++
}

const keep: Step = (storage, random, model) => put(storage.partition('d', 0)!, random, model, model.kept)

const forget: Step = async (storage, random, model) => {
  const log = storage.partition('d', 0)!
  const before = log.startOffset + random.integer(log.durableOffset - log.startOffset + 1)
  model.wanted = Math.max(model.wanted, before)
  model.deleted = Math.max(model.deleted, await log.deleteRecords(before))
  if (random.integer(2) === 0) await storage.retain(Date.now())
}

const come: Step = async (storage, random, model) => {
  if (storage.topic('x') === undefined) {
    model.passing = { state: 'unknown', acked: new Map() }
    await storage.createTopic('x', { partitions: 1 + random.integer(3), configs: {} })
    model.passing.state = 'there'
  }
  const { partitions } = storage.topic('x')!
  await put(storage.partition('x', partitions - 1)!, random, model, model.passing.acked)
}

const go: Step = async (storage, _, model) => {
  if (storage.topic('x') === undefined) return
  model.passing.state = 'unknown'
  await storage.deleteTopic('x')
  model.passing = { state: 'gone', acked: new Map() }
}

const grow: Step = async (storage, random, model) => {
  const count = storage.topic('d')!.partitions + 1
  if (count > 4 || random.integer(3) > 0) return
  model.partitions = (await storage.addPartitions('d', count)).partitions
}

const alter: Step = async (storage, random, { retention }) => {
  const value = String(1e9 + random.integer(100))
  retention.wanted.add(value)
  await storage.alterTopic('d', { 'retention.ms': value })
  retention.acked = value
  retention.wanted = new Set([value])
}

const STEPS: readonly Step[] = [write, write, write, write, compact, compact, keep, keep, forget, come, come, go, grow, alter] // prettier-ignore

/** What is not as it was promised. */
function check(storage: Storage, model: Model): string[] {
  return [
    ...checkCompacted(storage, model),
    ...checkDeleted(storage, model),
    ...checkPassing(storage, model),
    ...checkDescription(storage, model),
  ]
}

/** Indexes and logs that do not belong together: no power cut makes them so. */
function mismatches(damage: readonly Damage[]): string[] {
  return damage.map(({ reason }) => reason).filter((reason) => /index/.test(reason))
}

function checkCompacted(storage: Storage, { sent, last, burying }: Model): string[] {
  const log = storage.partition('c', 0)
  if (log === undefined) return last.size > 0 ? ['the compacted topic is gone'] : []
  const faults: string[] = []
  const found = new Map<string, { offset: number; value: string | null }>()
  for (const { offset, key, value } of readAll(log, faults)) {
    if (!sent.has(`${key}=${value}`)) faults.push(`phantom ${key} at ${offset}`)
    found.set(key!, { offset, value })
  }
  for (const [key, acked] of last) {
    const latest = found.get(key)
    if (latest === undefined && (acked.value === null || burying.has(key))) continue
    if (latest === undefined || latest.offset < acked.offset) faults.push(`${key} at ${acked.offset} is lost`)
    if (latest?.offset === acked.offset && latest.value !== acked.value) faults.push(`${key} is another`)
  }
  return faults
}

function checkDeleted(storage: Storage, { kept, deleted, wanted }: Model): string[] {
  const log = storage.partition('d', 0)
  if (log === undefined) return kept.size > 0 ? ['the topic with deleted records is gone'] : []
  const faults: string[] = []
  if (log.startOffset < deleted) faults.push(`records below ${deleted} are back, from ${log.startOffset}`)
  if (log.startOffset > wanted) faults.push(`starts at ${log.startOffset}, deleted up to ${wanted}`)
  const found = new Map(readAll(log, faults).map(({ offset, value }) => [offset, value]))
  for (const [offset, value] of kept) {
    if (offset >= wanted && found.get(offset) !== value) faults.push(`${offset} is lost`)
  }
  return faults
}

function checkPassing(storage: Storage, { passing, sent }: Model): string[] {
  const topic = storage.topic('x')
  if (topic === undefined) return passing.state === 'there' ? ['the passing topic is gone'] : []
  if (passing.state === 'gone') return ['the deleted topic is back']
  const faults: string[] = []
  const found = new Map<number, string | null>()
  for (let i = 0; i < topic.partitions; i++) {
    for (const { offset, value } of readAll(storage.partition('x', i)!, faults)) found.set(offset, value)
  }
  for (const value of found.values()) if (!sent.has(value!)) faults.push('phantom in the passing topic')
  for (const [offset, value] of passing.acked) if (found.get(offset) !== value) faults.push(`passing ${offset} is lost`)
  return faults
}

function checkDescription(storage: Storage, { partitions, retention }: Model): string[] {
  const topic = storage.topic('d')
  if (topic === undefined) return []
  const faults: string[] = []
  const set = topic.configs['retention.ms']
  if (set !== retention.acked && !retention.wanted.has(set)) faults.push(`retention.ms is ${set}`)
  if (topic.partitions < partitions) faults.push(`${topic.partitions} partitions, want ${partitions}`)
  return faults
}

function readAll(log: Partition, faults: string[]): { offset: number; key: string | null; value: string | null }[] {
  const found: { offset: number; key: string | null; value: string | null }[] = []
  const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
  for (let offset = log.startOffset; offset < log.durableOffset;) {
    const from = offset
    const bytes = log.read(offset, 900)
    for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
      if (batchFault(bytes, at) !== undefined) faults.push(`wrong CRC at ${offset}`)
      const { baseOffset, lastOffsetDelta } = readBatchHeader(bytes, at)
      for (const record of decodeRecords(bytes, at)) {
        if (record.offset >= from)
          found.push({ offset: record.offset, key: text(record.key), value: text(record.value) })
      }
      offset = baseOffset + lastOffsetDelta + 1
    }
    if (offset === from) break
  }
  return found
}

/** A few lives on one disk, the power failing at a random call in each. */
async function cuts(seed: number, lives: number, negligence: Negligence): Promise<{ faults: string[]; model: Model }> {
  const random = seededRandom(seed)
  const model: Model = {
    sent: new Set(),
    last: new Map(),
    burying: new Set(),
    kept: new Map(),
    deleted: 0,
    wanted: 0,
    passing: { state: 'gone', acked: new Map() },
    partitions: 0,
    retention: { acked: undefined, wanted: new Set() },
    now: Date.now(),
    acknowledged: 0,
  }
  let disk = new PowerDisk(negligence, new Map([[DIRECTORY, 'directory' as const]]))
  const faults: string[] = []
  for (let life = 0; life < lives; life++) {
    faults.push(...(await live(disk, random, model)))
    disk = disk.afterCut(random, negligence)
  }
  const storage = start(disk)
  const { damage } = await storage.open()
  faults.push(...check(storage, model), ...mismatches(damage))
  await storage.close()
  return { faults, model }
}

/** Power cuts of one disk, and of all disks. */
const LIVES = 6
const CUTS = Number(process.env['CUTS'] ?? 360)

test(`after ${CUTS} power cuts amid changes nothing acknowledged is lost, and nothing deleted is back`, async (t) => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
  let acknowledged = 0
  for (let seed = first; seed < first + CUTS / LIVES; seed++) {
    const { faults, model } = await cuts(seed, LIVES, {})
    assert.deepEqual(faults, [], `SEED=${seed}`)
    acknowledged += model.acknowledged
  }
  t.diagnostic(`${acknowledged} acknowledged`)
  assert.ok(acknowledged > 8 * CUTS, `${acknowledged} records were acknowledged`)
})

for (const negligence of [{ noFileSync: true }, { noDirectorySync: true }]) {
  test(`negative control: with ${Object.keys(negligence)[0]} the same cuts are seen`, async () => {
    let seen = 0
    for (let seed = 0; seed < 10; seed++) if ((await cuts(seed, 4, negligence)).faults.length > 0) seen++
    assert.ok(seen >= 8, `${seen} of 10 showed something`)
  })
}
