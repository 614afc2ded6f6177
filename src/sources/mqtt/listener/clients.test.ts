import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { connect, connectAsync } from 'mqtt'
import type { MqttClient } from 'mqtt'
import { makeCertificates } from '../../../../test/mqtt/certificates.ts'
import { acknowledge, startListener } from '../../../../test/mqtt/rig.ts'
import { until } from '../../../../test/until.ts'
import type { Rig } from '../../../../test/mqtt/rig.ts'
import { need } from '../../../../tools/need.ts'
import { Secret } from '../../../system/secret.ts'

/** Clients that we did not write. */

const run = promisify(execFile)

function payloads(rig: Rig): string[] {
  return rig.items.map((item) => (item.kind === 'raw' ? Buffer.from(item.payload).toString() : item.kind))
}

for (const version of ['mqttv311', 'mqttv5']) {
  for (const qos of ['0', '1', '2']) {
    test(`mosquitto_pub, ${version}, QoS ${qos}`, async (t) => {
      const pub = need('mosquitto_pub')
      if (pub === undefined) return t.skip('mosquitto_pub is not installed')
      const rig = await startListener(t)
      const lines = Array.from({ length: 500 }, (_, index) => `line ${index}`)
      const given = ['-h', '127.0.0.1', '-p', String(rig.port), '-V', version, '-q', qos, '-t', 'raw/m', '-l']
      const child = spawn(pub, given, { stdio: ['pipe', 'ignore', 'inherit'] })
      t.after(() => child.kill())
      child.stdin.end(`${lines.join('\n')}\n`)
      const [code] = (await once(child, 'exit')) as [number]
      assert.equal(code, 0)
      await rig.until(500)
      assert.deepEqual(payloads(rig), lines)
    })
  }

  test(`mosquitto_sub and mosquitto_pub, ${version}`, async (t) => {
    const pub = need('mosquitto_pub')
    const sub = need('mosquitto_sub')
    if (pub === undefined || sub === undefined) return t.skip('mosquitto-clients is not installed')
    const rig = await startListener(t)
    const place = ['-h', '127.0.0.1', '-p', String(rig.port), '-V', version]
    const child = spawn(sub, [...place, '-t', 'raw/+/state', '-q', '1', '-C', '1', '-v'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => child.kill())
    let heard = ''
    child.stdout.on('data', (chunk: Buffer) => {
      heard += chunk.toString()
    })
    const closed = once(child, 'close')
    await until(() => rig.metrics.expose().includes('millrace_mqtt_subscriptions{source="cars"} 1'))
    await run(pub, [...place, '-q', '1', '-t', 'raw/press7/state', '-m', 'Execute'])
    assert.deepEqual(await closed, [0, null])
    assert.equal(heard, 'raw/press7/state Execute\n')
  })
}

for (const protocolVersion of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`MQTT.js, version ${protocolVersion}, QoS ${qos}`, async (t) => {
      const rig = await startListener(t)
      const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, { protocolVersion, reconnectPeriod: 0 })
      t.after(() => client.endAsync(true))
      const sent = Array.from({ length: 200 }, (_, index) => `message ${index}`)
      await Promise.all(sent.map((text) => client.publishAsync('raw/js', text, { qos })))
      await rig.until(200)
      assert.deepEqual(payloads(rig), sent)
    })

    test(`MQTT.js subscribes, version ${protocolVersion}, QoS ${qos} granted as at most 1`, async (t) => {
      const rig = await startListener(t)
      const options = { protocolVersion, reconnectPeriod: 0 }
      const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, options)
      t.after(() => client.endAsync(true))
      const granted = await client.subscribeAsync('raw/#', { qos })
      assert.equal(granted[0]?.qos, Math.min(qos, 1))
      const came = gather(client, 50)
      const sent = Array.from({ length: 50 }, (_, index) => `message ${index}`)
      await Promise.all(sent.map((text) => client.publishAsync('raw/js', text, { qos: 1 })))
      assert.deepEqual(await came, sent)
      await client.unsubscribeAsync('raw/#')
    })
  }
}

test('MQTT.js: publish resolves only when the log has acknowledged', async (t) => {
  const rig = await startListener(t, { ack: false })
  const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, { reconnectPeriod: 0 })
  t.after(() => client.endAsync(true))
  let done = false
  const publishing = publish()
  const batch = await rig.batch(0)
  await client.subscribeAsync('other', { qos: 0 })
  assert.equal(done, false)
  acknowledge(batch)
  await publishing

  async function publish(): Promise<void> {
    await client.publishAsync('raw/js', 'x', { qos: 1 })
    done = true
  }
})

test('MQTT.js 5: what a message says about itself reaches the subscriber', async (t) => {
  const rig = await startListener(t)
  const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, { protocolVersion: 5, reconnectPeriod: 0 })
  t.after(() => client.endAsync(true))
  await client.subscribeAsync('raw/#', { qos: 1 })
  const arrived = new Promise<object>((resolve) => {
    client.on('message', (_topic, _payload, packet) => resolve(packet.properties ?? {}))
  })
  const properties = {
    contentType: 'application/json',
    responseTopic: 'answers/here',
    correlationData: Buffer.from('42'),
    payloadFormatIndicator: true,
    messageExpiryInterval: 100,
    userProperties: { line: '7' },
  }
  await client.publishAsync('raw/js', '{}', { qos: 1, properties })
  assert.deepEqual(JSON.parse(JSON.stringify(await arrived)), JSON.parse(JSON.stringify(properties)))
})

