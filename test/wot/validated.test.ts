import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tdValidator } from '@thing-description-playground/core'
import { startServer } from '../api/server.ts'
import { parsePlant } from '../../src/cli/files.ts'
import { demoPlant } from '../../src/cli/demo-plant.ts'
import { directoryOf, thingOf } from '../../src/api/wot/thing.ts'
import { startHub } from '../../src/hub.ts'
import { testSystem } from '../api/server.ts'
import { dataDirectory } from '../hub/lives.ts'

/** Validated by the W3C's own playground; JSON-LD is not expanded, since the contexts lie in the internet. */
async function faultsOf(thing: unknown): Promise<readonly string[]> {
  const said: string[] = []
  const options = { checkDefaults: true, checkJsonLd: false, checkTmConformance: false }
  const { report, details } = await tdValidator(JSON.stringify(thing), (line) => said.push(line), options)
  const failed = Object.entries({ ...report, ...details }).filter(([, result]) => result === 'failed')
  return failed.map(([check]) => `${check}: ${said.join(' ')}`)
}

test('the description of every asset of the demo is a valid one', async () => {
  const directory = await dataDirectory()
  const config = demoPlant({ http: 0, mqtt: 0, kafka: 0, opcua: 1, cars: 2 })
  const plant = await parsePlant('demo.yaml', Buffer.from(config))
  const hub = await startHub({ plant, dataDirectory: directory, mode: 'demo', system: testSystem() })
  try {
    const car = JSON.stringify({
      coolant_temp: 80,
      speed: 20,
      gear: 'D',
      lights: true,
      trail: [1, 2],
      seat: { heated: true },
    })
    const headers = { 'content-type': 'application/json' }
    await fetch(`${hub.page}/api/v1/ingest/fleet/car1`, { method: 'POST', headers, body: car })
    const things = (await (await fetch(`${hub.page}/api/v1/things?limit=1000`)).json()) as { readonly id: string }[]
    assert.ok(things.length >= 9, `${things.length}`)
    for (const thing of things) assert.deepEqual(await faultsOf(thing), [], thing.id)
    assert.deepEqual(await faultsOf(await (await fetch(`${hub.page}/.well-known/wot`)).json()), [])
  } finally {
    await hub.close()
  }
})

test('so is one with commands, with tokens, and with names that nobody expects', async (t) => {
  const { hub } = await startServer(t)
  const path = 'acme/berlin/hall/ä "b"'
  hub.record(
    path,
    [
      { tag: 'a:b/c %', value: 1 },
      { tag: '__proto__', value: 'x' },
    ],
    1000,
  )
  const actions = [
    { name: 'setpoint', value: { type: 'number', range: [20, 80] as const } },
    { name: 'start', args: [] },
  ]
  const thing = thingOf(hub.twin(path)!, { base: 'https://hub.example/', isGuarded: true, actions })
  assert.deepEqual(await faultsOf(thing), [])
  assert.deepEqual(await faultsOf(directoryOf('acme/berlin', { base: 'https://hub.example/', isGuarded: true })), [])
})

test('the validator finds what is wrong', async (t) => {
  const { hub } = await startServer(t)
  hub.record('acme/berlin/a', [{ tag: 'x', value: 1 }], 1000)
  const thing = thingOf(hub.twin('acme/berlin/a')!, { base: 'http://x/', isGuarded: false, actions: [] })
  assert.match((await faultsOf({ ...thing, security: ['token'] }))[0]!, /td-security-scheme-name/)
  assert.match((await faultsOf({ ...thing, properties: { x: { type: 'number' } } }))[0]!, /^schema/)
})
