import assert from 'node:assert/strict'
import { readFile, readdir, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { systemClock } from '../../../system/clock.ts'
import type { Clock } from '../../../system/clock.ts'
import type { Disk } from '../../../system/disk.ts'
import { fileDisk } from '../../../system/file-disk.ts'
import { silentLogger } from '../../../system/logger.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { openStorage } from './open-storage.ts'
import type { StorageOptions } from './open-storage.ts'
import type { Partition, Storage } from './storage.ts'
import { temporaryFolder } from '../../../../test/temporary-folder.ts'

const root = await temporaryFolder('storage')
let count = 0
const freshDirectory = () => `${root}/${count++}`

function open(directory: string, options: Partial<StorageOptions> = {}): Storage {
  return openStorage(directory, {
    disk: fileDisk,
    clock: systemClock,
    logger: silentLogger,
    sync: { mode: 'ack' },
    ...options,
  })
}

async function onePartition(options: Partial<StorageOptions> & { configs?: Record<string, string> } = {}) {
  const directory = freshDirectory()
  const storage = open(directory, options)
  await storage.open()
  await storage.createTopic('t', { partitions: 1, configs: options.configs ?? {} })
  return { directory, storage, log: storage.partition('t', 0)! }
}

function values(bytes: Uint8Array): [number, string][] {
  const found: [number, string][] = []
  for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
    assert.equal(batchFault(bytes, at), undefined)
    for (const { offset, value } of decodeRecords(bytes, at)) found.push([offset, Buffer.from(value!).toString()])
  }
  return found
}

function everything(log: Partition, maxBytes = 1024): [number, string][] {
  const found: [number, string][] = []
  for (let offset = log.startOffset; offset < log.durableOffset; offset = found.at(-1)![0] + 1) {
    const some = values(log.read(offset, maxBytes)).filter(([at]) => at >= offset)
    if (some.length === 0) break
    found.push(...some)
  }
  return found
}

const batchOf = (...texts: string[]) => makeBatch(texts.map((value) => ({ value })))

test('appends get dense offsets and are read back from any of them, also after a restart', async () => {
  const { directory, storage, log } = await onePartition()
  const appended = await Promise.all([
    log.append(batchOf('a', 'b')),
    log.append(batchOf('c')),
    log.append(batchOf('d', 'e')),
  ])
  assert.deepEqual(appended, [
    { baseOffset: 0, nextOffset: 2 },
    { baseOffset: 2, nextOffset: 3 },
    { baseOffset: 3, nextOffset: 5 },
  ])
  const check = (log: Partition) => {
    assert.deepEqual([log.startOffset, log.endOffset, log.durableOffset], [0, 5, 5])
    assert.deepEqual(
      everything(log).map(([, value]) => value),
      ['a', 'b', 'c', 'd', 'e'],
    )
    assert.deepEqual(
      values(log.read(1, 10_000)).map(([offset]) => offset),
      [0, 1, 2, 3, 4],
    )
    assert.deepEqual(
      values(log.read(4, 1)).map(([offset]) => offset),
      [3, 4],
    )
    assert.equal(log.read(5, 1000).length, 0)
    assert.throws(() => log.read(6, 1000), { name: 'StorageError', kind: 'out-of-range' })
  }
  check(log)
  const topic = storage.topic('t')!
  await storage.close()
  const again = open(directory)
  const report = await again.open()
  assert.deepEqual([report.partitions, report.damage], [1, []])
  assert.deepEqual(again.topic('t'), topic)
  check(again.partition('t', 0)!)
  await again.close()
})

test('files are laid out as Kafka lays them out, batches verbatim', async () => {
  const { directory, storage, log } = await onePartition()
  await log.append(batchOf('x'))
  await storage.close()
  assert.deepEqual(await readdir(`${directory}/t-0`), [
    '00000000000000000000.index',
    '00000000000000000000.log',
    'topic.json',
  ])
  const expected = batchOf('x')
  expected.writeInt32BE(0, 12)
  assert.deepEqual(await readFile(`${directory}/t-0/00000000000000000000.log`), expected)
  assert.deepEqual(
    (await readdir(directory)).filter((name) => name.startsWith('lock')),
    [],
  )
})

