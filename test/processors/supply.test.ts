import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { machine } from '../../src/cli/machine.ts'
import { parsePlant } from '../../src/cli/files.ts'
import { readEvents } from '../../src/flow/events.ts'
import { startHub, type Hub } from '../../src/hub.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Event } from '../../src/model/event.ts'
import { dataDirectory } from '../hub/lives.ts'

/** Supply of a line through a real hub: events go in over HTTP, and what follows from them lies in the log. */

const PLANT = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 2 } }
sources: { mes: { http: {} } }
processors:
  stock:
    stock:
      counters: [{ on: line1/press, tag: cycles, consumes: { blank: { place: line1/rack } } }]
      reorder: [{ material: blank, place: line1/rack, below: 10, quantity: 20, from: warehouse }]
  doors:
    sequence:
      line: line2
      takt: 60s
      checkpoints: [{ name: buffer, at: line2/doors, ahead: 10, tag: scanned }]
api: { listen: 0 }
`

test('a machine that counts calls for material once, and a part out of sequence is told, also over a restart', async (t) => {
  const data = await dataDirectory()
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const start = async () =>
    startHub({ plant: await parsePlant('p', Buffer.from(PLANT)), dataDirectory: data, mode: 'run', system })
  let hub = await start()
  t.after(() => hub.close())
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    assert.equal((await fetch(`${hub.page}/api/v1/${path}`, init)).status, 200)
  }
  const positions = ['V1', 'V2', 'V3'].map((order, index) => ({ order, position: index + 1 }))
  await post('events', [
    { type: 'stock.moved', asset: 'warehouse', data: { material: 'blank', quantity: 15, to: 'line1/rack' } },
    { type: 'sequence.planned', asset: 'line2', data: { positions } },
  ])
  await post('ingest/line1/press', { cycles: 100 })
  await post('ingest/line2/doors', { scanned: 'V1' })
  await post('ingest/line1/press', { cycles: 107 })
  const called = await until(hub, system, 'kanban.called')
  assert.deepEqual(
    called
      .map(({ data: what }) => what as { stock: number; quantity: number })
      .map(({ stock, quantity }) => [stock, quantity]),
    [[8, 20]],
  )
  await hub.close()
  hub = await start()
  await post('ingest/line1/press', { cycles: 109 })
  await post('ingest/line2/doors', { scanned: 'V3' })
  const deviated = await until(hub, system, 'sequence.deviated')
  assert.deepEqual(
    deviated.map(({ asset, data: what }) => {
      const { order, class: kind } = what as { order: string; class: string }
      return [asset, order, kind]
    }),
    [['acme/berlin/line2', 'V2', 'missing']],
  )
  assert.equal((await until(hub, system, 'kanban.called')).length, 1)
  // Before its directory goes.
  await hub.close()
})

/** The events of a type, as soon as there are any. */
async function until(hub: Hub, system: ReturnType<typeof machine>, type: string): Promise<Event[]> {
  const [host, port] = hub.kafka.split(':') as [string, string]
  const log = await connectLog({ brokers: [{ host, port: Number(port) }], system })
  const deadline = performance.now() + 20_000
  for (;;) {
    const found: Event[] = []
    const all = { from: { at: 'start' } as const, signal: new AbortController().signal, untilEnd: true }
    for await (const { event } of readEvents(log, 'acme/berlin', all)) if (event.type === type) found.push(event)
    if (found.length > 0) {
      await log.close()
      return found
    }
    assert.ok(performance.now() < deadline, `no ${type} of ${hub.page} came`)
    await sleep(100)
  }
}
