import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTcp } from 'node:net'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import mqtt from 'mqtt'
import type { SinkView } from '../../src/api/contract.ts'
import { need } from '../../tools/need.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { reachable } from '../sinks/peers.ts'
import { dataDirectory } from './lives.ts'
import { until as waitUntil } from '../until.ts'

/** From a value of a machine by way of a condition and an alarm to somebody else's server: the whole hub, real peers. */

/** Values that are taken in while one of the sinks hangs. */
const VALUES = 300

interface Step {
  readonly asset: string
  readonly action: string
  readonly place: string
}

test('an alarm reaches a webhook and an MQTT subscriber; a webhook that hangs slows neither them nor the machines', async (t) => {
  const program = need('mosquitto')
  if (program === undefined) return t.skip('mosquitto is not installed')
  const data = await dataDirectory()
  const [http, kafka, broker] = (await freePorts(3)) as [number, number, number]
  const hook = await webhook(t)
  const hole = await blackHole(t)
  const mosquitto = spawn(program, ['-p', String(broker)], { stdio: 'ignore' })
  t.after(() => void mosquitto.kill('SIGKILL'))
  await reachable(broker)
  const andon: Step[] = []
  const screen = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`)
  t.after(() => screen.endAsync(true))
  screen.on('message', (_topic, payload) => andon.push(JSON.parse(payload.toString()) as Step))
  await screen.subscribeAsync('andon/#', { qos: 1 })

  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
sources: { ovens: { http: {} } }
processors: { hot: { condition: { when: "temperature > 95", severity: high } } }
sinks:
  mes:   { webhook: { topics: [alarms], url: "${hook.url}", from: start } }
  andon: { mqtt: { topics: [alarms], broker: "mqtt://127.0.0.1:${broker}", topic: "andon/{asset}", from: start } }
  dead:  { webhook: { topics: [telemetry], url: "${hole}", from: start, timeout: 500ms } }
api: { listen: ${http} }
`,
  )
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  t.after(() => hub.kill())
  await hub.start()
  const measure = async (temperature: number) => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"temperature":${temperature}}`,
    }
    assert.equal((await fetch(`${page}/api/v1/ingest/oven1`, init)).status, 200)
  }
  const sinks = async () => ((await (await fetch(`${page}/api/v1/sinks`)).json()) as { sinks: SinkView[] }).sinks
  const until = async (fits: (sinks: readonly SinkView[]) => boolean) => {
    let seen: readonly SinkView[] = []
    const look = async () => fits((seen = await sinks()))
    await waitUntil(look, { everyMs: 50, found: () => ({ fits: String(fits), seen }) })
    return seen
  }

  await measure(97)
  await until(([, , dead]) => dead!.state === 'down')
  for (let value = 0; value < VALUES; value += 1) await measure(value % 2 === 0 ? 20 : 97)
  const steps = VALUES + 1
  const [mes, mqttSink, dead] = await until(([one, other]) => one!.delivered >= steps && other!.delivered >= steps)
  assert.deepEqual([mes!.state, mqttSink!.state, dead!.state, dead!.delivered], ['live', 'live', 'down', 0])
  assert.deepEqual([mes!.kind, mes!.to, mes!.topics], ['webhook', new URL(hook.url).origin, ['alarms']])
  const actions = Array.from({ length: steps }, (_, index) => (index % 2 === 0 ? 'raise' : 'clear'))
  assert.deepEqual(
    hook.got.map(({ action }) => action),
    actions,
  )
  await waitUntil(() => andon.length >= steps)
  assert.deepEqual(
    andon.map(({ action }) => action),
    actions,
  )

  // It goes on where it was: what was delivered does not come again after a clean end.
  await hub.stop()
  await hub.start()
  await measure(20)
  await measure(97)
  await until(([one]) => one!.delivered >= 2)
  assert.equal(new Set(hook.got.map(({ place }) => place)).size, hook.got.length)
  assert.equal(hook.got.length, steps + 2)
})

async function webhook(t: TestContext) {
  const got: Step[] = []
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      got.push(...(JSON.parse(Buffer.concat(parts).toString()) as { records: Step[] }).records)
      response.writeHead(204).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { got, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook` }
}

/** Takes connections and never answers. */
async function blackHole(t: TestContext): Promise<string> {
  const server = createTcp((socket) => void socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  server.unref()
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
