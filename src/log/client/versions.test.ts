import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { systemClock } from '../../system/clock.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { Frames } from '../wire/frames.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { connectLog } from './connect.ts'

/** A broker that says what it speaks, and counts what else it is asked. */
async function brokerThatSpeaks(ranges: readonly (readonly [key: number, min: number, max: number])[]) {
  const others: number[] = []
  const server = createServer((socket) => {
    const frames = new Frames(1_000_000)
    socket.on('data', (chunk: Buffer) => {
      frames.push(chunk)
      for (let frame = frames.next(); frame; frame = frames.next()) {
        const request = new Reader(frame)
        const key = request.int16()
        request.int16()
        if (key !== 18) others.push(key)
        const answer = new Writer(false)
        answer.int32(request.int32())
        answer.int16(0)
        answer.array(ranges, (range) => range.forEach((number) => answer.int16(number)))
        for (const part of answer.finish()) socket.write(part)
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { others, server, address: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } }
}

for (const [what, range, reason] of [
  ['too old', [3, 0, 2], 'it speaks versions 0 to 2 of metadata, want version 4'],
  ['too new', [3, 14, 20], 'it speaks versions 14 to 20 of metadata, want version 4'],
  ['something else', [42, 0, 1], 'it does not speak metadata, want version 4'],
] as const) {
  test(`a broker that is ${what} is refused by name, once, without being asked`, async (t) => {
    const { others, server, address } = await brokerThatSpeaks([range])
    t.after(() => server.close())
    const system = { clock: systemClock, random: systemRandom, net: nodeNet }
    await assert.rejects(connectLog({ brokers: [address], system }), {
      code: 'LOG_VERSION',
      message: `Cannot use the log at "127.0.0.1:${address.port}": ${reason}`,
    })
    assert.deepEqual(others, [])
  })
}
