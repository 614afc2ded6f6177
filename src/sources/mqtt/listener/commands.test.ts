import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { connectAsync, type IClientOptions, type IPublishPacket } from 'mqtt'
import { text } from '../../../../test/mqtt/raw-client.ts'
import { publish, subscribe } from '../../../../test/mqtt/raw-client.ts'
import { startListener, type Rig } from '../../../../test/mqtt/rig.ts'
import { until } from '../../../../test/until.ts'
import { need } from '../../../../tools/need.ts'
import type { CommandAnswer, MachineCommand } from '../../../component/source.ts'
import { systemClock } from '../../../system/clock.ts'

const CAR = 'acme/berlin/fleet/car7'
const RULES = {
  'vehicles/{car}/commands/{command}': { asset: 'fleet/{car}', reply: 'vehicles/{car}/replies' },
  'presses/{line}/{press}/{target}/set': { asset: 'hall/{line}/{press}' },
  'robots/{robot}/do': { asset: 'robots/{robot}', client: 'robot-{robot}' },
}
const TOPIC = 'vehicles/car7/commands/limit-speed'

async function scene(t: TestContext, more: object = {}) {
  const rig = await startListener(t, { config: { commands: RULES, commandTimeout: '5s', ...more } })
  let id = 0
  const send = (more: Partial<MachineCommand> = {}, signal = new AbortController().signal) => {
    const target = { kind: 'tag', tag: 'limit', value: 25.5 } as const
    const deadline = systemClock.monotonic() + 10_000
    id += 1
    return rig.source.command({ id: `c${id}`, asset: CAR, command: 'limit-speed', target, deadline, ...more }, signal)
  }
  return { rig, send }
}

/** A machine of MQTT.js that has subscribed; it answers as `answer` says. */
async function machine(
  t: TestContext,
  rig: Rig,
  filter: string,
  { qos = 1, answer = () => undefined, ...options }: MachineOptions = {},
) {
  const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, {
    reconnectPeriod: 0,
    protocolVersion: 5,
    ...options,
  })
  t.after(() => client.end(true))
  const told: Told[] = []
  const packets: IPublishPacket[] = []
  client.on('message', (_topic, payload, packet) => {
    const command = JSON.parse(payload.toString()) as Told
    told.push(command)
    packets.push(packet)
    const reply = answer(command)
    if (reply === undefined) return
    const { responseTopic = 'vehicles/car7/replies', correlationData } = packet.properties ?? {}
    const properties = correlationData === undefined ? {} : { properties: { correlationData } }
    client.publish(responseTopic, JSON.stringify(reply), { qos: 1, ...properties })
  })
  await client.subscribeAsync(filter, { qos })
  return { client, told, packets }
}

interface Told {
  readonly id: string
  readonly [name: string]: unknown
}

interface MachineOptions extends IClientOptions {
  readonly qos?: 0 | 1
  readonly answer?: (command: Told) => unknown
}

function codeOf(answer: CommandAnswer): string {
  return answer.kind === 'refused' ? answer.code : answer.kind
}

for (const protocolVersion of [4, 5] as const) {
  test(`a machine gets a command and answers, version ${protocolVersion}`, async (t) => {
    const { rig, send } = await scene(t)
    const answers: { [id: string]: unknown } = {
      c1: { ok: true },
      c2: { ok: true, value: 25 },
      c3: { ok: false, code: 'TooSlow', reason: 'not on a motorway' },
      c4: { ok: 'yes' },
    }
    const answer = ({ id }: Told) => ({ id, ...(answers[id] as object) })
    const { told, packets } = await machine(t, rig, 'vehicles/car7/commands/+', { protocolVersion, answer })
    const before = systemClock.now()
    assert.deepEqual(await send(), { kind: 'accepted', results: [] })
    assert.deepEqual(await send(), { kind: 'accepted', results: [], readBack: { value: 25, quality: 0 } })
    assert.deepEqual(await send(), { kind: 'refused', code: 'TooSlow', reason: 'not on a motorway' })
    assert.equal(codeOf(await send()), 'unknown')
    const { expires, ...rest } = told[0]!
    assert.deepEqual(rest, { id: 'c1', command: 'limit-speed', tag: 'limit', value: 25.5 })
    assert.ok((expires as number) > before + 9_000 && (expires as number) < systemClock.now() + 10_000)
    const [first] = packets
    assert.deepEqual([first!.topic, first!.qos, first!.dup, first!.retain], [TOPIC, 1, false, false])
    if (protocolVersion === 5) {
      const { messageExpiryInterval, responseTopic, correlationData, contentType } = first!.properties!
      assert.ok(messageExpiryInterval! >= 9 && messageExpiryInterval! <= 10)
      assert.deepEqual(
        [responseTopic, correlationData!.toString(), contentType],
        ['vehicles/car7/replies', 'c1', 'application/json'],
      )
    }
    // Answers are no data: each is counted by name.
    await rig.until(4)
    assert.deepEqual(
      new Set(rig.items.map((item) => item.kind === 'dropped' && item.policy)),
      new Set(['command-reply']),
    )
  })
}

