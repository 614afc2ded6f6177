import assert from 'node:assert/strict'
import { after, test, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import {
  DataType,
  makeAccessLevelFlag,
  StatusCodes,
  Variant,
  VariantArrayType,
  type CallMethodResultOptions,
  type StatusCode,
  type UAObject,
} from 'node-opcua'
import { Relay } from '../../../test/faults/relay.ts'
import type { CommandAnswer, MachineCommand } from '../../component/source.ts'
import type { Value } from '../../model/reading.ts'
import { systemClock } from '../../system/clock.ts'
import { Reader } from './test-reader.ts'
import { makeIdentity, NAMESPACE, TestServer } from './test-server.ts'

const PRESS1 = 'acme/berlin/line1/press1'
const { signal } = new AbortController()

/** A server with a writable node and a method, a relay in front of it, and a source that reads it through that. */
async function scene(t: TestContext, more: object = {}) {
  const server = await TestServer.start()
  const point = addPoint(server, 'setpoint', DataType.Double, 20)
  const calls = addMethods(server)
  const relay = await Relay.start(server.port)
  t.after(async () => {
    await reader.stop()
    relay.close()
    await server.stop()
  })
  const reader = new Reader({
    endpoint: relay.endpoint,
    nodes: [{ browse: `ns=${NAMESPACE};Hall/Press{n}`, asset: 'line1/press{n}', methods: { reset: 'ResetCounters' } }],
    samplingInterval: '20ms',
    publishingInterval: '50ms',
    ...more,
  })
  await reader.value('line1/press1', 'temperature', 21)
  return { server, relay, reader, point, calls, ...commandsOf(reader) }
}

function commandsOf(reader: Reader) {
  let id = 0
  const send = (target: MachineCommand['target'], more: Partial<MachineCommand> = {}, until = signal) => {
    const deadline = systemClock.monotonic() + 10_000
    id += 1
    return reader.source.command!({ id: `c${id}`, asset: PRESS1, command: 'test', target, deadline, ...more }, until)
  }
  return {
    write: (value: Value, tag = 'setpoint', more: Partial<MachineCommand> = {}, until = signal) =>
      send({ kind: 'tag', tag, value }, more, until),
    call: (method: string, ...args: Value[]) => send({ kind: 'method', method, args }),
  }
}

interface Point {
  value: unknown
  /** What the server was told to write, and did. */
  readonly written: unknown[]
  /** What the server answers. */
  status: StatusCode
}

const BOTH = 'CurrentRead | CurrentWrite'

interface PointOptions {
  readonly rank?: number
  readonly access?: string
  /** What our user may. */
  readonly user?: string
  /** The data type that the variable claims; by itself that of its value. */
  readonly type?: DataType | string
}

/** A variable below Press1 that clients may write. */
function addPoint(
  server: TestServer,
  name: string,
  dataType: DataType,
  value: unknown,
  { rank = -1, access = BOTH, user = access, type = dataType }: PointOptions = {},
): Point {
  const point: Point = { value, written: [], status: StatusCodes.Good }
  const space = server.server.engine.addressSpace!
  const arrayType = rank > 1 ? VariantArrayType.Matrix : rank === 1 ? VariantArrayType.Array : VariantArrayType.Scalar
  const dimensions = rank > 1 ? [2, 2] : undefined
  space.getNamespace(NAMESPACE).addVariable({
    componentOf: space.findNode(server.object('Press1')) as UAObject,
    browseName: name,
    nodeId: `s=Press1.${name}`,
    dataType: type,
    valueRank: rank,
    ...(dimensions && { arrayDimensions: dimensions }),
    accessLevel: makeAccessLevelFlag(access),
    userAccessLevel: makeAccessLevelFlag(user),
    value: {
      get: () => new Variant({ dataType, arrayType, value: point.value, ...(dimensions && { dimensions }) }),
      set: (given: Variant) => {
        if (point.status === StatusCodes.Good) {
          point.value = given.value
          point.written.push(given.value)
        }
        return point.status
      },
    },
  })
  return point
}

/** Methods of Press1: ResetCounters without arguments, Hold of a number and a text, Broken; told when they are called. */
function addMethods(server: TestServer): string[] {
  const calls: string[] = []
  const space = server.server.engine.addressSpace!
  const press = space.findNode(server.object('Press1')) as UAObject
  const add = (
    object: UAObject,
    browseName: string,
    inputs: [string, DataType][],
    answer: (args: unknown[]) => CallMethodResultOptions,
    executable = true,
  ) => {
    const method = space.getNamespace(NAMESPACE).addMethod(object, {
      browseName,
      inputArguments: inputs.map(([name, dataType]) => ({ name, dataType, valueRank: -1 })),
      outputArguments: [{ name: 'total', dataType: DataType.Int64 }],
    })
    // A method that nothing is bound to is not executable.
    if (!executable) return
    method.bindMethod((given, _context, callback) => {
      const args = given.map(({ value }) => value as unknown)
      calls.push(`${browseName}(${args.join(', ')})`)
      callback(null, answer(args))
    })
  }
  const total = new Variant({ dataType: DataType.Int64, arrayType: VariantArrayType.Scalar, value: [0, 7] })
  add(press, 'ResetCounters', [], () => ({ statusCode: StatusCodes.Good, outputArguments: [total] }))
  const hold = ([seconds]: unknown[]) =>
    (seconds as number) > 60
      ? { statusCode: StatusCodes.BadOutOfRange }
      : { statusCode: StatusCodes.Good, outputArguments: [total] }
  add(
    press,
    'Hold',
    [
      ['seconds', DataType.UInt16],
      ['why', DataType.String],
    ],
    hold,
  )
  const motor = press.getComponentByName('motor') as UAObject
  add(motor, 'Stop', [], () => ({ statusCode: StatusCodes.Good, outputArguments: [total] }))
  add(press, 'Locked', [], () => ({ statusCode: StatusCodes.Good, outputArguments: [total] }), false)
  return calls
}

function codeOf(answer: CommandAnswer): string {
  return answer.kind === 'refused' ? answer.code : answer.kind
}

test('a value is written in the type of its node, exactly, and read back', async (t) => {
  const { server, write } = await scene(t)
  const cases: [name: string, type: DataType, first: unknown, value: Value, written?: Value][] = [
    ['sbyte', DataType.SByte, 0, -128],
    ['byte', DataType.Byte, 0, 255],
    ['int16', DataType.Int16, 0, -32768],
    ['uint16', DataType.UInt16, 0, 65535],
    ['int32', DataType.Int32, 0, -2147483648],
    ['uint32', DataType.UInt32, 0, 4294967295],
    ['int64', DataType.Int64, [0, 0], -9223372036854775808n],
    ['int64 of a number', DataType.Int64, [0, 0], -5, -5n],
    ['uint64', DataType.UInt64, [0, 0], 18446744073709551615n],
    ['float', DataType.Float, 0, 71.3, Math.fround(71.3)],
    ['double', DataType.Double, 0, 71.3],
    ['double of a bigint', DataType.Double, 0, 2n ** 60n, 2 ** 60],
    ['boolean', DataType.Boolean, false, true],
    ['string', DataType.String, '', 'Größe "7"'],
    ['text', DataType.LocalizedText, { text: '' }, 'heiß'],
    ['date', DataType.DateTime, new Date(0), '2026-01-02T04:04:05.678+01:00', '2026-01-02T03:04:05.678Z'],
    ['guid', DataType.Guid, '00000000-0000-0000-0000-000000000000', '72962B91-FA75-4AE6-8D28-B404DC7DAF63'],
    ['bytes', DataType.ByteString, Buffer.alloc(0), new Uint8Array([1, 2, 255])],
  ]
  for (const [name, type, first] of cases) addPoint(server, name, type, first)
  const arrays: [name: string, type: DataType, rank: number, first: unknown, value: Value][] = [
    ['doubles', DataType.Double, 1, new Float64Array(1), [1.5, -2, 3]],
    ['int64s', DataType.Int64, 1, [[0, 0]], [5, 9223372036854775807n]],
    ['texts', DataType.String, 1, [''], ['a', '']],
    ['none', DataType.Int32, 1, new Int32Array(1), []],
    ['matrix', DataType.Int32, 2, new Int32Array(4), [[1, 2], [3, 4]]], // prettier-ignore
  ]
  for (const [name, type, rank, first] of arrays) addPoint(server, name, type, first, { rank })
  const { reader } = await reread(t, server)
  for (const [name, , , value, written = value] of [
    ...cases,
    ...arrays.map(([n, type, , f, v]) => [n, type, f, v] as const),
  ]) {
    const answer = await commandsOf(reader).write(value, name)
    assert.deepEqual(answer, { kind: 'accepted', written, readBack: { value: written, quality: 0 } }, name)
  }
  assert.equal(codeOf(await write(1, 'int32')), 'not-sent', 'a source knows only what it found')
})

/** Another source of the same server, for nodes that were added later. */
async function reread(t: TestContext, server: TestServer) {
  const nodes = [{ browse: `ns=${NAMESPACE};Hall/Press{n}`, asset: 'line1/press{n}' }]
  const reader = new Reader({ endpoint: server.endpoint, nodes, publishingInterval: '50ms' })
  t.after(() => reader.stop())
  await reader.value('line1/press1', 'temperature', 21)
  return { reader }
}

test('what a type cannot hold is refused before anything is sent', async (t) => {
  const { server } = await scene(t)
  const cases: [type: DataType, first: unknown, value: Value, code: string][] = [
    [DataType.SByte, 0, 128, 'BadOutOfRange'],
    [DataType.Byte, 0, -1, 'BadOutOfRange'],
    [DataType.UInt16, 0, 65536, 'BadOutOfRange'],
    [DataType.Int32, 0, 2 ** 31, 'BadOutOfRange'],
    [DataType.Int32, 0, 1.5, 'BadTypeMismatch'],
    [DataType.Int32, 0, '1', 'BadTypeMismatch'],
    [DataType.Int32, 0, true, 'BadTypeMismatch'],
    [DataType.Int32, 0, [1], 'BadTypeMismatch'],
    [DataType.UInt64, [0, 0], -1, 'BadOutOfRange'],
    [DataType.Int64, [0, 0], 2n ** 63n, 'BadOutOfRange'],
    [DataType.Int64, [0, 0], 2 ** 60, 'BadTypeMismatch'],
    [DataType.Float, 0, 1e39, 'BadOutOfRange'],
    [DataType.Double, 0, 2n ** 53n + 1n, 'BadTypeMismatch'],
    [DataType.Boolean, false, 1, 'BadTypeMismatch'],
    [DataType.String, '', 5, 'BadTypeMismatch'],
    [DataType.DateTime, new Date(0), 'tomorrow', 'BadTypeMismatch'],
    [DataType.DateTime, new Date(0), '1500-01-01T00:00:00Z', 'BadOutOfRange'],
    [DataType.ByteString, Buffer.alloc(0), 'AQID', 'BadTypeMismatch'],
  ]
  const points = cases.map(([type, first], index) => addPoint(server, `p${index}`, type, first))
  const table = addPoint(server, 'table', DataType.Int32, new Int32Array(4), { rank: 2 })
  const { write } = commandsOf((await reread(t, server)).reader)
  for (const [index, [type, , value, code]] of cases.entries()) {
    const answer = await write(value, `p${index}`)
    assert.equal(codeOf(answer), code, `${inspect(value)} as ${DataType[type]}: ${JSON.stringify(answer)}`)
  }
  assert.equal(codeOf(await write([[1, 2], [3]], 'table')), 'BadTypeMismatch') // prettier-ignore
  assert.equal(codeOf(await write([1, 2], 'table')), 'BadTypeMismatch')
  for (const { written } of [...points, table]) assert.deepEqual(written, [])
})

test('a node of an open type takes what its value is now; an enumeration takes its number', async (t) => {
  const { server } = await scene(t)
  const open = addPoint(server, 'open', DataType.Int16, 1, { type: 'Number' })
  const mode = addPoint(server, 'mode', DataType.Int32, 1, { type: 'ServerState' })
  const { write } = commandsOf((await reread(t, server)).reader)
  assert.equal(codeOf(await write(40_000, 'open')), 'BadOutOfRange')
  assert.equal(codeOf(await write(40, 'open')), 'accepted')
  assert.equal(codeOf(await write(3, 'mode')), 'accepted')
  assert.deepEqual([open.written, mode.written], [[40], [3]])
})

test('what the server forbids or refuses has its code, and nothing was changed', async (t) => {
  const { server, point } = await scene(t)
  const locked = addPoint(server, 'locked', DataType.Double, 1, { access: 'CurrentRead' })
  const others = addPoint(server, 'others', DataType.Double, 1, { user: 'CurrentRead' })
  const { write } = commandsOf((await reread(t, server)).reader)
  assert.equal(codeOf(await write(5, 'locked')), 'BadNotWritable')
  assert.equal(codeOf(await write(5, 'others')), 'BadUserAccessDenied')
  for (const status of [StatusCodes.BadOutOfRange, StatusCodes.BadUserAccessDenied, StatusCodes.BadTypeMismatch]) {
    point.status = status
    assert.deepEqual(await write(50), {
      kind: 'refused',
      code: status.name,
      reason: `Cannot write "setpoint": the server says ${status.name}`,
    })
  }
  // A gateway that got no answer from its device does not know either.
  point.status = StatusCodes.BadTimeout
  assert.equal(codeOf(await write(50)), 'unknown')
  point.status = StatusCodes.Good
  assert.equal(codeOf(await write(50)), 'accepted')
  assert.deepEqual([point.written, locked.written, others.written], [[50], [], []])
})

test('a method is called with arguments of its types, and says what it gave back', async (t) => {
  const { calls, call, reader } = await scene(t)
  const good = { kind: 'accepted', results: [7n] }
  assert.deepEqual(await call('reset'), good)
  assert.deepEqual(await call('Hold', 5, 'cleaning'), good)
  assert.deepEqual(await call('motor.Stop'), good)
  assert.equal(codeOf(await call('Hold', 70, 'cleaning')), 'BadOutOfRange')
  const before = calls.length
  assert.equal(codeOf(await call('Hold', 5)), 'BadArgumentsMissing')
  assert.equal(codeOf(await call('Hold', 5, 'a', 'b')), 'BadTooManyArguments')
  assert.equal(codeOf(await call('Hold', -1, 'a')), 'BadOutOfRange')
  assert.equal(codeOf(await call('Hold', 5, 7)), 'BadTypeMismatch')
  assert.equal(codeOf(await call('Locked')), 'BadNotExecutable')
  assert.equal(codeOf(await call('Explode')), 'BadMethodInvalid')
  assert.equal(calls.length, before)
  assert.deepEqual(calls, ['ResetCounters()', 'Hold(5, cleaning)', 'Stop()', 'Hold(70, cleaning)'])
  const reaches = (asset: string, method: string) => reader.source.reaches!(asset, { kind: 'method', method })
  assert.deepEqual([reaches(PRESS1, 'reset'), reaches('acme/berlin/line1/press9', 'reset')], [true, false])
})

test('nothing is sent without a connection, past its time, after a stop, or to what is not mapped', async (t) => {
  const { relay, reader, point, write } = await scene(t)
  const late = { deadline: systemClock.monotonic() }
  assert.equal(codeOf(await write(50, 'setpoint', late)), 'not-sent')
  assert.equal(codeOf(await write(50, 'setpoint', {}, AbortSignal.abort())), 'not-sent')
  assert.equal(codeOf(await write(50, 'nothing')), 'not-sent')
  assert.equal(codeOf(await write(50, 'setpoint', { asset: 'acme/berlin/line1/press9' })), 'not-sent')
  const reaches = (tag: string) => reader.source.reaches!(PRESS1, { kind: 'tag', tag })
  assert.deepEqual([reaches('setpoint'), reaches('nothing')], [true, false])
  relay.close()
  await reader.until(() => reader.source.health().state === 'down', 'down')
  assert.equal(codeOf(await write(50)), 'not-sent')
  assert.equal(reaches('setpoint'), true)
  assert.deepEqual(point.written, [])
})

test('a connection cut between request and answer: unknown, done once, and never again', async (t) => {
  const { server, relay, reader, point, write } = await scene(t)
  await write(30) // learns the node, so that the next thing on the wire is the write itself
  relay.mute()
  const answer = write(50)
  await reader.until(() => point.written.length === 2, 'the write at the server')
  relay.cut()
  assert.equal(codeOf(await answer), 'unknown')
  relay.flow()
  server.set('Press1.temperature', DataType.Double, 33)
  await reader.value('line1/press1', 'temperature', 33)
  assert.deepEqual(await write(60), { kind: 'accepted', written: 60, readBack: { value: 60, quality: 0 } })
  assert.deepEqual(point.written, [30, 50, 60])
})

test('a server that says it does not know our session: the library would write again in a new one, we do not', async (t) => {
  const { server, point, write } = await scene(t)
  await write(30)
  forgetSession(server)
  const answer = await write(50)
  assert.equal(codeOf(answer), 'BadSessionIdInvalid')
  assert.deepEqual(point.written, [30])
})

/** The next write finds no session; all else goes on. */
function forgetSession({ server }: TestServer): void {
  const engine = server as unknown as {
    _on_WriteRequest(message: { session_statusCode: StatusCode }, channel: unknown): void
  }
  const handle = engine['_on_WriteRequest'].bind(server)
  engine['_on_WriteRequest'] = (message, channel) => {
    engine['_on_WriteRequest'] = handle
    message.session_statusCode = StatusCodes.BadSessionIdInvalid
    handle(message, channel)
  }
}

test('a server that does not answer: unknown in time, and what lay in buffers never arrives', async (t) => {
  const { server, relay } = await scene(t)
  const note = addPoint(server, 'note', DataType.String, '')
  const nodes = [{ browse: `ns=${NAMESPACE};Hall/Press{n}`, asset: 'line1/press{n}' }]
  const reader = new Reader({ endpoint: relay.endpoint, nodes, publishingInterval: '50ms', commandTimeout: '500ms' })
  t.after(() => reader.stop())
  await reader.value('line1/press1', 'note', undefined)
  const { write } = commandsOf(reader)
  assert.equal(codeOf(await write('short', 'note')), 'accepted')
  relay.hold()
  // More than the far side's window takes: the end of it is still here when its time is over.
  assert.equal(codeOf(await write('x'.repeat(1_000_000), 'note')), 'unknown')
  relay.flow()
  server.set('Press1.temperature', DataType.Double, 35)
  await reader.value('line1/press1', 'temperature', 35)
  assert.deepEqual(
    note.written.map((text) => (text as string).length),
    [5],
  )
  assert.equal(codeOf(await write('x'.repeat(1_000_000), 'note')), 'accepted')
})

test('over an encrypted connection too: written, and reset where no answer comes', async (t) => {
  const [identity, ours] = await Promise.all([makeIdentity('urn:test:server'), makeIdentity('urn:test:client')])
  const server = await TestServer.start({ secure: true, identity })
  const point = addPoint(server, 'setpoint', DataType.Double, 20)
  const relay = await Relay.start(server.port)
  const security = {
    mode: 'signAndEncrypt',
    certificate: { cert: ours.cert, key: ours.key },
    trust: 'first-use',
  }
  const nodes = [{ browse: `ns=${NAMESPACE};Hall/Press{n}`, asset: 'line1/press{n}' }]
  const reader = new Reader({ endpoint: relay.endpoint, nodes, security, commandTimeout: '300ms' })
  t.after(async () => {
    await reader.stop()
    relay.close()
    await server.stop()
  })
  await reader.value('line1/press1', 'temperature', 21)
  const { write } = commandsOf(reader)
  assert.equal(codeOf(await write(50)), 'accepted')
  relay.mute()
  assert.equal(codeOf(await write(60)), 'unknown')
  await reader.until(() => relay.endings.includes('ECONNRESET'), 'the reset')
  assert.deepEqual(point.written, [50, 60])
})

test('a command that is called off while its answer is out is unknown at once', async (t) => {
  const { relay, reader, point, write } = await scene(t)
  await write(30)
  relay.mute()
  const stop = new AbortController()
  const answer = write(50, 'setpoint', {}, stop.signal)
  await reader.until(() => point.written.length === 2, 'the write at the server')
  stop.abort()
  assert.equal(codeOf(await answer), 'unknown')
})

after(() => {
  // The servers of the library leave handles behind that would keep the test process alive.
  setImmediate(() => process.exit())
})
