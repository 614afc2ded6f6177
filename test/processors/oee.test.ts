import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import mqtt from 'mqtt'
import { attachLog, plantEvents } from '../../src/attach.ts'
import type { EventsView } from '../../src/api/contract.ts'
import { machine } from '../../src/cli/machine.ts'
import { parsePlant } from '../../src/cli/files.ts'
import { startHub } from '../../src/hub.ts'
import type { Event } from '../../src/model/event.ts'
import type { ToldResult } from '../../src/processors/oee/told.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from '../hub/lives.ts'

/** OEE through a real hub: readings over MQTT and HTTP, results in the log, over a restart in the middle of an hour. */

const plant = (http: number, broker: number) => `site: acme/berlin
log: { embedded: { listen: 0, partitions: 2 } }
sources:
  mes: { http: {} }
  machines: { mqtt: { listen: ${broker}, topics: { "m/{line}/{machine}": { asset: "{line}/{machine}", timestamp: at } } } }
processors:
  oee: { oee: { on: line1/*, line: line1, idealCycle: 60s } }
api: { listen: ${http} }
`

test('readings of an hour become results of machines and their line, though the hub is started anew in it', async (t) => {
  const data = await dataDirectory()
  const [http, broker] = (await freePorts(2)) as [number, number]
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const config = await parsePlant('p', Buffer.from(plant(http, broker)))
  const start = () => startHub({ plant: config, dataDirectory: data, mode: 'run', system })
  let hub = await start()
  t.after(() => hub.close())
  const begin = Math.floor((Date.now() - 86_400_000) / 3_600_000) * 3_600_000
  const says = async (press: string, from: number, to: number) => {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`)
    for (let minute = from; minute <= to; minute += 1) {
      const state = minute >= 30 && minute < 40 ? 'Held' : 'Execute'
      const body = { at: begin + minute * 60_000, state, cycles: minute, scrap: Math.floor(minute / 30) }
      await client.publishAsync(`m/line1/${press}`, JSON.stringify(body), { qos: 1 })
    }
    await client.endAsync()
  }
  const at = new Date(begin + 1_000).toISOString()
  const body = JSON.stringify({
    type: 'order.started',
    asset: 'line1/a',
    time: at,
    data: { order: 'O-1', product: 'p' },
  })
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body }
  await says('a', 0, 0)
  assert.equal((await fetch(`${hub.page}/api/v1/events`, init)).status, 200)
  await says('a', 1, 35)
  await says('b', 0, 35)
  await hub.close()
  hub = await start()
  await says('a', 36, 62)
  await says('b', 36, 62)
  const hour = `hour:${begin}`
  const isHour = ({ type, data: what }: Event) => type === 'oee.result' && (what as unknown as ToldResult).key === hour
  const machines = await events(data, system, (event) => isHour(event) && event.asset.length > 17, 2)
  for (const { asset, data: what } of machines) {
    const told = what as unknown as ToldResult
    assert.equal(told.availability, 50 / 60, asset)
    assert.deepEqual([told.report.quantities.PQ, told.report.quantities.SQ], [60, 2])
    assert.equal(told.report.totals.ms.breakdown, 600_000)
  }
  const [a] = machines.filter(({ asset }) => asset.endsWith('/a')).map((event) => event.data as unknown as ToldResult)
  assert.deepEqual(
    a!.orders.map(({ order, product }) => [order, product]),
    [['O-1', 'p']],
  )
  const lines = await events(data, system, (event) => isHour(event) && event.asset === 'acme/berlin/line1', 1)
  assert.equal((lines.at(-1)!.data as { availability?: number }).availability, 50 / 60)
  await until(async () => {
    const answer = await fetch(`${hub.page}/api/v1/values/acme/berlin/line1/a`)
    return typeof ((await answer.json()) as { 'oee.availability'?: unknown })['oee.availability'] === 'number'
  })
  const asked = await fetch(`${hub.page}/api/v1/events?type=oee.result&asset=line1/*&latest=true`)
  const shown = (await asked.json()) as EventsView
  assert.deepEqual(
    shown.events
      .filter(({ data: what }) => (what as { key?: string }).key === hour)
      .map(({ asset }) => asset)
      .sort(),
    ['acme/berlin/line1/a', 'acme/berlin/line1/b'],
  )
  await hub.close()
})

/** The events that are asked for, as soon as there are so many. */
async function events(
  data: string,
  system: ReturnType<typeof machine>,
  wanted: (event: Event) => boolean,
  count: number,
) {
  const found: Event[] = []
  await until(async () => {
    found.length = 0
    const attached = await attachLog(data, system)
    const all = { from: { at: 'start' } as const, signal: new AbortController().signal, untilEnd: true }
    try {
      for await (const { event } of plantEvents(attached, all)) if (wanted(event)) found.push(event)
    } finally {
      await attached.close()
    }
    return found.length >= count
  })
  return found
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('Cannot wait any longer: it has not come true within 60 s')
    await sleep(300)
  }
}