test('without a topic for answers it is taken when its PUBACK is there; a method has its arguments', async (t) => {
  const { rig, send } = await scene(t)
  const { told } = await machine(t, rig, 'presses/#')
  const asset = 'acme/berlin/hall/line1/press7'
  assert.deepEqual(await send({ asset }), { kind: 'accepted' })
  const target = { kind: 'method', method: 'hold', args: [5n, 'clean'] } as const
  assert.deepEqual(await send({ asset, target, command: 'hold' }), { kind: 'accepted' })
  const { expires: _, ...second } = told[1]!
  assert.deepEqual(second, { id: 'c2', command: 'hold', method: 'hold', args: [5, 'clean'] })
})

test('nothing is sent to nobody: not subscribed, away, several at once, past its time, called off', async (t) => {
  const { rig, send } = await scene(t)
  const robot = { asset: 'acme/berlin/robots/r1' }
  const reaches = (asset: string) => rig.source.reaches(asset)
  assert.equal(reaches(CAR), false)
  assert.equal(codeOf(await send()), 'not-sent')
  assert.equal(codeOf(await send({ asset: 'acme/berlin/hall/press7' })), 'not-sent')
  const session = { clientId: 'car7', clean: false, properties: { sessionExpiryInterval: 600 } }
  const first = await machine(t, rig, 'vehicles/car7/commands/limit-speed', session)
  assert.equal(reaches(CAR), true)
  assert.equal(codeOf(await send({ deadline: systemClock.monotonic() })), 'not-sent')
  assert.equal(codeOf(await send({}, AbortSignal.abort())), 'not-sent')
  const second = await machine(t, rig, '#')
  assert.equal(codeOf(await send()), 'not-sent')
  await second.client.endAsync()
  await first.client.endAsync()
  await until(() => rig.metrics.expose().includes('millrace_mqtt_clients{source="cars"} 0'))
  assert.equal(reaches(CAR), false)
  assert.equal(codeOf(await send()), 'not-sent')
  // What was not sent does not wait for the machine either.
  const back = await machine(t, rig, 'vehicles/car7/commands/limit-speed', session)
  const named = await machine(t, rig, 'robots/+/do', { clientId: 'robot-r1' })
  const spy = await machine(t, rig, 'robots/#', { clientId: 'spy' })
  assert.deepEqual(await send(robot), { kind: 'accepted' })
  assert.deepEqual([back.told, named.told.length, spy.told, first.told, second.told], [[], 1, [], [], []])
})

test('a machine that loses its connection before PUBACK: unknown, and not sent again when it is back', async (t) => {
  const { rig, send } = await scene(t)
  const session = { clientId: 'car7', clean: false } as const
  const raw = await rig.client(session)
  raw.send(subscribe([[`vehicles/car7/commands/+`, 1]]))
  assert.equal((await raw.next())!.type, 9)
  const answer = send()
  assert.equal((await raw.next())!.type, 3)
  raw.end()
  assert.equal(codeOf(await answer), 'unknown')
  const back = await rig.client(session)
  // Whatever is for this session comes before what is said to it now: nothing is.
  rig.source.publish({ topic: 'vehicles/car7/commands/other', payload: Buffer.from('later'), qos: 1 })
  const next = await back.next()
  assert.ok(next!.body.includes('later'), next!.body.toString())
  // The negative control: any other message of QoS 1 that was not acknowledged does come again.
  back.end()
  const again = await (await rig.client(session)).next()
  assert.ok(again!.body.includes('later') && (again!.flags & 8) !== 0)
})

