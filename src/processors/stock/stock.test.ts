import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fact } from '../../component/topology.ts'
import { TopologyDriver } from '../../flow/topology/driver.ts'
import type { AlarmTransition } from '../../model/alarm.ts'
import type { Event } from '../../model/event.ts'
import type { Json } from '../../model/json-value.ts'
import type { Reading } from '../../model/reading.ts'
import { stockSpec } from './spec.ts'

const SITE = 'acme/berlin'
const T0 = Date.UTC(2025, 10, 30, 6)
const MINUTE = 60_000
const HOUR = 60 * MINUTE

let ids = 0

function driverOf(config: object, onFault?: (message: string) => void): TopologyDriver {
  const topology = stockSpec.topology(stockSpec.config.parse(config), { name: 'stock', site: SITE })
  return new TopologyDriver(topology, onFault && { onFault: ({ error }) => onFault((error as Error).message) })
}

function event(type: string, at: number, data: Json, more: Partial<Event> = {}): Fact {
  const time = T0 + at
  const base = { id: `e${++ids}`, type, asset: `${SITE}/warehouse`, time, receivedTime: time, source: 'wms', data }
  return { kind: 'event', event: { ...base, ...more } }
}

function cycles(at: number, value: number, asset = 'line1/press1'): Fact {
  const reading = { asset: `${SITE}/${asset}`, sourceTime: T0 + at, receivedTime: T0 + at, values: { cycles: value } }
  return { kind: 'reading', reading }
}

function moved(at: number, quantity: number, from?: string, to?: string, more: { [name: string]: Json } = {}): Fact {
  return event('stock.moved', at, { material: 'bolt', quantity, ...(from && { from }), ...(to && { to }), ...more })
}

/** What has been derived, apart. */
class Derived {
  readonly driver: TopologyDriver
  readonly readings: Reading[] = []
  readonly events: Event[] = []
  readonly alarms: AlarmTransition[] = []

  constructor(driver: TopologyDriver) {
    this.driver = driver
  }

  send(...facts: Fact[]): this {
    for (const fact of facts) this.#sort(this.driver.send(fact).map((output) => output.fact))
    return this
  }

  advance(at: number): this {
    this.#sort(this.driver.advance(T0 + at).map((output) => output.fact))
    return this
  }

  /** The newest value of each tag of a place. */
  tags(place: string): { [tag: string]: unknown } {
    const all = this.readings.filter(({ asset }) => asset === `${SITE}/${place}`)
    return Object.assign({}, ...all.map(({ values }) => values)) as { [tag: string]: unknown }
  }

  steps(): unknown[][] {
    return this.alarms.map(({ alarm, action, priority, time }) => [alarm, action, priority, (time - T0) / MINUTE])
  }

  #sort(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'reading') this.readings.push(fact.reading)
      if (fact.kind === 'event') this.events.push(fact.event)
      if (fact.kind === 'alarm') this.alarms.push(fact.alarm)
    }
  }
}

const start = (config: object = {}) => new Derived(driverOf(config))

test('movements go out of one place and into another; an event that comes again counts once', () => {
  const stock = start()
  const first = moved(0, 100, undefined, 'warehouse')
  stock.send(first, first, moved(MINUTE, 30, 'warehouse', 'line1/rack'))
  assert.deepEqual(stock.tags('warehouse'), { bolt: 70 })
  assert.deepEqual(stock.tags('line1/rack'), { bolt: 30 })
})

test('a counter consumes and produces by its bill of material: growth, resets, rollover, late and bad values', () => {
  const stock = start({
    counters: [
      {
        on: 'line1/*',
        tag: 'cycles',
        consumes: { blank: { quantity: 2, place: 'line1/rack' } },
        produces: { door: 1 },
      },
      { on: 'line2/*', tag: 'cycles', rollover: 100, produces: { door: 1 } },
    ],
  })
  stock.send(cycles(0, 500), cycles(1000, 503), cycles(500, 501), cycles(2000, 1), cycles(3000, 1))
  assert.deepEqual(stock.tags('line1/press1'), { door: 4 })
  assert.equal(stock.tags('line1/rack')['blank'], -8)
  const bad = cycles(4000, 90)
  assert.ok(bad.kind === 'reading')
  stock.send({ kind: 'reading', reading: { ...bad.reading, quality: { cycles: 0x80000000 } } }, cycles(5000, 2))
  assert.equal(stock.tags('line1/press1')['door'], 5)
  stock.send(cycles(0, 97, 'line2/p'), cycles(1000, 3, 'line2/p'))
  assert.equal(stock.tags('line2/p')['door'], 6)
})

