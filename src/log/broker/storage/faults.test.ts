import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { test } from 'node:test'
import { FaultyDisk } from '../../../../test/faults/faulty-disk.ts'
import type { Fault } from '../../../../test/faults/faulty-disk.ts'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import type { Clock } from '../../../system/clock.ts'
import { systemClock } from '../../../system/clock.ts'
import { fileDisk } from '../../../system/file-disk.ts'
import { silentLogger } from '../../../system/logger.ts'
import { decodeRecords, readBatchHeader } from '../../batch.ts'
import { openStorage } from './open-storage.ts'
import { StorageError } from './storage.ts'
import type { Partition, Storage } from './storage.ts'
import { temporaryFolder } from '../../../../test/temporary-folder.ts'
import { until } from '../../../../test/until.ts'

const root = await temporaryFolder('faults')
let count = 0

const batchOf = (value: string) => makeBatch([{ value }])

/** A clock whose timers fire when the test says so. */
class HandClock {
  readonly due: (() => void)[] = []
  readonly clock: Clock = {
    ...systemClock,
    after: (_ms, fn) => {
      this.due.push(fn)
      return { cancel: () => void this.due.splice(0, Infinity, ...this.due.filter((other) => other !== fn)) }
    },
  }

  fire(): void {
    for (const fn of this.due.splice(0)) fn()
  }
}

