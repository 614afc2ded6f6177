import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { attachLog, plantEvents, proveBooks } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import type { Event } from '../../src/model/event.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from './lives.ts'

/** Business events through a real hub: over HTTP and MQTT into the log, numbered like data, and there after a kill. */

const STARTED = { type: 'order.started', asset: 'line1/press7', time: '2024-11-22T14:49:00Z', data: { order: 'O-1' } }

test('events are durable when they are acknowledged, numbered, and balanced', async (t) => {
  const data = await dataDirectory()
  const [http, kafka, broker] = (await freePorts(3)) as [number, number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka} } }
sources:
  mes: { http: { assets: "line1/**" } }
  erp: { http: { assets: "line2/**" } }
  silent: { http: { events: false } }
  shop-floor: { mqtt: { listen: ${broker}, topics: { "mes/scrap/{asset}": { event: part.scrapped, timestamp: at } } } }
api: { listen: ${http} }
`,
  )
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], `http://127.0.0.1:${http}`)
  t.after(() => hub.kill())
  await hub.start()
  const post = async (body: unknown, type = 'application/json') => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const init = { method: 'POST', headers: { 'content-type': type }, body: text }
    const answer = await fetch(`http://127.0.0.1:${http}/api/v1/events`, init)
    return [answer.status, (await answer.json()) as { stored?: number; code?: string }] as const
  }
  assert.deepEqual(await post(STARTED), [200, { stored: 1, quarantined: 0, dropped: 0 }])
  const cloud = { specversion: '1.0', id: 'C1', source: '/sap', type: 'shift.ended', subject: 'line2' }
  assert.equal((await post(cloud, 'application/cloudevents+json'))[1].stored, 1)
  const lines = ['{"type":"a","asset":"line1"}', '{"type":"a b","asset":"line1"}', '{"type":"a","asset":"hall9"}']
  const [, books] = await post(lines.join('\n'), 'application/x-ndjson')
  assert.deepEqual([books.stored, (books as { quarantined?: number }).quarantined], [1, 2])
  // What no source takes is refused whole; the machine can do something about it.
  const [status, { code }] = await post({ type: 'a', asset: 'hall9' })
  assert.deepEqual([status, code], [404, 'PATH_NOT_TAKEN'])
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker}`)
  await client.publishAsync('mes/scrap/line1', '{"part":"P1","at":1732287000}', { qos: 1 })
  await client.publishAsync('mes/scrap/line1', 'no JSON', { qos: 1 })
  await client.endAsync()
  await hub.kill()

  const attached = await attachLog(data, machine({ logLevel: 'error', logFormat: 'text' }))
  t.after(() => attached.close())
  const events: Event[] = []
  const all = { from: { at: 'start' } as const, signal: new AbortController().signal, untilEnd: true }
  for await (const { event } of plantEvents(attached, all)) events.push(event)
  const sorted = events.sort((a, b) => (a.type < b.type ? -1 : 1))
  assert.deepEqual(
    sorted.map(({ type, asset, source, data: what }) => [type, asset, source, what]),
    [
      ['a', 'acme/berlin/line1', 'mes', null],
      ['order.started', 'acme/berlin/line1/press7', 'mes', { order: 'O-1' }],
      ['part.scrapped', 'acme/berlin/line1', 'shop-floor', { part: 'P1', at: 1_732_287_000 }],
      ['shift.ended', 'acme/berlin/line2', '/sap', null],
    ],
  )
  assert.equal(events.find(({ type }) => type === 'part.scrapped')!.time, 1_732_287_000_000)
  const audit = await proveBooks(attached, () => {})
  assert.deepEqual(audit.reasons, [])
  const counted = audit.books.map(({ source, stored, quarantined }) => [source, stored, quarantined])
  assert.deepEqual(counted, [
    ['erp', 1, 0],
    ['mes', 2, 2],
    ['shop-floor', 1, 1],
  ])
})
