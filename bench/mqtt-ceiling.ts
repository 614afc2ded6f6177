import * as net from 'node:net'
import { parseArgs } from 'node:util'
import { listenerConfig } from '../src/sources/mqtt/listener/config.ts'
import { Framing } from '../src/sources/mqtt/listener/framing.ts'
import { MqttListener } from '../src/sources/mqtt/listener/listener.ts'
import { systemClock } from '../src/system/clock.ts'
import { fileDisk } from '../src/system/file-disk.ts'
import { silentLogger } from '../src/system/logger.ts'
import { Metrics } from '../src/system/metrics.ts'
import { nodeNet } from '../src/system/node-net.ts'
import { systemRandom } from '../src/system/random.ts'

/**
 * What the listener could do if nothing came after it: servers for `mqtt-load.ts` that keep nothing.
 *
 *     node bench/mqtt-ceiling.ts --mode parse|source --port 1883
 *
 * `parse` cuts the stream into packets, looks at each PUBLISH and acknowledges at once: the ceiling. `source` is our
 * listener as the hub runs it, topics under `load/` raw and under `mapped/` mapped, every batch acknowledged as it
 * comes: what the log and the hub cost is the difference to this.
 */
const { values } = parseArgs({
  options: { mode: { type: 'string', default: 'parse' }, port: { type: 'string', default: '1883' } },
})
const port = Number(values.port)
if (values.mode === 'source') await serveSource(port)
else serveParser(port)

function serveParser(at: number): void {
  const server = net.createServer({ noDelay: true }, (socket) => {
    const framing = new Framing()
    let acks: number[] = []
    const sink = {
      open: true,
      admit() {},
      packet(bytes: Buffer, first: number, start: number) {
        if (first >> 4 === 1) socket.write(Buffer.from([0x20, 2, 0, 0]))
        if (first >> 4 !== 3 || (first & 6) !== 2) return
        const id = start + 2 + ((bytes[start]! << 8) | bytes[start + 1]!)
        acks.push((bytes[id]! << 8) | bytes[id + 1]!)
      },
    }
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      framing.push(chunk, sink)
      if (acks.length > 0) socket.write(pubacks(acks))
      acks = []
    })
  })
  server.listen(at, '127.0.0.1', () => console.log(`listens on ${(server.address() as net.AddressInfo).port}`))
}

function pubacks(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * 4)
  ids.forEach((id, index) => bytes.writeUInt32BE((0x4002_0000 | id) >>> 0, index * 4))
  return bytes
}

async function serveSource(at: number): Promise<void> {
  const system = {
    clock: systemClock,
    random: systemRandom,
    disk: fileDisk,
    net: nodeNet,
    logger: silentLogger,
    metrics: new Metrics(),
  }
  const topics = { 'load/#': { raw: true }, 'mapped/{n}': { asset: 'bench/{n}' } }
  const config = listenerConfig.parse({ listen: at, topics })
  const context = { name: 'bench', site: 'acme/berlin', system, http: { post: () => () => {} } }
  const source = new MqttListener(config, context)
  const ending = new AbortController()
  process.once('SIGTERM', () => ending.abort())
  setTimeout(() => console.log(`listens on ${source.addresses[0]?.port}`), 200)
  for await (const batch of source.read(ending.signal)) batch.ack()
}
