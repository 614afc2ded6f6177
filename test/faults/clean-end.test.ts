import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { Millrace } from '../cli/millrace.ts'
import { mqttDevice, httpDevice } from './devices.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { Journal } from './journal.ts'
import { readNumbers } from './read-numbers.ts'
import { until } from '../until.ts'

/** Well below what a service manager waits before it kills. */
const END_MS = 8_000

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} under load ends cleanly: nothing is left unacknowledged, the books balance`, async (t) => {
    const millrace = await Millrace.create(t)
    const [mqtt, http] = (await freePorts(2)) as [number, number]
    await writeFile(join(millrace.directory, 'plant.yaml'), plant(mqtt, http))
    const { child, page } = await millrace.hub()
    const journal = new Journal()
    const rate = 1_000
    const devices = [
      mqttDevice(`mqtt://127.0.0.1:${mqtt}`, 1, 4, { asset: 'mqtt/one', journal, rate }),
      mqttDevice(`mqtt://127.0.0.1:${mqtt}`, 2, 5, { asset: 'mqtt/two', journal, rate }),
      httpDevice(page, { asset: 'http/a', journal, rate }),
    ]
    t.after(() => devices.forEach((device) => device.abandon()))
    await until(() => journal.acknowledged >= 2_000)
    const asked = performance.now()
    const exited = once(child, 'exit')
    child.kill(signal)
    // As npm does, which hands on what the terminal has sent already.
    await sleep(20)
    child.kill(signal)
    assert.deepEqual(await exited, [0, null])
    const took = performance.now() - asked
    for (const device of devices) device.abandon()
    assert.ok(took < END_MS, `ended after ${took} ms`)

    const data = join(millrace.directory, 'millrace-data')
    const { lost, phantoms, inversions } = journal.check(await readNumbers(data, 'acme/berlin/'))
    assert.deepEqual({ lost, phantoms, inversions }, { lost: [], phantoms: [], inversions: [] })
    const ledger = await millrace.run('ledger', '--json')
    assert.equal(ledger.code, 0, ledger.out + ledger.err)
    const { books } = JSON.parse(ledger.out) as { books: { unacknowledged: number; inFlight: number }[] }
    assert.equal(books.length, 2)
    for (const { unacknowledged, inFlight } of books) assert.deepEqual([unacknowledged, inFlight], [0, 0])
  })
}

test('a second Ctrl-C ends at once', async (t) => {
  const millrace = await Millrace.create(t)
  await millrace.plant()
  const { child, page } = await millrace.hub()
  // A request that never ends keeps the hub from ending cleanly for some seconds.
  const hanging = fetch(`${page}/api/v1/ingest/hall/press`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: new ReadableStream<Uint8Array>({ start: (stream) => stream.enqueue(Buffer.from('{"n":')) }),
    duplex: 'half',
  }).catch(() => undefined)
  await sleep(200)
  const exited = once(child, 'exit')
  child.kill('SIGINT')
  await sleep(500)
  assert.equal(child.exitCode, null, 'it ended with a request under way')
  child.kill('SIGINT')
  assert.deepEqual(await exited, [130, null])
  await hanging
})

function plant(mqtt: number, http: number): string {
  return `site: acme/berlin
log: { embedded: { listen: 0 } }
sources:
  load: { mqtt: { listen: ${mqtt}, topics: { "load/{path...}": { asset: "{path}" } } } }
  posts: { http: {} }
api: { listen: ${http} }
`
}
