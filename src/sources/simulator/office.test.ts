import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import type { OfficeEvent } from './door-supply.ts'
import { Office } from './office.ts'

function run(seed: number, seconds: number): OfficeEvent[] {
  const office = new Office(8, seededRandom(seed))
  return Array.from({ length: seconds }, () => office.next(1_000)).flat()
}

test('the office plans before it says what was seen, and the same for the same seed', () => {
  const events = run(1, 600)
  assert.deepEqual(run(1, 600), events)
  const first = (type: string) => events.findIndex((event) => event.type === type)
  assert.ok(first('sequence.planned') >= 0 && first('sequence.planned') < first('sequence.seen'))
  const kinds = new Set(events.map(({ type }) => type))
  assert.deepEqual([...kinds].sort(), [
    'sequence.planned',
    'sequence.seen',
    'stock.booked',
    'stock.counted',
    'stock.moved',
  ])
})

test('doors come to the line as they were planned, and not all of them on the way', () => {
  const events = run(2, 3_600)
  const planned = events
    .filter(({ type }) => type === 'sequence.planned')
    .flatMap(({ data }) => (data as { positions: { order: string }[] }).positions.map(({ order }) => order))
  const seenAt = (place: string) =>
    events
      .filter(({ type, asset }) => type === 'sequence.seen' && asset === place)
      .map(({ data }) => (data as { order: string }).order)
  const fitted = seenAt('assembly/line2/station14')
  assert.deepEqual(fitted, planned.slice(0, fitted.length))
  const buffered = seenAt('assembly/line2/door-buffer')
  assert.notDeepEqual(buffered, planned.slice(0, buffered.length))
})
