import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Calendar, PERIOD_KINDS } from './calendar.ts'
import { oeeSettings } from './config.ts'
import { DAY_MS, HOUR_MS, instantOf, MINUTE_MS, offsetAt } from './zone.ts'

const THREE_SHIFTS = [
  { name: 'early', from: '06:00', to: '14:00', days: 'mon-fri', breaks: [{ name: 'tea', at: '10:00', for: '30m' }] },
  { name: 'late', from: '14:00', to: '22:00', days: 'mon-fri' },
  { name: 'night', from: '22:00', to: '06:00', days: 'sun-fri', breaks: [{ name: 'meal', at: '02:15', for: '30m' }] },
]

function calendar(more: object = {}): Calendar {
  return new Calendar(
    oeeSettings.parse({
      zone: 'Europe/Berlin',
      shifts: THREE_SHIFTS,
      tags: { state: 's' },
      ...more,
    }),
  )
}

function shown(periods: Iterable<{ name: string; from: number; to: number }>): [string, string, number][] {
  return [...periods].map(({ name, from, to }) => [
    name,
    new Date(from).toISOString().slice(0, 16),
    (to - from) / HOUR_MS,
  ])
}

test('a shift over the change of the clocks has the hours that really pass', () => {
  const spring = calendar().periods('shift', Date.parse('2026-03-28T20:00Z'), Date.parse('2026-03-30T06:00Z'))
  // Saturday has no night shift; Sunday 29 March begins at 22:00 local, after the change.
  assert.deepEqual(shown(spring), [
    ['night', '2026-03-29T20:00', 8],
    ['early', '2026-03-30T04:00', 8],
  ])
  const daily = { shifts: THREE_SHIFTS.map((shift) => ({ ...shift, days: 'mon-sun' })) }
  const march = calendar(daily).periods('shift', Date.parse('2026-03-28T20:00Z'), Date.parse('2026-03-29T06:00Z'))
  assert.deepEqual(shown(march), [
    ['late', '2026-03-28T13:00', 8],
    ['night', '2026-03-28T21:00', 7],
    ['early', '2026-03-29T04:00', 8],
  ])
  const october = calendar(daily).periods('shift', Date.parse('2026-10-24T20:00Z'), Date.parse('2026-10-25T05:00Z'))
  assert.deepEqual(shown(october), [['night', '2026-10-24T20:00', 9]])
})

test('days have 23, 24 and 25 hours, and hours that are there twice are two', () => {
  const days = calendar().periods('day', Date.parse('2026-03-28T12:00Z'), Date.parse('2026-03-29T23:00Z'))
  assert.deepEqual(shown(days), [
    ['2026-03-28', '2026-03-27T23:00', 24],
    ['2026-03-29', '2026-03-28T23:00', 23],
    ['2026-03-30', '2026-03-29T22:00', 24],
  ])
  const hours = [...calendar().periods('hour', Date.parse('2026-10-24T23:30Z'), Date.parse('2026-10-25T02:00Z'))]
  assert.deepEqual(shown(hours), [
    ['2026-10-25 01:00', '2026-10-24T23:00', 1],
    ['2026-10-25 02:00', '2026-10-25T00:00', 1],
    ['2026-10-25 02:00', '2026-10-25T01:00', 1],
  ])
})

test('a break that is skipped with the clocks comes as much later; one that is there twice is taken the first time', () => {
  const daily = { shifts: THREE_SHIFTS.map((shift) => ({ ...shift, days: 'mon-sun' })) }
  const breakIn = (from: string, to: string) =>
    [...calendar(daily).spans(Date.parse(from), Date.parse(to))]
      .filter((span) => span.break !== '')
      .map(({ from, to }) => [new Date(from).toISOString().slice(11, 16), (to - from) / MINUTE_MS])
  // 02:15 is not there on 29 March: 03:15 local, 01:15 UTC.
  assert.deepEqual(breakIn('2026-03-28T21:00Z', '2026-03-29T04:00Z'), [['01:15', 30]])
  assert.deepEqual(breakIn('2026-10-24T20:00Z', '2026-10-25T05:00Z'), [['00:15', 30]])
})

test('the production day may begin with a shift, and closed dates have none', () => {
  const days = calendar({ dayStart: '06:00' }).periods(
    'day',
    Date.parse('2026-06-01T03:00Z'),
    Date.parse('2026-06-01T05:00Z'),
  )
  assert.deepEqual(shown(days), [
    ['2026-05-31', '2026-05-31T04:00', 24],
    ['2026-06-01', '2026-06-01T04:00', 24],
  ])
  const shifts = calendar({ closed: ['2026-06-01'] }).periods(
    'shift',
    Date.parse('2026-06-01T04:00Z'),
    Date.parse('2026-06-02T05:00Z'),
  )
  assert.deepEqual(shown(shifts), [['early', '2026-06-02T04:00', 8]])
})

test('zones that are a part of an hour off have their own hours', () => {
  const india = calendar({ zone: 'Asia/Kolkata' })
  assert.deepEqual(shown(india.periods('hour', Date.parse('2026-06-01T00:40Z'), Date.parse('2026-06-01T01:00Z'))), [
    ['2026-06-01 06:00', '2026-06-01T00:30', 1],
  ])
})

test('in any zone periods and spans follow each other without a gap, cut at edges', () => {
  const zones = [
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'America/Sao_Paulo',
    'UTC',
  ]
  const anyTime = fc.integer({ min: Date.parse('2015-01-01'), max: Date.parse('2030-01-01') })
  fc.assert(
    fc.property(fc.constantFrom(...zones), anyTime, fc.integer({ min: 1, max: 3 * DAY_MS }), (zone, from, length) => {
      const own = calendar({ zone })
      const to = from + length
      const spans = [...own.spans(from, to)]
      assert.equal(spans[0]!.from, from)
      assert.equal(spans.at(-1)!.to, to)
      for (const [index, span] of spans.entries()) {
        assert.ok(span.to > span.from)
        if (index === 0) continue
        assert.equal(span.from, spans[index - 1]!.to)
        assert.equal(own.nextEdge(span.from - 1), span.from)
      }
      for (const kind of PERIOD_KINDS) {
        const periods = [...own.periods(kind, from, to)]
        for (const [index, period] of periods.entries()) {
          assert.ok(period.to > from && period.from < to && period.to > period.from)
          assert.equal(own.nextEdge(period.from - 1), period.from)
          if (index > 0 && kind !== 'shift') assert.equal(period.from, periods[index - 1]!.to)
        }
      }
    }),
    { numRuns: 150 },
  )
})

test('an instant and its time on the wall are each other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.parse('2035-01-01') }), (instant) => {
      const again = instantOf(instant + offsetAt(instant, 'Europe/Berlin'), 'Europe/Berlin')
      // Of an hour that is there twice it is the first.
      assert.ok(again === instant || again === instant - HOUR_MS)
    }),
    { numRuns: 500 },
  )
})