test('appends that arrive during a sync share the next one', async () => {
  let syncs = 0
  const counting: Disk = {
    ...fileDisk,
    open: async (path, mode) => countSyncs(await fileDisk.open(path, mode), () => syncs++),
  }
  const { storage, log } = await onePartition({ disk: counting })
  await log.append(batchOf('first'))
  syncs = 0
  await Promise.all(Array.from({ length: 100 }, (_, i) => log.append(batchOf(`${i}`))))
  assert.equal(syncs, 1)
  await storage.close()
})

function countSyncs(file: Awaited<ReturnType<Disk['open']>>, count: () => void): typeof file {
  const datasync = file.datasync.bind(file)
  file.datasync = () => {
    if (file.path.endsWith('.log')) count()
    return datasync()
  }
  return file
}

test('segments roll by size, and every offset is found in every one', async () => {
  const { directory, storage, log } = await onePartition({ segmentBytes: 4000 })
  const expected: [number, string][] = []
  for (let i = 0; i < 60; i++) {
    const value = `${i}`.padEnd(300, '.')
    expected.push([(await log.append(batchOf(value))).baseOffset, value])
  }
  const logs = (await readdir(`${directory}/t-0`)).filter((name) => name.endsWith('.log'))
  assert.equal(logs.length, 6)
  assert.deepEqual(everything(log), expected)
  for (const [offset] of expected) assert.equal(values(log.read(offset, 1))[0]![0], offset)
  await storage.close()
  const again = open(directory, { segmentBytes: 4000 })
  assert.deepEqual((await again.open()).damage, [])
  assert.deepEqual(everything(again.partition('t', 0)!), expected)
  assert.deepEqual(await again.partition('t', 0)!.append(batchOf('on')), { baseOffset: 60, nextOffset: 61 })
  await again.close()
})

test('many small batches and a few large ones are found through the sparse index', async () => {
  const { storage, log } = await onePartition()
  const sizes = Array.from({ length: 400 }, (_, i) => (i % 97 === 0 ? 300_000 : 500))
  await Promise.all(sizes.map((size, i) => log.append(batchOf(`${i}`.padEnd(size, '.')))))
  for (let offset = 0; offset < 400; offset += 7) {
    const [first] = values(log.read(offset, 2000))
    assert.equal(first![0], offset)
    assert.equal(first![1].length, sizes[offset])
  }
  assert.equal(everything(log, 70_000).length, 400)
  await storage.close()
})

test('a long poll ends with the next durable record, with its abort, or with the log', async () => {
  const { storage, log } = await onePartition()
  const never = new AbortController()
  const woken = log.waitBeyond(0, never.signal)
  await log.append(batchOf('a'))
  await woken
  await log.waitBeyond(0, never.signal)
  const stop = new AbortController()
  const aborted = log.waitBeyond(1, stop.signal)
  stop.abort()
  await aborted
  const closing = log.waitBeyond(1, never.signal)
  await storage.close()
  await closing
  await assert.rejects(log.append(batchOf('b')), { kind: 'closed' })
})

test('the offset of a time is exact to the record', async () => {
  const { storage, log } = await onePartition({ segmentBytes: 2000 })
  for (let i = 0; i < 100; i++) {
    const records = [0, 1, 2].map((j) => ({ value: 'x'.repeat(100), timestamp: 1000 + i * 30 + j * 10 }))
    await log.append(makeBatch(records, { compression: i % 2 === 0 ? 'none' : 'zstd' }))
  }
  assert.deepEqual(log.offsetForTime(0), { offset: 0, timestamp: 1000 })
  assert.deepEqual(log.offsetForTime(1010), { offset: 1, timestamp: 1010 })
  assert.deepEqual(log.offsetForTime(2501), { offset: 151, timestamp: 2510 })
  assert.deepEqual(log.offsetForTime(3990), { offset: 299, timestamp: 3990 })
  assert.equal(log.offsetForTime(3991), undefined)
  await storage.close()
})

