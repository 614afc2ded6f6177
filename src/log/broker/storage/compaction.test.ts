import assert from 'node:assert/strict'
import { readdir, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import type { SampleBatch, SampleRecord } from '../../../../test/log/make-batch.ts'
import { systemClock } from '../../../system/clock.ts'
import { fileDisk } from '../../../system/file-disk.ts'
import { silentLogger } from '../../../system/logger.ts'
import { seededRandom } from '../../../system/random.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import type { StoredRecord } from '../../log.ts'
import { openStorage } from './open-storage.ts'
import type { Partition, Storage } from './storage.ts'
import { temporaryFolder } from '../../../../test/temporary-folder.ts'

const root = await temporaryFolder('compaction')
let count = 0
const HOUR_MS = 3_600_000

/** A compacted topic with one partition, on real files. `segmentBytes` is small, so that records soon get old. */
async function compacted(configs: { [name: string]: string } = {}) {
  const directory = `${root}/${count++}`
  const open = () => {
    const system = { disk: fileDisk, clock: systemClock, logger: silentLogger, sync: { mode: 'ack' as const } }
    return openStorage(directory, { ...system, segmentBytes: 2000 })
  }
  let storage: Storage = open()
  await storage.open()
  const all = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0', ...configs }
  await storage.createTopic('t', { partitions: 1, configs: all })
  return {
    directory: `${directory}/t-0`,
    get storage() {
      return storage
    },
    get log(): Partition {
      return storage.partition('t', 0)!
    },
    /** Appends records, a batch each, then enough that they are not in the active segment any more. */
    async put(records: readonly SampleRecord[], options: SampleBatch = {}): Promise<void> {
      for (const record of records) await this.log.append(makeBatch([record], options))
    },
    async age(): Promise<void> {
      await this.put([
        { key: 'ballast', value: 'x'.repeat(1900) },
        { key: 'ballast', value: 'x'.repeat(1900) },
      ])
    },
    async restart(): Promise<void> {
      await storage.close()
      storage = open()
      assert.deepEqual((await storage.open()).damage, [])
    },
  }
}

/** All records that a reader meets, by whatever steps; every batch checked. */
function readAll(log: Partition, maxBytes = 1000, from = log.startOffset): StoredRecord[] {
  const found: StoredRecord[] = []
  for (let offset = from; offset < log.durableOffset;) {
    const bytes = log.read(offset, maxBytes)
    assert.ok(bytes.length > 0, `nothing at ${offset}`)
    for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
      assert.equal(batchFault(bytes, at), undefined)
      for (const record of decodeRecords(bytes, at)) if (record.offset >= offset) found.push(record)
      const { baseOffset, lastOffsetDelta } = readBatchHeader(bytes, at)
      offset = Math.max(offset, baseOffset + lastOffsetDelta + 1)
    }
  }
  return found
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)
const text = (bytes: Uint8Array | null) => (bytes === null ? null : Buffer.from(bytes).toString())
const shown = (records: readonly StoredRecord[]) =>
  records.filter(({ key }) => text(key) !== 'ballast').map(({ offset, key, value }) => [offset, text(key), text(value)])

test('of every key the latest record stays, with its offset, also after a restart', async () => {
  const topic = await compacted()
  await topic.put(['a', 'b', 'a', 'c', 'b', 'a'].map((key, i) => ({ key, value: `${key}${i}`, timestamp: 1000 + i })))
  await topic.age()
  await topic.storage.compact(Date.now())
  const check = () => {
    assert.deepEqual(shown(readAll(topic.log)), [
      [3, 'c', 'c3'],
      [4, 'b', 'b4'],
      [5, 'a', 'a5'],
    ])
    assert.deepEqual([topic.log.startOffset, topic.log.endOffset], [0, 8])
    assert.deepEqual(topic.log.offsetForTime(1001), { offset: 3, timestamp: 1003 })
    for (let from = 0; from < 8; from++) {
      assert.deepEqual(
        shown(readAll(topic.log, 1, from)),
        shown(readAll(topic.log)).filter(([at]) => Number(at) >= from),
      )
    }
  }
  check()
  await topic.restart()
  check()
  await rm(`${topic.directory}/00000000000000000000.index`)
  await topic.restart()
  check()
  assert.deepEqual(await topic.log.append(makeBatch([{ key: 'a', value: 'on' }])), { baseOffset: 8, nextOffset: 9 })
  await topic.storage.close()
})

