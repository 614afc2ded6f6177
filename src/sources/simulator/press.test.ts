import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PACKML_STATES } from '../../model/definition.ts'
import { seededRandom } from '../../system/random.ts'
import { Press, type PressState } from './press.ts'

/** Runs a press until it is in a state; answers the simulated ms that took. */
function runUntil(press: Press, done: (press: Press) => boolean, mostMs: number): number {
  for (let ms = 0; ms < mostMs; ms += 100) {
    if (done(press)) return ms
    press.step(100)
  }
  throw new Error(`the press is ${JSON.stringify(press.values())} after ${mostMs} ms`)
}

const inState = (state: PressState) => (press: Press) => press.values().state === state

test('the same seed gives the same press, however time is cut', () => {
  const [fine, coarse] = [new Press(seededRandom(7)), new Press(seededRandom(7))]
  for (let i = 0; i < 6_000; i += 1) fine.step(50)
  for (let i = 0; i < 30; i += 1) coarse.step(10_000)
  assert.deepEqual(fine.values(), coarse.values())
  assert.notDeepEqual(fine.values(), new Press(seededRandom(8)).values())
})

test('the first minutes of seed 1', () => {
  const press = new Press(seededRandom(1))
  const seen: string[] = []
  for (let minute = 0; minute < 4; minute += 1) {
    const { state, temperature, vibration, pressure, cycles, scrap } = press.values()
    seen.push([state, temperature, vibration, pressure, cycles, scrap].join(' '))
    press.step(60_000)
  }
  assert.deepEqual(seen, GOLDEN)
})

const GOLDEN = [
  'Stopped 22 0 0 10136 0',
  'Execute 37.33 3.758 59.1 10147 1',
  'Execute 47.7 3.117 37 10162 1',
  'Execute 52.73 3.952 180.6 10176 1',
]

test('in two days it passes through every state it knows, wears out, is repaired, and its counters only grow', () => {
  const press = new Press(seededRandom(3))
  const states = new Set<string>()
  let failures = 0
  let before = press.values()
  for (let ms = 0; ms < 2 * 86_400_000; ms += 1_000) {
    press.step(1_000)
    const now = press.values()
    assert.ok(now.cycles >= before.cycles && now.scrap >= before.scrap && now.energy >= before.energy)
    assert.ok(now.temperature > 15 && now.temperature < 120 && now.vibration >= 0 && now.vibration < 18)
    if (now.state === 'Aborted' && before.state !== 'Aborted') failures += 1
    states.add(now.state)
    before = now
  }
  assert.equal(states.size, 16)
  for (const state of states) assert.ok((PACKML_STATES as readonly string[]).includes(state), state)
  assert.ok(failures >= 3, `${failures} failures in two days`)
})

test('overheating trips it, and the repair takes the fault out', () => {
  const press = new Press(seededRandom(4))
  runUntil(press, inState('Execute'), 60_000)
  press.inject('overheating')
  runUntil(press, inState('Aborted'), 300_000)
  assert.ok(press.values().temperature > 95)
  runUntil(press, inState('Execute'), 600_000)
  assert.equal(press.values().fault, 'none')
})

test('a jam holds it until the jam is taken out', () => {
  const press = new Press(seededRandom(5))
  runUntil(press, inState('Execute'), 60_000)
  press.inject('jam')
  runUntil(press, inState('Held'), 10_000)
  press.step(3_600_000)
  assert.equal(press.values().state, 'Held')
  press.inject('none')
  runUntil(press, inState('Execute'), 60_000)
})

test('a press that somebody has hold stays so until somebody lets it go on; a state that does not allow it says no', () => {
  const press = new Press(seededRandom(5))
  assert.deepEqual([press.hold(), press.unhold(), press.clear()], [false, false, false])
  runUntil(press, inState('Execute'), 60_000)
  assert.equal(press.hold(), true)
  press.step(300_000)
  assert.equal(press.values().state, 'Held')
  press.inject('jam')
  assert.equal(press.unhold(), false)
  press.inject('none')
  assert.equal(press.unhold(), true)
  assert.equal(runUntil(press, inState('Execute'), 10_000), 2_000)
})

test('an aborted press is cleared once it is cool', () => {
  const press = new Press(seededRandom(5))
  press.inject('overheating')
  runUntil(press, inState('Aborted'), 3_600_000)
  assert.equal(press.clear(), false)
  runUntil(press, (one) => one.values().temperature <= 60, 3_600_000)
  if (press.values().state === 'Aborted') assert.equal(press.clear(), true)
  runUntil(press, inState('Execute'), 60_000)
})
