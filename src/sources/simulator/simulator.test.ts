import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createTcpServer, type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { AttributeIds, DataType, OPCUAClient, StatusCodes, type ClientSession, type DataValue } from 'node-opcua'
import { startSimulatorWorker } from './worker-host.ts'
import { until } from '../../../test/until.ts'

test('in a thread of its own: the press line can be browsed, read, written, broken and mended; the station posts', async (t) => {
  const posted = Promise.withResolvers<string>()
  const hub = createServer((request, response) => {
    posted.resolve(`${request.method} ${request.url}`)
    request.resume()
    response.end('{}')
  }).listen(0, '127.0.0.1')
  await once(hub, 'listening')
  t.after(() => hub.close())
  const http = `http://127.0.0.1:${(hub.address() as AddressInfo).port}`
  const opcua = { host: '127.0.0.1', port: 0 }
  const simulator = await startSimulatorWorker({ seed: 1, speed: 50, presses: 2, cars: 0, opcua, http })
  t.after(() => simulator.close())

  assert.equal(await posted.promise, 'POST /api/v1/ingest/press-shop/test-station')
  const client = OPCUAClient.create({ endpointMustExist: false })
  await client.connect(simulator.endpoints.opcua!)
  const session = await client.createSession()
  t.after(async () => {
    await session.close()
    await client.disconnect()
  })
  const index = (await session.readNamespaceArray()).indexOf('urn:millrace:simulator')
  const press = new PressAtServer(session, `ns=${index};s=Press2`)

  assert.equal((await press.read('cycles')).value.dataType, DataType.Int64)
  assert.equal((await press.read('temperature')).statusCode, StatusCodes.Good)
  assert.equal(await press.write('setpoint', DataType.Double, 70), StatusCodes.Good)
  assert.equal((await press.read('setpoint')).value.value, 70)
  assert.equal(await press.write('setpoint', DataType.Double, 500), StatusCodes.BadOutOfRange)
  assert.equal(await press.write('fault', DataType.String, 'earthquake'), StatusCodes.BadOutOfRange)

  await press.write('fault', DataType.String, 'sensor')
  await press.until('temperature', (value) => value.statusCode.equals(StatusCodes.BadSensorFailure))
  assert.equal((await press.read('pressure')).statusCode, StatusCodes.Good)
  await press.write('fault', DataType.String, 'comms')
  await press.until('pressure', (value) => value.statusCode.equals(StatusCodes.BadNoCommunication))
  await press.write('fault', DataType.String, 'none')
  await press.until('temperature', (value) => value.statusCode.equals(StatusCodes.Good))
  await press.until('state', (value) => value.value.value === 'Execute')
  // It may leave Execute by itself at any moment.
  await until(async () => (await press.call('Hold')) === StatusCodes.Good)
  await press.until('state', (value) => value.value.value === 'Held')
  assert.equal(await press.call('Hold'), StatusCodes.BadInvalidState)
  await press.write('fault', DataType.String, 'comms')
  assert.equal(await press.call('Unhold'), StatusCodes.BadNoCommunication)
  assert.equal(await press.write('setpoint', DataType.Double, 60), StatusCodes.BadNoCommunication)
})

test('a port that is taken is said, and the thread ends', async (t) => {
  const taken = createTcpServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const started = startSimulatorWorker({ seed: 1, speed: 1, presses: 1, cars: 0, opcua: { host: '127.0.0.1', port } })
  await assert.rejects(started, /^Error: Cannot start the simulator: .*EADDRINUSE/)
})

class PressAtServer {
  readonly #session: ClientSession
  readonly #id: string

  constructor(session: ClientSession, id: string) {
    this.#session = session
    this.#id = id
  }

  read(tag: string): Promise<DataValue> {
    return this.#session.read({ nodeId: `${this.#id}.${tag}`, attributeId: AttributeIds.Value })
  }

  write(tag: string, dataType: DataType, value: unknown) {
    const nodeId = `${this.#id}.${tag}`
    return this.#session.write({ nodeId, attributeId: AttributeIds.Value, value: { value: { dataType, value } } })
  }

  async call(method: string) {
    const { statusCode } = await this.#session.call({ objectId: this.#id, methodId: `${this.#id}.${method}` })
    return statusCode
  }

  async until(tag: string, found: (value: DataValue) => boolean): Promise<void> {
    await until(async () => found(await this.read(tag)))
  }
}