test('a stock below zero is shown, with an alarm, until a movement or a count explains it', () => {
  const stock = start().send(moved(0, 5, 'warehouse', 'line1/rack'))
  assert.equal(stock.tags('warehouse')['bolt'], -5)
  const [alarm] = stock.alarms
  assert.equal(alarm!.message, 'Count "bolt": stock is -5, want at least 0; a movement is missing')
  stock.send(event('stock.counted', MINUTE, { material: 'bolt', quantity: 12 }))
  assert.equal(stock.tags('warehouse')['bolt'], 12)
  assert.deepEqual(stock.steps(), [
    ['stock.bolt.negative', 'raise', 'low', 0],
    ['stock.bolt.negative', 'clear', undefined, 1],
  ])
  const [corrected] = stock.events
  assert.deepEqual(
    [corrected!.type, corrected!.data],
    ['stock.corrected', { material: 'bolt', place: `${SITE}/warehouse`, counted: 12, expected: -5, difference: 17 }],
  )
})

test('a count that is entered later counts at its own time: what moved since is kept, what moved before is in it', () => {
  const stock = start()
  stock.send(moved(0, 100, undefined, 'warehouse'), moved(2 * HOUR, 10, 'warehouse', 'line1/rack'))
  stock.send(event('stock.counted', HOUR, { material: 'bolt', quantity: 97 }))
  assert.equal(stock.tags('warehouse')['bolt'], 87)
  // Somebody remembers a movement from before the count.
  stock.send(moved(30 * MINUTE, 3, 'warehouse', 'line1/rack'))
  assert.equal(stock.tags('warehouse')['bolt'], 87)
  assert.equal(stock.tags('line1/rack')['bolt'], 13)
})

test('ours and the ERP are compared as of the same time; a difference that lasts is an alarm', () => {
  const stock = start({ difference: { above: 2, for: '1h' } })
  stock.send(moved(0, 100, undefined, 'warehouse'), moved(2 * HOUR, 10, 'warehouse', 'line1/rack'))
  // 90 now, and 100 an hour ago, when the ERP looked.
  stock.send(event('stock.booked', HOUR, { material: 'bolt', quantity: 99 }))
  assert.deepEqual([stock.tags('warehouse')['bolt.difference'], stock.steps()], [1, []])
  stock.send(event('stock.booked', 3 * HOUR, { material: 'bolt', quantity: 95 }))
  assert.deepEqual([stock.tags('warehouse')['bolt.difference'], stock.steps()], [-5, []])
  stock.advance(3.9 * HOUR)
  assert.deepEqual(stock.steps(), [])
  stock.advance(4.1 * HOUR)
  assert.deepEqual(stock.steps(), [['stock.bolt.difference', 'raise', 'low', 240]])
  stock.send(event('stock.booked', 5 * HOUR, { material: 'bolt', quantity: 90 }))
  assert.deepEqual(stock.steps().at(-1), ['stock.bolt.difference', 'clear', undefined, 300])
})

