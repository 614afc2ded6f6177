import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fact } from '../../component/topology.ts'
import { TopologyDriver } from '../../flow/topology/driver.ts'
import { geohash } from '../../model/geohash.ts'
import type { Json } from '../../model/json-value.ts'
import type { Value } from '../../model/reading.ts'
import { Secret } from '../../system/secret.ts'
import { Pseudonyms } from './pseudonym.ts'
import type { Row } from './rows.ts'
import { shareSpec } from './spec.ts'

const SITE = 'audi/fleet'
const T0 = Date.UTC(2025, 10, 30, 6)
const SECRET = 'a secret of enough characters'
const CONFIG = {
  on: 'cars/*',
  purpose: 'Wear of tyres',
  partners: ['tyre-maker'],
  secret: new Secret(SECRET),
  fields: ['speed', { tag: 'tire_pressure_1_1', as: 'pressure', round: 0.5 }],
}

function driverOf(config: object): TopologyDriver {
  const topology = shareSpec.topology(shareSpec.config.parse({ ...CONFIG, ...config }), { name: 'tyres', site: SITE })
  return new TopologyDriver(topology, { site: SITE })
}

function car(second: number, name: string, tags: { [tag: string]: Value | null }): Fact {
  const time = T0 + second * 1000
  const quality = Object.fromEntries(
    Object.entries(tags).flatMap(([tag, value]) => (value === null ? [[tag, 0x80000000]] : [])),
  )
  const reading = { asset: `${SITE}/cars/${name}`, sourceTime: time, receivedTime: time + 123, values: tags, quality }
  return { kind: 'reading', reading }
}

function rowsOf(driver: TopologyDriver, ...facts: Fact[]): Row[] {
  return facts.flatMap((fact) =>
    driver.send(fact).flatMap(({ fact: out }) => (out.kind === 'product' ? [out.data as unknown as Row] : [])),
  )
}

test('only what is allowed goes out: chosen fields, rounded, under a pseudonym, at a coarse time', () => {
  const driver = driverOf({ time: '1m' })
  const outputs = driver.send(
    car(59, 'IN-AB 123', { speed: 51, tire_pressure_1_1: 2.34, driver: 'Anna', lat: 48.7, lon: 11.4 }),
  )
  const key = createHmac('sha256', SECRET)
    .update(JSON.stringify([`${SITE} tyres`, 0]))
    .digest()
  const subject = createHmac('sha256', key).update(`${SITE}/cars/IN-AB 123`).digest('base64url').slice(0, 22)
  assert.deepEqual(
    outputs.map(({ fact }) => fact),
    [
      {
        kind: 'product',
        key: subject,
        time: T0,
        receivedTime: T0,
        data: { subject, ts: T0, values: { speed: 51, pressure: 2.5 } },
      },
    ],
  )
  const { fact, cause } = outputs[0]!
  assert.doesNotMatch(JSON.stringify({ fact, cause: cause.split('/')[0] }), /IN-AB|Anna|48\.7|cars/)
})

test('a value of another type, a bad one, and a record without any are left out', () => {
  const driver = driverOf({ fields: ['speed', { tag: 'name', type: 'string' }], when: 'speed > 0' })
  const rows = rowsOf(
    driver,
    car(0, 'a', { speed: 'fast' }),
    car(1, 'a', { speed: 0 }),
    car(2, 'a', { other: 1 }),
    car(3, 'a', { speed: 5, name: 7 }),
    car(4, 'a', { speed: null, name: 'x' }),
  )
  assert.deepEqual(
    rows.map(({ values }) => values),
    [{ speed: 5 }],
  )
})

test('the place is a cell, and what has none is not shared', () => {
  const driver = driverOf({ place: { cell: 5 } })
  const rows = rowsOf(
    driver,
    car(0, 'a', { speed: 1, lat: 48.7665, lon: 11.4258 }),
    car(1, 'a', { speed: 2 }),
    car(2, 'a', { speed: 3, lat: 0, lon: 0 }),
  )
  assert.deepEqual(
    rows.map(({ cell, values }) => [cell, values]),
    [[geohash({ lat: 48.7665, lon: 11.4258 }, 5), { speed: 1 }]],
  )
})

test('pseudonyms: the same within a period, another in the next, for another product, and with another secret', () => {
  const day = 86_400_000
  const mine = new Pseudonyms(SECRET, 'tyres', day)
  const first = mine.of('a/b/c', 5 * day)
  assert.match(first, /^[A-Za-z0-9_-]{22}$/)
  assert.equal(mine.of('a/b/c', 6 * day - 1), first)
  const others = [
    mine.of('a/b/c', 6 * day),
    mine.of('a/b/d', 5 * day),
    new Pseudonyms(SECRET, 'brakes', day).of('a/b/c', 5 * day),
    new Pseudonyms(`${SECRET}!`, 'tyres', day).of('a/b/c', 5 * day),
  ]
  assert.equal(new Set([first, ...others]).size, 5)
  assert.equal(new Pseudonyms(SECRET, 'tyres', day).of('a/b/c', 5 * day + 1), first)
})

