import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TwinView } from '../../src/api/contract.ts'
import { machine } from '../../src/cli/machine.ts'
import { startBroker } from '../../src/log/broker/start.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Log } from '../../src/log/log.ts'
import { encodeRecord } from '../../src/model/record.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const SITE = 'acme/berlin'
const MACHINES = Array.from({ length: 8 }, (_, index) => `${SITE}/hall/m${index}`)
const SETTLE_MS = 60_000
const system = machine({ logLevel: 'error', logFormat: 'text' })

interface Hub {
  readonly page: string
  readonly process: HubProcess
}

async function makeHub(t: TestContext, directory: string, name: string, log: string): Promise<Hub> {
  const [http] = (await freePorts(1)) as [number]
  const folder = join(directory, name)
  const derive = '{ derive: { on: hall/*, tags: { hot: "x > 5", twice: "x * 2" } } }'
  const text = `site: ${SITE}\nlog: ${log}\napi: { listen: ${http} }\nprocessors:\n  marks: ${derive}\n`
  await writeFile(`${folder}.yaml`, text)
  const page = `http://127.0.0.1:${http}`
  const args = ['src/main.ts', 'run', '--hub', name, `${folder}.yaml`, '--data', folder]
  const hub = { page, process: new HubProcess(args, page) }
  t.after(() => hub.process.kill())
  return hub
}

async function say(log: Log, x: number, time: number): Promise<void> {
  for (const asset of MACHINES) {
    const value = encodeRecord({ asset, sourceTime: time, receivedTime: time, values: { x } })
    await log.append('acme.berlin.telemetry', [{ key: asset, value, headers: [['source', 's']], timestamp: time }])
  }
}

/** What a hub shows of all machines: values and types by tag. */
async function shownBy({ page }: Hub): Promise<unknown> {
  const twins = MACHINES.map(async (asset) => {
    const answer = await fetch(`${page}/api/v1/assets/${asset}`, { signal: AbortSignal.timeout(2_000) })
    const { tags } = (await answer.json()) as TwinView
    return Object.fromEntries(tags.map(({ tag, type, value }) => [tag, [type, value]]))
  })
  return Promise.all(twins)
}

async function shows(hub: Hub, x: number): Promise<void> {
  const wanted = MACHINES.map(() => ({ x: ['number', x], hot: ['boolean', x > 5], twice: ['number', 2 * x] }))
  const began = performance.now()
  for (;;) {
    const shown = await shownBy(hub).catch(() => undefined)
    try {
      assert.deepEqual(shown, wanted)
      return
    } catch (error) {
      if (performance.now() - began > SETTLE_MS) throw error
    }
    await sleep(50)
  }
}

test('twins of hubs that share a log have derived values with their types, also when one of the hubs is killed', async (t) => {
  const directory = await temporaryFolder('derived')
  const broker = await startBroker({ directory, listen: { host: '127.0.0.1', port: 0 }, sync: { mode: 'ack' } }, system)
  t.after(() => broker.close())
  const { host, port } = broker.address
  const config = `{ kafka: { brokers: ["${host}:${port}"], partitions: 4, retention: { time: 1h } } }`
  const a = await makeHub(t, directory, 'hub-a', config)
  const b = await makeHub(t, directory, 'hub-b', config)
  await a.process.start(SETTLE_MS)
  await b.process.start(SETTLE_MS)
  const log = await connectLog({ brokers: [broker.address], system })
  t.after(() => log.close())
  const now = Date.now()
  await say(log, 3, now - 3_000)
  await Promise.all([shows(a, 3), shows(b, 3)])
  await b.process.kill()
  await say(log, 7, now - 2_000)
  await shows(a, 7)
  await b.process.start(SETTLE_MS)
  await say(log, 1, now - 1_000)
  await Promise.all([shows(a, 1), shows(b, 1)])
})
