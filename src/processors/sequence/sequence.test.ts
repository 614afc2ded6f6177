import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Fact } from '../../component/topology.ts'
import { TopologyDriver } from '../../flow/topology/driver.ts'
import type { AlarmTransition } from '../../model/alarm.ts'
import type { Event } from '../../model/event.ts'
import type { Json } from '../../model/json-value.ts'
import { sequenceSpec } from './spec.ts'

const SITE = 'acme/munich'
const T0 = Date.UTC(2025, 10, 30, 6)
const MINUTE = 60_000
const CONFIG = {
  line: 'line2',
  takt: '60s',
  checkpoints: [
    { name: 'dispatch', at: 'supply/doors', ahead: 40 },
    { name: 'buffer', at: 'line2/doors', ahead: 10, tag: 'scanned', low: 2 },
    { name: 'fit', at: 'line2/station14', ahead: 0 },
  ],
}

let ids = 0

function event(type: string, minute: number, asset: string, data: Json): Fact {
  const time = T0 + minute * MINUTE
  const event = { id: `e${++ids}`, type, asset: `${SITE}/${asset}`, time, receivedTime: time, source: 'mes', data }
  return { kind: 'event', event }
}

function plan(minute: number, orders: readonly string[], from = 1, more: { [name: string]: Json } = {}): Fact {
  const positions = orders.map((order, index) => ({ position: from + index, order, ...more }))
  return event('sequence.planned', minute, 'line2', { positions })
}

const dispatched = (minute: number, order: string, more: { [name: string]: Json } = {}) =>
  event('sequence.seen', minute, 'supply/doors', { order, ...more })
const fitted = (minute: number, order: string) => event('sequence.seen', minute, 'line2/station14', { order })

function scanned(minute: number, order: string): Fact {
  const time = T0 + minute * MINUTE
  return {
    kind: 'reading',
    reading: { asset: `${SITE}/line2/doors`, sourceTime: time, receivedTime: time, values: { scanned: order } },
  }
}

class Line {
  readonly driver: TopologyDriver
  readonly alarms: AlarmTransition[] = []
  readonly events: Event[] = []
  tags: { [tag: string]: unknown } = {}

  constructor(config: object = CONFIG, onFault?: (message: string) => void) {
    const topology = sequenceSpec.topology(sequenceSpec.config.parse(config), { name: 'doors', site: SITE })
    this.driver = new TopologyDriver(topology, {
      site: SITE,
      ...(onFault && { onFault: ({ error }) => onFault((error as Error).message) }),
    })
  }

  send(...facts: Fact[]): this {
    for (const fact of facts) this.#sort(this.driver.send(fact).map((output) => output.fact))
    return this
  }

  advance(minute: number): this {
    this.#sort(this.driver.advance(T0 + minute * MINUTE).map((output) => output.fact))
    return this
  }

  steps(): unknown[][] {
    return this.alarms.map(({ alarm, action, priority, time }) => [alarm, action, priority, (time - T0) / MINUTE])
  }

  /** Orders that deviate, with the class that was told last. */
  deviating(): { [order: string]: unknown } {
    const classes = new Map<string, unknown>()
    for (const { alarm, action, detail } of this.alarms) {
      const order = alarm.replace(/^doors\.order\./, '')
      if (action === 'clear') classes.delete(order)
      else classes.set(order, (detail as { class?: string }).class)
    }
    return Object.fromEntries(classes)
  }

  #sort(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'alarm') this.alarms.push(fact.alarm)
      if (fact.kind === 'event') this.events.push(fact.event)
      if (fact.kind === 'reading') this.tags = { ...this.tags, ...fact.reading.values }
    }
  }
}

const ORDERS = Array.from({ length: 60 }, (_, index) => `V${index + 1}`)

test('in sequence nothing is said; buffers and positions are tags of the line', () => {
  const line = new Line().send(plan(0, ORDERS))
  for (let index = 0; index < 5; index += 1) line.send(dispatched(index, ORDERS[index]!))
  line.send(scanned(6, 'V1'), scanned(7, 'V1'), scanned(8, 'V2'))
  assert.deepEqual(line.alarms, [])
  assert.deepEqual(line.tags, {
    deviations: 0,
    'dispatch.position': 5,
    'dispatch.buffer': 3,
    'buffer.position': 2,
    'buffer.buffer': 2,
  })
})