test('a group with too few machines is never shared, and is counted; with enough all of it is, and what follows at once', () => {
  const driver = driverOf({ anonymity: { subjects: 3, window: '10m', late: '1m' } })
  const send = (second: number, name: string) => rowsOf(driver, car(second, name, { speed: second }))
  assert.deepEqual([send(0, 'a'), send(1, 'b'), send(2, 'a')], [[], [], []])
  assert.deepEqual(
    send(3, 'c').map(({ values }) => values),
    [{ speed: 0 }, { speed: 1 }, { speed: 2 }, { speed: 3 }],
  )
  assert.equal(send(4, 'a').length, 1)
  assert.deepEqual([send(600, 'a'), send(601, 'b')], [[], []])
  const books = driver
    .advance(T0 + 1_300_000)
    .flatMap(({ fact }) => (fact.kind === 'reading' ? [[fact.reading.asset, fact.reading.values]] : []))
  assert.deepEqual(books, [
    [`${SITE}/products/tyres`, { released: 5, suppressed: 0 }],
    [`${SITE}/products/tyres`, { released: 0, suppressed: 2 }],
  ])
  // It comes when the group is over for good: nobody can know that it was with others.
  assert.deepEqual(send(602, 'c'), [])
})

test('every record that is shared is in a group of enough machines, and every one of such a group is shared (seeded)', () => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 5 }),
    second: fc.integer({ min: 0, max: 1800 }),
    cell: fc.integer({ min: 0, max: 2 }),
  })
  const property = fc.property(fc.array(step, { maxLength: 80 }), (unsorted) => {
    const steps = unsorted.sort((a, b) => a.second - b.second)
    const driver = driverOf({ place: { cell: 5 }, anonymity: { subjects: 3, window: '10m' } })
    const groupOf = ({ second, cell }: { second: number; cell: number }) => `${Math.floor(second / 600)} ${cell}`
    const groups = new Map<string, Set<number>>()
    for (const one of steps) groups.set(groupOf(one), (groups.get(groupOf(one)) ?? new Set()).add(one.name))
    const want = steps.filter((one) => groups.get(groupOf(one))!.size >= 3).map(({ second }) => second)
    const facts = steps.map(({ name, second, cell }) =>
      car(second, `c${name}`, { speed: second, lat: 10 + cell, lon: 10 }),
    )
    const got = rowsOf(driver, ...facts).map(({ values }) => values['speed'])
    assert.deepEqual(
      got.sort((a, b) => Number(a) - Number(b)),
      want,
    )
  })
  fc.assert(property, { seed: 41, numRuns: 200 })
})

test('saved and restored at every step, the outputs are the same (seeded)', () => {
  const step = fc.record({ name: fc.integer({ min: 0, max: 5 }), after: fc.integer({ min: 0, max: 200 }) })
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const config = { anonymity: { subjects: 3, window: '10m' } }
    const [straight, broken] = [driverOf(config), driverOf(config)]
    const kept = new Map<string, unknown>()
    let second = 0
    for (const { name, after } of steps) {
      second += after
      const fact = car(second, `c${name}`, { speed: second })
      assert.deepEqual(broken.send(fact), straight.send(fact))
      for (const { key, state } of broken.changes(1)) kept.set(key, state)
      const saved = JSON.parse(JSON.stringify([...kept])) as [string, Json][]
      broken.restore(
        saved.map(([key, state]) => ({ key, state }) as never),
        1,
      )
    }
  })
  fc.assert(property, { seed: 42, numRuns: 100 })
})

test('the config says what is wrong with it, and never the secret', () => {
  const cases: [config: object, message: string][] = [
    [{ secret: new Secret('short') }, 'Cannot use this secret: it is short, want at least 16 characters'],
    [{ secret: 'in the file' }, 'Cannot take a secret from the config file itself: write secret:NAME or env:NAME'],
    [
      { rotate: '15m', anonymity: { subjects: 2 } },
      'Cannot rotate within a window: a machine would count twice, want a multiple of "anonymity.window"',
    ],
    [{ fields: ['speed', { tag: 'v', as: 'speed' }] }, 'Cannot share "speed" twice: want one field of each name'],
    [{ fields: ['lat'], place: { cell: 5 } }, 'Cannot share "lat" itself: "place" shares the cell, want it left out'],
  ]
  for (const [config, message] of cases) {
    assert.equal(shareSpec.config.safeParse({ ...CONFIG, ...config }).error?.issues[0]?.message, message)
  }
  const config = shareSpec.config.parse(CONFIG)
  const said = JSON.stringify([
    shareSpec.topology(config, { name: 'tyres', site: SITE }),
    shareSpec.contract!(config, { name: 'tyres', site: SITE }),
  ])
  assert.ok(!said.includes(SECRET))
})

test('the contract has every field, who may read it, and the schema that its records keep', () => {
  const config = shareSpec.config.parse({ ...CONFIG, place: { cell: 5 }, rotate: '7d' })
  const contract = shareSpec.contract!(config, { name: 'tyres', site: SITE }) as unknown as Contract
  assert.equal(contract.id, 'audi.fleet.product-tyres')
  assert.deepEqual(contract.roles, [{ role: 'tyre-maker', access: 'read' }])
  assert.deepEqual(
    contract.schema[0]!.properties.map(({ name }) => name),
    ['subject', 'ts', 'cell', 'values.speed', 'values.pressure'],
  )
  const { value: schema } = contract.customProperties.find(({ property }) => property === 'jsonSchema')!
  const [row] = rowsOf(
    driverOf({ place: { cell: 5 } }),
    car(0, 'a', { speed: 1, tire_pressure_1_1: 2, lat: 1, lon: 1 }),
  )
  assert.deepEqual(Object.keys(row!).sort(), Object.keys((schema as { properties: object }).properties).sort())
  // What it is made of is nobody's business.
  assert.doesNotMatch(JSON.stringify(contract), /cars|tire_pressure_1_1/)
})

interface Contract {
  readonly id: string
  readonly roles: unknown
  readonly schema: readonly { readonly properties: readonly { readonly name: string }[] }[]
  readonly customProperties: readonly { readonly property: string; readonly value: unknown }[]
}