test('a machine that does not acknowledge in time: unknown, its connection ends; one that answers late is not waited for', async (t) => {
  const { rig, send } = await scene(t, { commandTimeout: '200ms' })
  const raw = await rig.client({ clientId: 'car7' })
  raw.send(subscribe([[`vehicles/car7/commands/+`, 1]]))
  await raw.next()
  assert.equal(codeOf(await send()), 'unknown')
  await raw.closed
  const slow = await machine(t, rig, 'vehicles/car7/commands/+')
  assert.equal(codeOf(await send()), 'unknown')
  assert.ok(slow.client.connected, 'it has acknowledged, and stays')
})

test('an answer of somebody else, or to another command, counts for nothing', async (t) => {
  const { rig, send } = await scene(t, { commandTimeout: '300ms' })
  const stranger = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, { reconnectPeriod: 0 })
  t.after(() => stranger.end(true))
  const answer = ({ id }: Told) => {
    stranger.publish('vehicles/car7/replies', JSON.stringify({ id, ok: true }))
    return undefined
  }
  await machine(t, rig, 'vehicles/car7/commands/+', { answer })
  assert.equal(codeOf(await send()), 'unknown')
  const other = await machine(t, rig, 'vehicles/car8/commands/+', {
    answer: () => ({ id: 'c1', ok: true }),
    protocolVersion: 4,
  })
  assert.equal(codeOf(await send({ asset: 'acme/berlin/fleet/car8' })), 'unknown')
  assert.equal(other.told.length, 1)
})

test('a client of MQTT 5 may refuse with its PUBACK', async (t) => {
  const { rig, send } = await scene(t)
  const raw = await rig.client({ level: 5, clientId: 'car7' })
  raw.send(subscribe([[`vehicles/car7/commands/+`, 1]], 5))
  await raw.next()
  const answer = send()
  const { body } = (await raw.next())!
  const id = body.subarray(2 + text(TOPIC).length - 2, 4 + text(TOPIC).length - 2)
  raw.send(Buffer.from([0x40, 3, ...id, 0x97]))
  assert.equal(codeOf(await answer), 'quota-exceeded')
})

test('mosquitto_sub gets a command once, and acknowledges it', async (t) => {
  const sub = need('mosquitto_sub')
  if (sub === undefined) return t.skip('mosquitto-clients is not installed')
  const { rig, send } = await scene(t)
  const place = ['-h', '127.0.0.1', '-p', String(rig.port), '-V', 'mqttv5', '-q', '1', '-C', '1']
  const child = spawn(sub, [...place, '-t', 'presses/+/+/+/set', '-F', '%t %q %E %p'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill())
  let heard = ''
  child.stdout.on('data', (chunk: Buffer) => (heard += chunk.toString()))
  const closed = once(child, 'close')
  const asset = 'acme/berlin/hall/line1/press7'
  await until(() => rig.source.reaches(asset))
  assert.deepEqual(await send({ asset }), { kind: 'accepted' })
  await closed
  assert.match(heard, /^presses\/line1\/press7\/limit\/set 1 10 \{"id":"c1",.*"value":25\.5,"expires":\d+\}\n$/)
})

test('commands do not crowd out or overtake what waits for a machine', async (t) => {
  const { rig, send } = await scene(t)
  const raw = await rig.client({ level: 5, clientId: 'car7', properties: Buffer.from([0x21, 0, 1]) })
  raw.send(subscribe([[`vehicles/car7/commands/+`, 1]], 5))
  await raw.next()
  rig.source.publish({ topic: TOPIC, payload: Buffer.from('first'), qos: 1 })
  assert.equal(codeOf(await send()), 'not-sent')
  assert.ok((await raw.next())!.body.includes('first'))
  raw.send(publish({ topic: 'raw/a', level: 5 }))
  await rig.until(1)
})
