import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALARM_ACTIONS, ALARM_PRIORITIES, type AlarmTransition } from '../model/alarm.ts'
import {
  atTime,
  decide,
  evolve,
  isHidden,
  LONGEST_SHELVED_MS,
  newAlarm,
  stateOf,
  type Alarm,
  type AlarmCommand,
  type AlarmStateName,
} from './life-cycle.ts'

const NOW = 1_732_287_000_000
const ASSET = 'acme/berlin/line1/press7'

function told(action: AlarmTransition['action'], more: Partial<AlarmTransition> = {}): AlarmTransition {
  return {
    asset: ASSET,
    alarm: 'hot',
    action,
    time: NOW,
    by: 'ann',
    ...(action === 'shelve' && { until: NOW + 60_000 }),
    ...more,
  }
}

/** What led to each state of figure 3; `!` in front of a raise: the alarm latches. */
const WAYS: { readonly [state in AlarmStateName]: readonly string[] } = {
  normal: [],
  unacknowledged: ['raise'],
  acknowledged: ['raise', 'acknowledge'],
  'returned-unacknowledged': ['raise', 'clear'],
  'latched-unacknowledged': ['!raise', 'clear'],
  'latched-acknowledged': ['!raise', 'clear', 'acknowledge'],
  shelved: ['raise', 'shelve'],
  suppressed: ['raise', 'suppress'],
  'out-of-service': ['raise', 'remove-from-service'],
}

function inState(state: AlarmStateName): Alarm {
  return WAYS[state].reduce((alarm, step) => evolve(alarm, toldOf(step)), newAlarm(ASSET, 'hot'))
}

function toldOf(step: string): AlarmTransition {
  return step.startsWith('!') ? told(step.slice(1) as 'raise', { latch: true }) : told(step as 'raise')
}

/** The arrows of figure 3: by state what each step leads to; every other step leads to nothing. */
const ARROWS: { readonly [state in AlarmStateName]: { readonly [step: string]: AlarmStateName } } = {
  normal: {
    raise: 'unacknowledged',
    '!raise': 'unacknowledged',
    shelve: 'shelved',
    suppress: 'suppressed',
    'remove-from-service': 'out-of-service',
  },
  unacknowledged: {
    acknowledge: 'acknowledged',
    clear: 'returned-unacknowledged',
    shelve: 'shelved',
    suppress: 'suppressed',
    'remove-from-service': 'out-of-service',
  },
  acknowledged: { clear: 'normal', shelve: 'shelved', suppress: 'suppressed', 'remove-from-service': 'out-of-service' },
  'returned-unacknowledged': {
    raise: 'unacknowledged',
    '!raise': 'unacknowledged',
    acknowledge: 'normal',
    shelve: 'shelved',
    suppress: 'suppressed',
    'remove-from-service': 'out-of-service',
  },
  'latched-unacknowledged': {
    raise: 'unacknowledged',
    '!raise': 'unacknowledged',
    acknowledge: 'latched-acknowledged',
    shelve: 'shelved',
    suppress: 'suppressed',
    'remove-from-service': 'out-of-service',
  },
  'latched-acknowledged': {
    raise: 'unacknowledged',
    '!raise': 'unacknowledged',
    reset: 'normal',
    shelve: 'shelved',
    suppress: 'suppressed',
    'remove-from-service': 'out-of-service',
  },
  shelved: { unshelve: 'unacknowledged', suppress: 'suppressed', 'remove-from-service': 'out-of-service' },
  suppressed: { unsuppress: 'unacknowledged', 'remove-from-service': 'out-of-service' },
  'out-of-service': { 'return-to-service': 'unacknowledged' },
}

