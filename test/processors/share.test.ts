import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { machine } from '../../src/cli/machine.ts'
import { loadPlant } from '../../src/config/load.ts'
import { ConfigError } from '../../src/config/problem.ts'
import { startHub } from '../../src/hub.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Log, StoredRecord } from '../../src/log/log.ts'
import { KINDS } from '../../src/registry.ts'
import { Secret } from '../../src/system/secret.ts'
import { dataDirectory } from '../hub/lives.ts'

/** A data product from car to partner: who may read what, and that nothing in it says which car it was. */

const PARTNER = 'partner-password'
const plantText = (user: string) => `site: audi/fleet
log:
  embedded:
    listen: 0
    partitions: 2
    users:
      - { name: admin, password: secret:ADMIN, can: [admin] }
      - ${user}
sources: { cars: { http: {} } }
processors:
  tyres:
    share:
      on: cars/*
      purpose: Wear of tyres
      partners: [tyre-maker]
      secret: secret:SHARE
      fields: [pressure]
      anonymity: { subjects: 2, window: 10m }
api: { listen: 0 }
`
const GOOD =
  '{ name: tyre-maker, password: secret:PARTNER, topics: ["audi.fleet.product-tyres", audi.fleet.contracts] }'

const ENV = {
  MILLRACE_SECRET_ADMIN: 'admin-password',
  MILLRACE_SECRET_PARTNER: PARTNER,
  MILLRACE_SECRET_SHARE: 'x'.repeat(32),
}
const load = (user: string) =>
  loadPlant('plant.yaml', Buffer.from(plantText(user)), KINDS, {
    env: ENV,
    readFile: () => Promise.reject(new Error('no file')),
  })

test('a partner reads the product and its contract, and nothing else; no record names a car', async (t) => {
  const system = machine({ logLevel: 'error', logFormat: 'text' })
  const hub = await startHub({ plant: await load(GOOD), dataDirectory: await dataDirectory(), mode: 'run', system })
  t.after(() => hub.close())
  for (const [name, pressure] of [
    ['IN-AB1', 2.1],
    ['IN-AB2', 2.2],
  ] as const) {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pressure, driver: 'Anna' }),
    }
    assert.equal((await fetch(`${hub.page}/api/v1/ingest/cars/${name}`, init)).status, 200)
  }
  const [host, port] = hub.kafka.split(':') as [string, string]
  const sasl = { mechanism: 'SCRAM-SHA-512', username: 'tyre-maker', password: new Secret(PARTNER) } as const
  const log = await connectLog({ brokers: [{ host, port: Number(port) }], system, security: { sasl } })
  t.after(() => log.close())
  assert.deepEqual((await log.topics()).map(({ name }) => name).sort(), [
    'audi.fleet.contracts',
    'audi.fleet.product-tyres',
  ])
  await assert.rejects(log.ends('audi.fleet.telemetry'))
  const records = await read(log, 'audi.fleet.product-tyres', 2)
  const rows = records.map(({ value }) => JSON.parse(textOf(value)) as { values: { pressure: number } })
  assert.deepEqual(
    rows.map(({ values }) => values.pressure).sort((a, b) => a - b),
    [2.1, 2.2],
  )
  for (const { key, value, headers } of records) {
    const all = [textOf(key), textOf(value), ...headers.flatMap(([name, bytes]) => [name, textOf(bytes)])].join('\n')
    assert.doesNotMatch(all, /IN-AB|Anna|telemetry/)
  }
  const [contract] = await read(log, 'audi.fleet.contracts', 1)
  assert.equal(textOf(contract!.key), 'tyres')
  assert.equal((JSON.parse(textOf(contract!.value)) as { id: string }).id, 'audi.fleet.product-tyres')
  // Before its directory goes.
  await log.close()
  await hub.close()
})

test('a partner who could read more than products is refused before anything runs', async () => {
  const cases: [user: string, message: string][] = [
    ['{ name: other, password: secret:PARTNER }', 'no user of the log has this name, want one in "log.embedded.users"'],
    [
      '{ name: tyre-maker, password: secret:PARTNER }',
      'this user can read "*", want only topics that begin with "audi.fleet.product-", and contracts',
    ],
    [
      '{ name: tyre-maker, password: secret:PARTNER, can: [read, write], topics: ["audi.fleet.product-*"] }',
      'this user can read, write, want read alone',
    ],
  ]
  for (const [user, fault] of cases) {
    await assert.rejects(load(user), (error) => {
      assert.ok(error instanceof ConfigError)
      assert.deepEqual(
        error.problems.map(({ message }) => message),
        [`Cannot share "tyres" with "tyre-maker": ${fault}`],
      )
      return true
    })
  }
})

/** The first records of a topic, as soon as there are so many. */
async function read(log: Log, topic: string, count: number): Promise<StoredRecord[]> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const found: StoredRecord[] = []
    const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
    const options = { signal: new AbortController().signal, untilEnd: true }
    for await (const { records } of log.read(positions, options)) found.push(...records)
    if (found.length >= count) return found
    assert.ok(performance.now() < deadline, `${found.length} records of ${topic} came`)
    await sleep(100)
  }
}

function textOf(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString()
}
