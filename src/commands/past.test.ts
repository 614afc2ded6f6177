import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { topicSpec } from '../log/topics.ts'
import type { CommandEvent } from '../model/command-event.ts'
import { encodeCommandEvent } from '../model/command-record.ts'
import { systemClock } from '../system/clock.ts'
import { desiredOf } from './desired.ts'
import { commandsAt } from './past.ts'

const TOPIC = 'acme.berlin.commands'
const PRESS = 'acme/berlin/press1'
const { signal } = new AbortController()

const step = { id: 'c1', asset: PRESS }
const request = { ...step, kind: 'requested', command: 'setpoint', by: 'ann', via: 'rest', run: 'r' } as const
const STEPS: readonly CommandEvent[] = [
  { ...request, time: 1_000, act: { kind: 'tag', tag: 'setpoint', value: 60 }, ttlMs: 10_000, confirmMs: 5_000 },
  { ...step, kind: 'claimed', time: 2_000, hub: 'h', run: 'r', token: 't', source: 'line1' },
  { ...step, kind: 'settled', time: 3_000, state: 'confirmed', reasons: [], readBack: 60, run: 'r' },
]

test('what a tag was to be at a moment, and whether it was, is of the steps that were in the log by then', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([topicSpec('acme/berlin', 'commands', 4)])
  await log.append(TOPIC, [{ key: PRESS, value: 'none of ours', timestamp: 500 }])
  for (const event of STEPS)
    await log.append(TOPIC, [{ key: PRESS, value: encodeCommandEvent(event), timestamp: event.time }])
  const reported = { value: 45, quality: 0, receivedTime: 4_000 }
  const stateAt = async (at: number) => {
    const commands = await commandsAt(log, TOPIC, PRESS, at, signal)
    return desiredOf(commands, () => (at >= 4_000 ? reported : undefined)).map(({ value, state }) => [value, state])
  }
  assert.deepEqual(await stateAt(999), [])
  assert.deepEqual(await stateAt(1_000), [[60, 'waiting']])
  assert.deepEqual(await stateAt(2_500), [[60, 'in-flight']])
  assert.deepEqual(await stateAt(3_000), [[60, 'reached']])
  assert.deepEqual(await stateAt(4_000), [[60, 'differs']])
  const other = await commandsAt(log, TOPIC, 'acme/berlin/press2', 5_000, signal)
  assert.deepEqual(other.desired(), [])
})
