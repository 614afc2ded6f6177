import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { CommandEvent } from './command-event.ts'
import { decodeCommandEvent, encodeCommandEvent } from './command-record.ts'
import { ModelError } from './errors.ts'

const STEP = { id: 'c1', asset: 'acme/berlin/line1/press7', time: 1_700_000_000_000.125, run: 'hub-1' }

const EVENTS: readonly CommandEvent[] = [
  {
    kind: 'requested',
    ...STEP,
    command: 'setpoint',
    act: { kind: 'tag', tag: 'batch', value: 9_007_199_254_740_993n },
    by: 'ann',
    via: 'mqtt',
    ttlMs: 10_000,
    confirmMs: 5_000,
    expected: null,
    key: 'k',
    comment: 'ü',
    tolerance: 0.5,
    approveMs: 60_000,
  },
  {
    kind: 'requested',
    ...STEP,
    command: 'start',
    act: { kind: 'method', method: 'Start', args: [1.5, true, 'x', 7n] },
    by: 'ann',
    via: 'rest',
    ttlMs: 1,
    confirmMs: 1,
  },
  { kind: 'approved', ...STEP, by: 'bob', comment: 'yes' },
  { kind: 'claimed', ...STEP, hub: 'a', token: 't', source: 'line1' },
  {
    kind: 'settled',
    ...STEP,
    state: 'confirmed',
    reasons: [{ code: 'x', message: 'y' }],
    readBack: 55,
    results: [null, 7n],
    by: 'ann',
  },
]

for (const event of EVENTS) {
  test(`a step comes back as it was written: ${event.kind}`, () => {
    assert.deepEqual(decodeCommandEvent(Buffer.from(encodeCommandEvent(event))), event)
  })
}

test('whatever lies in the topic is a step or is refused, and nothing else happens', () => {
  const parsed = EVENTS.map((event) => JSON.parse(encodeCommandEvent(event)) as { [name: string]: unknown })
  const names = [...new Set(parsed.flatMap((one) => Object.keys(one)))]
  const spoiled = fc
    .tuple(fc.constantFrom(...parsed), fc.constantFrom(...names), fc.jsonValue())
    .map(([json, name, value]) => Buffer.from(JSON.stringify({ ...json, [name]: value })))
  fc.assert(
    fc.property(
      fc.oneof(
        spoiled,
        fc.jsonValue().map((json) => Buffer.from(JSON.stringify(json))),
        fc.uint8Array(),
      ),
      (bytes) => {
        try {
          const event = decodeCommandEvent(bytes)
          assert.deepEqual(decodeCommandEvent(Buffer.from(encodeCommandEvent(event))), event)
        } catch (error) {
          assert.ok(error instanceof ModelError, String(error))
        }
      },
    ),
    { numRuns: 3_000 },
  )
})
