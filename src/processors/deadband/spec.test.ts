import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reading, run, T0, told } from '../../../test/operators/rig.ts'
import { deadbandSpec } from './spec.ts'

test('of a reading what has changed enough is reported, at the latest when the last report is too old', () => {
  const config = { tags: { temperature: { deadband: 0.5, atLeastEvery: '10m' }, state: 0 } }
  const topology = deadbandSpec.topology(deadbandSpec.config.parse(config), {
    name: 'by-exception',
    site: 'acme/berlin',
  })
  const facts = [
    reading(T0, { temperature: 20, state: 'Idle' }),
    reading(T0 + 1_000, { temperature: 20.5, state: 'Idle' }),
    reading(T0 + 2_000, { temperature: 20.75, state: 'Execute' }),
    reading(T0 + 602_000, { temperature: 20.75 }),
  ]
  assert.deepEqual(told(run(topology, facts)), [
    [0, { 'temperature.reported': 20, 'state.reported': 'Idle' }],
    [2_000, { 'temperature.reported': 20.75, 'state.reported': 'Execute' }],
    [602_000, { 'temperature.reported': 20.75 }],
  ])
})
