import assert from 'node:assert/strict'
import { cp, readdir, rm } from 'node:fs/promises'
import { test } from 'node:test'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { systemClock } from '../../../system/clock.ts'
import { fileDisk } from '../../../system/file-disk.ts'
import { silentLogger } from '../../../system/logger.ts'
import { batchFault, decodeRecords, readBatchHeader } from '../../batch.ts'
import { openStorage } from './open-storage.ts'
import type { StorageOptions } from './open-storage.ts'
import type { Partition, Storage } from './storage.ts'
import { temporaryFolder } from '../../../../test/temporary-folder.ts'

const root = await temporaryFolder('changes')
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

const batchOf = (...texts: string[]) => makeBatch(texts.map((value) => ({ value })))

test('producers survive retention, deleted records and a crash, and are forgotten after a day of silence', async () => {
  const { directory, storage, log } = await onePartition({ segmentBytes: 300, configs: { 'retention.ms': '1000' } })
  const identity = { producerId: 5n, producerEpoch: 0 }
  const facts = (baseSequence: number) => ({ ...identity, baseSequence, recordCount: 1 })
  for (let i = 0; i < 4; i++) {
    await log.append(makeBatch([{ value: 'x'.repeat(100), timestamp: 1 }], { ...identity, baseSequence: i }))
  }
  await storage.retain(10_000)
  assert.deepEqual([log.startOffset, log.endOffset], [4, 4])
  const crashed = `${directory}-crashed`
  const copy = async () => {
    await rm(crashed, { recursive: true, force: true })
    await cp(directory, crashed, { recursive: true, filter: (path) => !path.includes('/lock') })
    const again = open(crashed)
    await again.open()
    return again
  }
  const check = (of: Partition) => {
    assert.deepEqual(of.producers.check(facts(3)), { duplicate: 3 })
    assert.deepEqual(of.producers.check(facts(5)), { error: 'out-of-order' })
    assert.deepEqual(of.producers.active().map(({ producerId, lastSequence }) => [producerId, lastSequence]), [[5n, 3]]) // prettier-ignore
  }
  check(log)
  const afterRetention = await copy()
  check(afterRetention.partition('t', 0)!)
  await afterRetention.close()
  await log.append(makeBatch([{ value: 'by another', timestamp: 1 }]))
  await log.deleteRecords(5)
  await storage.retain(0)
  const afterDeletion = await copy()
  check(afterDeletion.partition('t', 0)!)
  await afterDeletion.close()
  await storage.retain(systemClock.now() + 86_400_000 + 1)
  assert.deepEqual(log.producers.active(), [])
  assert.deepEqual(log.producers.check(facts(77)), { accept: true })
  await storage.close()
})

test('deleted records stay deleted: for readers, for times, after a restart; whole segments go', async () => {
  const { directory, storage, log } = await onePartition({ segmentBytes: 1000 })
  for (let i = 0; i < 20; i++) {
    const records = [0, 1].map((j) => ({ value: 'x'.repeat(100), timestamp: 1000 + 2 * i + j }))
    await log.append(makeBatch(records))
  }
  assert.equal(await log.deleteRecords(21), 21)
  assert.equal(await log.deleteRecords(5), 21)
  await assert.rejects(log.deleteRecords(41), { kind: 'out-of-range' })
  await storage.retain(0)
  const check = (of: Partition) => {
    assert.deepEqual([of.startOffset, of.endOffset], [21, 40])
    assert.throws(() => of.read(20, 100), { kind: 'out-of-range' })
    assert.deepEqual(of.offsetForTime(0), { offset: 21, timestamp: 1021 })
    assert.equal(values(of.read(21, 100)).at(-1)![0], 21)
  }
  check(log)
  const names = async () => (await readdir(`${directory}/t-0`)).filter((name) => name.endsWith('.log'))
  const left = await names()
  assert.ok(left.length < 7 && left[0]! > '00000000000000000010.log', left.join())
  await storage.close()
  const again = open(directory, { segmentBytes: 1000 })
  assert.deepEqual((await again.open()).damage, [])
  check(again.partition('t', 0)!)
  const log2 = again.partition('t', 0)!
  await log2.deleteRecords(40)
  await again.retain(0)
  assert.deepEqual([log2.startOffset, log2.endOffset], [40, 40])
  assert.deepEqual(await log2.append(batchOf('on')), { baseOffset: 40, nextOffset: 41 })
  assert.deepEqual(log2.latestRecord()?.offset, 40)
  await again.close()
})

test('topics change and go: partitions, configs, deletion, and another of the same name at the same time', async () => {
  const directory = freshDirectory()
  const storage = open(directory)
  await storage.open()
  const { id } = await storage.createTopic('t', { partitions: 1, configs: {} })
  await storage.partition('t', 0)!.append(batchOf('old'))
  const [grown, altered] = await Promise.all([
    storage.addPartitions('t', 3),
    storage.alterTopic('t', { 'retention.ms': '7' }),
  ])
  assert.deepEqual([grown.partitions, altered.partitions, altered.configs], [3, 3, { 'retention.ms': '7' }])
  await assert.rejects(storage.addPartitions('t', 2), RangeError)
  await storage.partition('t', 2)!.append(batchOf('new'))
  const old = storage.partition('t', 0)!
  const [, made] = await Promise.all([
    storage.deleteTopic('t'),
    storage.createTopic('t', { partitions: 1, configs: {} }),
    storage.deleteTopic('nobody'),
  ])
  assert.notDeepEqual(made.id, id)
  await assert.rejects(old.append(batchOf('late')), { kind: 'closed' })
  assert.equal(storage.partition('t', 0)!.endOffset, 0)
  await storage.close()
  const again = open(directory)
  assert.deepEqual((await again.open()).damage, [])
  assert.deepEqual([again.topic('t')!.partitions, again.partition('t', 0)!.endOffset], [1, 0])
  assert.deepEqual((await readdir(directory)).filter((name) => !name.startsWith('lock')), ['t-0']) // prettier-ignore
  await again.close()
})

test('an old segment is followed by another, however small it is, and so are the settings of a topic that changed', async () => {
  const { storage, log } = await onePartition({ configs: { 'segment.ms': '60000', 'retention.ms': '-1' } })
  await log.append(batchOf('a'))
  const now = systemClock.now()
  await storage.retain(now + 59_000)
  await log.append(batchOf('b'))
  await storage.alterTopic('t', { 'retention.ms': '-1', 'cleanup.policy': 'compact', 'segment.ms': '1000' })
  await storage.retain(now + 59_000)
  await log.append(batchOf('c'))
  assert.deepEqual(values(log.read(0, 10_000)).map(([, value]) => value), ['a', 'b']) // prettier-ignore
  assert.deepEqual(values(log.read(2, 10_000)).map(([, value]) => value), ['c']) // prettier-ignore
  await storage.close()
})
