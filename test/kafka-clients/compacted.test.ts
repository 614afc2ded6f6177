import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { Broker } from '../../src/log/broker/broker.ts'
import { openStorage } from '../../src/log/broker/storage/open-storage.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { need } from '../../tools/need.ts'
import { run } from './run.ts'

const kcat = need('kcat')
const skip = kcat === undefined ? 'kcat is not installed' : false
const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }

async function rig(t: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-compacted-'))
  const storage = openStorage(directory, { ...system, sync: { mode: 'ack' }, segmentBytes: 5000 })
  await storage.open()
  const broker = new Broker(storage, system, { listen: { host: '127.0.0.1', port: 0 } })
  const address = await broker.start()
  const log = await connectLog({ brokers: [address], system })
  t.after(async () => {
    await log.close()
    await broker.close()
    await storage.close()
    await rm(directory, { recursive: true })
  })
  const configs = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0' }
  await storage.createTopic('t', { partitions: 1, configs })
  const at = `${address.host}:${address.port}`
  const kcatRun = async (args: readonly string[], input = '') => {
    const { code, out, errors } = await run(kcat!, ['-b', at, '-t', 't', ...args], input)
    assert.equal(code, 0, errors)
    return out.split('\n').filter((line) => line !== '')
  }
  const ours = async () => {
    const read: string[] = []
    const options = { signal: AbortSignal.timeout(20_000), untilEnd: true }
    for await (const batch of log.read([{ topic: 't', partition: 0, offset: 0 }], options)) {
      for (const { offset, key, value } of batch.records) read.push(`${offset} ${text(key)}=${text(value)}`)
    }
    return read
  }
  const theirs = (from = '0') => kcatRun(['-C', '-q', '-e', '-o', from, '-f', '%o %k=%s\\n'])
  return { storage, kcatRun, ours, theirs }
}

const text = (bytes: Uint8Array | null) => Buffer.from(bytes ?? []).toString()

for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
  test(
    `what librdkafka packed with ${compression} is compacted, and read alike by kcat and by us`,
    { skip },
    async (t) => {
      const { storage, kcatRun, ours, theirs } = await rig(t)
      const lines = Array.from({ length: 3000 }, (_, i) => `key${i % 101}=value ${i} ${'abc'.repeat(i % 40)}`)
      // Several times, so that there are many segments; records of a hundred keys, so that most of them go.
      for (let at = 0; at < lines.length; at += 300) {
        await kcatRun(['-P', '-K=', '-z', compression], `${lines.slice(at, at + 300).join('\n')}\n`)
      }
      const before = await ours()
      assert.deepEqual(before, await theirs())
      assert.equal(before.length, 3000)
      await storage.compact(Date.now())
      const after = await ours()
      assert.ok(after.length < 1500, `${after.length} of 3000 are left`)
      assert.deepEqual(await theirs(), after)
      const latest = (all: readonly string[]) => new Map(all.map((line) => [/ (key\d+)=/.exec(line)![1], line]))
      assert.deepEqual(latest(after), latest(before))
      const middle = Number(after[after.length >> 1]!.split(' ')[0])
      assert.deepEqual(await theirs(String(middle)), after.slice(after.length >> 1))
      assert.deepEqual(
        await theirs('1'),
        after.filter((line) => !line.startsWith('0 ')),
      )
    },
  )
}