test('a missing part is an alarm long before the line, more urgent as it comes near, and over when it is there', () => {
  const line = new Line().send(plan(0, ORDERS), dispatched(0, 'V1'), dispatched(1, 'V3'))
  assert.deepEqual(line.steps(), [['doors.order.V2', 'raise', 'medium', 1]])
  assert.equal(
    line.alarms[0]!.message,
    'Check "V2": missing at dispatch, where "V3" came in its place; it is at the line in 40 min',
  )
  // 41 min after the start it is at the line: high 15 min before, critical 5 min before.
  line.advance(25.9)
  assert.equal(line.alarms.length, 1)
  line.advance(37)
  assert.deepEqual(line.steps().slice(1), [
    ['doors.order.V2', 'update', 'high', 26],
    ['doors.order.V2', 'update', 'critical', 36],
  ])
  line.send(scanned(38, 'V1'), scanned(38.5, 'V2'))
  assert.deepEqual(line.steps().at(-1), ['doors.order.V2', 'clear', undefined, 38.5])
  assert.deepEqual(
    line.events.map(({ type, data }) => [type, (data as { order: string }).order]),
    [
      ['sequence.deviated', 'V2'],
      ['sequence.restored', 'V2'],
    ],
  )
})

test('a part behind its place is swapped or late, one that nobody planned is extra, and so is one that comes again', () => {
  const line = new Line().send(plan(0, ORDERS), dispatched(0, 'V1'), dispatched(1, 'V3'), dispatched(2, 'V2'))
  assert.deepEqual(line.deviating(), { V2: 'swap' })
  line.send(dispatched(3, 'V5'), dispatched(3, 'V6'), dispatched(3, 'V7'), dispatched(3, 'V8'), dispatched(4, 'V4'))
  line.send(dispatched(5, 'X9'), dispatched(6, 'V8'))
  assert.deepEqual(line.deviating(), { V2: 'swap', V4: 'late', X9: 'extra', V8: 'extra' })
  // Put right in the buffer, or planned after all.
  line.send(scanned(7, 'V1'), scanned(8, 'V2'), scanned(9, 'V3'), scanned(10, 'V4'), plan(11, ['V60', 'X9'], 60))
  assert.deepEqual(line.deviating(), { V8: 'extra' })
  line.send(event('sequence.resolved', 12, 'line2', { order: 'V8' }))
  assert.deepEqual(line.deviating(), {})
})

test('the wrong variant is told where it is seen, and over where the right one is', () => {
  const line = new Line().send(
    plan(0, ORDERS, 1, { variant: 'L', part: 'A100' }),
    dispatched(0, 'V1', { variant: 'L' }),
  )
  line.send(dispatched(1, 'V2', { variant: 'R', part: 'A100' }))
  assert.deepEqual(line.deviating(), { 'V2#variant': 'wrong-variant' })
  assert.equal(line.alarms[0]!.message, 'Check "V2": variant at dispatch is "R", want "L"; it is at the line in 40 min')
  line.send(event('sequence.seen', 2, 'line2/doors', { order: 'V2', variant: 'L' }))
  assert.deepEqual(line.deviating(), {})
})

test('late by the line: what should be in the buffer when the line is so far; a line that stands still makes nothing late', () => {
  const line = new Line().send(plan(0, ORDERS), scanned(0, 'V1'), fitted(0, 'V1'))
  // V2 should have been in the buffer when the line was 10 before it; it is told at once, and in how long the line is there.
  assert.deepEqual(line.steps()[0], ['doors.order.V2', 'raise', 'critical', 0])
  const calm = new Line().send(plan(0, ORDERS))
  for (let index = 0; index < 20; index += 1) calm.send(scanned(index, ORDERS[index]!))
  // The line at V8: V18 has to be there, V20 is. At V12 V21 is late by 1, at V13 by 2, which is the tolerance.
  for (let index = 7; index < 12; index += 1) calm.send(fitted(13 + index, ORDERS[index]!))
  calm.advance(300)
  assert.deepEqual(calm.deviating(), {})
  calm.send(fitted(301, 'V13'))
  assert.deepEqual(calm.deviating(), { V21: 'late' })
  assert.equal(
    calm.alarms.at(-1)!.message,
    'Check "V21": has not come to buffer, where it is the next; it is at the line in 8 min',
  )
  calm.send(scanned(302, 'V21'))
  assert.deepEqual(calm.deviating(), {})
})

test('late by the plan: a part that is not at a checkpoint in time, without anything else being seen', () => {
  const due = (minute: number) => new Date(T0 + minute * MINUTE).toISOString()
  const positions = [1, 2].map((position) => ({ position, order: `V${position}`, due: due(60 + position) }))
  const line = new Line().send(event('sequence.planned', 0, 'line2', { positions }), dispatched(20, 'V1'))
  // V2 is at the line at 62, so at 22 at dispatch, and 2 min may pass.
  line.advance(23.9)
  assert.deepEqual(line.steps(), [])
  line.advance(24.1)
  assert.deepEqual(line.steps(), [['doors.order.V2', 'raise', 'medium', 24]])
  line.send(dispatched(30, 'V2'))
  assert.deepEqual(line.deviating(), {})
})

