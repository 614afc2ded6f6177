import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import mqtt from 'mqtt'
import { attachLog, proveBooks } from '../../src/attach.ts'
import { machine } from '../../src/cli/machine.ts'
import { HubProcess } from './hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HUB } from './kill-loop.ts'
import { temporaryFolder } from '../temporary-folder.ts'

test('T11: good, poison, unmapped and unauthorised messages mixed: the books balance to the message', async (t) => {
  const directory = await temporaryFolder('books')
  const [http, port, kafka] = (await freePorts(3)) as [number, number, number]
  await mkdir(join(directory, 'secrets'))
  await writeFile(join(directory, 'secrets/press'), 'open sesame\n')
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka} } }
sources:
  devices:
    mqtt:
      listen: ${port}
      users: [ { name: press, password: secret:press, publish: ["machines/#", "elsewhere/#"] } ]
      topics: { "machines/{path...}": { asset: "{path}" } }
  posts: { http: {} }
api: { listen: ${http} }
`,
  )
  const data = join(directory, 'data')
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess([...HUB, config, '--data', data], page)
  await hub.start()
  t.after(() => hub.kill())

  const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, {
    username: 'press',
    password: 'open sesame',
    protocolVersion: 5,
  })
  const publish = (topic: string, payload: string | Buffer) => device.publishAsync(topic, payload, { qos: 1 })
  const poison = ['{', '', '"no tag for this', Buffer.of(0xff, 0xfe), `{"t":${'['.repeat(100_000)}`]
  const work: Promise<unknown>[] = []
  for (let i = 0; i < 300; i += 1) {
    work.push(publish('machines/hall/press1', `{"n":${i}}`))
    if (i % 3 === 0) work.push(publish('machines/hall/press1', poison[(i / 3) % poison.length]!))
    if (i % 5 === 0) work.push(publish('elsewhere/x', '{"n":1}'))
    if (i % 10 === 0) work.push(publish('not/mine', '{"n":1}').catch((error: unknown) => error))
  }
  await Promise.all(work)
  const posted = await fetch(`${page}/api/v1/ingest/hall/station`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      { ts: 1, values: { n: 1 } },
      { ts: 'yesterday', values: { n: 2 } },
      { ts: 3, values: { n: 3 } },
    ]),
  })
  assert.equal(posted.status, 200, await posted.text())
  await device.endAsync()
  assert.equal(await hub.stop(), 0)

  const attached = await attachLog(data, machine({ logLevel: 'error', logFormat: 'text' }))
  t.after(() => attached.close())
  const audit = await proveBooks(attached, () => {})
  assert.deepEqual(audit.reasons, [])
  assert.equal(audit.balanced, true)
  const books = new Map(audit.books.map((book) => [book.source, book]))
  const { received, stored, quarantined, dropped, unacknowledged, inFlight } = books.get('devices')!
  assert.deepEqual(
    { received, stored, quarantined, dropped, unacknowledged, inFlight },
    { received: 490, stored: 300, quarantined: 160, dropped: 30, unacknowledged: 0, inFlight: 0 },
  )
  assert.equal(books.get('posts')!.received, 3)
  assert.equal(books.get('posts')!.stored, 2)
  assert.equal(books.get('posts')!.quarantined, 1)
})
