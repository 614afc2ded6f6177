import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { AttributeIds, OPCUAClient } from 'node-opcua'
import { need } from '../../../tools/need.ts'
import { systemClock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { nodeNet } from '../../system/node-net.ts'
import { seededRandom } from '../../system/random.ts'
import { replayCsv, type Progress } from './replay.ts'
import { freePorts } from '../../../tools/free-ports.ts'
import { temporaryFolder } from '../../../test/temporary-folder.ts'

const system = {
  clock: systemClock,
  random: seededRandom(1),
  disk: fileDisk,
  net: nodeNet,
  logger: silentLogger,
  metrics: new Metrics(),
}
const ROWS = 'time,temperature,state\n2026-01-01T00:00:00Z,1,a\n2026-01-01T00:00:01Z,2,b\n2025-12-31T23:00:00Z,3,c\n'
const START = Date.UTC(2026, 0, 1)

let directory: string
let file: string
before(async () => {
  directory = await temporaryFolder('replay')
  file = join(directory, 'table.csv')
  await writeFile(file, ROWS)
})

/** A hub that refuses the first request, as one that is just starting does. */
async function fakeHub(t: { after(fn: () => void): void }) {
  const bodies: unknown[] = []
  let refused = false
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const parts = (await Array.fromAsync(request)) as Buffer[]
    if (refused) bodies.push([request.url, JSON.parse(Buffer.concat(parts).toString())])
    response.writeHead(refused ? 200 : 503).end('{}')
    refused = true
  }
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { bodies, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

test('through HTTP: every row once and in order, with its own time, also where the hub refuses at first', async (t) => {
  const { bodies, url } = await fakeHub(t)
  const progress: Progress[] = []
  const through = { kind: 'http', url, asset: 'hall/oven 1' } as const
  const sent = await replayCsv({ file, speed: 'max', through, onProgress: (one) => progress.push(one) }, system)
  assert.deepEqual(sent, { rows: 3, values: 6 })
  assert.deepEqual(progress.at(-1), sent)
  const records = [
    { ts: START, values: { temperature: 1, state: 'a' } },
    { ts: START + 1_000, values: { temperature: 2, state: 'b' } },
    { ts: START - 3_600_000, values: { temperature: 3, state: 'c' } },
  ]
  assert.deepEqual(bodies, [['/api/v1/ingest/hall/oven%201', records]])
})

test("the pace is the table's times the speed, and a clock that jumps back costs no time", async (t) => {
  const { url } = await fakeHub(t)
  const waits: number[] = []
  let now = 0
  const clock = {
    ...systemClock,
    monotonic: () => now,
    sleep: async (ms: number) => void (waits.push(ms), (now += ms)),
  }
  await replayCsv({ file, speed: 4, times: 'now', through: { kind: 'http', url, asset: 'a' } }, { ...system, clock })
  assert.deepEqual(
    waits.filter((ms) => ms === 250),
    [250],
  )
})

test('through OPC UA: variables of a server, with the times of the table', async (t) => {
  const port = await freePort()
  const stop = new AbortController()
  await writeFile(join(directory, 'slow.csv'), ROWS.split('\n').slice(0, 2).join('\n') + '\n2036-01-01T00:00:00Z,9,z\n')
  const replaying = replayCsv(
    {
      file: join(directory, 'slow.csv'),
      speed: 1,
      through: { kind: 'opcua', listen: { host: '127.0.0.1', port }, object: 'oven' },
      signal: stop.signal,
    },
    system,
  )
  const client = OPCUAClient.create({
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 100, initialDelay: 100, maxDelay: 200 },
  })
  await client.connect(`opc.tcp://127.0.0.1:${port}`)
  const session = await client.createSession()
  t.after(async () => {
    await session.close()
    await client.disconnect()
  })
  const index = (await session.readNamespaceArray()).indexOf('urn:millrace:replay')
  const read = () => session.read({ nodeId: `ns=${index};s=oven.temperature`, attributeId: AttributeIds.Value })
  let value = await read()
  for (; value.sourceTimestamp?.getTime() !== START; value = await read()) await delay(20)
  assert.equal(value.value.value, 1)
  stop.abort()
  assert.deepEqual(await replaying, { rows: 1, values: 2 })
})

test('through MQTT: a broker gets every row at QoS 1', async (t) => {
  const mosquitto = need('mosquitto')
  if (mosquitto === undefined) return t.skip('mosquitto is not installed')
  const port = await freePort()
  const broker = spawn(mosquitto, ['-p', String(port)], { stdio: 'ignore' })
  t.after(() => void broker.kill())
  const listener = await connectAsync({ host: '127.0.0.1', port, reconnectPeriod: 100 })
  await listener.subscribeAsync('oven', { qos: 1 })
  const messages: unknown[] = []
  const all = new Promise<void>((resolve) => {
    listener.on('message', (_topic, payload) => {
      if (messages.push(JSON.parse(payload.toString())) === 3) resolve()
    })
  })
  await replayCsv(
    { file, speed: 'max', through: { kind: 'mqtt', broker: { host: '127.0.0.1', port }, topic: 'oven' } },
    system,
  )
  await all
  await listener.endAsync()
  assert.deepEqual(messages, [
    { ts: START, values: { temperature: 1, state: 'a' } },
    { ts: START + 1_000, values: { temperature: 2, state: 'b' } },
    { ts: START - 3_600_000, values: { temperature: 3, state: 'c' } },
  ])
})

test('what cannot be played says so', async () => {
  const listen = { host: '127.0.0.1', port: 0 }
  await assert.rejects(replayCsv({ file, speed: 'max', through: { kind: 'opcua', listen, object: 'x' } }, system), {
    code: 'REPLAY_IMPOSSIBLE',
  })
  await assert.rejects(
    replayCsv({ file, speed: 0, through: { kind: 'http', url: 'http://127.0.0.1:1', asset: 'x' } }, system),
    { code: 'REPLAY_IMPOSSIBLE' },
  )
})

async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!
}

after(() => {
  // The servers of the library leave handles behind that would keep the test process alive.
  setImmediate(() => process.exit())
})
