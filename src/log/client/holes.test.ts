import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeBatch, seal } from '../../../test/log/make-batch.ts'
import { MemoryStorage } from '../../../test/log/memory-storage.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Broker } from '../broker/broker.ts'
import { connectLog } from './connect.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, logger: silentLogger }

/** What Apache Kafka's cleaner leaves: offsets that no batch covers, between batches, within them, and at the end. */
async function withHoles() {
  const storage = new MemoryStorage()
  await storage.createTopic('t', { partitions: 1, configs: {} })
  const broker = new Broker(storage, system, { listen: { host: '127.0.0.1', port: 0 } })
  const log = await connectLog({ brokers: [await broker.start()], system })
  const partition = storage.partition('t', 0)!
  const sparse = makeBatch([{ value: '7' }], { baseOffset: 7 })
  // A batch over 7 to 11 of which one record is left.
  sparse.writeInt32BE(4, 23)
  partition.batches.push(makeBatch([{ value: '3' }], { baseOffset: 3 }), seal(sparse))
  partition.endOffset = 20
  const end = async () => {
    await log.close()
    await broker.close()
  }
  return { log, partition, end }
}

test('offsets that no batch covers are passed over, and the reading ends although nobody will ever see the last ones', async (t) => {
  const { log, partition, end } = await withHoles()
  t.after(end)
  for (const [from, expected] of [
    [0, ['3', '7']],
    [3, ['3', '7']],
    [4, ['7']],
    [8, []],
    [12, []],
    [20, []],
  ] as const) {
    // prettier-ignore
    const read: string[] = []
    let at: number = from
    const options = { signal: AbortSignal.timeout(10_000), untilEnd: true }
    for await (const batch of log.read([{ topic: 't', partition: 0, offset: from }], options)) {
      read.push(...batch.records.map(({ value }) => Buffer.from(value!).toString()))
      assert.ok(batch.nextOffset > at || batch.records.length > 0)
      at = batch.nextOffset
    }
    assert.deepEqual(read, expected, `from ${from}`)
    assert.equal(at, 20)
  }
  const reading = log.read([{ topic: 't', partition: 0, offset: 12 }], { signal: AbortSignal.timeout(10_000) })
  await partition.append(makeBatch([{ value: 'on' }]))
  for await (const batch of reading) {
    if (batch.records.length === 0) continue
    assert.equal(batch.records[0]!.offset, 20)
    break
  }
})