test('without a checkpoint at the line itself nobody knows how far it is, and without a plan nothing is out of sequence', () => {
  const line = new Line({ ...CONFIG, checkpoints: [CONFIG.checkpoints[1]!] })
  line.send(scanned(0, 'X1'), scanned(0, 'X2'), plan(0, ORDERS), scanned(0, 'V1'), scanned(1, 'V2'))
  assert.deepEqual([line.steps(), line.tags['deviations']], [[], 0])
  line.send(...Array.from({ length: 250 }, (_, index) => scanned(2, `X${index}`)))
  // So many say that the plan is wrong: no more are told.
  assert.equal(line.tags['deviations'], 200)
})

test('a buffer that runs low is an alarm with the time that it lasts', () => {
  const line = new Line().send(plan(0, ORDERS), scanned(0, 'V1'), scanned(0, 'V2'), scanned(0, 'V3'))
  line.send(fitted(1, 'V1'))
  line.send(fitted(2, 'V2'))
  const low = line.alarms.filter(({ alarm }) => alarm === 'doors.buffer.buffer')
  assert.deepEqual(
    low.map(({ action, message }) => [action, message]),
    [['raise', 'Bring parts to buffer: 1 are there, for 1 min, want at least 2']],
  )
  assert.equal(line.send(scanned(3, 'V4')).alarms.at(-1)!.action, 'clear')
})

test('a plan that makes no sense harms only itself', () => {
  const faults: string[] = []
  const line = new Line(CONFIG, (message) => void faults.push(message))
  const planned = (positions: Json) => event('sequence.planned', 0, 'line2', { positions })
  line.send(
    planned([]),
    planned([{ order: 'A' }]),
    planned([
      { position: 2, order: 'A' },
      { position: 2, order: 'B' },
    ]),
  )
  line.send(planned([{ position: 1, order: 'A' }, { order: 'A' }]), planned([{ position: 1, order: 'A', due: 'soon' }]))
  assert.deepEqual(faults, [
    'Cannot read event: "positions" of "sequence.planned" has 0 entries, want 1 to 1000',
    'Cannot read event: "position" of "sequence.planned" is missing, want a number',
    'Cannot read event: "position" of "B" is 2, want a whole number above the one before',
    'Cannot read event: order "A" is planned twice, want it once',
    'Cannot read event: "due" is no time, want RFC 3339, e.g. "2025-11-30T08:15:00Z"',
  ])
})

const sightings = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 30 }).map((all) => [...new Set(all)])

test('what deviates is what the order of sightings says (seeded)', () => {
  const property = fc.property(sightings, (positions) => {
    const line = new Line().send(plan(0, ORDERS))
    for (const position of positions) line.send(dispatched(0, `V${position}`))
    const want = new Map<string, string>()
    const highest = Math.max(...positions)
    for (let position = (positions[0] ?? 0) + 1; position < highest; position += 1) {
      if (!positions.includes(position)) want.set(`V${position}`, 'missing')
    }
    positions.forEach((position, index) => {
      const overtaken = positions.slice(0, index).filter((other) => other > position).length
      if (overtaken > 0) want.set(`V${position}`, overtaken <= 3 ? 'swap' : 'late')
    })
    assert.deepEqual(line.deviating(), Object.fromEntries(want))
  })
  fc.assert(property, { seed: 21, numRuns: 300 })
})

test('saved and restored at every step, the outputs are the same (seeded)', () => {
  const step = fc.record({
    at: fc.constantFrom('dispatch', 'scan', 'fit'),
    position: fc.integer({ min: 1, max: 30 }),
    after: fc.integer({ min: 0, max: 5 }),
  })
  const property = fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    let minute = 0
    const facts = [
      plan(0, ORDERS),
      ...steps.map(({ at, position, after }) => {
        minute += after
        const order = `V${position}`
        return at === 'scan' ? scanned(minute, order) : at === 'fit' ? fitted(minute, order) : dispatched(minute, order)
      }),
    ]
    const straight = new Line()
    const broken = new Line()
    const kept = [new Map<string, unknown>(), new Map<string, unknown>()]
    for (const fact of facts) {
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
    assert.deepEqual([broken.alarms, broken.events, broken.tags], [straight.alarms, straight.events, straight.tags])
  })
  fc.assert(property, { seed: 22, numRuns: 100 })
})
