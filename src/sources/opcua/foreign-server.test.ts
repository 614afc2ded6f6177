import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { MachineCommand } from '../../component/source.ts'
import type { Value } from '../../model/reading.ts'
import { systemClock } from '../../system/clock.ts'
import { need } from '../../../tools/need.ts'
import { Reader } from './test-reader.ts'
import { freePorts } from '../../../tools/free-ports.ts'

const script = fileURLToPath(new URL('foreign-server.py', import.meta.url))

test('a server that is not ours: values, types, status, times, and its restart', async (t) => {
  const python = need('asyncua')
  if (python === undefined) return t.skip('asyncua is not installed')
  const port = await freePort()
  const first = await startServer(t, python, port)
  const reader = new Reader({
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    nodes: [
      { browse: 'ns=urn:foreign;Line1/Press{n}', asset: 'line1/press{n}' },
      { node: 'nsu=urn:foreign;s=Temp', asset: 'line1/extra', tag: 'temperature' },
      { node: 'nsu=urn:foreign;s=Nope', asset: 'line1/extra', tag: 'nope' },
    ],
    samplingInterval: '20ms',
    publishingInterval: '50ms',
  })
  t.after(() => reader.stop())
  assert.equal((await reader.value('line1/press7', 'Temperature', 71.3)).quality, 0)
  assert.equal((await reader.value('line1/press7', 'Cycles')).value, 2n ** 60n + 1n)
  assert.deepEqual((await reader.value('line1/press7', 'Matrix')).value, [
    [1, 2],
    [3, 4],
  ])
  assert.deepEqual(Object.values((await reader.value('line1/press7', 'Point')).value as object), [1.5, 12])

  first.stdin!.write('75.5 1083113472\n')
  const { reading, quality } = await reader.value('line1/extra', 'temperature', 75.5)
  assert.equal(quality, 0x408f0000)
  assert.equal(reading.sourceTime, Date.UTC(2026, 0, 2, 3, 4, 5, 678) + 0.901)
  assert.equal(reader.source.health().parts?.[0]?.name, 'nsu=urn:foreign;s=Nope')

  first.kill('SIGKILL')
  await reader.until(() => reader.source.health().state === 'down', 'down')
  const second = await startServer(t, python, port)
  second.stdin!.write('80 0\n')
  await reader.value('line1/press7', 'Temperature', 80)
  assert.equal(reader.source.health().state, 'live')
})

test('commands to a server that is not ours: values in its types, methods, and what it refuses', async (t) => {
  const python = need('asyncua')
  if (python === undefined) return t.skip('asyncua is not installed')
  const port = await freePort()
  const server = await startServer(t, python, port)
  const reader = new Reader({
    endpoint: `opc.tcp://127.0.0.1:${port}`,
    nodes: [{ browse: 'ns=urn:foreign;Line1/Press{n}', asset: 'line1/press{n}', methods: { sum: 'Add' } }],
    publishingInterval: '50ms',
    commandTimeout: '1s',
  })
  t.after(async () => {
    await reader.stop()
    server.kill()
  })
  await reader.value('line1/press7', 'Setpoint', 50)
  const { signal } = new AbortController()
  const send = (target: MachineCommand['target']) => {
    const command = { id: 'c1', asset: 'acme/berlin/line1/press7', command: 'test', target }
    return reader.source.command!({ ...command, deadline: systemClock.monotonic() + 10_000 }, signal)
  }
  const write = (tag: string, value: Value) => send({ kind: 'tag', tag, value })
  const call = (method: string, ...args: Value[]) => send({ kind: 'method', method, args })
  const written = Math.fround(71.3)
  assert.deepEqual(await write('Setpoint', 71.3), {
    kind: 'accepted',
    written,
    readBack: { value: written, quality: 0 },
  })
  await reader.value('line1/press7', 'Setpoint', written)
  const recipe = { kind: 'accepted', written: [3, 65535], readBack: { value: [3, 65535], quality: 0 } }
  assert.deepEqual(await write('Recipe', [3, 65535]), recipe)
  assert.deepEqual(await call('sum', 2n ** 60n, 1), { kind: 'accepted', results: [2n ** 60n + 1n] })
  const codes = [
    await write('Recipe', [3, 65536]),
    await write('Setpoint', 'hot'),
    await write('Temperature', 20),
    await call('sum', 1),
    await call('Refuse'),
    await call('Nothing'),
  ]
  assert.deepEqual(
    codes.map((answer) => (answer.kind === 'refused' ? answer.code : answer.kind)),
    [
      'BadOutOfRange',
      'BadTypeMismatch',
      'BadNotWritable',
      'BadArgumentsMissing',
      'BadInvalidState',
      'BadMethodInvalid',
    ],
  )
  assert.equal((await call('Slow')).kind, 'unknown')
})

async function startServer(t: TestContext, python: string, port: number): Promise<ChildProcess> {
  const child = spawn(python, [script, String(port)], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data', { signal: AbortSignal.timeout(60_000) })
  return child
}

async function freePort(): Promise<number> {
  return (await freePorts(1))[0]!
}
