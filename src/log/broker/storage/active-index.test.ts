import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { cp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FaultyDisk } from '../../../../test/faults/faulty-disk.ts'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { systemClock } from '../../../system/clock.ts'
import type { Clock } from '../../../system/clock.ts'
import type { Disk, DiskFile } from '../../../system/disk.ts'
import { fileDisk } from '../../../system/file-disk.ts'
import { silentLogger } from '../../../system/logger.ts'
import { decodeRecords, readBatchHeader } from '../../batch.ts'
import { decodeChecked } from './checked-json.ts'
import { openStorage } from './open-storage.ts'
import type { StorageOptions } from './open-storage.ts'
import type { Damage, Partition, Storage } from './storage.ts'
import { until } from '../../../../test/until.ts'
import { temporaryFolder } from '../../../../test/temporary-folder.ts'

/** Of the index of the segment that takes the appends: when it is written, and what recovery makes of it. */
const root = await temporaryFolder('active-index')
let count = 0

/** The queue of indexes does not wait. */
const clock: Clock = {
  ...systemClock,
  sleep: async (_ms, signal) => {
    await nextTurn()
    signal?.throwIfAborted()
  },
}

async function opened(directory: string, options: Partial<StorageOptions> = {}) {
  const storage = openStorage(directory, { disk: fileDisk, clock, logger: silentLogger, sync: { mode: 'ack' }, ...options }) // prettier-ignore
  const { damage } = await storage.open()
  return { storage, damage }
}

async function fresh(partitions: number, options: Partial<StorageOptions> = {}) {
  const directory = `${root}/${count++}`
  const { storage } = await opened(directory, options)
  await storage.createTopic('t', { partitions, configs: {} })
  return { directory, storage, log: storage.partition('t', 0)! }
}

const batchOf = (value: string) => makeBatch([{ value }])
const logPath = (directory: string, partition = 0) => `${directory}/t-${partition}/00000000000000000000.log`
const indexOf = (directory: string, partition = 0) => logPath(directory, partition).replace('.log', '.index')

async function indexedSize(directory: string): Promise<number> {
  await until(() => existsSync(indexOf(directory)))
  return (decodeChecked(await readFile(indexOf(directory))) as { size: number }).size
}

/** What a killed process leaves. */
async function afterKill(directory: string): Promise<string> {
  const copy = `${directory}-killed`
  await cp(directory, copy, { recursive: true })
  for (const name of await readdir(copy)) if (name.startsWith('lock')) await rm(`${copy}/${name}`)
  return copy
}

function valuesOf(log: Partition): string[] {
  const found: string[] = []
  for (let offset = log.startOffset; offset < log.durableOffset;) {
    const bytes = log.read(offset, 1)
    if (bytes.length === 0) break
    for (const { value } of decodeRecords(bytes)) found.push(Buffer.from(value!).toString())
    const { baseOffset, lastOffsetDelta } = readBatchHeader(bytes)
    offset = baseOffset + lastOffsetDelta + 1
  }
  return found
}

/** A disk on which calls on some files wait, and are noted. */
function watched(before: (call: 'datasync' | 'readSync', file: DiskFile, position: number) => Promise<void> | void) {
  const open: Disk['open'] = async (path, mode) => {
    const file = await fileDisk.open(path, mode)
    const { datasync, readSync } = { datasync: file.datasync.bind(file), readSync: file.readSync.bind(file) }
    return Object.assign(file, {
      datasync: async () => {
        await before('datasync', file, 0)
        await datasync()
      },
      readSync: (into: Uint8Array, position: number) => {
        void before('readSync', file, position)
        return readSync(into, position)
      },
    })
  }
  return { ...fileDisk, open }
}

