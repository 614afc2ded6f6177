import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import type { CommandAnswerView, CommandView } from '../../src/api/contract-commands.ts'
import type { HubsView, TwinView } from '../../src/api/contract.ts'
import { NAMESPACE, TestServer } from '../../src/sources/opcua/test-server.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { until } from '../until.ts'
import { dataDirectory } from './lives.ts'
import { addSetpoint } from './setpoint.ts'

/**
 * Three hubs on one log: one has the log and no source, two share the source. A command is asked for at any of them, and
 * whoever has the source is killed while one is on its way.
 */

const PRESS = 'acme/berlin/line1/press1'

async function scene(t: TestContext) {
  const server = await TestServer.start()
  const hubs: HubProcess[] = []
  t.after(async () => {
    await Promise.all(hubs.map((hub) => hub.kill()))
    await server.stop()
  })
  const machine = addSetpoint(server)
  const data = await dataDirectory()
  const [kafka, ...pages] = (await freePorts(4)) as [number, number, number, number]
  const common = `models:
  press@1:
    tags: { setpoint: {}, temperature: {} }
    commands:
      quick: { tag: setpoint, ttl: 1s, confirmWithin: 1s }
      patient: { tag: setpoint, ttl: 60s }
assets: { line1/press1: { model: press@1 } }
`
  const source = `sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${server.port}
      nodes: [{ browse: "ns=${NAMESPACE};Hall/Press{n}", asset: "line1/press{n}" }]
      samplingInterval: 20ms
      publishingInterval: 50ms
`
  const start = async (name: string, page: number, log: string, sources: string) => {
    const file = `${data}-${name}.yaml`
    await writeFile(file, `site: acme/berlin\nhub: ${name}\nlog: ${log}\napi: { listen: ${page} }\n${common}${sources}`)
    const hub = new HubProcess(['src/main.ts', 'run', file, '--data', `${data}-${name}`], `http://127.0.0.1:${page}`)
    hubs.push(hub)
    await hub.start(60_000)
    return hub
  }
  const brokers = `{ kafka: { brokers: ["127.0.0.1:${kafka}"], partitions: 1 } }`
  await start('log', pages[0], `{ embedded: { listen: ${kafka}, partitions: 1 } }`, '')
  const workers = new Map([
    ['one', await start('one', pages[1], brokers, source)],
    ['two', await start('two', pages[2], brokers, source)],
  ])
  const ask = async (path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
    return (await fetch(`http://127.0.0.1:${pages[0]}${path}`, init)).json()
  }
  const command = async (name: string, value: number) =>
    ((await ask('/api/v1/commands', { asset: PRESS, command: name, value })) as CommandAnswerView).id
  const view = async (id: string) => (await ask(`/api/v1/commands/${id}`)) as CommandView
  return { machine, workers, ask, command, view }
}

test('a hub that has claimed a command is killed: another one takes its source, does not send it again, and goes on', async (t) => {
  const { machine, workers, ask, command, view } = await scene(t)
  const holder = async () =>
    ((await ask('/api/v1/hubs')) as HubsView).hubs.find(({ sources }) => sources.some(({ state }) => state === 'live'))
      ?.hub
  await until(holder)
  await until(async () => ((await ask(`/api/v1/assets/${PRESS}`)) as TwinView).tags?.some(({ value }) => value === 20))

  const first = await command('quick', 30)
  await until(async () => (await view(first)).endedAt !== undefined)
  assert.equal((await view(first)).state, 'confirmed')

  machine.slowMs = 120_000
  const lost = await command('quick', 31)
  await until(() => machine.written.includes(31))
  const waiting = await command('patient', 32)
  const victim = (await view(lost)).hub!
  await workers.get(victim)!.kill()
  machine.slowMs = 0
  await until(async () => (await view(waiting)).endedAt !== undefined)

  const [unknown, done] = [await view(lost), await view(waiting)]
  assert.deepEqual([unknown.state, unknown.hub], ['unknown', victim])
  assert.deepEqual([done.state, done.hub], ['confirmed', victim === 'one' ? 'two' : 'one'])
  assert.deepEqual(machine.written, [30, 31, 32])
})
