import assert from 'node:assert/strict'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { openBroker } from '../broker/open.ts'
import { connectLog } from './connect.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

const system = { clock: systemClock, random: systemRandom, net: nodeNet, disk: fileDisk, logger: silentLogger }
const listen = { host: '127.0.0.1', port: 0 }

async function open(directory: string) {
  const broker = await openBroker({ directory, listen, sync: { mode: 'ack' } }, system)
  const log = await connectLog({ brokers: [broker.address], system })
  const close = () => log.close().then(() => broker.close())
  return { log, close, recovery: broker.recovery }
}

test('a torn tail that was set aside does not keep a reader waiting for what nobody will ever see', async (t) => {
  const folder = await temporaryFolder('torn')
  const first = await open(join(folder, 'whole'))
  await first.log.ensure([{ name: 'a', partitions: 1 }])
  for (const value of ['one', 'two']) await first.log.append('a', [{ key: 'k', value, timestamp: 1 }])
  // A copy of the directory under use is what kill -9 leaves; the last batch is then cut as a torn write is.
  await cp(join(folder, 'whole'), join(folder, 'torn'), { recursive: true })
  await first.close()
  for (const name of await fileDisk.list(join(folder, 'torn'))) {
    if (name.startsWith('lock')) await rm(join(folder, 'torn', name))
  }
  const file = join(folder, 'torn/a-0/00000000000000000000.log')
  const bytes = await readFile(file)
  await writeFile(file, bytes.subarray(0, bytes.length - 3))

  const { log, close, recovery } = await open(join(folder, 'torn'))
  t.after(close)
  assert.equal(recovery.damage.length, 1)
  const read: string[] = []
  let at = 0
  const positions = [{ topic: 'a', partition: 0, offset: 0 }]
  for await (const batch of log.read(positions, { signal: AbortSignal.timeout(10_000), untilEnd: true })) {
    read.push(...batch.records.map(({ value }) => Buffer.from(value!).toString()))
    at = batch.nextOffset
  }
  assert.deepEqual(read, ['one'])
  assert.equal(at, (await log.ends('a'))[0]!.end)
  const [appended] = await log.append('a', [{ key: 'k', value: 'three', timestamp: 1 }])
  assert.equal(appended!.nextOffset, at + 1)
})
