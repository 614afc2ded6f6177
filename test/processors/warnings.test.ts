import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { parsePlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import { startHub } from '../../src/hub.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from '../hub/lives.ts'

/** From three cars that slip to a fourth that hears of it over the connection that it has: the whole way there and back. */

const plantText = (port: number, through = 'cars') => `site: audi/fleet
log: { embedded: { listen: 0, partitions: 4 } }
sources:
  cars: { mqtt: { listen: ${port}, topics: { "vehicles/{car}": { asset: "cars/{car}" } } } }
  mes: { http: {} }
processors:
  hazards:
    swarm:
      on: cars/*
      confirm: { cars: 3, within: 1m }
      hazards: { slippery: "slip > 0.2" }
sinks:
  warnings: { mqtt: { topics: [events], types: [hazard.warning], from: start, through: ${through}, topic: "vehicles/{leaf}/hazards", expires: 5m } }
api: { listen: 0 }
`

const HAZARDS = 20

interface Heard {
  readonly topic: string
  readonly data: { readonly hazard: string; readonly state: string; readonly distance: number }
  readonly at: number
}

test('what three cars report is heard by the fourth, and by nobody far away', async (t) => {
  const data = await dataDirectory()
  const [port] = (await freePorts(1)) as [number]
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const plant = await parsePlant('plant.yaml', Buffer.from(plantText(port)))
  const hub = await startHub({ plant, dataDirectory: data, mode: 'run', system })
  t.after(() => hub.close())
  const cars = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`)
  const send = (car: string, lat: number, slip: number) =>
    cars.publishAsync(`vehicles/${car}`, JSON.stringify({ lat, lon: 11.4258, slip }), { qos: 1 })
  const near = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`)
  let heard: (heard: Heard) => void = () => {}
  near.on('message', (topic, payload) => {
    const { data: what } = JSON.parse(payload.toString()) as Heard
    heard({ topic, data: what, at: performance.now() })
  })
  await near.subscribeAsync(['vehicles/near/hazards', 'vehicles/far/hazards'], { qos: 1 })
  await send('far', 40, 0)

  const delays: number[] = []
  for (let round = 0; round < HAZARDS; round += 1) {
    const lat = 48 + round / 10
    await send('near', lat, 0)
    const next = new Promise<Heard>((resolve) => (heard = resolve))
    await Promise.all(['a', 'b'].map((car) => send(`${car}${round}`, lat, 0.3)))
    const sentAt = performance.now()
    await send(`c${round}`, lat, 0.3)
    const { topic, data: what, at } = await next
    assert.deepEqual(
      [topic, what.hazard, what.state, what.distance],
      ['vehicles/near/hazards', 'slippery', 'active', 0],
    )
    delays.push(at - sentAt)
  }
  delays.sort((a, b) => a - b)
  t.diagnostic(
    `from the last report to the warned car: p50 ${Math.round(delays[HAZARDS / 2]!)} ms, max ${Math.round(delays.at(-1)!)} ms`,
  )
  await Promise.all([cars.endAsync(), near.endAsync()])
  // Before its directory goes.
  await hub.close()
})

test('a sink goes through a source that is there and that machines can subscribe at', async () => {
  const load = (through: string) => parsePlant('plant.yaml', Buffer.from(plantText(1883, through)))
  await assert.rejects(load('carz'), /Cannot send through "carz": there is no source of that name, want one of "cars"/)
  await assert.rejects(load('mes'), /Cannot send through "mes": machines cannot subscribe there, want one of "cars"/)
})
