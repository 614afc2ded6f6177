import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HUB, killLoop } from './kill-loop.ts'

const CYCLES = Number(process.env['KILL_CYCLES'] ?? 20)
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test(`T1: ${CYCLES} times kill -9 under load loses nothing that was acknowledged (seed ${SEED})`, async (t) => {
  const result = await killLoop({
    cycles: CYCLES,
    seed: SEED,
    rate: 5_000,
    program: HUB,
    say: (line) => t.diagnostic(line),
  })
  const sorted = [...result.readyMs].sort((a, b) => a - b)
  const at = (share: number) => Math.round(sorted[Math.floor(sorted.length * share)]!)
  t.diagnostic(
    `${result.acknowledged} acknowledged, ${result.repeated} repeated, killed ${CYCLES} times under load and ${result.killedStarting} times while starting, lost ${result.lost.length}, inversions ${result.inversions.length}, phantoms ${result.phantoms.length}; ready p50 ${at(0.5)} ms, p95 ${at(0.95)} ms`,
  )
  assert.ok(result.acknowledged > CYCLES * 500, `only ${result.acknowledged} acknowledged`)
  assert.deepEqual(result.lost.slice(0, 10), [])
  assert.deepEqual(result.phantoms.slice(0, 10), [])
  assert.deepEqual(result.inversions.slice(0, 10), [])
  assert.equal(result.ledger.code, 0, result.ledger.answer)
  assert.equal(JSON.parse(result.ledger.answer).balanced, true)
})

test('T1, negative control: a hub that acknowledges before it writes is caught', async (t) => {
  const result = await killLoop({
    cycles: 5,
    seed: SEED,
    rate: 5_000,
    program: ['test/faults/early-ack-hub.ts'],
    say: (line) => t.diagnostic(line),
  })
  assert.ok(result.lost.length > 0, `${result.acknowledged} acknowledged before they were written, and none was lost`)
})