for (const [state, arrows] of Object.entries(ARROWS) as [
  AlarmStateName,
  { readonly [step: string]: AlarmStateName },
][]) {
  for (const step of [...ALARM_ACTIONS, '!raise']) {
    const to = arrows[step] ?? state
    test(`${state}: ${step} leads to ${to === state ? 'nothing' : to}`, () => {
      const alarm = inState(state)
      assert.equal(stateOf(alarm), state)
      assert.equal(stateOf(evolve(alarm, toldOf(step))), to)
    })
  }
}

test('what is out of sight goes on underneath', () => {
  for (const [hide, show] of [
    ['shelve', 'unshelve'],
    ['suppress', 'unsuppress'],
    ['remove-from-service', 'return-to-service'],
  ] as const) {
    const steps = ['raise', 'acknowledge', hide, 'clear', show] as const
    assert.equal(stateOf(steps.reduce((alarm, step) => evolve(alarm, told(step)), newAlarm(ASSET, 'hot'))), 'normal')
    const again = [hide, 'raise', show] as const
    const alarm = again.reduce((alarm, step) => evolve(alarm, told(step)), newAlarm(ASSET, 'hot'))
    assert.equal(stateOf(alarm), 'unacknowledged')
    assert.equal(alarm.hiddenAt, undefined)
  }
})

test('hidden twice is seen again only when both have ended', () => {
  const alarm = ['raise', 'shelve', 'suppress', 'unshelve'].reduce(
    (alarm, step) => evolve(alarm, toldOf(step)),
    newAlarm(ASSET, 'hot'),
  )
  assert.equal(stateOf(alarm), 'suppressed')
  assert.equal(stateOf(evolve(alarm, told('unsuppress'))), 'unacknowledged')
})

test('shelving ends by itself', () => {
  const alarm = evolve(inState('acknowledged'), told('shelve', { until: NOW + 1000 }))
  assert.equal(stateOf(atTime(alarm, NOW + 999)), 'shelved')
  assert.equal(stateOf(atTime(alarm, NOW + 1000)), 'unacknowledged')
})

test('what becomes worse wants to be acknowledged again, what becomes better does not', () => {
  const alarm = inState('acknowledged')
  assert.equal(stateOf(evolve(alarm, told('update', { priority: 'low' }))), 'acknowledged')
  const worse = evolve(alarm, told('update', { priority: 'critical', message: 'worse' }))
  assert.deepEqual([stateOf(worse), worse.priority, worse.message], ['unacknowledged', 'critical', 'worse'])
})

test('occurrences, times and who did it are kept', () => {
  const steps = [
    told('raise', { priority: 'high', message: 'hot', detail: { t: 96 } }),
    told('acknowledge', { time: NOW + 1, by: 'bob', comment: 'on my way' }),
    told('clear', { time: NOW + 2, detail: { t: 90 } }),
    told('raise', { time: NOW + 3 }),
  ]
  const alarm = steps.reduce(evolve, newAlarm(ASSET, 'hot'))
  assert.deepEqual(alarm, {
    ...newAlarm(ASSET, 'hot'),
    isActive: true,
    isAcknowledged: false,
    priority: 'high',
    message: 'hot',
    detail: { t: 90 },
    raisedAt: NOW + 3,
    occurrences: 2,
    comments: [{ time: NOW + 1, by: 'bob', comment: 'on my way' }],
  })
})

const REFUSALS: readonly (readonly [state: AlarmStateName, command: Omit<AlarmCommand, 'by'>, refused: string])[] = [
  ['normal', { action: 'acknowledge' }, 'it is normal, want it unacknowledged'],
  ['acknowledged', { action: 'acknowledge' }, 'it is acknowledged, want it unacknowledged'],
  ['shelved', { action: 'acknowledge' }, 'it is shelved, want one in sight'],
  ['latched-unacknowledged', { action: 'reset' }, 'it is latched-unacknowledged, want it latched and acknowledged'],
  ['unacknowledged', { action: 'unshelve' }, 'it is not shelved'],
  ['unacknowledged', { action: 'shelve' }, 'it is not said until when, want a time'],
  ['unacknowledged', { action: 'shelve', until: NOW }, `the time ${NOW} is over, want one after ${NOW}`],
  ['unacknowledged', { action: 'shelve', until: NaN }, `the time NaN is over, want one after ${NOW}`],
  [
    'unacknowledged',
    { action: 'shelve', until: NOW + LONGEST_SHELVED_MS + 1 },
    'the time is 86400001 ms ahead, want at most 86400000',
  ],
  ['suppressed', { action: 'shelve', until: NOW + 1 }, 'it is suppressed already'],
  ['suppressed', { action: 'suppress' }, 'it is suppressed already'],
  ['normal', { action: 'return-to-service' }, 'it is not out of service'],
  ['normal', { action: 'comment' }, 'it has no text, want a comment'],
]

