import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fact } from '../../component/topology.ts'
import { TopologyDriver } from '../../flow/topology/driver.ts'
import type { Event } from '../../model/event.ts'
import type { Json } from '../../model/json-value.ts'
import { isConfirmed, type HazardState, type Report } from './cell.ts'
import { geohash, middleOf, neighbourhood, type Place } from '../../model/geohash.ts'
import { swarmSpec } from './spec.ts'

const SITE = 'audi/fleet'
const T0 = Date.UTC(2025, 10, 30, 6)
const CONFIG = {
  on: 'cars/*',
  confirm: { cars: 3, within: '2m' },
  expires: '5m',
  hazards: { slippery: 'slip > 0.2 && speed > 10', pothole: { when: 'bump > 3', cars: 2, passes: 2 } },
}
/** A cell, the one east of it, and one far away. */
const HERE = middleOf(geohash({ lat: 48.7665, lon: 11.4258 }, 7))
const CELL = geohash(HERE, 7)
const WIDTH = 360 / 2 ** 18
const EAST: Place = { lat: HERE.lat, lon: HERE.lon + WIDTH }
const FAR: Place = { lat: HERE.lat + 1, lon: HERE.lon }

function car(second: number, name: string, place: Place, tags: { [tag: string]: number } = {}): Fact {
  const time = T0 + second * 1000
  const values = { lat: place.lat, lon: place.lon, speed: 50, slip: 0, bump: 0, ...tags }
  return { kind: 'reading', reading: { asset: `${SITE}/cars/${name}`, sourceTime: time, receivedTime: time, values } }
}

class Fleet {
  readonly driver: TopologyDriver
  readonly events: Event[] = []

  constructor(config: object = CONFIG) {
    const topology = swarmSpec.topology(swarmSpec.config.parse(config), { name: 'hazards', site: SITE })
    this.driver = new TopologyDriver(topology, { site: SITE })
  }

  send(...facts: Fact[]): this {
    for (const fact of facts) this.#sort(this.driver.send(fact).map((output) => output.fact))
    return this
  }

  advance(second: number): this {
    this.#sort(this.driver.advance(T0 + second * 1000).map((output) => output.fact))
    return this
  }

  /** What was said since the last call: type, last name of the asset, and what the data says. */
  said(...fields: string[]): unknown[][] {
    return this.events
      .splice(0)
      .map(({ type, asset, data }) => [
        type.slice('hazard.'.length),
        asset.slice(asset.lastIndexOf('/') + 1),
        ...fields.map((field) => (data as { [field: string]: Json })[field]),
      ])
  }

  #sort(facts: readonly Fact[]): void {
    for (const fact of facts) if (fact.kind === 'event') this.events.push(fact.event)
  }
}

const SLIP = { slip: 0.3 }

test('a hazard is confirmed by so many cars within the time, and every other car around is warned once', () => {
  const fleet = new Fleet().send(car(0, 'near', EAST), car(0, 'far', FAR))
  fleet.send(car(1, 'a', HERE, SLIP), car(2, 'a', HERE, SLIP), car(3, 'b', HERE, SLIP))
  assert.deepEqual(fleet.said(), [])
  fleet.send(car(4, 'c', HERE, SLIP))
  assert.equal(fleet.events[0]!.asset, `${SITE}/hazards/${CELL}`)
  assert.deepEqual(fleet.events[0]!.data, {
    hazard: 'slippery',
    id: `slippery-${CELL}-${T0 + 4000}`,
    cell: CELL,
    lat: Math.round(HERE.lat * 1e6) / 1e6,
    lon: Math.round(HERE.lon * 1e6) / 1e6,
    cars: 3,
    since: new Date(T0 + 1000).toISOString(),
  })
  assert.deepEqual(fleet.said('state', 'distance'), [
    ['confirmed', CELL, undefined, undefined],
    // 360 / 2^18 degrees at 48.77 north.
    ['warning', 'near', 'active', 101],
  ])
  // Who comes later is warned when it comes, and nobody twice.
  fleet.send(car(10, 'near', EAST), car(11, 'late', FAR), car(20, 'late', EAST), car(21, 'late', HERE))
  assert.deepEqual(fleet.said('state'), [['warning', 'late', 'active']])
})

