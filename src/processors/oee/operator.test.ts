import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fact } from '../../component/topology.ts'
import { TopologyDriver } from '../../flow/topology/driver.ts'
import type { Output } from '../../flow/topology/engine.ts'
import { seededRandom } from '../../system/random.ts'
import type { ToldLine } from './line-operator.ts'
import { oeeSpec } from './spec.ts'
import { wholeInterval, type ToldResult, type ToldRunning } from './told.ts'

/** The processor as a topology: what goes into it, and what it says, over any restart. */

const START = Date.parse('2026-03-02T00:00:00Z')
const MINUTE = 60_000
const LINE = 'acme/berlin/line1'
const PRESS1 = `${LINE}/press1`

function driver(config: object = {}): TopologyDriver {
  const given = { on: 'line1/*', idealCycle: '10s', microStop: '1m', ...config }
  return new TopologyDriver(oeeSpec.topology(oeeSpec.config.parse(given), { name: 'oee', site: 'acme/berlin' }))
}

function reading(minute: number, values: { [tag: string]: string | number }, asset = PRESS1): Fact {
  const time = START + minute * MINUTE
  return { kind: 'reading', reading: { asset, sourceTime: time, receivedTime: time, values } }
}

function event(minute: number, type: string, data: object, id = `${type}${minute}`): Fact {
  const time = START + minute * MINUTE
  const about = { id, type, asset: PRESS1, time, receivedTime: time, source: 'mes', data: data as never }
  return { kind: 'event', event: about }
}

function told<T>(outputs: readonly Output[], type: string, asset = PRESS1): T[] {
  return outputs.flatMap(({ fact }) =>
    fact.kind === 'event' && fact.event.type === type && fact.event.asset === asset ? [fact.event.data as T] : [],
  )
}

/** A press that makes a part each 10 s, stands from minute 20 to 30 for oil, and makes 3 bad parts. */
function shift(minutes: number, asset = PRESS1): Fact[] {
  const facts: Fact[] = []
  let cycles = 100
  for (let second = 0; second < minutes * 60; second += 10) {
    const stands = second >= 1200 && second < 1800
    if (!stands && second > 0) cycles += 1
    const scrap = Math.min(3, Math.floor(second / 600))
    facts.push(reading(second / 60, { state: stands ? 'Held' : 'Execute', cycles, scrap }, asset))
  }
  return facts
}

test('an hour of a machine becomes a result, minutes and tags', () => {
  const run = driver()
  const outputs = [
    ...run.send(event(0, 'order.started', { order: 'O-1', product: 'door' })),
    ...shift(62).flatMap((fact) => run.send(fact)),
    ...run.send(event(62, 'order.ended', { order: 'O-1' })),
    ...run.advance(START + 66 * MINUTE),
  ]
  const results = told<ToldResult>(outputs, 'oee.result')
  assert.deepEqual(
    results.map(({ key, name, revision }) => [key, name, revision]),
    [
      [`hour:${START}`, '2026-03-02 00:00', 0],
      ['order:O-1', 'O-1', 0],
    ],
  )
  const [hour, order] = results as [ToldResult, ToldResult]
  // 50 of 60 minutes ran; 10 s of ideal cycle for each of the parts that were made, 3 of them bad.
  assert.equal(hour.availability, 50 / 60)
  assert.deepEqual(hour.report.quantities, { PQ: 300, GQ: 297, SQ: 3, RQ: 0 })
  assert.equal(hour.report.totals.ms.breakdown, 10 * MINUTE)
  assert.deepEqual(
    hour.orders.map((one) => [one.order, one.product, one.quantities.PQ]),
    [['O-1', 'door', 300]],
  )
  const intervals = hour.intervals!.map(wholeInterval)
  assert.equal(
    intervals.reduce((sum, { from, to }) => sum + to - from, 0),
    60 * MINUTE,
  )
  const stop = intervals.find(({ category }) => category === 'breakdown')!
  assert.deepEqual([stop.first, stop.from], ['test.telemetry/0/121', START + 20 * MINUTE])
  assert.equal(order.report.quantities.PQ, 311)

  const minutes = told<ToldRunning>(outputs, 'oee.running')
  assert.equal(minutes.length, 64)
  // What the minutes say of the hour, the newest for each instant, is what the hour's result says.
  const covered = minutes.every(({ from }, index) => index === 0 || from <= minutes[index - 1]!.to)
  assert.equal(covered, true)
  const tags = outputs.flatMap(({ fact }) => (fact.kind === 'reading' ? [fact.reading] : []))
  const atHour = tags.find(({ sourceTime }) => sourceTime === START + 60 * MINUTE)!
  assert.equal(atHour.asset, PRESS1)
  assert.equal(atHour.values['oee.availability'], 50 / 60)
  assert.equal(atHour.values['oee.unknown'], 0)
})

