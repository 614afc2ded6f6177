import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ALARM_ACTIONS, ALARM_PRIORITIES, type AlarmTransition } from './alarm.ts'
import { decodeAlarm, encodeAlarm } from './alarm-record.ts'
import { ModelError } from './errors.ts'

test('a step of an alarm lies in the log as JSON, its fields in order', () => {
  const raised: AlarmTransition = {
    detail: { t: 96 },
    message: 'm',
    priority: 'high',
    latch: true,
    time: 5.25,
    action: 'raise',
    alarm: 'hot',
    asset: 'a/b/press7',
  }
  assert.equal(
    encodeAlarm(raised),
    '{"asset":"a/b/press7","alarm":"hot","action":"raise","time":5.25,"priority":"high","message":"m","detail":{"t":96},"latch":true}',
  )
})

test('a record gives its step back', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 60 })
  const transition = fc.record(
    {
      asset: fc.constantFrom('a/b', 'a/b/ü/c'),
      alarm: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }),
      action: fc.constantFrom(...ALARM_ACTIONS),
      time: fc.integer(),
      priority: fc.constantFrom(...ALARM_PRIORITIES),
      message: text,
      detail: fc
        .jsonValue({ maxDepth: 4 })
        .map((value) => JSON.parse(JSON.stringify(value)) as AlarmTransition['detail']),
      latch: fc.boolean(),
      by: text,
      comment: text,
      until: fc.integer(),
    },
    { requiredKeys: ['asset', 'alarm', 'action', 'time'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(transition, (given) => {
      assert.deepEqual(decodeAlarm(Buffer.from(encodeAlarm(given))), given)
    }),
  )
})

const BASE = { asset: 'a/b', alarm: 'hot', action: 'raise', time: 1 }

const FAULTS: readonly (readonly [value: unknown, message: string])[] = [
  [[], 'Cannot decode alarm: the value is not an object'],
  [null, 'Cannot decode alarm: the value is not an object'],
  [{ ...BASE, asset: undefined }, 'Cannot decode alarm: "asset" is missing'],
  [{ ...BASE, asset: 'a' }, 'Cannot use path "a": it has 1 segments, want 2 to 12'],
  [{ ...BASE, alarm: '' }, 'Cannot decode alarm: "alarm" is missing'],
  [{ ...BASE, alarm: 'x'.repeat(257) }, 'Cannot decode alarm: "alarm" has 257 characters, want at most 256'],
  [
    { ...BASE, action: 'explode' },
    `Cannot decode alarm: "action" is "explode", want one of ${ALARM_ACTIONS.join(', ')}`,
  ],
  [{ ...BASE, time: '1' }, 'Cannot decode alarm: "time" is "1", want ms since the epoch'],
  [{ ...BASE, until: 1e300 }, 'Cannot decode alarm: "until" is 1e+300, want ms since the epoch'],
  [{ ...BASE, priority: 3 }, 'Cannot decode alarm: "priority" is 3, want one of low, medium, high, critical'],
  [{ ...BASE, message: 3 }, 'Cannot decode alarm: "message" is 3, want a text'],
  [{ ...BASE, latch: 1 }, 'Cannot decode alarm: "latch" is 1, want true or false'],
]

for (const [value, message] of FAULTS) {
  test(`a record that is refused: ${message.slice(0, 90)}`, () => {
    assert.throws(() => decodeAlarm(Buffer.from(JSON.stringify(value))), {
      message,
    })
  })
}

test('bytes of any kind are refused, and nothing else happens', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (value) => {
        assert.throws(
          () => decodeAlarm(value),
          (error) => error instanceof ModelError,
        )
      },
    ),
  )
  const deep = `{"asset":"a/b","alarm":"x","action":"raise","time":1,"detail":${'['.repeat(5000)}${']'.repeat(5000)}}`
  assert.throws(() => decodeAlarm(Buffer.from(deep)), { code: 'BAD_ALARM' })
})