async function faulty(segmentBytes = 1e6) {
  const directory = `${root}/${count++}`
  const disk = new FaultyDisk(fileDisk)
  const hand = new HandClock()
  const options = { disk, clock: hand.clock, logger: silentLogger, sync: { mode: 'ack' as const }, segmentBytes }
  const storage = openStorage(directory, options)
  await storage.open()
  await storage.createTopic('t', { partitions: 2, configs: {} })
  return { directory, disk, hand, storage, log: storage.partition('t', 0)! }
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

async function reopened(directory: string, storage: Storage): Promise<string[]> {
  await storage.close()
  const again = openStorage(directory, {
    disk: fileDisk,
    clock: systemClock,
    logger: silentLogger,
    sync: { mode: 'ack' },
  })
  await again.open()
  const values = valuesOf(again.partition('t', 0)!)
  await again.close()
  return values
}

for (const code of ['ENOSPC', 'EDQUOT']) {
  test(`${code}: the appends are refused as full, all behind them too, and it goes on by itself when there is room`, async () => {
    const { directory, disk, storage, log } = await faulty()
    await log.append(batchOf('before'))
    const size = (await stat(`${directory}/t-0/00000000000000000000.log`)).size
    disk.faults.push({ call: 'write', path: /t-0.*\.log$/, nth: 1, times: 2, code, short: true })
    const woken = new AbortController()
    const poll = log.waitBeyond(1, woken.signal)
    for (let i = 0; i < 2; i++) {
      const refused = await Promise.allSettled([log.append(batchOf('a')), log.append(batchOf('b'))])
      assert.deepEqual(refused.map(kindOf), ['full', 'full'])
      assert.deepEqual([log.endOffset, log.durableOffset], [1, 1])
      assert.equal((await stat(`${directory}/t-0/00000000000000000000.log`)).size, size)
    }
    assert.deepEqual(valuesOf(log), ['before'])
    assert.deepEqual(await log.append(batchOf('after')), { baseOffset: 1, nextOffset: 2 })
    await poll
    assert.deepEqual(await reopened(directory, storage), ['before', 'after'])
  })
}

function kindOf(result: PromiseSettledResult<unknown>): string {
  if (result.status === 'fulfilled') return 'acknowledged'
  return result.reason instanceof StorageError ? result.reason.kind : String(result.reason)
}

async function fate(append: Promise<unknown>): Promise<string> {
  const [result] = await Promise.allSettled([append])
  return kindOf(result)
}

test('a refused batch of an idempotent producer may be sent again, and its successor not before', async () => {
  const { disk, storage, log } = await faulty()
  const sequenced = (baseSequence: number) => makeBatch([{ value: `${baseSequence}` }], { ...producer, baseSequence })
  const facts = (baseSequence: number) => ({ ...producer, baseSequence, recordCount: 1 })
  await log.append(sequenced(0))
  disk.faults.push({ call: 'write', path: /\.log$/, nth: 1, code: 'ENOSPC' })
  const refused = await Promise.allSettled([log.append(sequenced(1)), log.append(sequenced(2))])
  assert.deepEqual(refused.map(kindOf), ['full', 'full'])
  assert.deepEqual(log.producers.check(facts(0)), { duplicate: 0 })
  assert.deepEqual(log.producers.check(facts(2)), { error: 'out-of-order' })
  assert.deepEqual(log.producers.check(facts(1)), { accept: true })
  await log.append(sequenced(1))
  assert.deepEqual(log.producers.check(facts(2)), { accept: true })
  await storage.close()
})

const producer = { producerId: 5n, producerEpoch: 0 }

/** A failing call on each kind of file while records are appended, and what the appends are told. */
const FATAL: [name: string, fault: Fault][] = [
  ['EIO on write', { call: 'write', path: /t-0\/\d+\.log$/, nth: 1, code: 'EIO' }],
  ['a short write with EIO', { call: 'write', path: /t-0\/\d+\.log$/, nth: 1, code: 'EIO', short: true }],
  ['EROFS on write', { call: 'write', path: /t-0\/\d+\.log$/, nth: 1, code: 'EROFS' }],
  ['EIO on datasync', { call: 'datasync', path: /t-0\/\d+\.log$/, nth: 1, code: 'EIO' }],
  ['ENOSPC on datasync (delayed allocation)', { call: 'datasync', path: /t-0\/\d+\.log$/, nth: 1, code: 'ENOSPC' }],
]

for (const [name, fault] of FATAL) {
  test(`${name}: no ack, the partition stops until it is verified, reads and other partitions go on`, async () => {
    const { directory, disk, hand, storage, log } = await faulty()
    await log.append(batchOf('before'))
    disk.faults.push(fault)
    const refused = await Promise.allSettled([log.append(batchOf('a')), log.append(batchOf('b'))])
    assert.deepEqual(refused.map(kindOf), ['failed', 'failed'])
    assert.equal(await fate(log.append(batchOf('c'))), 'failed')
    assert.deepEqual(valuesOf(log), ['before'])
    await storage.partition('t', 1)!.append(batchOf('elsewhere'))
    hand.fire()
    assert.deepEqual(await appendWhenOpen(log, 'after'), { baseOffset: 1, nextOffset: 2 })
    assert.deepEqual(valuesOf(log), ['before', 'after'])
    assert.deepEqual(await reopened(directory, storage), ['before', 'after'])
  })
}

/** Verification runs by itself once its timer has fired. */
async function appendWhenOpen(log: Partition, value: string) {
  const patience = AbortSignal.timeout(60_000)
  for (;;) {
    const [result] = await Promise.allSettled([log.append(batchOf(value))])
    if (result.status === 'fulfilled') return result.value
    assert.equal(kindOf(result), 'failed')
    patience.throwIfAborted()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

test('a sync that failed is not repeated on the same file, and verification that fails is tried again later', async () => {
  const { disk, hand, storage, log } = await faulty()
  await log.append(batchOf('before'))
  disk.faults.push({ call: 'datasync', path: /\.log$/, nth: 1, times: 2, code: 'EIO' })
  await assert.rejects(log.append(batchOf('a')), { kind: 'failed' })
  assert.equal(disk.struck, 1)
  hand.fire()
  await until(() => hand.due.length !== 0)
  assert.equal(disk.struck, 2)
  await assert.rejects(log.append(batchOf('b')), { kind: 'failed' })
  hand.fire()
  assert.deepEqual(await appendWhenOpen(log, 'after'), { baseOffset: 1, nextOffset: 2 })
  await storage.close()
})

test('faults while a segment is rolled: no room refuses the append, anything else stops the partition', async () => {
  const cases: [Fault, string][] = [
    [{ call: 'open', path: /\d+1\.log$/, nth: 1, code: 'ENOSPC' }, 'full'],
    [{ call: 'open', path: /\d+1\.log$/, nth: 1, code: 'EMFILE' }, 'failed'],
    [{ call: 'syncDirectory', path: /t-0$/, nth: 1, code: 'EIO' }, 'failed'],
  ]
  for (const [fault, kind] of cases) {
    const { directory, disk, hand, storage, log } = await faulty(300)
    await log.append(batchOf('a'.repeat(250)))
    disk.faults.push(fault)
    assert.equal(await fate(log.append(batchOf('b'))), kind)
    hand.fire()
    assert.deepEqual(await appendWhenOpen(log, 'c'), { baseOffset: 1, nextOffset: 2 })
    assert.deepEqual(await reopened(directory, storage), ['a'.repeat(250), 'c'])
  }
})

test('an index that cannot be written costs nothing but a scan at the next start', async () => {
  const { directory, disk, storage, log } = await faulty(300)
  disk.faults.push({ call: 'open', path: /index/, nth: 1, times: 1000, code: 'ENOSPC' })
  for (let i = 0; i < 5; i++) await log.append(batchOf(`${i}`.repeat(200)))
  assert.ok(disk.struck >= 4)
  assert.deepEqual(
    await reopened(directory, storage),
    [0, 1, 2, 3, 4].map((i) => `${i}`.repeat(200)),
  )
})

test('EIO on read is said, and harms only that read', async () => {
  const { disk, storage, log } = await faulty()
  await log.append(batchOf('a'))
  disk.faults.push({ call: 'readSync', path: /\.log$/, nth: 1, code: 'EIO' })
  assert.throws(() => log.read(0, 100), { name: 'StorageError', kind: 'failed' })
  assert.deepEqual(valuesOf(log), ['a'])
  await storage.close()
})

test('a topic that cannot be made is refused, and can be made later', async () => {
  const { disk, storage } = await faulty()
  disk.faults.push({ call: 'open', path: /other-1\/topic/, nth: 1, code: 'ENOSPC' })
  await assert.rejects(storage.createTopic('other', { partitions: 2, configs: {} }), { kind: 'full' })
  assert.equal(storage.topic('other'), undefined)
  await storage.createTopic('other', { partitions: 2, configs: {} })
  await storage.partition('other', 1)!.append(batchOf('a'))
  await storage.close()
})

test('ten times full on a real file system of 8 MB: nothing corrupt, no ack while full, reads go on', async (t) => {
  const mount = `${root}/small`
  await fileDisk.makeDirectory(mount)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', mount], { stdio: 'ignore' })
  } catch {
    return t.skip('a small tmpfs can only be mounted by root')
  }
  try {
    await fillTenTimes(mount)
  } finally {
    execFileSync('umount', ['-l', mount])
  }
})

async function fillTenTimes(mount: string): Promise<void> {
  const options = { disk: fileDisk, clock: systemClock, logger: silentLogger, sync: { mode: 'ack' as const } }
  const storage = openStorage(`${mount}/data`, { ...options, segmentBytes: 500_000 })
  await storage.open()
  await storage.createTopic('t', { partitions: 1, configs: { 'retention.bytes': '1000000' } })
  const log = storage.partition('t', 0)!
  let fullCount = 0
  for (let round = 0; round < 10; round++) {
    for (let refused = false; !refused;) {
      const [result] = await Promise.allSettled([log.append(batchOf(`${log.endOffset}`.padEnd(40_000, '.')))])
      refused = result.status === 'rejected'
      if (refused) assert.equal(kindOf(result), 'full')
    }
    fullCount++
    assert.equal(log.endOffset, log.durableOffset)
    for (const [i, value] of valuesOf(log).entries()) assert.equal(Number.parseInt(value), log.startOffset + i)
    await storage.retain(0)
  }
  assert.equal(fullCount, 10)
  const expected = valuesOf(log)
  assert.deepEqual(await reopened(`${mount}/data`, storage), expected)
}

const HOLDER = `
  import { openStorage } from '${import.meta.dirname}/open-storage.ts'
  import { fileDisk } from '${import.meta.dirname}/../../../system/file-disk.ts'
  import { systemClock } from '${import.meta.dirname}/../../../system/clock.ts'
  import { silentLogger } from '${import.meta.dirname}/../../../system/logger.ts'
  const options = { disk: fileDisk, clock: systemClock, logger: silentLogger, sync: { mode: 'ack' } }
  await openStorage(process.argv.at(-1), options).open()
  process.stdout.write('open')
  process.stdin.resume()
`

test('a second process is refused by the name of the first, and takes over when that was killed', async (t) => {
  const directory = `${root}/${count++}`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => holder.kill('SIGKILL'))
  await once(holder.stdout, 'data')
  const options = { disk: fileDisk, clock: systemClock, logger: silentLogger, sync: { mode: 'ack' as const } }
  const storage = openStorage(directory, options)
  await assert.rejects(storage.open(), {
    kind: 'locked',
    message: `Cannot open data directory "${directory}": process ${holder.pid} has it open`,
  })
  holder.kill('SIGKILL')
  await once(holder, 'exit')
  await storage.open()
  assert.equal((await readdir(directory)).filter((name) => name.startsWith('lock.')).length, 1)
  await storage.close()
  assert.deepEqual(await readdir(directory), [])
})

test('the lock of a process whose id was given to another one is taken over', async () => {
  const directory = `${root}/${count++}`
  await fileDisk.makeDirectory(directory)
  const boot = Buffer.from(await fileDisk.readFile('/proc/sys/kernel/random/boot_id'))
    .toString()
    .trim()
  for (const name of [`lock.${boot}.1.999999999999`, `lock.00000000-0000-0000-0000-000000000000.1.0`]) {
    await (await fileDisk.open(`${directory}/${name}`, 'append')).close()
  }
  const storage = openStorage(directory, {
    disk: fileDisk,
    clock: systemClock,
    logger: silentLogger,
    sync: { mode: 'ack' },
  })
  await storage.open()
  await storage.close()
  assert.deepEqual(await readdir(directory), [])
})