test('a reason that is said afterwards, a planned stop and an event that makes no sense', () => {
  const faults: string[] = []
  const config = oeeSpec.config.parse({ on: 'line1/*', idealCycle: '10s', reasons: { oil: { class: 'waiting' } } })
  const topology = oeeSpec.topology(config, { name: 'oee', site: 'acme/berlin' })
  const run = new TopologyDriver(topology, { onFault: ({ error }) => faults.push((error as Error).message) })
  const iso = (minute: number) => new Date(START + minute * MINUTE).toISOString()
  const outputs = [
    ...shift(61).flatMap((fact) => run.send(fact)),
    ...run.send(event(62, 'stop.reason', { from: iso(20), to: iso(30), reason: 'oil' })),
    ...run.send(event(62, 'stop.reason', { from: iso(20), to: iso(30), reason: 'oil' })),
    ...run.send(event(63, 'stop.planned', { id: 'm1', from: iso(25), to: iso(30), reason: 'maintenance' })),
    ...run.send(event(63, 'stop.reason', { from: 'soon', to: iso(30), reason: 'oil' }, 'senseless')),
    ...run.send(event(63, 'stop.reason', { from: iso(30), to: iso(20), reason: 'oil' }, 'backwards')),
    ...run.advance(START + 70 * MINUTE),
  ]
  const hours = told<ToldResult>(outputs, 'oee.result').filter(({ kind }) => kind === 'hour')
  assert.equal(hours.at(-1)!.report.totals.ms.waiting, 5 * MINUTE)
  assert.equal(hours.at(-1)!.report.totals.ms['planned-stop'], 5 * MINUTE)
  assert.ok(hours.at(-1)!.revision > 0)
  assert.deepEqual(faults, ['Cannot read event: "from" is "soon", want a time as in 2026-01-31T08:00:00Z'])
  assert.match(told<{ message: string }>(outputs, 'oee.refused')[0]!.message, /it ends at .*, want an end after it/)
})

test('a restart after any fact changes nothing of what is said', () => {
  const seed = 7
  const random = seededRandom(seed)
  const facts = shift(70)
  const whole = driver()
  const cut = driver()
  const wanted = facts.flatMap((fact) => whole.send(fact))
  const got = facts.flatMap((fact) => {
    if (random.next() < 0.1) cut.restore(JSON.parse(JSON.stringify(cut.changes())) as never)
    return cut.send(fact)
  })
  assert.deepEqual(got, wanted, `seed ${seed}`)
})

test('a machine that says nothing is told rarely, and as unknown', () => {
  const run = driver({ stale: '2m' })
  run.send(reading(0, { state: 'Execute', cycles: 1, scrap: 0 }))
  const minutes = told<ToldRunning>(run.advance(START + 120 * MINUTE), 'oee.running')
  assert.ok(minutes.length <= 11, `${minutes.length} minutes were told`)
  assert.equal(minutes.at(-1)!.intervals.at(-1)!.category, 'unknown')
})

test('machines of a line in series: what the line came to, and its tags', () => {
  const run = driver({ line: { asset: 'line1', machines: ['line1/press2'] } })
  const facts = [...shift(62), ...shift(62, `${LINE}/press2`)].sort((a, b) => timeOf(a) - timeOf(b))
  const outputs = [...facts.flatMap((fact) => run.send(fact)), ...run.advance(START + 64 * MINUTE)]
  const [line] = told<ToldLine>(outputs, 'oee.result', LINE)
  assert.deepEqual(line!.machines, [`${LINE}/press2`, PRESS1])
  assert.equal(line!.line.goodAt, PRESS1)
  assert.equal(line!.line.kpis.availability, 50 / 60)
  const tags = outputs.filter(({ fact }) => fact.kind === 'reading' && fact.reading.asset === LINE)
  assert.ok(tags.length > 55, `${tags.length} times`)
})

function timeOf(fact: Fact): number {
  return fact.kind === 'reading' ? fact.reading.sourceTime : 0
}