test('two cars, or three that are too far apart in time, are not enough', () => {
  const fleet = new Fleet().send(car(0, 'a', HERE, SLIP), car(60, 'b', HERE, SLIP), car(121, 'c', HERE, SLIP))
  assert.deepEqual(fleet.said(), [])
})

test('it expires when nobody sees it any more, and who was warned is told', () => {
  const fleet = new Fleet().send(car(0, 'near', EAST))
  fleet.send(car(0, 'a', HERE, SLIP), car(1, 'b', HERE, SLIP), car(2, 'c', HERE, SLIP))
  fleet.said()
  for (let second = 30; second < 310; second += 30) fleet.send(car(second, 'near', EAST))
  assert.deepEqual(fleet.said(), [])
  fleet.advance(303)
  assert.deepEqual(fleet.said('reason', 'state'), [
    ['cleared', CELL, 'expired', undefined],
    ['warning', 'near', undefined, 'cleared'],
  ])
})

test('a hazard at the edge of two cells is one, in the cell with more reports', () => {
  const fleet = new Fleet().send(car(0, 'a', EAST, SLIP), car(1, 'b', HERE, SLIP), car(2, 'c', HERE, SLIP))
  assert.deepEqual(fleet.said('cars'), [['confirmed', CELL, 3]])
})

test('it moves with the cars that see it, and warns ahead of where it is', () => {
  const fleet = new Fleet()
  fleet.send(car(0, 'a', HERE, SLIP), car(1, 'b', HERE, SLIP), car(2, 'c', HERE, SLIP))
  fleet.said()
  fleet.send(car(60, 'd', EAST, SLIP), car(61, 'e', EAST, SLIP), car(62, 'f', EAST, SLIP))
  const east = geohash(EAST, 7)
  const said = fleet.said('movedFrom', 'movedTo').filter(([type]) => type !== 'warning')
  assert.deepEqual(
    said.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)),
    [
      ['cleared', CELL, undefined, east],
      ['confirmed', east, CELL, undefined],
    ],
  )
})

test('cars that drive through and see nothing clear it', () => {
  const fleet = new Fleet().send(car(0, 'a', HERE, { bump: 4 }), car(1, 'b', HERE, { bump: 5 }))
  assert.deepEqual(fleet.said('hazard'), [['confirmed', CELL, 'pothole']])
  for (const name of ['c', 'd']) fleet.send(car(10, name, HERE), car(20, name, EAST))
  assert.deepEqual(
    fleet.said('reason').filter(([type]) => type === 'cleared'),
    [['cleared', CELL, 'passed']],
  )
})

test('a car that falls silent is nowhere; one without a fix, or with a late one, tells nothing', () => {
  const fleet = new Fleet().send(car(0, 'gone', EAST)).advance(121)
  fleet.send(car(200, 'a', HERE, SLIP), car(201, 'b', HERE, SLIP), car(202, 'c', { lat: 0, lon: 0 }, SLIP))
  fleet.send(car(300, 'd', FAR), car(203, 'd', HERE, SLIP))
  assert.deepEqual(fleet.said(), [])
  fleet.send(car(204, 'c', HERE, SLIP))
  assert.deepEqual(fleet.said(), [['confirmed', CELL]])
})

test('a condition with a time has to hold for it; a tag that is missing sees nothing', () => {
  const fleet = new Fleet({
    on: 'cars/*',
    confirm: { cars: 1 },
    hazards: { jam: 'speed < 20 && unknown_tag > 1', slow: 'speed < 20 for 10s' },
  })
  fleet.send(car(0, 'a', HERE, { speed: 10 }), car(9, 'a', HERE, { speed: 10 }))
  assert.deepEqual(fleet.said(), [])
  fleet.send(car(10, 'a', HERE, { speed: 10 }))
  assert.deepEqual(fleet.said('hazard'), [['confirmed', CELL, 'slow']])
})

