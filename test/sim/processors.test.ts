import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BUGS } from './mortal-log.ts'
import { simulate } from './processor-world.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 100)
const FIRST = Number(process.env['SEED'] ?? 1)
/** Seeds within which a planted bug is found. */
const MOST_SEEDS = 100

test(`${SEEDS} plants whose two hubs are killed at any call: all is derived, and once`, async (t) => {
  let kills = 0
  let derived = 0
  for (let seed = FIRST; seed < FIRST + SEEDS; seed += 1) {
    const { faults, kills: of, values } = await simulate(seed)
    assert.deepEqual(faults, [], `SEED=${seed} SEEDS=1`)
    kills += of
    derived += values.length
  }
  t.diagnostic(`${kills} kills, ${derived} derived`)
  assert.ok(kills > 2 * SEEDS)
})

test('a seed gives the same trace again', async () => {
  const [one, other] = [await simulate(FIRST), await simulate(FIRST)]
  assert.equal(one.trace, other.trace)
  assert.notEqual(one.trace, (await simulate(FIRST + 1)).trace)
})

for (const [bug, plant] of Object.entries(BUGS)) {
  test(`found: ${bug}`, async (t) => {
    for (let seed = FIRST; seed < FIRST + MOST_SEEDS; seed += 1) {
      const { faults } = await simulate(seed, plant)
      if (faults.length === 0) continue
      t.diagnostic(`by seed ${seed}: ${faults[0]}`)
      return
    }
    assert.fail(`not found by ${MOST_SEEDS} seeds`)
  })
}
