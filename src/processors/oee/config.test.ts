import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oeeSettings } from './config.ts'

const TAGS = { state: 'state' }

/** What is wrong with a config, as path and message. */
function faults(config: object): string[] {
  const { error } = oeeSettings.safeParse(config)
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test('a config becomes settings, in ms and minutes', () => {
  const settings = oeeSettings.parse({
    zone: 'Europe/Berlin',
    shifts: [{ name: 'early', from: '06:00', to: '14:00', days: 'mon-fri', breaks: [{ at: '10:00', for: '30m' }] }],
    tags: { total: 'count' },
    idealCycle: '4.2s',
    products: { A: { idealCycle: '6s' } },
    microStop: '2m',
    stale: 'never',
    lateness: '10h',
  })
  assert.deepEqual(settings.shifts, [
    {
      name: 'early',
      fromMinute: 360,
      toMinute: 840,
      days: [0, 1, 2, 3, 4],
      breaks: [{ name: 'break', atMinute: 600, forMs: 1_800_000 }],
    },
  ])
  assert.equal(settings.idealCycleMs, 4200)
  assert.deepEqual(settings.products, { A: { idealCycleMs: 6000 } })
  assert.equal(settings.movedWithinMs, 30_000)
  assert.deepEqual([settings.microStopMs, settings.staleMs, settings.latenessMs], [120_000, Infinity, 36_000_000])
  assert.equal(settings.reviseMs, 36_000_000, 'what may be late may be corrected')
})

test('days of the week over its end, single days and lists', () => {
  const days = (given: unknown) =>
    oeeSettings.parse({ shifts: [{ name: 's', from: '06:00', to: '14:00', days: given }], tags: TAGS }).shifts[0]!.days
  assert.deepEqual(days('fri-mon'), [4, 5, 6, 0])
  assert.deepEqual(days('wed'), [2])
  assert.deepEqual(days(['sat', 'sun']), [5, 6])
})

test('what is wrong is said in a sentence', () => {
  const shift = (more: object) => ({ tags: TAGS, shifts: [{ name: 'a', from: '06:00', to: '14:00', ...more }] })
  assert.deepEqual(faults({ tags: { product: 'p' } }), [
    'tags: Cannot tell when the machine runs: it has none of state, running, total, good, scrap, want one',
  ])
  assert.deepEqual(faults({ tags: { good: 'g' } }), [
    'idealCycle: Cannot tell when the machine runs by its counter: idealCycle is missing, want the time per item',
  ])
  assert.deepEqual(faults(shift({ from: '25:00' })), [
    'shifts.0.from: Cannot read time "25:00": want "HH:MM", 00:00 to 24:00',
  ])
  assert.deepEqual(faults(shift({ days: 'mon-fry' })), [
    'shifts.0.days: Cannot read days "mon-fry": want e.g. "mon-fri", "sat", [mon, wed]',
  ])
  assert.deepEqual(faults({ tags: TAGS, zone: 'Mars/Olympus' }), [
    'zone: it is no time zone, want an IANA name such as "Europe/Berlin"',
  ])
})

test('shifts that share time are refused, also over midnight and the end of the week', () => {
  const overlap = (a: [string, string], b: [string, string], days: string) =>
    faults({
      tags: TAGS,
      shifts: [
        { name: 'a', from: a[0], to: a[1], days },
        { name: 'b', from: b[0], to: b[1], days },
      ],
    })
  assert.deepEqual(overlap(['06:00', '14:00'], ['13:00', '20:00'], 'mon'), [
    'shifts: Cannot plan shift "b": it begins before "a" has ended, want one after the other',
  ])
  assert.deepEqual(overlap(['06:00', '14:00'], ['22:00', '07:00'], 'sun-mon').length, 1)
  assert.deepEqual(overlap(['06:00', '14:00'], ['22:00', '07:00'], 'sun').length, 0)
  assert.deepEqual(overlap(['06:00', '18:00'], ['18:00', '06:00'], 'mon-sun'), [])
})
