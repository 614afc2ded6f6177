import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { connect } from 'mqtt'
import type { CommandAnswer } from '../../src/component/source.ts'
import { systemClock } from '../../src/system/clock.ts'
import { Relay } from '../faults/relay.ts'
import { until } from '../until.ts'
import { startListener } from './rig.ts'

/** Commands to a machine behind a network that loses, delays and cuts: none is done twice, none is said to be done that is not. */

const CAR = 'acme/berlin/fleet/car7'
const RULES = { 'vehicles/{car}/commands/{command}': { asset: 'fleet/{car}', reply: 'vehicles/{car}/replies' } }

/** What happens to the network while a command is on its way. */
const FAULTS = ['none', 'mute', 'hold', 'cut at once', 'cut when it is there', 'mute, then cut'] as const
type Fault = (typeof FAULTS)[number]

/** A machine with a session that outlives its connections; it does whatever it is told, as often as it is told. */
async function machine(t: TestContext, relay: Relay) {
  const done: string[] = []
  const url = relay.endpoint.replace('opc.tcp', 'mqtt')
  const session = { clientId: 'car7', clean: false, properties: { sessionExpiryInterval: 600 } }
  const client = connect(url, { ...session, protocolVersion: 5, reconnectPeriod: 10, connectTimeout: 500 })
  t.after(() => client.end(true))
  client.on('error', () => {})
  client.on('message', (_topic, payload) => {
    const { id } = JSON.parse(payload.toString()) as { id: string }
    done.push(id)
    client.publish('vehicles/car7/replies', JSON.stringify({ id, ok: true }))
  })
  await until(() => client.connected)
  await client.subscribeAsync('vehicles/car7/commands/+', { qos: 1 })
  return { done, isDone: (id: string) => done.includes(id) }
}

async function scene(t: TestContext) {
  const rig = await startListener(t, { config: { commands: RULES, commandTimeout: '60ms' } })
  const relay = await Relay.start(rig.port)
  t.after(() => relay.close())
  const { done, isDone } = await machine(t, relay)
  const send = (id: string) => {
    const target = { kind: 'method', method: 'step', args: [] } as const
    const deadline = systemClock.monotonic() + 5_000
    return rig.source.command({ id, asset: CAR, command: 'step', target, deadline }, new AbortController().signal)
  }
  return { rig, relay, done, isDone, send }
}

test('whatever the network does, a command is done once at the most, and said to be done only when it was', async (t) => {
  const { rig, relay, done, isDone, send } = await scene(t)
  let count = 0
  const answers = new Map<string, CommandAnswer>()
  const one = async (fault: Fault) => {
    await until(() => rig.source.reaches(CAR))
    const id = `c${(count += 1)}`
    if (fault.startsWith('mute')) relay.mute()
    if (fault === 'hold') relay.hold()
    let isOver = false
    const answer = send(id).finally(() => (isOver = true))
    if (fault === 'cut when it is there') await until(() => isDone(id) || isOver, { everyMs: 1 })
    if (fault.includes('cut')) relay.cut()
    answers.set(id, await answer)
    relay.flow()
  }
  const property = fc.asyncProperty(
    fc.array(fc.constantFrom(...FAULTS), { minLength: 8, maxLength: 8 }),
    async (faults) => {
      for (const fault of faults) await one(fault)
      // Whatever is still to come has come when a command goes through.
      await until(async () => {
        await one('none')
        return answers.get(`c${count}`)!.kind === 'accepted'
      })
      assert.equal(new Set(done).size, done.length, 'a command was done twice')
      for (const [id, { kind }] of answers) {
        if (kind === 'accepted') assert.ok(isDone(id), `${id} was said to be done`)
        if (kind === 'not-sent') assert.ok(!isDone(id), `${id} was said not to have left`)
      }
    },
  )
  await fc.assert(property, { numRuns: 15, endOnFailure: true })
  const kinds = new Set([...answers.values()].map(({ kind }) => kind))
  assert.ok(kinds.has('accepted') && kinds.has('unknown'), [...kinds].join(', '))
  t.diagnostic(
    `${answers.size} commands, ${done.length} done, ${[...answers.values()].filter(({ kind }) => kind === 'unknown').length} unknown`,
  )
})

test('the negative control: sent as other messages of QoS 1 are, a command is done again after the connection', async (t) => {
  const { rig, relay, done } = await scene(t)
  relay.hold()
  const payload = Buffer.from(JSON.stringify({ id: 'c1' }))
  assert.equal(rig.source.publish({ topic: 'vehicles/car7/commands/step', payload, qos: 1 }), 1)
  await until(() => done.length === 1)
  relay.cut()
  await until(() => done.length === 2)
  assert.deepEqual(done, ['c1', 'c1'])
})