test('the cover: consumption over the window, a plan in its place while it holds, alarms before it runs out', () => {
  const stock = start({ cover: { window: '4h', below: '3h' } })
  stock.send(moved(0, 100, undefined, 'rack'))
  // 10 an hour: after four hours 60 are left, which last six. Half an hour says nothing yet.
  for (let hour = 0; hour < 4; hour += 1) {
    stock.send(moved((hour + 0.5) * HOUR, 10, 'rack', 'line'))
    if (hour === 0) assert.equal(stock.tags('rack')['bolt.cover'], undefined)
  }
  stock.advance(4 * HOUR)
  assert.equal(stock.tags('rack')['bolt.cover'], 6)
  assert.deepEqual(stock.steps(), [])
  stock.send(
    event('stock.planned', 4 * HOUR, {
      material: 'bolt',
      place: 'rack',
      quantity: 120,
      until: new Date(T0 + 8 * HOUR).toISOString(),
    }),
  )
  assert.equal(stock.tags('rack')['bolt.cover'], 2)
  stock.send(moved(4.1 * HOUR, 20, 'rack', 'line'))
  assert.equal(stock.tags('rack')['bolt.cover'], 1.333333333)
  stock.send(moved(4.2 * HOUR, 80, undefined, 'rack'))
  assert.deepEqual(stock.steps(), [
    ['stock.bolt.cover', 'raise', 'medium', 240],
    ['stock.bolt.cover', 'update', 'high', 246],
    ['stock.bolt.cover', 'clear', undefined, 252],
  ])
  assert.equal(stock.alarms[0]!.message, 'Bring "bolt": 60 last 2.0 h, want at least 3.0 h')
})

test('kanban: one need is called once, cards are as many as it takes, what is late is an alarm', () => {
  const stock = start({
    reorder: [{ material: 'bolt', place: 'rack', below: 40, quantity: 50, from: 'warehouse', within: '1h' }],
  })
  stock.send(moved(0, 60, undefined, 'rack'))
  assert.equal(stock.events.length, 0)
  stock.send(moved(MINUTE, 25, 'rack', 'line'), moved(2 * MINUTE, 5, 'rack', 'line'))
  const [call, ...more] = stock.events
  assert.equal(more.length, 0)
  assert.deepEqual(call?.data, {
    material: 'bolt',
    place: `${SITE}/rack`,
    from: `${SITE}/warehouse`,
    quantity: 50,
    cards: 1,
    call: 1,
    stock: 35,
    onOrder: 0,
    due: new Date(T0 + MINUTE + HOUR).toISOString(),
  })
  // 30 there and 50 on their way; after 120 more are gone it takes three cards to be at 40 again.
  stock.send(moved(3 * MINUTE, 120, 'rack', 'line'))
  assert.deepEqual((stock.events[1]!.data as { cards: number }).cards, 2)
  assert.equal(stock.tags('rack')['bolt.ordered'], 150)
  stock.advance(62 * MINUTE)
  assert.deepEqual(stock.steps().at(-1), ['stock.bolt.late', 'raise', 'high', 61])
  stock.send(moved(63 * MINUTE, 150, 'warehouse', 'rack'))
  assert.equal(stock.tags('rack')['bolt.ordered'], 0)
  assert.deepEqual(
    stock.steps().find((step) => step[0] === 'stock.bolt.late' && step[1] === 'clear'),
    ['stock.bolt.late', 'clear', undefined, 63],
  )
  assert.equal(stock.events.length, 2)
})

test('lots go first in, first out; the named one is taken where it is named', () => {
  const stock = start()
  stock.send(moved(0, 10, undefined, 'rack', { lot: 'A' }), moved(1, 10, undefined, 'rack', { batch: 'B' }))
  stock.send(moved(2, 4, 'rack', 'line', { lot: 'B' }), moved(3, 12, 'rack', 'line'))
  assert.deepEqual(stock.tags('rack')['bolt.lots'], { B: 4 })
})