test('retention by size deletes whole segments from the start, never the active one', async () => {
  const { directory, storage, log } = await onePartition({ segmentBytes: 4000, configs: { 'retention.bytes': '6000' } })
  for (let i = 0; i < 60; i++) await log.append(batchOf(`${i}`.padEnd(300, '.')))
  await storage.retain(0)
  assert.equal(log.startOffset, 40)
  assert.deepEqual(
    everything(log).map(([offset]) => offset),
    Array.from({ length: 20 }, (_, i) => 40 + i),
  )
  assert.throws(() => log.read(39, 100), { kind: 'out-of-range' })
  await storage.close()
  const again = open(directory)
  assert.deepEqual((await again.open()).damage, [])
  assert.equal(again.partition('t', 0)!.startOffset, 40)
  await again.close()
})

test('retention by time deletes the active segment too once all of it has expired, and offsets go on', async () => {
  const { directory, storage, log } = await onePartition({ segmentBytes: 4000, configs: { 'retention.ms': '1000' } })
  for (let i = 0; i < 20; i++) await log.append(makeBatch([{ value: 'x'.repeat(300), timestamp: i * 100 }]))
  await storage.retain(2100)
  assert.equal(log.startOffset, 10)
  await storage.retain(10_000)
  assert.deepEqual([log.startOffset, log.endOffset], [20, 20])
  assert.equal(log.read(20, 100).length, 0)
  await log.append(makeBatch([{ value: 'new', timestamp: 10_000 }]))
  await storage.retain(10_500)
  assert.deepEqual(everything(log), [[20, 'new']])
  await storage.close()
  const names = (await readdir(`${directory}/t-0`)).filter((name) => name.endsWith('.log'))
  assert.deepEqual(names, ['00000000000000000020.log'])
})

test('a compacted topic is not shortened by retention', async () => {
  const configs = { 'cleanup.policy': 'compact', 'retention.ms': '1' }
  const { storage, log } = await onePartition({ segmentBytes: 500, configs })
  for (let i = 0; i < 5; i++) await log.append(batchOf('x'.repeat(300)))
  await storage.retain(1e15)
  assert.equal(log.startOffset, 0)
  await storage.close()
})

const produced = (baseSequence: number, records = 2, producerEpoch = 0) => {
  const options = { producerId: 77n, producerEpoch, baseSequence }
  const batch = makeBatch(
    Array.from({ length: records }, () => ({ value: 'v' })),
    options,
  )
  return { batch, facts: { ...options, recordCount: records } }
}

test('producers: repeats, gaps and old epochs are told apart, also after a restart with and without an index', async () => {
  const { directory, storage, log } = await onePartition()
  const facts = (sequence: number, count?: number, epoch?: number) => produced(sequence, count, epoch).facts
  // Also in the middle of its sequence: what was known of a producer goes with its records (KIP-360).
  assert.deepEqual(log.producers.check(facts(4)), { accept: true })
  for (let i = 0; i < 7; i++) {
    assert.deepEqual(log.producers.check(facts(i * 2)), { accept: true })
    await log.append(produced(i * 2).batch)
  }
  const check = (log: Partition) => {
    for (let i = 2; i < 7; i++) assert.deepEqual(log.producers.check(facts(i * 2)), { duplicate: i * 2 })
    assert.deepEqual(log.producers.check(facts(2)), { error: 'out-of-order' })
    assert.deepEqual(log.producers.check(facts(12, 1)), { error: 'out-of-order' })
    assert.deepEqual(log.producers.check(facts(14)), { accept: true })
    assert.deepEqual(log.producers.check(facts(16)), { error: 'out-of-order' })
    assert.deepEqual(log.producers.check(facts(0, 2, 1)), { accept: true })
    assert.deepEqual(log.producers.check(facts(14, 2, 1)), { error: 'out-of-order' })
    assert.deepEqual(log.producers.check({ ...facts(14), producerEpoch: -1 }), { error: 'fenced' })
    assert.deepEqual(log.producers.check({ ...facts(14), producerId: -1n }), { accept: true })
  }
  check(log)
  await storage.close()
  for (const remove of [[], ['00000000000000000000.index']]) {
    for (const name of remove) await rm(`${directory}/t-0/${name}`)
    const again = open(directory)
    await again.open()
    check(again.partition('t', 0)!)
    await again.close()
  }
})

