import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { PowerDisk } from '../../../../test/faults/power-disk.ts'
import type { Negligence } from '../../../../test/faults/power-disk.ts'
import type { Clock } from '../../../system/clock.ts'
import { systemClock } from '../../../system/clock.ts'
import { silentLogger } from '../../../system/logger.ts'
import { seededRandom } from '../../../system/random.ts'
import type { Random } from '../../../system/random.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { openStorage } from './open-storage.ts'
import type { SyncMode } from './place.ts'
import type { Damage, Partition, Storage } from './storage.ts'

/** Nothing else happens by itself. */
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
const PARTITIONS = 2
/** Power cuts of one disk, and of all disks; twice as many with `sync: ack` as with an interval. */
const LIVES = 5
const CUTS = Number(process.env['CUTS'] ?? 200)

interface Journal {
  /** What was acknowledged: partition and offset to value. */
  readonly acked: Map<string, string>
  /** Everything that was ever handed in. */
  readonly sent: Set<string>
  topicAcked: boolean
}

interface Verdict {
  readonly lost: number
  readonly wrong: number
  /** What was told of indexes and logs that do not belong together: no power cut makes them so. */
  readonly told: readonly string[]
}

function start(disk: PowerDisk, sync: SyncMode): Storage {
  return openStorage(DIRECTORY, { disk, clock, logger: silentLogger, sync, segmentBytes: 6000 })
}

/** One life: open, check all that was ever acknowledged, then append until the power fails. */
async function live(disk: PowerDisk, random: Random, journal: Journal, sync: SyncMode): Promise<Verdict> {
  const storage = start(disk, sync)
  let verdict: Verdict = { lost: 0, wrong: 0, told: [] }
  const inRecovery = random.next() < 0.2
  if (inRecovery) disk.callsLeft = random.integer(8)
  try {
    const { damage } = await storage.open()
    if (!disk.failing) verdict = check(storage, journal, damage)
    if (!inRecovery) disk.callsLeft = 2 + random.integer(120)
    await storage.createTopic('t', { partitions: PARTITIONS, configs: {} })
    journal.topicAcked = true
    for (let round = 0; round < 30; round++) await Promise.all(burst(storage, random, journal))
    if (random.next() < 0.5) await storage.close()
  } catch {
    // The power is off.
  }
  disk.callsLeft = 0
  return verdict
}

function burst(storage: Storage, random: Random, journal: Journal): Promise<void>[] {
  return Array.from({ length: 1 + random.integer(5) }, async () => {
    const partition = random.integer(PARTITIONS)
    const texts = Array.from({ length: 1 + random.integer(3) }, () =>
      `${random.next()} `.padEnd(random.integer(1200), 'x'),
    )
    for (const value of texts) journal.sent.add(value)
    const batch = makeBatch(texts.map((value) => ({ value })))
    const { baseOffset } = await storage.partition('t', partition)!.append(batch)
    for (const [i, value] of texts.entries()) journal.acked.set(`${partition}/${baseOffset + i}`, value)
  })
}

function check(storage: Storage, { acked, sent, topicAcked }: Journal, damage: readonly Damage[]): Verdict {
  let wrong = 0
  const found = new Map<string, string>()
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const log = storage.partition('t', partition)
    if (log === undefined) continue
    for (const [offset, value] of records(log)) {
      if (value === undefined || !sent.has(value)) wrong++
      else found.set(`${partition}/${offset}`, value)
    }
  }
  let lost = topicAcked && storage.topic('t') === undefined ? 1 : 0
  for (const [place, value] of acked) if (found.get(place) !== value) lost++
  const told = damage.map(({ reason }) => reason).filter((reason) => /index/.test(reason))
  return { lost, wrong, told }
}

function records(log: Partition): [number, string | undefined][] {
  const found: [number, string | undefined][] = []
  for (let offset = log.startOffset; offset < log.durableOffset;) {
    const bytes = log.read(offset, 2000)
    if (bytes.length === 0) break
    for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
      if (batchFault(bytes, at) !== undefined) found.push([offset, undefined])
      for (const record of decodeRecords(bytes, at)) found.push([record.offset, Buffer.from(record.value!).toString()])
    }
    offset = found.at(-1)![0] + 1
  }
  return found
}

/** A few lives on one disk, the power failing at a random call in each. */
async function cuts(seed: number, lives: number, negligence: Negligence, sync: SyncMode = { mode: 'ack' }) {
  const random = seededRandom(seed)
  const journal: Journal = { acked: new Map(), sent: new Set(), topicAcked: false }
  let disk = new PowerDisk(negligence, new Map([[DIRECTORY, 'directory' as const]]))
  let lost = 0
  let wrong = 0
  const told: string[] = []
  for (let life = 0; life < lives; life++) {
    const verdict = await live(disk, random, journal, sync)
    lost += verdict.lost
    wrong += verdict.wrong
    told.push(...verdict.told)
    disk = disk.afterCut(random, negligence)
  }
  const storage = start(disk, sync)
  const { damage } = await storage.open()
  const last = check(storage, journal, damage)
  await storage.close()
  told.push(...last.told)
  return { lost: lost + last.lost, wrong: wrong + last.wrong, told, acked: journal.acked.size }
}

test(`after ${CUTS} power cuts nothing acknowledged is lost and nothing wrong is served`, async (t) => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
  let acknowledged = 0
  for (let seed = first; seed < first + CUTS / LIVES; seed++) {
    const { acked, ...verdict } = await cuts(seed, LIVES, {})
    assert.deepEqual(verdict, { lost: 0, wrong: 0, told: [] }, `SEED=${seed}`)
    acknowledged += acked
  }
  t.diagnostic(`${acknowledged} acknowledged`)
  // Cuts that hit before anything was acknowledged would prove nothing.
  assert.ok(acknowledged > 10 * CUTS, `${acknowledged} records were acknowledged`)
})

test('sync by interval: after power cuts nothing wrong is served, and no index knows more than its log', async () => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
  for (let seed = first; seed < first + CUTS / LIVES / 2; seed++) {
    const { wrong, told } = await cuts(seed, LIVES, {}, { mode: 'interval', intervalMs: 100 })
    assert.deepEqual({ wrong, told }, { wrong: 0, told: [] }, `SEED=${seed}`)
  }
})

test('negative control: without datasync the same cuts lose acknowledged records', async () => {
  let losing = 0
  for (let seed = 0; seed < 10; seed++) if ((await cuts(seed, 3, { noFileSync: true })).lost > 0) losing++
  assert.ok(losing >= 8, `${losing} of 10 lost something`)
})

test('negative control: without directory sync the same cuts lose acknowledged records', async () => {
  let losing = 0
  for (let seed = 0; seed < 10; seed++) if ((await cuts(seed, 3, { noDirectorySync: true })).lost > 0) losing++
  assert.ok(losing >= 8, `${losing} of 10 lost something`)
})