test('what makes no sense harms only itself, and is said', () => {
  const faults: string[] = []
  const stock = new Derived(driverOf({ materials: { oil: { unit: 'L' } } }, (message) => void faults.push(message)))
  stock.send(moved(0, 10, undefined, 'rack', { unit: 'kg' }))
  stock.send(
    moved(1, -1, undefined, 'rack'),
    moved(2, 1, 'rack', 'rack'),
    moved(3, 1),
    moved(4, 1, undefined, 'rack', { unit: 'g' }),
  )
  stock.send(
    event('stock.moved', 5, [1]),
    event('stock.moved', 5, { material: 'oil', quantity: 1, to: 'rack', unit: 'kg' }),
  )
  stock.send(event('stock.counted', 10, { material: 'bolt', place: 'rack', quantity: 9 }))
  stock.send(event('stock.counted', 9, { material: 'bolt', place: 'rack', quantity: 5 }))
  stock.send(event('order.started', 6, { order: 1 }))
  assert.deepEqual(faults, [
    'Cannot read event: "quantity" of "stock.moved" is -1, want a number above 0',
    `Cannot read event: "from" and "to" of "stock.moved" are ${SITE}/rack, want two places`,
    'Cannot read event: "from" and "to" of "stock.moved" are missing, want two places',
    'Cannot read event: "unit" is "g", want "kg" as before',
    'Cannot read event: data of "stock.moved" is [1], want an object',
    'Cannot read event: "unit" is "kg", want "L" as before',
    'Cannot read event: there is a later count, want a newer one',
  ])
  assert.equal(stock.tags('rack')['bolt'], 9)
})

/** The same movements and counts in any order of arrival. */
const history = fc.array(
  fc.record({
    at: fc.integer({ min: 0, max: 10_000 }),
    out: fc.boolean(),
    quantity: fc.integer({ min: 1, max: 50 }),
    counted: fc.option(fc.integer({ min: 0, max: 100 }), { freq: 4 }),
  }),
  { maxLength: 60 },
)

test('whatever the order of arrival, the stock is the newest count and all movements after it (seeded)', () => {
  const property = fc.property(history, fc.infiniteStream(fc.nat()), (steps, numbers) => {
    const shuffled = steps.map((step) => ({ step, by: numbers.next().value! })).sort((a, b) => a.by - b.by)
    const stock = new Derived(driverOf({}, () => {}))
    for (const { step } of shuffled) stock.send(factOf(step))
    const counts = steps.filter(({ counted }) => counted !== null)
    const last = counts.reduce((newest, { at }) => Math.max(newest, at), -1)
    const lastCounts = counts.filter(({ at }) => at === last)
    // Of two counts of one time the one that came last is believed.
    const believed = shuffled.filter(({ step }) => lastCounts.includes(step)).at(-1)?.step.counted ?? 0
    const after = steps.filter(({ at, counted }) => counted === null && at > last)
    const want = after.reduce((sum, { out, quantity }) => sum + (out ? -quantity : quantity), believed)
    assert.equal(stock.tags('rack')['bolt'] ?? 0, want)
  })
  fc.assert(property, { seed: 7, numRuns: 300 })
})

test('saved and restored at every step, the outputs are the same (seeded)', () => {
  const config = {
    cover: { window: '2m', below: '1m' },
    difference: { for: '1s' },
    reorder: [{ material: 'bolt', place: 'rack', below: 20, quantity: 10 }],
  }
  const property = fc.property(history, (steps) => {
    const facts = steps.map(factOf)
    const straight = driverOf(config, () => {})
    const whole = facts.map((fact) => straight.send(fact))
    const broken = driverOf(config, () => {})
    const kept = [new Map<string, Json | null>(), new Map<string, Json | null>()]
    const parts = facts.map((fact) => {
      const outputs = broken.send(fact)
      kept.forEach((states, stage) => {
        for (const { key, state } of broken.changes(stage)) states.set(key, state as Json)
        const saved = JSON.parse(JSON.stringify([...states])) as [string, Json][]
        broken.restore(
          saved.map(([key, state]) => ({ key, state }) as never),
          stage,
        )
      })
      return outputs
    })
    assert.deepEqual(parts, whole)
  })
  fc.assert(property, { seed: 8, numRuns: 100 })
})

function factOf({
  at,
  out,
  quantity,
  counted,
}: {
  at: number
  out: boolean
  quantity: number
  counted: number | null
}): Fact {
  const id = { id: `${at} ${out} ${quantity} ${counted} ${ids++}`, receivedTime: T0 + 10_000 }
  if (counted !== null) return event('stock.counted', at, { material: 'bolt', place: 'rack', quantity: counted }, id)
  return event('stock.moved', at, { material: 'bolt', quantity, [out ? 'from' : 'to']: 'rack' }, id)
}
