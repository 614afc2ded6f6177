import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { parsePlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import { readEvents } from '../../src/flow/events.ts'
import { startHub } from '../../src/hub.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Event } from '../../src/model/event.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from '../hub/lives.ts'

/** From three cars that slip to a fourth that is warned: over MQTT into the log, and out of the log again. */

const plantText = (port: number) => `site: audi/fleet
log: { embedded: { listen: 0, partitions: 4 } }
sources: { cars: { mqtt: { listen: ${port}, topics: { "vehicles/{car}": { asset: "cars/{car}" } } } } }
processors:
  hazards:
    swarm:
      on: cars/*
      confirm: { cars: 3, within: 1m }
      hazards: { slippery: "slip > 0.2" }
api: { listen: 0 }
`

test('what three cars report warns the fourth, and nobody far away', async (t) => {
  const data = await dataDirectory()
  const [port] = (await freePorts(1)) as [number]
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const plant = await parsePlant('plant.yaml', Buffer.from(plantText(port)))
  const hub = await startHub({ plant, dataDirectory: data, mode: 'run', system })
  t.after(() => hub.close())
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`)
  const send = (car: string, lat: number, slip: number) =>
    client.publishAsync(`vehicles/${car}`, JSON.stringify({ lat, lon: 11.4258, slip }), { qos: 1 })
  await Promise.all([send('far', 49.5, 0), send('near', 48.7665, 0)])
  for (const car of ['a', 'b', 'c']) await send(car, 48.7665, 0.3)
  const sentAt = performance.now()
  const [host, kafka] = hub.kafka.split(':') as [string, string]
  const log = await connectLog({ brokers: [{ host, port: Number(kafka) }], system })
  const stop = AbortSignal.timeout(30_000)
  const events: Event[] = []
  for await (const { event } of readEvents(log, 'audi/fleet', {
    from: { at: 'start' },
    signal: stop,
    untilEnd: false,
  })) {
    events.push(event)
    if (events.length === 2) break
  }
  t.diagnostic(`warned ${Math.round(performance.now() - sentAt)} ms after the last report was acknowledged`)
  const said = events.map(({ type, asset }) => [type, type === 'hazard.warning' ? asset : asset.split('/')[2]])
  assert.deepEqual(
    said.sort(([a], [b]) => (a! < b! ? -1 : 1)),
    [
      ['hazard.confirmed', 'hazards'],
      ['hazard.warning', 'audi/fleet/cars/near'],
    ],
  )
  await log.close()
  await client.endAsync()
  // Before its directory goes.
  await hub.close()
})
