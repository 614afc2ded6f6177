import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { DataType, StatusCodes, Variant, type UAObject } from 'node-opcua'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub } from '../../src/hub.ts'
import { NAMESPACE, TestServer } from '../../src/sources/opcua/test-server.ts'
import { testSystem } from '../api/server.ts'
import { until } from '../until.ts'
import { dataDirectory } from '../hub/lives.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PRESS = 'acme/berlin/line1/press1'

/** A press whose setpoint clients may write; what was written. */
function addSetpoint(server: TestServer): readonly number[] {
  const written: number[] = []
  const space = server.server.engine.addressSpace!
  const set = (given: Variant, done: (error: Error | null, status: typeof StatusCodes.Good) => void) => {
    written.push(given.value as number)
    done(null, StatusCodes.Good)
  }
  space.getNamespace(NAMESPACE).addVariable({
    componentOf: space.findNode(server.object('Press1')) as UAObject,
    browseName: 'setpoint',
    nodeId: 's=Press1.setpoint',
    dataType: DataType.Double,
    value: { get: () => new Variant({ dataType: DataType.Double, value: written.at(-1) ?? 20 }), set },
  })
  return written
}

/** A hub with that press. */
async function plant() {
  const server = await TestServer.start()
  const written = addSetpoint(server)
  const config = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 1 } }
models:
  press@1:
    tags: { setpoint: { unit: Cel, range: [0, 200] } }
    commands: { setpoint: { tag: setpoint, range: [0, 100], description: "Wanted temperature" } }
assets: { line1/press1: { model: press@1 } }
sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${server.port}
      nodes: [{ browse: "ns=${NAMESPACE};Hall/Press{n}", asset: "line1/press{n}" }]
      samplingInterval: 20ms
      publishingInterval: 50ms
api: { listen: 0 }
`
  const parsed = await parsePlant('plant.yaml', Buffer.from(config))
  const data = await dataDirectory()
  const hub = await startHub({ plant: parsed, dataDirectory: data, mode: 'run', system: testSystem() })
  const close = async () => {
    await hub.close()
    await server.stop()
  }
  return { page: hub.page, written, close }
}

async function connect(page: string, ...options: readonly string[]): Promise<Client> {
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(
    new StdioClientTransport({ command: process.execPath, args: [MAIN, 'mcp', '--page', page, ...options] }),
  )
  return client
}

test('machines are told nothing unless it is allowed, asked for, and no trial', async () => {
  const { page, written, close } = await plant()
  const reader = await connect(page)
  const client = await connect(page, '--allow-commands')
  const ask = async (name: string, given: object, from = client) => {
    const { content, isError } = await from.callTool({ name, arguments: { ...given } })
    return { text: (content as { text: string }[])[0]!.text, isError: isError === true }
  }
  const fits = (name: string, given: object, wanted: RegExp) => {
    let text = ''
    const look = async () => wanted.test((text = (await ask(name, given)).text))
    return until(look, { everyMs: 50, found: () => text })
  }
  try {
    const tools = async (from: Client) => (await from.listTools()).tools
    assert.ok((await tools(reader)).every(({ annotations }) => annotations?.readOnlyHint === true))
    const writing = (await tools(client)).filter(({ annotations }) => annotations?.destructiveHint === true)
    assert.deepEqual(
      writing.map(({ name }) => name),
      ['command'],
    )
    await fits('list_commands', { path: PRESS }, /setpoint "Wanted temperature": 0 to 100 Cel; now 20 Cel; allowed now/)

    const wish = { asset: PRESS, command: 'setpoint', value: 55, comment: 'anna, batch 12' }
    assert.match((await ask('command', wish)).text, /It would be allowed now\. Nothing was sent\./)
    const beyond = await ask('command', { ...wish, value: 101, dryRun: false })
    assert.deepEqual([beyond.isError, beyond.text.slice(0, 16)], [true, 'COMMAND_REFUSED:'])
    assert.equal((await ask('command', { ...wish, comment: undefined, dryRun: false })).isError, true)
    assert.deepEqual(written, [])

    const { text } = await ask('command', { ...wish, dryRun: false })
    const id = /id (\S+);/.exec(text)?.[1]
    await fits(
      'command_result',
      { id },
      /setpoint of acme\/berlin\/line1\/press1: confirmed, the machine now says 55, asked for .* ago by "local"/,
    )
    assert.deepEqual(written, [55])
    assert.equal(
      (await ask('command', { ...wish, dryRun: false }, reader).catch(() => ({ isError: true }))).isError,
      true,
    )
    // The door of the hub itself is for reading alone.
    const thing = (await (await fetch(`${page}/api/v1/assets/${PRESS}/td`)).json()) as {
      actions: { [name: string]: { input: { properties: { value: object } } } }
    }
    assert.deepEqual(thing.actions['setpoint']!.input.properties.value, {
      type: 'number',
      unit: 'Cel',
      minimum: 0,
      maximum: 100,
    })
  } finally {
    await Promise.all([reader.close(), client.close()])
    await close()
  }
})