test('a sequence wraps from 2^31 - 1 to 0', async () => {
  const { storage, log } = await onePartition()
  await log.append(produced(2 ** 31 - 2, 2).batch)
  assert.deepEqual(log.producers.check(produced(0).facts), { accept: true })
  assert.deepEqual(log.producers.check(produced(1).facts), { error: 'out-of-order' })
  await storage.close()
})

test('a repeat of a batch that is still on its way is stored once, and answered when the first copy is durable', async () => {
  const { storage, log } = await onePartition()
  const first = log.append(produced(0).batch)
  assert.deepEqual(log.producers.check(produced(0).facts), { accept: true })
  const second = log.append(produced(0).batch)
  const third = log.append(produced(2).batch)
  assert.deepEqual(await second, { baseOffset: 0, nextOffset: 2 })
  assert.deepEqual(await first, { baseOffset: 0, nextOffset: 2 })
  assert.deepEqual(await third, { baseOffset: 2, nextOffset: 4 })
  assert.deepEqual(log.producers.check(produced(0).facts), { duplicate: 0 })
  await storage.close()
})

test('sync by interval acknowledges after the write and syncs later', async () => {
  let syncs = 0
  let due = () => {}
  const clock: Clock = {
    ...systemClock,
    after: (ms, fn) => {
      assert.equal(ms, 50)
      due = fn
      return { cancel() {} }
    },
  }
  const disk: Disk = {
    ...fileDisk,
    open: async (path, mode) => countSyncs(await fileDisk.open(path, mode), () => syncs++),
  }
  const { storage, log } = await onePartition({ disk, clock, sync: { mode: 'interval', intervalMs: 50 } })
  await log.append(batchOf('a'))
  await log.append(batchOf('b'))
  assert.deepEqual([syncs, log.durableOffset], [0, 2])
  due()
  await log.append(batchOf('c'))
  await storage.close()
  assert.equal(syncs, 2)
})

test('an unfinished topic is removed, a lost description is restored from another partition or made anew', async () => {
  const directory = freshDirectory()
  const storage = open(directory)
  await storage.open()
  const topic = await storage.createTopic('a.b-c', { partitions: 3, configs: { 'retention.ms': '5' } })
  await storage.partition('a.b-c', 1)!.append(batchOf('kept'))
  await storage.close()
  await fileDisk.makeDirectory(`${directory}/half-0`)
  await rm(`${directory}/a.b-c-0/topic.json`)
  await rm(`${directory}/a.b-c-2`, { recursive: true })
  const again = open(directory)
  const { damage } = await again.open()
  assert.deepEqual(
    damage.map(({ partition, reason }) => [partition, reason]),
    [
      [0, 'description of the topic is damaged or missing, it is made again'],
      [2, 'directory of the partition is missing, it is made again'],
    ],
  )
  assert.deepEqual([...again.topics()], [['a.b-c', topic]])
  assert.deepEqual(
    (await readdir(directory)).filter((name) => !name.startsWith('lock')),
    ['a.b-c-0', 'a.b-c-1', 'a.b-c-2'],
  )
  await again.close()
  for (const i of [0, 1, 2]) await rm(`${directory}/a.b-c-${i}/topic.json`)
  const third = open(directory)
  assert.equal((await third.open()).damage.length, 3)
  assert.deepEqual(everything(third.partition('a.b-c', 1)!), [[0, 'kept']])
  await third.close()
})

test('leftover temporary files are removed', async () => {
  const { directory, storage } = await onePartition()
  await storage.close()
  const file = await fileDisk.open(`${directory}/t-0/00000000000000000000.index.tmp`, 'append')
  await file.close()
  const again = open(directory)
  await again.open()
  assert.deepEqual(
    (await readdir(`${directory}/t-0`)).filter((name) => name.endsWith('.tmp')),
    [],
  )
  await again.close()
})