for (const [state, command, refused] of REFUSALS) {
  test(`${command.action} of one that is ${state}: ${refused}`, () => {
    assert.deepEqual(decide(inState(state), { ...command, by: 'ann' }, NOW), { refused })
  })
}

test('a command becomes one transition that says who, why and until when', () => {
  const command: AlarmCommand = { action: 'shelve', by: 'ann', comment: 'sensor is being changed', until: NOW + 5 }
  assert.deepEqual(decide(inState('unacknowledged'), command, NOW), [
    {
      asset: ASSET,
      alarm: 'hot',
      action: 'shelve',
      time: NOW,
      by: 'ann',
      comment: 'sensor is being changed',
      until: NOW + 5,
    },
  ])
})

function checkPossible(alarm: Alarm): void {
  assert.ok(!(alarm.isActive && alarm.isLatched), 'active and latched')
  assert.ok(!alarm.isLatched || alarm.latches, 'latched, and does not latch')
  assert.ok(alarm.occurrences > 0 || (!alarm.isActive && alarm.isAcknowledged), 'there was nothing to acknowledge')
  assert.equal(alarm.hiddenAt !== undefined, isHidden(alarm), 'hidden, and it is not known since when')
  assert.equal(
    alarm.isActive,
    alarm.raisedAt !== undefined && alarm.clearedAt === undefined,
    'active without a beginning',
  )
  assert.ok(alarm.comments.length <= 20)
}

const step = fc.record({
  action: fc.constantFrom(...ALARM_ACTIONS),
  priority: fc.constantFrom(...ALARM_PRIORITIES, undefined),
  latch: fc.boolean(),
  comment: fc.option(fc.string({ minLength: 1 }), { nil: undefined }),
  shelvedMs: fc.nat({ max: 5_000 }),
  apartMs: fc.nat({ max: 4_000 }),
})

test('no way of commands and transitions leads to what cannot be, and what is decided is possible', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.boolean(), (steps, isForeign) => {
      let alarm = newAlarm(ASSET, 'hot')
      let now = NOW
      for (const { action, priority, latch, comment, shelvedMs, apartMs } of steps) {
        now += apartMs
        const said = comment === undefined ? {} : { comment }
        const byProcessor = action === 'raise' || action === 'update' || action === 'clear'
        if (byProcessor || isForeign) {
          const more = { time: now, latch, ...(priority && { priority }), ...said }
          alarm = evolve(alarm, told(action, { ...more, ...(action === 'shelve' && { until: now + shelvedMs }) }))
        } else {
          const before = atTime(alarm, now)
          const decided = decide(before, { action, by: 'ann', until: now + shelvedMs, ...said }, now)
          if ('refused' in decided) continue
          alarm = decided.reduce(evolve, before)
          if (
            action !== 'comment' &&
            !(action === 'shelve' && stateOf(before) === 'shelved') &&
            !isHidden(before) &&
            !isHidden(alarm)
          )
            assert.notEqual(stateOf(alarm), stateOf(before))
        }
        checkPossible(alarm)
        checkPossible(atTime(alarm, now))
      }
    }),
    { numRuns: 3000 },
  )
})