test('the active segment is never touched, and a clean partition is left alone', async () => {
  const topic = await compacted()
  await topic.put([
    { key: 'a', value: '1' },
    { key: 'a', value: '2' },
  ])
  await topic.storage.compact(Date.now())
  assert.equal(readAll(topic.log).length, 2)
  await topic.age()
  await topic.storage.compact(Date.now())
  const before = (await readdir(topic.directory)).sort()
  await topic.storage.compact(Date.now())
  assert.deepEqual((await readdir(topic.directory)).sort(), before)
  assert.deepEqual(shown(readAll(topic.log)), [[1, 'a', '2']])
  await topic.storage.close()
})

test('a tombstone deletes its key, stays for delete.retention.ms, then goes', async () => {
  const topic = await compacted({ 'delete.retention.ms': String(HOUR_MS) })
  const records = [
    { key: 'a', value: '1' },
    { key: 'b', value: '2' },
    { key: 'a', value: null },
  ]
  await topic.put(records.map((record, i) => ({ ...record, timestamp: 5000 + i })))
  await topic.age()
  const now = Date.now()
  await topic.storage.compact(now)
  assert.deepEqual(shown(readAll(topic.log)), [[1, 'b', '2'], [2, 'a', null]]) // prettier-ignore
  assert.deepEqual(readAll(topic.log).slice(0, 2).map(({ timestamp }) => timestamp), [5001, 5002]) // prettier-ignore
  await topic.restart()
  await topic.storage.compact(now + HOUR_MS - 10)
  assert.equal(shown(readAll(topic.log)).length, 2)
  await topic.storage.compact(now + HOUR_MS + 10)
  assert.deepEqual(shown(readAll(topic.log)), [[1, 'b', '2']])
  await topic.restart()
  assert.deepEqual(shown(readAll(topic.log)), [[1, 'b', '2']])
  await topic.storage.close()
})

test('records within a batch go one by one, whatever the compression; headers and times stay', async () => {
  for (const compression of ['none', 'gzip', 'zstd'] as const) {
    const topic = await compacted()
    const batch = ['a', 'b', 'c'].map((key, i) => ({
      key,
      value: `${key}${i}`,
      timestamp: 9000 + 7 * i,
      headers: [['h', key] as const],
    }))
    await topic.log.append(makeBatch(batch, { compression }))
    await topic.log.append(makeBatch([{ key: 'a', value: 'new' }], { compression }))
    await topic.age()
    await topic.storage.compact(Date.now())
    const [b, c] = readAll(topic.log)
    assert.deepEqual([b!.offset, b!.timestamp, text(b!.headers[0]![1])], [1, 9007, 'b'])
    assert.deepEqual([c!.offset, c!.timestamp, text(c!.headers[0]![1])], [2, 9014, 'c'])
    assert.equal(readBatchHeader(topic.log.read(0, 10_000)).compression, compression)
    await topic.storage.close()
  }
})

test('what min.compaction.lag.ms keeps, max.compaction.lag.ms forces, and too little dirt does not start', async () => {
  const now = Date.now()
  const young = await compacted({ 'min.compaction.lag.ms': '60000' })
  await young.put([1, 2].map((i) => ({ key: 'a', value: `${i}`, timestamp: now })))
  await young.age()
  await young.storage.compact(now + 1000)
  assert.equal(shown(readAll(young.log)).length, 2)
  await young.storage.compact(now + 61_000)
  assert.equal(shown(readAll(young.log)).length, 1)
  await young.storage.close()
  const late = await compacted({ 'min.cleanable.dirty.ratio': '1', 'max.compaction.lag.ms': '60000' })
  await late.put([1, 2].map((i) => ({ key: 'a', value: `${i}`, timestamp: now })))
  await late.storage.compact(now + 1000)
  assert.equal(shown(readAll(late.log)).length, 2)
  // The active segment is rolled for it.
  await late.storage.compact(now + 61_000)
  assert.deepEqual(shown(readAll(late.log)), [[1, 'a', '2']])
  await late.storage.close()
})