test('the first durable batch soon has an index, which never names what is not durable yet', async () => {
  let gate: Promise<void> | undefined
  const disk = watched((call, { path }) => (call === 'datasync' && path.endsWith('.log') ? gate : undefined))
  const indexing = Promise.withResolvers<void>()
  const { directory, storage, log } = await fresh(1, { disk, clock: { ...clock, sleep: () => indexing.promise } })
  await log.append(batchOf('durable'))
  const { length } = await readFile(logPath(directory))
  const sync = Promise.withResolvers<void>()
  gate = sync.promise
  const second = log.append(batchOf('on its way'))
  await until(async () => (await readFile(logPath(directory))).length !== length)
  assert.ok(!existsSync(indexOf(directory)))
  indexing.resolve()
  assert.equal(await indexedSize(directory), length)
  sync.resolve()
  await second
  await storage.close()
})

test('a segment that grows gets its index anew after 8 MiB, and by the minute', async () => {
  const { directory, storage, log } = await fresh(1)
  await log.append(batchOf('first'))
  const first = await indexedSize(directory)
  const MIB = 2 ** 20
  while (log.bytes <= first + 8 * MIB) await log.append(batchOf('x'.repeat(MIB)))
  await until(async () => (await indexedSize(directory)) !== first)
  const second = await indexedSize(directory)
  assert.equal(second, log.bytes)
  await log.append(batchOf('x'.repeat(MIB)))
  await storage.retain(0)
  await until(async () => (await indexedSize(directory)) !== second)
  assert.equal(await indexedSize(directory), log.bytes)
  await storage.close()
})

test('recovery reads only what came after the index, also of producers, and checks the rest when it is read', async () => {
  const sequenced = (baseSequence: number) =>
    makeBatch([{ value: 'v'.repeat(100_000) }], { producerId: 5n, producerEpoch: 0, baseSequence })
  const { directory, storage, log } = await fresh(1)
  for (let i = 0; i < 100; i++) await log.append(sequenced(i))
  await storage.retain(0)
  await until(async () => (await indexedSize(directory)) >= 9e6)
  const indexed = await indexedSize(directory)
  for (let i = 100; i < 103; i++) await log.append(sequenced(i))
  const copy = await afterKill(directory)
  await storage.close()
  const content = await readFile(logPath(copy))
  content[5_000_000]! ^= 1
  await writeFile(logPath(copy), content)
  const read: number[] = []
  const disk = watched((call, _file, position) => (call === 'readSync' ? void read.push(position) : undefined))
  const told: Damage[] = []
  const { storage: again, damage } = await opened(copy, { disk, onDamage: (one) => told.push(one) })
  assert.deepEqual(damage, [])
  const fingerprints = read.filter((position) => position < indexed)
  assert.ok(fingerprints.length <= 3, `${fingerprints.length} reads of what the index describes`)
  const found = again.partition('t', 0)!
  const facts = (baseSequence: number) => ({ producerId: 5n, producerEpoch: 0, baseSequence, recordCount: 1 })
  assert.equal(found.endOffset, 103)
  assert.deepEqual(found.producers.check(facts(98)), { duplicate: 98 })
  assert.deepEqual(found.producers.check(facts(101)), { duplicate: 101 })
  assert.deepEqual(found.producers.check(facts(103)), { accept: true })
  assert.equal(valuesOf(found).length, 102)
  await again.close()
  // Told once it has been set aside.
  assert.equal(told.length, 1)
})

