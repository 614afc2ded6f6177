import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { createServer, request as httpRequest } from 'node:http'
import { test, type TestContext } from 'node:test'
import { DataType, StatusCodes, Variant, type UAObject } from 'node-opcua'
import { ClientError, connect } from '../../src/client.ts'
import { NAMESPACE, TestServer } from '../../src/sources/opcua/test-server.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { dataDirectory } from '../hub/lives.ts'
import { until } from '../until.ts'

/** Commands by way of the client, through a real hub, to a machine that speaks OPC UA. */

const PRESS = 'acme/berlin/line1/press1'

async function scene(t: TestContext) {
  const server = await TestServer.start()
  const written: number[] = []
  const space = server.server.engine.addressSpace!
  space.getNamespace(NAMESPACE).addVariable({
    componentOf: space.findNode(server.object('Press1')) as UAObject,
    browseName: 'setpoint',
    nodeId: 's=Press1.setpoint',
    dataType: DataType.Double,
    value: {
      get: () => new Variant({ dataType: DataType.Double, value: written.at(-1) ?? 20 }),
      set: (given: Variant, done: (error: Error | null, status: typeof StatusCodes.Good) => void) => {
        written.push(given.value as number)
        done(null, StatusCodes.Good)
      },
    },
  })
  const data = await dataDirectory()
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
models:
  press@1:
    tags: { setpoint: { range: [0, 200] } }
    commands:
      setpoint: { tag: setpoint, range: [0, 100], confirmWithin: 2s }
assets: { line1/press1: { model: press@1 } }
sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${server.port}
      nodes: [{ browse: "ns=${NAMESPACE};Hall/Press{n}", asset: "line1/press{n}" }]
      samplingInterval: 20ms
      publishingInterval: 50ms
api: { listen: ${http} }
`,
  )
  const page = `http://127.0.0.1:${http}`
  const running = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  // The hub first: the server waits for its clients.
  t.after(async () => {
    await running.kill()
    await server.stop()
  })
  await running.start()
  const hub = connect({ url: page })
  await until(async () => (await hub.values(PRESS).catch(() => undefined))?.['setpoint'] === 20)
  return { hub, written, page }
}

test('a command is asked for, and waited for until the machine has said what it is now', async (t) => {
  const { hub, written } = await scene(t)
  const declared = await hub.commands.declared(PRESS)
  assert.deepEqual(
    declared.commands.map(({ name, allowed }) => [name, allowed]),
    [['setpoint', true]],
  )
  const command = await hub.command(PRESS, 'setpoint', { value: 42, comment: 'a warmer one' })
  const outcome = await command.outcome()
  assert.deepEqual([outcome.state, outcome.readBack, outcome.comment, written], ['confirmed', 42, 'a warmer one', [42]])
  assert.equal((await hub.commands.list({ asset: PRESS })).commands[0]!.id, command.id)
  assert.ok((await hub.commands.audit()).records.length > 0)
  const trial = await hub.command(PRESS, 'setpoint', { value: 43, dryRun: true })
  assert.deepEqual([trial.id, written], ['', [42]])
})

test('a refusal has every reason, and nothing is written', async (t) => {
  const { hub, written } = await scene(t)
  await assert.rejects(hub.command(PRESS, 'setpoint', { value: 150, expected: 99 }), (error) => {
    assert.ok(error instanceof ClientError)
    assert.deepEqual([error.code, error.retry], ['COMMAND_REFUSED', false])
    assert.deepEqual(error.reasons.map(({ code }) => code).sort(), ['expected', 'range'])
    return true
  })
  assert.deepEqual(written, [])
})

test('an answer that is lost on its way is asked for again: the machine is written to once', async (t) => {
  const { written, page } = await scene(t)
  let lost = 0
  // Hands requests on, and loses the first answer to a command after the hub has given it.
  const proxy = createServer((request, response) => {
    const on = httpRequest(new URL(request.url!, page), {
      method: request.method,
      headers: { ...request.headers, host: new URL(page).host },
    })
    on.on('response', (answer) => {
      if (request.method === 'POST' && lost === 0) {
        lost += 1
        request.socket.destroy()
        return
      }
      response.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(response)
    })
    request.pipe(on)
  }).listen(0, '127.0.0.1')
  t.after(() => proxy.closeAllConnections())
  t.after(() => proxy.close())
  await until(() => proxy.listening)
  const hub = connect({ url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}` })
  const outcome = await (await hub.command(PRESS, 'setpoint', { value: 44 })).outcome()
  assert.deepEqual([lost, outcome.state, written], [1, 'confirmed', [44]])
})