test('in one place it is confirmed and over exactly when a look at all reports says so (seeded)', () => {
  const step = fc.record({ after: fc.integer({ min: 0, max: 150 }), name: fc.integer({ min: 0, max: 5 }) })
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const fleet = new Fleet()
    const reports: { second: number; name: number }[] = []
    const want: [string, number][] = []
    let [second, confirmed, last] = [0, false, 0]
    for (const { after, name } of steps) {
      second += after
      // Each report begins anew, and the car is nowhere else between.
      fleet.send(car(second, `c${name}`, HERE, SLIP), car(second, `c${name}`, HERE))
      if (confirmed && second >= last + 300) {
        want.push(['cleared', last + 300])
        confirmed = false
      }
      reports.push({ second, name })
      const cleared = want.filter(([what]) => what === 'cleared').at(-1)?.[1] ?? -Infinity
      const recent = reports.filter(
        (report) =>
          report.second > second - 120 &&
          report.second > cleared - 300 &&
          (report.second >= cleared || report.second > last),
      )
      last = second
      if (confirmed || new Set(recent.map((report) => report.name)).size < 3) continue
      want.push(['confirmed', second])
      confirmed = true
    }
    const got = fleet.events.flatMap(({ type, time }) =>
      type === 'hazard.warning' ? [] : [[type.slice(7), (time - T0) / 1000]],
    )
    assert.deepEqual(got, want)
  })
  fc.assert(property, { seed: 33, numRuns: 300 })
})

test('of the cells that know the same reports exactly one confirms, unless one has enough by itself (seeded)', () => {
  const cells = [CELL, geohash(EAST, 7), geohash({ lat: HERE.lat + 180 / 2 ** 17, lon: HERE.lon }, 7)]
  const report = fc.record({ cell: fc.constantFrom(...cells), time: fc.integer({ min: 0, max: 5 }) })
  const property = fc.property(fc.array(report, { minLength: 3, maxLength: 8 }), (list) => {
    const reports = new Map(list.map((one, index): [string, Report] => [`c${index}`, { ...one, ...HERE }]))
    const hazard: HazardState = { reports, lastHere: 0, passes: new Set(), confirmed: undefined }
    const most = Math.max(...cells.map((cell) => list.filter((one) => one.cell === cell).length))
    const limits = { cars: most + 1, within: 1, expires: 1, passes: undefined }
    const confirmed = cells.filter((cell) => isConfirmed(hazard, cell, limits))
    assert.equal(confirmed.length, list.length >= limits.cars ? 1 : 0)
  })
  fc.assert(property, { seed: 34, numRuns: 500 })
})

test('saved and restored at every step, the outputs are the same (seeded)', () => {
  const step = fc.record({
    after: fc.integer({ min: 0, max: 100 }),
    name: fc.integer({ min: 0, max: 5 }),
    place: fc.constantFrom(HERE, EAST, FAR),
    slip: fc.constantFrom(0, 0.3),
    bump: fc.constantFrom(0, 4),
  })
  const property = fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
    const [straight, broken] = [new Fleet(), new Fleet()]
    const kept = [new Map<string, unknown>(), new Map<string, unknown>()]
    let second = 0
    for (const { after, name, place, slip, bump } of steps) {
      second += after
      const fact = car(second, `c${name}`, place, { slip, bump })
      straight.send(fact)
      broken.send(fact)
      kept.forEach((states, stage) => {
        for (const { key, state } of broken.driver.changes(stage)) states.set(key, state)
        const saved = JSON.parse(JSON.stringify([...states])) as [string, Json][]
        broken.driver.restore(
          saved.map(([key, state]) => ({ key, state }) as never),
          stage,
        )
      })
    }
    assert.deepEqual(broken.events, straight.events)
  })
  fc.assert(property, { seed: 35, numRuns: 100 })
})

test('nine cells are told of a change, and no more', () => {
  const fleet = new Fleet({ ...CONFIG, hazards: { slippery: 'slip > 0.2' } })
  fleet.send(car(0, 'a', HERE))
  assert.equal(fleet.driver.changes(1).length, 9)
  fleet.send(car(1, 'a', HERE), car(2, 'a', { lat: HERE.lat + 1e-5, lon: HERE.lon }))
  assert.equal(fleet.driver.changes(1).length, 0)
  fleet.send(car(3, 'a', EAST))
  assert.deepEqual(
    new Set(fleet.driver.changes(1).map(({ key }) => key)),
    new Set([...neighbourhood(CELL), ...neighbourhood(geohash(EAST, 7))]),
  )
})