test('a producer whose records were all compacted away is still known after a crash', async () => {
  const topic = await compacted()
  const identity = { producerId: 9n, producerEpoch: 0 }
  for (let i = 0; i < 3; i++) await topic.put([{ key: 'a', value: `${i}` }], { ...identity, baseSequence: i })
  await topic.put([{ key: 'a', value: 'by another' }])
  await topic.age()
  await topic.storage.compact(Date.now())
  assert.deepEqual(shown(readAll(topic.log)), [[3, 'a', 'by another']])
  await topic.storage.close()
  for (const name of await readdir(topic.directory)) if (name.endsWith('.index')) await rm(`${topic.directory}/${name}`)
  await topic.restart()
  const facts = (baseSequence: number) => ({ ...identity, baseSequence, recordCount: 1 })
  assert.deepEqual(topic.log.producers.check(facts(2)), { duplicate: 2 })
  assert.deepEqual(topic.log.producers.check(facts(3)), { accept: true })
  assert.deepEqual(topic.log.producers.check(facts(4)), { error: 'out-of-order' })
  await topic.storage.close()
})

test('more keys than fit into memory take several passes, and come to the same', async () => {
  const directory = `${root}/${count++}`
  const system = { disk: fileDisk, clock: systemClock, logger: silentLogger, sync: { mode: 'ack' as const } }
  // Room for 716 keys.
  const storage = openStorage(directory, { ...system, segmentBytes: 20_000, compactionBytes: 1 })
  await storage.open()
  await storage.createTopic('t', { partitions: 1, configs: { 'cleanup.policy': 'compact' } })
  const log = storage.partition('t', 0)!
  const latest = new Map<string, [number, string]>()
  for (let i = 0; i < 9000; i += 100) {
    const records = Array.from({ length: 100 }, (_, j) => ({ key: `k${(7 * (i + j)) % 3001}`, value: `${i + j}` }))
    await log.append(makeBatch(records))
    for (const [j, { key, value }] of records.entries()) latest.set(key, [i + j, value])
  }
  await log.append(makeBatch([{ key: 'ballast', value: 'x'.repeat(20_000) }]))
  await storage.compact(Date.now())
  const read = shown(readAll(log, 5000))
  assert.deepEqual(
    read,
    [...latest].map(([key, [offset, value]]) => [offset, key, value]).sort((a, b) => Number(a[0]) - Number(b[0])),
  )
  await storage.close()
})

test('whatever is appended and whenever it is compacted, it reads as the latest of every key', async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9))
  const random = seededRandom(seed)
  const topic = await compacted()
  const latest = new Map<string, [number, string | null]>()
  const all = new Map<number, string>()
  for (let round = 0; round < 40; round++) {
    for (let i = random.integer(20); i >= 0; i--) {
      const records = Array.from({ length: 1 + random.integer(5) }, () => {
        const value = random.integer(5) === 0 ? null : 'v'.repeat(random.integer(300)) + random.next()
        return { key: `k${random.integer(30)}`, value }
      })
      const compression = (['none', 'gzip', 'zstd'] as const)[random.integer(3)]!
      const { baseOffset } = await topic.log.append(makeBatch(records, { compression }))
      for (const [at, { key, value }] of records.entries()) {
        latest.set(key, [baseOffset + at, value])
        all.set(baseOffset + at, `${key}=${value}`)
      }
    }
    if (random.integer(3) === 0) await topic.storage.compact(Date.now())
    if (random.integer(8) === 0) await topic.restart()
    const read = readAll(topic.log, 1 + random.integer(3000))
    const state = new Map<string, [number, string | null]>()
    let before = -1
    for (const { offset, key, value } of read) {
      assert.ok(offset > before, `SEED=${seed}: ${offset} after ${before}`)
      assert.equal(`${text(key)}=${text(value)}`, all.get(offset), `SEED=${seed}`)
      before = offset
      state.set(text(key)!, [offset, text(value)])
    }
    assert.deepEqual(new Map([...state].toSorted(byKey)), new Map([...latest].toSorted(byKey)), `SEED=${seed} ${round}`)
  }
  await topic.age()
  await topic.storage.compact(Date.now())
  const keys = readAll(topic.log).map(({ key }) => text(key))
  assert.ok(keys.length < latest.size + 20, `SEED=${seed}: ${keys.length} records for ${latest.size} keys`)
  await topic.storage.close()
})
