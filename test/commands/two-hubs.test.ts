import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { connectAsync } from 'mqtt'
import type { CommandView } from '../../src/api/contract-commands.ts'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub, type Hub } from '../../src/hub.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { testSystem } from '../api/server.ts'
import { dataDirectory, get } from '../hub/lives.ts'
import { until } from '../until.ts'

/** A car that is connected to one of two hubs that share a log: whichever is asked, the one that has the car sends. */

const CAR = 'acme/berlin/fleet/car7'

const plantOf = (hub: string, log: string, mqtt: number) => `site: acme/berlin
hub: ${hub}
log: ${log}
models:
  car@1:
    tags: { limit: { range: [5, 70] } }
    commands: { limit-speed: { tag: limit, ttl: 20s } }
assets: { fleet/car7: { model: car@1 } }
sources:
  cars:
    mqtt:
      listen: ${mqtt}
      topics: { "cars/{car}": { asset: "fleet/{car}" } }
      commands: { "cars/{car}/commands": { asset: "fleet/{car}", reply: "cars/{car}/replies" } }
api: { listen: 0 }
`

/** Two hubs; the log is the first one's. Ended in the other order. */
async function startHubs(t: TestContext): Promise<{ hubs: [Hub, Hub]; ports: readonly number[] }> {
  const ports = await freePorts(2)
  const hubs: Hub[] = []
  t.after(async () => {
    for (const hub of hubs.toReversed()) await hub.close()
  })
  for (const [index, name] of ['a', 'b'].entries()) {
    const log =
      index === 0 ? '{ embedded: { listen: 0, partitions: 12 } }' : `{ kafka: { brokers: ["${hubs[0]!.kafka}"] } }`
    const plant = await parsePlant('plant.yaml', Buffer.from(plantOf(name, log, ports[index]!)))
    hubs.push(await startHub({ plant, dataDirectory: await dataDirectory(), mode: 'run', system: testSystem() }))
  }
  return { hubs: hubs as [Hub, Hub], ports }
}

test('a command goes through the hub that its car is connected to, whichever is asked, and is done once', async (t) => {
  const { hubs, ports } = await startHubs(t)
  const done: number[] = []
  const car = await connectAsync(`mqtt://127.0.0.1:${ports[1]}`, { protocolVersion: 5 })
  t.after(() => car.end(true))
  car.on('message', (_topic, payload) => {
    const { id, value } = JSON.parse(payload.toString()) as { id: string; value: number }
    done.push(value)
    car.publish('cars/car7/replies', JSON.stringify({ id, ok: true, value }))
  })
  await car.subscribeAsync('cars/car7/commands', { qos: 1 })
  for (const [index, hub] of hubs.entries()) {
    const value = 10 + index
    const body = JSON.stringify({ asset: CAR, command: 'limit-speed', value })
    const headers = { 'content-type': 'application/json' }
    const answer = await fetch(`${hub.page}/api/v1/commands`, { method: 'POST', headers, body })
    assert.equal(answer.status, 202, await answer.clone().text())
    const { id } = (await answer.json()) as { readonly id: string }
    const command = async () => (await get(hub, `/api/v1/commands/${id}`)) as CommandView
    await until(async () => (await command()).endedAt !== undefined, { found: () => done })
    const { state, hub: through, readBack } = await command()
    assert.deepEqual([state, through, readBack], ['confirmed', 'b', value])
  }
  assert.deepEqual(done, [10, 11])
})