const users = [
  { name: 'press7', password: new Secret('correct horse'), publish: ['raw/press7/#'], subscribe: ['raw/press7/cmd'] },
]

test('user and password: who is not known, or has another password, does not come in', async (t) => {
  const rig = await startListener(t, { config: { users } })
  const dial = (username: string | undefined, password: string | undefined, protocolVersion: 4 | 5) =>
    connectAsync(`mqtt://127.0.0.1:${rig.port}`, {
      protocolVersion,
      reconnectPeriod: 0,
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    })
  const good = await dial('press7', 'correct horse', 5)
  t.after(() => good.endAsync(true))
  for (const [name, password] of [
    ['press7', 'wrong'],
    ['press7', ''],
    ['nobody', 'correct horse'],
    ['press7', undefined],
  ] as const) {
    await assert.rejects(dial(name, password, 4), { code: 4 })
    await assert.rejects(dial(name, password, 5), { code: 0x86 })
  }
  await assert.rejects(dial(undefined, undefined, 4), { code: 5 })
})

test('rights: what is not allowed is told to 5, and stands in the books', async (t) => {
  const rig = await startListener(t, { config: { users } })
  const client = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, {
    protocolVersion: 5,
    reconnectPeriod: 0,
    username: 'press7',
    password: 'correct horse',
  })
  t.after(() => client.endAsync(true))
  await client.publishAsync('raw/press7/a', 'mine', { qos: 1 })
  await assert.rejects(client.publishAsync('raw/press8/a', 'not mine', { qos: 1 }), { code: 0x87 })
  await assert.rejects(client.publishAsync('raw/press8/a', 'not mine', { qos: 2 }), { code: 0x87 })
  await client.publishAsync('raw/press8/a', 'not mine', { qos: 0 })
  await rig.until(4)
  assert.deepEqual(payloads(rig), ['mine', 'dropped', 'dropped', 'dropped'])
  assert.equal((await client.subscribeAsync('raw/press7/cmd'))[0]?.qos, 0)
  await assert.rejects(client.subscribeAsync('raw/press7/#'), /Not authorized/)
})

test('TLS: mosquitto_pub with the authority, MQTT.js with and without a client certificate', async (t) => {
  const certificates = await makeCertificates()
  const { ca, server } = certificates
  const rig = await startListener(t, { config: { listen: undefined, tls: { listen: 0, ...server, ca } } })
  const url = `mqtts://127.0.0.1:${rig.port}`
  const client = await connectAsync(url, { ca, ...certificates.client, reconnectPeriod: 0 })
  t.after(() => client.endAsync(true))
  await client.publishAsync('raw/tls', 'secure', { qos: 2 })
  await assert.rejects(connectAsync(url, { ca, reconnectPeriod: 0 }, false))
  const pub = need('mosquitto_pub')
  if (pub === undefined) return t.skip('mosquitto_pub is not installed')
  const file = (name: string) => join(certificates.folder, name)
  const tls = ['--cafile', file('ca.crt'), '--cert', file('client.crt'), '--key', file('client.key')]
  await run(pub, [
    '-h',
    '127.0.0.1',
    '-p',
    String(rig.port),
    ...tls,
    '-q',
    '1',
    '-t',
    'raw/tls',
    '-m',
    'from mosquitto',
  ])
  assert.deepEqual(payloads(rig), ['secure', 'from mosquitto'])
})

test('TLS: a certificate with the name of a user is that user', async (t) => {
  const { ca, server, client: pair } = await makeCertificates()
  const rig = await startListener(t, { config: { listen: undefined, tls: { listen: 0, ...server, ca }, users } })
  const client = await connectAsync(`mqtts://127.0.0.1:${rig.port}`, {
    ca,
    ...pair,
    protocolVersion: 5,
    reconnectPeriod: 0,
  })
  t.after(() => client.endAsync(true))
  await client.publishAsync('raw/press7/a', 'mine', { qos: 1 })
  await assert.rejects(client.publishAsync('raw/press8/a', 'not mine', { qos: 1 }), { code: 0x87 })
})

function gather(client: MqttClient, count: number): Promise<string[]> {
  const came: string[] = []
  return new Promise((resolve) => {
    client.on('message', (_topic, payload) => {
      came.push(payload.toString())
      if (came.length === count) resolve(came)
    })
  })
}

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT.js, version ${protocolVersion}: what the hub itself says reaches those who have subscribed, also one that was away`, async (t) => {
    const rig = await startListener(t)
    const options = { protocolVersion, reconnectPeriod: 0, clientId: 'car1', clean: false } as const
    const properties = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}
    const car = await connectAsync(`mqtt://127.0.0.1:${rig.port}`, { ...options, ...properties })
    const say = (topic: string, text: string) =>
      rig.source.publish({ topic, payload: Buffer.from(text), qos: 1, expiresMs: 60_000 })
    assert.equal(say('vehicles/car1/hazards', 'nobody is there'), 0)
    await car.subscribeAsync('vehicles/car1/hazards', { qos: 1 })
    const first = gather(car, 1)
    assert.deepEqual(
      [say('vehicles/car1/hazards', 'slippery'), say('vehicles/car2/hazards', 'other'), say('a/#', 'none')],
      [1, 0, 0],
    )
    assert.deepEqual(await first, ['slippery'])
    await car.endAsync()
    assert.equal(say('vehicles/car1/hazards', 'while away'), 1)
    const again = connect(`mqtt://127.0.0.1:${rig.port}`, options)
    t.after(() => again.endAsync(true))
    assert.deepEqual(await gather(again, 1), ['while away'])
    assert.equal(rig.items.length, 0)
  })
}
