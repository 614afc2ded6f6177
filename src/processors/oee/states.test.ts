import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classInMode, modeOf, stateOf } from './states.ts'

test('the states of PackML by number, as the two standards count them', () => {
  const tr88 = Array.from({ length: 18 }, (_, number) => stateOf(number, 'isa-tr88', {}).label)
  assert.equal(
    tr88.join(),
    'Undefined,Clearing,Stopped,Starting,Idle,Suspended,Execute,Stopping,Aborting,Aborted,Holding,Held,Unholding,Suspending,Unsuspending,Resetting,Completing,Complete',
  )
  assert.deepEqual(stateOf(6, 'isa-tr88', {}), { label: 'Execute', class: 'running' })
  assert.deepEqual(stateOf(4, 'opc-30060', {}), { label: 'Execute', class: 'running' })
  assert.deepEqual(stateOf('6', 'opc-30060', {}), { label: 'Complete', class: 'waiting' })
})

test('of the 17 states only Execute produces; Held is a cause within, Suspended one without', () => {
  const all = Array.from({ length: 17 }, (_, index) => stateOf(index + 1, 'isa-tr88', {}))
  const of = (kind: string) => all.flatMap((state) => (state.class === kind ? [state.label] : []))
  assert.deepEqual(of('running'), ['Execute'])
  assert.deepEqual(of('waiting'), ['Idle', 'Suspended', 'Suspending', 'Unsuspending', 'Complete'])
  assert.deepEqual(of('setup'), ['Starting', 'Resetting', 'Completing'])
  assert.deepEqual(of('breakdown'), [
    'Clearing',
    'Stopped',
    'Stopping',
    'Aborting',
    'Aborted',
    'Holding',
    'Held',
    'Unholding',
  ])
})

test('names in any spelling, and the states of OPC 40001-1', () => {
  assert.equal(stateOf('EXECUTE', 'isa-tr88', {}).label, 'Execute')
  assert.equal(stateOf('un-holding', 'isa-tr88', {}).label, 'Unholding')
  assert.equal(stateOf('completed', 'isa-tr88', {}).label, 'Complete')
  assert.deepEqual(stateOf('OutOfService', 'isa-tr88', {}), { label: 'OutOfService', class: 'breakdown' })
  assert.equal(stateOf('NotAvailable', 'isa-tr88', {}).class, null)
})

test('a state that nobody knows has no meaning, unless the config gives it one', () => {
  assert.deepEqual(stateOf('Dancing', 'isa-tr88', {}), { label: 'Dancing', class: null })
  assert.deepEqual(stateOf(0, 'isa-tr88', {}), { label: 'Undefined', class: null })
  assert.deepEqual(stateOf('constructor', 'isa-tr88', {}), { label: 'constructor', class: null })
  assert.equal(stateOf('Dancing', 'isa-tr88', { Dancing: 'running' }).class, 'running')
  assert.equal(stateOf(17, 'isa-tr88', { Complete: 'breakdown' }).class, 'breakdown')
  assert.equal(stateOf(42, 'isa-tr88', { 42: 'setup' }).class, 'setup')
})

test('modes: set-up is set-up whatever moves, maintenance without an order is preventive', () => {
  assert.equal(classInMode('running', modeOf('Setup'), false), 'setup')
  assert.equal(classInMode('breakdown', modeOf(3), false), 'setup')
  assert.equal(classInMode('breakdown', modeOf('Maintenance'), true), 'planned-stop')
  assert.equal(classInMode('breakdown', modeOf(2), false), 'breakdown')
  assert.equal(classInMode('waiting', modeOf('Processing'), true), 'waiting')
  assert.equal(modeOf('whatever'), 'production')
})
