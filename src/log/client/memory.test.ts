import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryStorage } from '../../../test/log/memory-storage.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Broker } from '../broker/broker.ts'
import { connectLog } from './connect.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, logger: silentLogger }

test('what has passed through is let go: requests when stored, answers when sent, lots when the next one is asked for', async (t) => {
  const storage = new MemoryStorage()
  await storage.createTopic('t', { partitions: 1, configs: {} })
  const broker = new Broker(storage, system, { listen: { host: '127.0.0.1', port: 0 } })
  const log = await connectLog({ brokers: [await broker.start()], system })
  t.after(() => log.close().then(() => broker.close()))
  const partition = storage.partition('t', 0)!
  const stored: Uint8Array[] = []
  const append = partition.append.bind(partition)
  partition.append = (batches) => append(batches).finally(() => stored.push(batches))
  const sent: Uint8Array[] = []
  const read = partition.read.bind(partition)
  partition.read = (offset, maxBytes) => {
    const batches = read(offset, maxBytes)
    if (batches.length > 0) sent.push(batches)
    return batches
  }

  const values = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000))
  await log.append(
    't',
    values.map((value) => ({ key: 'k', value, timestamp: 1 })),
  )
  assert.deepEqual([stored.length, stored[0]!.length], [1, 0])

  const seen: Uint8Array[] = []
  const options = { signal: AbortSignal.timeout(10_000), untilEnd: true, lotRecords: 3 }
  for await (const { records } of log.read([{ topic: 't', partition: 0, offset: 0 }], options)) {
    assert.deepEqual(
      records.map(({ value }) => Buffer.from(value!).toString()),
      values.slice(seen.length, seen.length + records.length),
    )
    seen.push(...records.map(({ value }) => value!))
  }
  assert.deepEqual(
    seen.map(({ length }) => length),
    values.map(() => 0),
  )
  assert.deepEqual(
    sent.map(({ length }) => length),
    [0],
  )
})
