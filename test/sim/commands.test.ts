import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulateCommands, type Bug } from './command-world.ts'

/** Runs: SIM_COMMANDS=10000 node --test test/sim/commands.test.ts; SIM_SEED begins elsewhere. */
const RUNS = Number(process.env['SIM_COMMANDS'] ?? 100)
const FIRST = Number(process.env['SIM_SEED'] ?? 1)

test(`hubs killed at any call, ${RUNS} seeds: nothing twice, late, unsafe or without a right, no success unseen`, async () => {
  const states: { [state: string]: number } = {}
  let executed = 0
  let kills = 0
  for (let seed = FIRST; seed < FIRST + RUNS; seed += 1) {
    const run = await simulateCommands(seed)
    assert.deepEqual(run.faults, [], `seed ${seed}`)
    for (const [state, count] of Object.entries(run.states)) states[state] = (states[state] ?? 0) + count
    executed += run.executed
    kills += run.kills
  }
  console.log(JSON.stringify({ runs: RUNS, kills, executed, states }))
  for (const state of ['confirmed', 'rejected', 'expired', 'failed', 'unknown'])
    assert.ok((states[state] ?? 0) > 0, `no command ended ${state}: the world is too kind`)
})

test('the same seed is the same world', async () => {
  const [one, other] = [await simulateCommands(7), await simulateCommands(7)]
  assert.equal(one.trace, other.trace)
})

const BUGS: readonly (readonly [bug: Bug, fault: RegExp])[] = [
  ['sends again without an answer', /executed twice/],
  ['sends, then commits', /executed twice/],
  ['gives what it finds in the log its whole time', /after its time/],
]

for (const [bug, fault] of BUGS) {
  test(`found within 150 seeds: a hub that ${bug}`, async () => {
    for (let seed = 1; seed <= 150; seed += 1) {
      const { faults } = await simulateCommands(seed, bug)
      if (faults.some((one) => fault.test(one))) return
    }
    assert.fail('it was not found')
  })
}
