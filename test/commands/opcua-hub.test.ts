import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { DataType, StatusCodes, Variant, type UAObject } from 'node-opcua'
import type { CommandView } from '../../src/api/contract-commands.ts'
import type { TwinView } from '../../src/api/contract.ts'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub } from '../../src/hub.ts'
import { NAMESPACE, TestServer } from '../../src/sources/opcua/test-server.ts'
import { testSystem } from '../api/server.ts'
import { Relay } from '../faults/relay.ts'
import { dataDirectory, get } from '../hub/lives.ts'
import { until } from '../until.ts'

/** Commands from the API to an OPC UA server, through the whole hub. */

const PRESS = 'acme/berlin/line1/press1'

const plantOf = (endpoint: string) => `site: acme/berlin
log: { embedded: { listen: 0, partitions: 1 } }
models:
  press@1:
    tags: { temperature: {}, setpoint: { range: [20, 80] } }
    commands: { setpoint: { tag: setpoint, confirmWithin: 1s } }
assets: { line1/press1: { model: press@1 } }
sources:
  line1:
    opcua:
      endpoint: ${endpoint}
      nodes: [{ browse: "ns=${NAMESPACE};Hall/Press{n}", asset: "line1/press{n}", tags: [temperature, setpoint] }]
      samplingInterval: 20ms
      publishingInterval: 50ms
api: { listen: 0 }
`

/** A server with a Float that can be written, a relay in front of it, and a hub that reads it through that. */
async function scene(t: TestContext) {
  const server = await TestServer.start()
  const written = addSetpoint(server)
  const relay = await Relay.start(server.port)
  const plant = await parsePlant('plant.yaml', Buffer.from(plantOf(relay.endpoint)))
  // What ends first is said first: the directory goes last.
  t.after(async () => {
    await hub.close()
    relay.close()
    await server.stop()
  })
  const hub = await startHub({ plant, dataDirectory: await dataDirectory(), mode: 'run', system: testSystem() })
  const twin = async () => (await get(hub, `/api/v1/assets/${PRESS}`)) as TwinView
  const tag = async (name: string) => (await twin()).tags.find((one) => one.tag === name)?.value
  await until(async () => (await tag('setpoint')) === 50)
  const send = async (value: number) => {
    const body = JSON.stringify({ asset: PRESS, command: 'setpoint', value })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${hub.page}/api/v1/commands`, { method: 'POST', headers, body })
    assert.equal(answer.status, 202)
    return ((await answer.json()) as { readonly id: string }).id
  }
  const settled = async (id: string) => {
    const command = async () => (await get(hub, `/api/v1/commands/${id}`)) as CommandView
    await until(async () => (await command()).endedAt !== undefined)
    return command()
  }
  return { server, relay, written, twin, tag, send, settled }
}

function addSetpoint(server: TestServer): number[] {
  const space = server.server.engine.addressSpace!
  const written: number[] = []
  space.getNamespace(NAMESPACE).addVariable({
    componentOf: space.findNode(server.object('Press1')) as UAObject,
    browseName: 'setpoint',
    dataType: DataType.Float,
    accessLevel: 3,
    userAccessLevel: 3,
    minimumSamplingInterval: 10,
    value: {
      get: () => new Variant({ dataType: DataType.Float, value: written.at(-1) ?? 50 }),
      set: ({ value }: Variant) => {
        written.push(value as number)
        return StatusCodes.Good
      },
    },
  })
  return written
}

test('a Float has what it can hold: the command is confirmed, and stays reached when the machine reports that', async (t) => {
  const { twin, tag, send, settled, written } = await scene(t)
  const { state, readBack } = await settled(await send(71.3))
  assert.deepEqual([state, readBack], ['confirmed', Math.fround(71.3)])
  await until(async () => (await tag('setpoint')) === Math.fround(71.3))
  assert.equal((await twin()).desired?.[0]?.state, 'reached')
  assert.deepEqual(written, [Math.fround(71.3)])
})

test('a connection that is cut before the answer: unknown, done once, and never again', async (t) => {
  const { server, relay, tag, send, settled, written } = await scene(t)
  await settled(await send(30)) // the hub knows the node from then on
  relay.mute()
  const id = await send(60)
  await until(() => written.length === 2)
  relay.cut()
  const { state, reasons } = await settled(id)
  assert.deepEqual([state, reasons[0]?.code], ['unknown', 'no-answer'])
  relay.flow()
  server.set('Press1.temperature', DataType.Double, 33)
  await until(async () => (await tag('temperature')) === 33)
  assert.equal((await settled(await send(40))).state, 'confirmed')
  assert.deepEqual(written, [30, 60, 40])
})

after(() => {
  // The servers of the library leave handles behind that would keep the test process alive.
  setImmediate(() => process.exit())
})
