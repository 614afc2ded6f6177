import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { connectAsync } from 'mqtt'
import { freePorts } from '../../../tools/free-ports.ts'
import { alarm, CONTEXT, reachable } from '../../../test/sinks/peers.ts'
import { need } from '../../../tools/need.ts'
import { mqttSinkSpec } from './spec.ts'
import { until } from '../../../test/until.ts'

async function mosquitto(t: TestContext, program: string, port: number) {
  const directory = await mkdtemp(join(tmpdir(), 'mosquitto-'))
  const config = join(directory, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`)
  const broker = spawn(program, ['-c', config], { stdio: 'ignore' })
  t.after(async () => {
    broker.kill('SIGKILL')
    await rm(directory, { recursive: true, force: true })
  })
  await reachable(port)
  return broker
}

async function subscriber(t: TestContext, url: string, topic: string) {
  const got: [topic: string, message: unknown][] = []
  const client = await connectAsync(url, { reconnectPeriod: 20 }, true)
  t.after(() => client.endAsync(true))
  client.on('message', (topic, payload) => got.push([topic, JSON.parse(payload.toString())]))
  await client.subscribeAsync(topic, { qos: 1 })
  return got
}

const signal = new AbortController().signal

test('facts are published at QoS 1, and a broker that is gone is an error until it is back', async (t) => {
  const program = need('mosquitto')
  if (program === undefined) return t.skip('mosquitto is not installed')
  const [port] = await freePorts(1)
  const broker = `mqtt://127.0.0.1:${port}`
  const config = mqttSinkSpec.config.parse({ topics: ['alarms'], broker, topic: 'andon/{asset}/{name}', timeout: '2s' })
  const sink = mqttSinkSpec.create(config, CONTEXT)
  t.after(() => sink.close())
  await assert.rejects(sink.deliver([alarm(1)], signal))
  const first = await mosquitto(t, program, port!)
  const got = await subscriber(t, broker, 'andon/#')
  const deliverAtLast = async (number: number) => {
    for (let tries = 0; tries < 100; tries++) {
      try {
        return await sink.deliver([alarm(number), alarm(number + 1, { alarm: 'a+b#' })], signal)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
    assert.fail('it was never delivered')
  }
  await deliverAtLast(1)
  await until(() => got.length >= 2)
  assert.deepEqual(
    got.map(([topic]) => topic),
    ['andon/acme/berlin/line1/press1/hot', 'andon/acme/berlin/line1/press2/a-b-'],
  )
  assert.equal((got[0]![1] as { place: string }).place, 'acme.berlin.alarms/0/1')
  first.kill('SIGKILL')
  await assert.rejects(async () => {
    for (;;) await sink.deliver([alarm(3)], signal)
  })
  await mosquitto(t, program, port!)
  await deliverAtLast(4)
})
