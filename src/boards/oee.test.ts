import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventViews } from '../api/event-views.ts'
import type { OeeQuery } from '../api/oee-port.ts'
import type { Plant } from '../config/plant.ts'
import { heldEvent } from '../events/decode.ts'
import { Events } from '../events/events.ts'
import { TopologyDriver } from '../flow/topology/driver.ts'
import { encodeOutput } from '../flow/topology/facts.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { oeeSpec } from '../processors/oee/spec.ts'
import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { OeeMachines } from './oee-machines.ts'
import { OeeBoard } from './oee.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'

const SITE = 'acme/berlin'
const START = Date.parse('2026-03-02T00:00:00Z')
const MINUTE = 60_000

/** A board over what an `oee` tells of two machines that run for `minutes`, each standing for ten minutes from minute 20 and every other minute from 120 on. */
async function board(minutes: number, more: object = {}) {
  const config = oeeSpec.config.parse({ on: 'line1/*', idealCycle: '60s', target: 0.8, ...more })
  const topology = oeeSpec.topology(config, { name: 'oee', site: SITE })
  const run = new TopologyDriver(topology)
  const directory = await temporaryFolder('board')
  const system = { clock: systemClock, disk: fileDisk, logger: silentLogger }
  const events = new Events({ site: SITE, directory, partitions: 1, system })
  let offset = 0
  for (let minute = 0; minute <= minutes; minute += 1) {
    const time = START + minute * MINUTE
    for (const [index, asset] of [`${SITE}/line1/a`, `${SITE}/line1/b`].entries()) {
      const stands = minute > 120 ? minute % 2 === 0 : minute >= 20 && minute < 30
      const values = { state: stands ? 'Held' : 'Execute', cycles: minute * (index + 1), scrap: 0 }
      const reading = { asset, sourceTime: time, receivedTime: time, values }
      const outputs = run.send({ kind: 'reading', reading })
      const told = outputs.filter(({ fact }) => fact.kind === 'event')
      const entries = told.flatMap((output) => {
        const { key, value, headers, timestamp } = encodeOutput(output, 'oee', 0)
        const bytes = (text: unknown) => Buffer.from(String(text))
        const stored = { key: bytes(key), value: bytes(value), timestamp, offset: offset++ }
        const named = (headers ?? []).map(([name, text]) => [name, bytes(text)] as const)
        return heldEvent(0, { ...stored, headers: named }) ?? []
      })
      events.take({ topic: 'acme.berlin.events', partition: 0, entries, nextOffset: offset, skipped: 0 })
    }
  }
  const plant = { site: SITE, processors: [{ name: 'oee', spec: oeeSpec, config, topology, from: 'start' }] }
  const log = new MemoryLog({ clock: systemClock })
  const views = new EventViews({ events, log, topic: 'acme.berlin.events', site: SITE })
  const clock = { ...systemClock, now: () => START + minutes * MINUTE }
  const machines = new OeeMachines(plant as unknown as Plant, events)
  const oee = new OeeBoard({ site: SITE, machines, events: views, clock })
  return (path: string, query: OeeQuery) => oee.oee(path, query, new AbortController().signal)
}

test('an hour that is over, the running one, and any part of the past', async () => {
  const ask = await board(90)
  const hour = (await ask(`${SITE}/line1/a`, { period: 'hour', at: START }))!
  assert.deepEqual([hour.level, hour.target, hour.period.name], ['machine', 0.8, '2026-03-02 00:00'])
  assert.deepEqual([hour.kpis.availability, hour.quantities!.PQ], [50 / 60, 60])
  assert.deepEqual(hour.pareto.state, [{ key: 'Held', ms: 10 * MINUTE, times: 1, share: 1, cumulative: 1 }])
  const running = (await ask(`${SITE}/line1/a`, { period: 'hour' }))!
  assert.deepEqual([running.period.from, running.period.knownTo], [START + 60 * MINUTE, START + 90 * MINUTE])
  // The last minute was told before the reading at its end had come.
  assert.deepEqual([running.kpis.availability, running.unknownShare, running.quantities!.PQ], [1, 0, 29])
  const span = (await ask(`${SITE}/line1/a`, { period: 'span', from: START + 15 * MINUTE, to: START + 75 * MINUTE }))!
  assert.equal(span.kpis.availability, 50 / 60)
  const sum = span.timelines[0]!.intervals.reduce((all, { from, to }) => all + to - from, 0)
  assert.equal(sum, 60 * MINUTE)
  const last = span.waterfall.at(-1)!
  assert.equal(last.name, 'good')
  const lost = span.waterfall.flatMap((step) => Object.values(step.lost)).reduce((all, ms) => all + ms, 0)
  assert.equal(last.ms + lost, 60 * MINUTE)
})

test('of a machine that has just been connected the last hour is as long as it is there', async () => {
  const ask = await board(18)
  const now = (await ask(`${SITE}/line1/a`, { period: 'now' }))!
  assert.deepEqual([now.period.from, now.unknownShare], [START, 0])
  const before = (await ask(`${SITE}/line1/a`, { period: 'span', from: START - 10 * MINUTE, to: START }))!
  assert.deepEqual([before.unknownShare, before.timelines[0]!.intervals[0]!.state], [1, 'no record'])
  assert.equal(before.kpis.oee, null)
})

test('machines beside each other are added up, those of a line have the pace of the bottleneck', async () => {
  const place = (await (await board(62))(SITE, { period: 'hour', at: START }))!
  assert.deepEqual([place.level, place.members.length], ['place', 2])
  // The two make 60 and 120 parts of 60 s each in 100 minutes of production, out of 120.
  assert.equal(place.kpis.availability, 100 / 120)
  assert.equal(place.kpis.effectiveness, 180 / 100)
  assert.equal(place.waterfall[0]!.ms, 120 * MINUTE)
  const ask = await board(62, { line: { asset: 'line1', bottleneck: 'line1/b' } })
  const line = (await ask(`${SITE}/line1`, { period: 'hour', at: START }))!
  assert.deepEqual([line.level, line.waterfallOf, line.quantities!.GQ], ['line', `${SITE}/line1/b`, 120])
  assert.equal(await ask(`${SITE}/line2`, { period: 'now' }), undefined)
})

test('the shift that runs, and where none does the one before', async () => {
  const ask = await board(90, { shifts: [{ name: 'night', from: '00:00', to: '01:00' }] })
  const shift = (await ask(`${SITE}/line1/a`, { period: 'shift' }))!
  assert.deepEqual([shift.period.kind, shift.period.name, shift.period.from], ['shift', 'night', START])
  assert.equal(shift.kpis.availability, 50 / 60)
})

test('a time of many short parts is shown in as many as can be seen, and none of it is lost', async () => {
  const ask = await board(40 * 60)
  const span = (await ask(SITE, { period: 'span', from: START, to: START + 40 * 60 * MINUTE }))!
  for (const { intervals, coarse } of span.timelines) {
    assert.ok(coarse && intervals.length <= 2_000, `${intervals.length} parts`)
    assert.equal(
      intervals.reduce((sum, { from, to }) => sum + to - from, 0),
      40 * 60 * MINUTE,
    )
  }
})
