import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { connectAsync } from 'mqtt'
import { DataType } from 'node-opcua'
import type {
  AuditView,
  CommandAnswerView,
  CommandRefusalView,
  CommandsView,
  CommandView,
  DeclaredCommandsView,
} from '../../src/api/contract-commands.ts'
import type { TwinView } from '../../src/api/contract.ts'
import { NAMESPACE, TestServer } from '../../src/sources/opcua/test-server.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { until } from '../until.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { testSystem } from '../api/server.ts'
import { HubProcess, ROOT } from '../faults/hub-process.ts'
import { dataDirectory } from './lives.ts'
import { addSetpoint } from './setpoint.ts'

/** Commands through a real hub, to a machine that speaks OPC UA: asked, refused, approved, sent, read back, and killed over. */

const PRESS = 'acme/berlin/line1/press1'
const TOKENS = { operator: 'operator-token-1', chief: 'chief-token-1', reader: 'reader-token-1', far: 'far-token-1' }

async function scene(t: TestContext) {
  const server = await TestServer.start()
  let running: HubProcess | undefined
  t.after(async () => {
    await running?.kill()
    await server.stop()
  })
  const machine = addSetpoint(server)
  const data = await dataDirectory()
  const [http, kafka, mqtt] = (await freePorts(3)) as [number, number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
models:
  press@1:
    tags: { setpoint: { range: [0, 200] }, temperature: {} }
    commands:
      setpoint: { tag: setpoint, range: [0, 100], interlock: "temperature < 50.0", confirmWithin: 2s }
      hot: { tag: setpoint, secondPerson: true }
      rare: { tag: setpoint, perMinute: 1 }
assets: { line1/press1: { model: press@1 } }
sources:
  line1:
    opcua:
      endpoint: opc.tcp://127.0.0.1:${server.port}
      nodes: [{ browse: "ns=${NAMESPACE};Hall/Press{n}", asset: "line1/press{n}" }]
      samplingInterval: 20ms
      publishingInterval: 50ms
  panels:
    mqtt:
      listen: ${mqtt}
      topics: { "panels/{panel}": { asset: "panels/{panel}" } }
      requests: millrace/commands
      users:
        - { name: operator, password: env:T_OPERATOR, subscribe: ["answers/operator/#"] }
        - { name: stranger, password: env:T_READER, subscribe: ["#"] }
commands: { kafka: { as: operator } }
api:
  listen: ${http}
  tokens:
    - { name: operator, token: env:T_OPERATOR, can: [read, command], areas: ["line1/**"] }
    - { name: chief, token: env:T_CHIEF, can: [read, command, approve] }
    - { name: reader, token: env:T_READER, can: [read] }
    - { name: far, token: env:T_FAR, can: [read, command], areas: ["line2/**"] }
`,
  )
  for (const [name, token] of Object.entries(TOKENS)) process.env[`T_${name.toUpperCase()}`] = token
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  running = hub
  await hub.start()
  const ask = async (path: string, who: keyof typeof TOKENS, body?: object) => {
    const headers = { authorization: `Bearer ${TOKENS[who]}`, 'content-type': 'application/json' }
    const init = body === undefined ? { headers } : { headers, method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(page + path, init)
    return { status: answer.status, body: await answer.json() }
  }
  const command = (who: keyof typeof TOKENS, more: object) =>
    ask('/api/v1/commands', who, { asset: PRESS, command: 'setpoint', ...more }) as Promise<{
      readonly status: number
      readonly body: CommandAnswerView & CommandRefusalView
    }>
  const ended = async (id: string) => {
    const deadline = AbortSignal.timeout(20_000)
    for (;;) {
      const body = (await ask(`/api/v1/commands/${id}`, 'reader')).body as CommandView
      if (body.endedAt !== undefined) return body
      if (deadline.aborted) throw new Error(`Cannot see the end of ${JSON.stringify(body)}`)
      await sleep(20)
    }
  }
  const twin = async () => (await ask(`/api/v1/assets/${PRESS}`, 'reader')).body as TwinView
  const reported = async (tag: string, value: number) => {
    const deadline = AbortSignal.timeout(20_000)
    while ((await twin()).tags?.find((one) => one.tag === tag)?.value !== value) {
      if (deadline.aborted) throw new Error(`Cannot see ${tag} ${value}: ${JSON.stringify(await twin())}`)
      await sleep(20)
    }
  }
  await reported('temperature', 21)
  await reported('setpoint', 20)
  const cli = async (who: keyof typeof TOKENS, ...args: string[]) => {
    const env = { ...process.env, MILLRACE_TOKEN: TOKENS[who] }
    const run = promisify(execFile)(process.execPath, ['src/main.ts', ...args], { cwd: ROOT, env })
    return run.then(
      ({ stdout }) => ({ code: 0, out: stdout }),
      (error: { code: number; stdout: string; stderr: string }) => ({
        code: error.code,
        out: error.stdout + error.stderr,
      }),
    )
  }
  return { server, machine, hub, data, kafka, mqtt, ask, command, ended, twin, reported, cli }
}

test('a command is asked for, sent, and read back; what is not allowed is refused with every reason', async (t) => {
  const { server, machine, data, ask, command, ended, twin, reported, cli } = await scene(t)

  const taken = await command('operator', { value: 55, expected: 20, idempotencyKey: 'k1', comment: 'batch 12' })
  assert.equal(taken.status, 202)
  const done = await ended(taken.body.id)
  assert.deepEqual([done.state, done.readBack, done.by, done.via], ['confirmed', 55, 'operator', 'rest'])
  assert.deepEqual(machine.written, [55])
  await reported('setpoint', 55)
  const [desired] = (await twin()).desired!
  assert.deepEqual([desired!.tag, desired!.value, desired!.state], ['setpoint', 55, 'reached'])

  const again = await command('operator', { value: 55, expected: 20, idempotencyKey: 'k1' })
  assert.deepEqual([again.status, again.body.id, again.body.repeated], [200, taken.body.id, true])
  const other = await command('operator', { value: 56, idempotencyKey: 'k1' })
  assert.deepEqual([other.status, other.body.reasons[0]!.code], [409, 'key'])

  const refusal = async (who: keyof typeof TOKENS, more: object) => {
    const { status, body } = await command(who, more)
    return [status, ...(body.reasons?.map(({ code }) => code) ?? [body.code])]
  }
  assert.deepEqual(await refusal('reader', { value: 1 }), [403, 'FORBIDDEN'])
  assert.deepEqual(await refusal('far', { value: 1 }), [403, 'area'])
  assert.deepEqual(await refusal('operator', { value: 1, command: 'temperature' }), [422, 'not-declared'])
  assert.deepEqual(await refusal('operator', { value: '1' }), [422, 'type'])
  server.set('Press1.temperature', DataType.Double, 60)
  await reported('temperature', 60)
  assert.deepEqual(await refusal('operator', { value: 101, expected: 20 }), [422, 'range', 'expected', 'interlock'])
  assert.deepEqual(await refusal('operator', { value: 10 }), [409, 'interlock'])
  const declared = (await ask(`/api/v1/assets/${PRESS}/commands`, 'operator')).body as DeclaredCommandsView
  assert.deepEqual(
    declared.commands.map(({ name, allowed, reasons }) => [name, allowed, reasons.map(({ code }) => code)]),
    [
      ['setpoint', false, ['interlock']],
      ['hot', true, []],
      ['rare', true, []],
    ],
  )
  assert.equal((await command('operator', { command: 'rare', value: 60 })).status, 202)
  assert.deepEqual(await refusal('operator', { command: 'rare', value: 61 }), [409, 'rate'])

  assert.equal((await ask('/api/v1/login', 'reader', { token: TOKENS.reader })).status, 200)
  assert.equal((await ask('/api/v1/login', 'reader', { token: 'wrong' })).status, 401)

  const asked = await command('chief', { command: 'hot', value: 70 })
  assert.deepEqual([asked.status, asked.body.state], [202, 'waiting-approval'])
  const approve = (who: keyof typeof TOKENS, id: string) => ask(`/api/v1/commands/${id}/approve`, who, {})
  assert.deepEqual((await approve('operator', asked.body.id)).status, 403)
  assert.deepEqual(((await approve('chief', asked.body.id)).body as CommandRefusalView).reasons[0]!.code, 'same-person')
  const guarded = await command('operator', { command: 'hot', value: 71 })
  assert.equal((await approve('chief', guarded.body.id)).status, 202)
  assert.equal((await ended(guarded.body.id)).state, 'confirmed')

  server.set('Press1.temperature', DataType.Double, 21)
  await reported('temperature', 21)
  const cool = await cli('operator', 'command', PRESS, 'setpoint', '42.5', '--expect', '71', '--wait', '--data', data)
  assert.deepEqual([cool.code, cool.out.trim().slice(25)], [0, 'confirmed: the machine says 42.5'])
  const dry = await cli('operator', 'command', PRESS, 'setpoint', '500', '--dry-run', '--json', '--data', data)
  assert.deepEqual([dry.code, (JSON.parse(dry.out) as CommandRefusalView).reasons[0]!.code], [1, 'range'])

  const audit = (await ask('/api/v1/audit?limit=500', 'reader')).body as AuditView
  const first = audit.records.filter(({ detail }) => detail?.['id'] === taken.body.id).map(({ what }) => what)
  assert.deepEqual(first, ['command.confirmed', 'command.claimed', 'command.requested'])
  const has = (what: string, by: string) => audit.records.some((one) => one.what === what && one.by === by)
  assert.ok(has('command.refused', 'far') && has('command.approved', 'chief') && has('login', 'reader'))
  assert.ok(has('login.refused', ''))
  const proof = await cli('reader', 'audit', 'verify', '--data', data, '--json')
  assert.deepEqual([proof.code, (JSON.parse(proof.out) as { ok: boolean }).ok], [0, true])
})

test('a hub that is killed while a command is on its way knows that it does not know, and never sends it again', async (t) => {
  const { machine, hub, ask, command, ended, data, cli } = await scene(t)
  machine.slowMs = 60_000
  const { body } = await command('operator', { value: 33 })
  await until(() => machine.written.length !== 0)
  const waiting = await command('operator', { value: 34 })
  assert.equal(waiting.status, 202)
  await hub.kill()
  machine.slowMs = 0
  await hub.start()
  assert.equal((await ended(body.id)).state, 'unknown')
  // It was in the log before this run of the hub, so how old it is cannot be known.
  assert.equal((await ended(waiting.body.id)).state, 'expired')
  const list = (await ask(`/api/v1/commands?asset=${PRESS}&state=unknown`, 'reader')).body as CommandsView
  assert.deepEqual(
    list.commands.map(({ id }) => id),
    [body.id],
  )
  assert.deepEqual(machine.written, [33])
  assert.equal((await cli('reader', 'audit', 'verify', '--data', data)).code, 0)
})

test('requests out of a topic are decided as all others are, and answered in another one', async (t) => {
  const { machine, kafka } = await scene(t)
  const log = await connectLog({ brokers: [{ host: '127.0.0.1', port: kafka }], system: testSystem() })
  const requests = 'acme.berlin.command-requests'
  const ask = (value: unknown) =>
    log.append(requests, [{ key: PRESS, value: JSON.stringify(value), timestamp: Date.now() }])
  const answers: { state: string; key?: string; by: string; via: string; reasons: { code: string }[] }[] = []
  const { signal } = new AbortController()
  const until = AbortSignal.any([signal, AbortSignal.timeout(30_000)])
  const heard = (async () => {
    const positions = [{ topic: 'acme.berlin.outcomes', partition: 0, offset: 0 }]
    for await (const { records } of log.read(positions, { signal: until }))
      for (const { value } of records) {
        answers.push(JSON.parse(Buffer.from(value!).toString()) as (typeof answers)[number])
        if (answers.length === 5) return
      }
  })()
  await ask({ asset: PRESS, command: 'setpoint', value: 44, key: 'order-1' })
  await ask({ asset: PRESS, command: 'setpoint', value: 44, key: 'order-1' })
  await ask({ asset: PRESS, command: 'setpoint', value: 144, key: 'order-2' })
  await ask({ asset: 'acme/berlin/line2/press9', command: 'setpoint', value: 1 })
  await ask('nonsense')
  const old = { key: PRESS, value: JSON.stringify({ asset: PRESS, command: 'setpoint', value: 45, key: 'late' }) }
  await log.append(requests, [{ ...old, timestamp: Date.now() - 60_000 }])
  await heard
  await log.close()
  const said = answers.map(({ state, key = '', by, via, reasons }) => {
    return [state, key.startsWith(requests) ? 'place' : key, by, via, ...reasons.map(({ code }) => code)].join(' ')
  })
  assert.deepEqual(said.sort(), [
    'confirmed order-1 operator kafka',
    'expired late operator kafka expired',
    'refused  operator kafka type',
    'refused order-2 operator kafka range',
    'refused place operator kafka area',
  ])
  assert.deepEqual(machine.written, [44])
})

test('a panel asks over MQTT in the name it has logged in with, and is told what became of it', async (t) => {
  const { machine, mqtt } = await scene(t)
  const panel = async (username: string, password: string, answersTo: string) => {
    const options = { username, password, protocolVersion: 5, reconnectPeriod: 0 } as const
    const client = await connectAsync(`mqtt://127.0.0.1:${mqtt}`, options)
    t.after(() => client.end(true))
    const told: { correlation: string; state: string; reasons?: { code: string }[] }[] = []
    client.on('message', (_topic, payload, { properties }) => {
      const answer = JSON.parse(payload.toString()) as (typeof told)[number]
      told.push({ ...answer, correlation: properties?.correlationData?.toString() ?? '' })
    })
    await client.subscribeAsync(answersTo, { qos: 1 })
    const ask = (asset: string, body: object, correlation: string, responseTopic = answersTo) => {
      const properties = { responseTopic, correlationData: Buffer.from(correlation) }
      return client.publishAsync(`millrace/commands/${asset}`, JSON.stringify(body), { qos: 1, properties })
    }
    const said = () =>
      told.map(({ correlation, state, reasons = [] }) =>
        [correlation, state, ...reasons.map(({ code }) => code)].join(' '),
      )
    return { ask, said }
  }
  const operator = await panel('operator', TOKENS.operator, 'answers/operator/1')
  const stranger = await panel('stranger', TOKENS.reader, 'answers/operator/1')
  await operator.ask('line1/press1', { command: 'setpoint', value: 61 }, 'a')
  await until(() => operator.said().includes('a confirmed'))
  await operator.ask('line1/press1', { command: 'setpoint', value: 61 }, 'a')
  await operator.ask('line1/press1', { command: 'setpoint', value: 161 }, 'b')
  await operator.ask('line2/press1', { command: 'setpoint', value: 1 }, 'c')
  await operator.ask('line1/press1', { command: 'setpoint', value: 1 }, 'd', 'answers/somebody-else')
  await stranger.ask('line1/press1', { command: 'setpoint', value: 62 }, 'e')
  await until(() => machine.written.length === 2 && stranger.said().length === 1)
  await until(() => operator.said().includes('c refused area'))
  assert.deepEqual(
    [...new Set(operator.said())].filter((one) => !/^a (requested|dispatching)$/.test(one)),
    ['a confirmed', 'b refused range', 'c refused area'],
  )
  // What is asked for by one is told to that one alone, though the other has subscribed to the same topic.
  assert.deepEqual(stranger.said(), ['e refused right'])
  assert.deepEqual(machine.written, [61, 1])
})