for (const [name, first] of [
  ['that begin differently', (partition: number) => `${partition}`],
  ['that begin alike', () => 'same'],
] as const) {
  test(`two active segments ${name} and were swapped are set aside and told, and offsets go on`, async () => {
    const { directory, storage } = await fresh(2)
    const logs = [0, 1].map((partition) => storage.partition('t', partition)!)
    for (const [partition, log] of logs.entries()) {
      await log.append(makeBatch([{ value: first(partition), timestamp: 1 }]))
      await log.append(batchOf(`second of ${partition}`))
    }
    await until(() => [0, 1].every((partition) => existsSync(indexOf(directory, partition))))
    // Beyond a mebibyte, so that the indexes know more than the first batches.
    for (const [partition, log] of logs.entries()) await log.append(batchOf(`${partition}`.repeat(1.1e6)))
    await storage.retain(0)
    for (const [partition, log] of logs.entries()) await grown(indexOf(directory, partition), log.bytes)
    const copy = await afterKill(directory)
    await storage.close()
    const [one, other] = [await readFile(logPath(copy, 0)), await readFile(logPath(copy, 1))]
    await writeFile(logPath(copy, 0), other)
    await writeFile(logPath(copy, 1), one)
    const { storage: again, damage } = await opened(copy)
    const reason = 'segment is not the one that its index describes'
    assert.deepEqual(damage.map((one) => [one.partition, one.reason]), [[0, reason], [1, reason]]) // prettier-ignore
    for (const partition of [0, 1]) {
      const log = again.partition('t', partition)!
      assert.deepEqual(valuesOf(log), [])
      assert.deepEqual(await log.append(batchOf('on')), { baseOffset: 3, nextOffset: 4 })
      assert.deepEqual(valuesOf(log), ['on'])
    }
    assert.deepEqual(await readFile(damage[0]!.setAside!), other)
    await again.close()
  })
}

async function grown(path: string, size: number): Promise<void> {
  await until(async () => (decodeChecked(await readFile(path)) as { size: number }).size >= size)
}

test('the indexes of many partitions are written a few at a time', async () => {
  let under = 0
  let most = 0
  const disk = watched(async (call, { path }) => {
    if (call !== 'datasync' || !path.includes('.index')) return
    most = Math.max(most, ++under)
    await nextTurn()
    under--
  })
  const { directory, storage } = await fresh(60, { disk })
  await Promise.all(Array.from({ length: 60 }, (_, i) => storage.partition('t', i)!.append(batchOf('a'))))
  for (let i = 0; i < 60; i++) await until(() => existsSync(indexOf(directory, i)))
  assert.ok(most > 1 && most <= 4, `${most} at a time`)
  await storage.close()
})

test('a full disk: appends go on, the index is missed with one warning, and comes by the minute', async () => {
  const disk = new FaultyDisk(fileDisk)
  const warnings: string[] = []
  const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) }
  const { directory, storage, log } = await fresh(1, { disk, logger })
  const fault = { call: 'open' as const, path: /\.index/, nth: 1, times: 1000, code: 'ENOSPC' }
  disk.faults.push(fault)
  for (let i = 0; i < 20; i++) await log.append(batchOf(`${i}`))
  await until(() => disk.struck >= 1)
  for (let i = 1; i < 4; i++) {
    await storage.retain(0)
    await until(() => disk.struck > i)
  }
  disk.faults.length = 0
  await storage.retain(0)
  assert.equal(await indexedSize(directory), log.bytes)
  assert.deepEqual(warnings, ['Cannot write index, it is rebuilt at the next start'])
  await storage.close()
})

test('closing waits for the index that is being written, and no other comes after it', async () => {
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  const disk = watched((call, { path }) => {
    if (call !== 'datasync' || !path.includes('t-0/') || !path.includes('.index')) return undefined
    begun.resolve()
    return gate.promise
  })
  const { directory, storage } = await fresh(3, { disk })
  for (let i = 0; i < 3; i++) await storage.partition('t', i)!.append(batchOf('a'))
  await begun.promise
  const closed = storage.close()
  gate.resolve()
  await closed
  const names = await readdir(directory, { recursive: true })
  assert.deepEqual(names.filter((name) => name.endsWith('.tmp')), []) // prettier-ignore
  assert.equal(names.filter((name) => name.endsWith('.index')).length, 3)
  await again(directory, storage)
})

async function again(directory: string, closed: Storage): Promise<void> {
  await assert.rejects(closed.partition('t', 0)!.append(batchOf('late')), { kind: 'closed' })
  const { storage, damage } = await opened(directory)
  assert.deepEqual(damage, [])
  await storage.close()
}
