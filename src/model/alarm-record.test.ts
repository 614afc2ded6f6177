import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AlarmTransition } from './alarm.ts'
import { decodeAlarm, encodeAlarm } from './alarm-record.ts'

const RAISE: AlarmTransition = {
  asset: 'acme/berlin/line1/press7',
  alarm: 'overheating',
  action: 'raise',
  time: 1_732_287_000_123.25,
  priority: 'high',
  message: 'Temperature is 97.1 Cel, want at most 95 Cel',
  detail: { value: 97.1, limit: 95 },
}

test('a step of an alarm comes back as it was', () => {
  assert.deepEqual(decodeAlarm(Buffer.from(encodeAlarm(RAISE))), RAISE)
  const shelve: AlarmTransition = {
    asset: 'a/b',
    alarm: 'x',
    action: 'shelve',
    time: 1,
    by: 'ada',
    comment: '',
    until: 2,
  }
  assert.deepEqual(decodeAlarm(Buffer.from(encodeAlarm(shelve))), shelve)
})

for (const [what, value, fault] of [
  ['no JSON', '{', /not JSON/],
  ['a list', '[]', /not an object/],
  ['no asset', '{"alarm":"x","action":"raise","time":1}', /"asset" is not a text/],
  ['a strange action', '{"asset":"a/b","alarm":"x","action":"explode","time":1}', /"action" is "explode"/],
  ['no time', '{"asset":"a/b","alarm":"x","action":"raise","time":"1"}', /"time" is not a number/],
  ['a strange priority', '{"asset":"a/b","alarm":"x","action":"raise","time":1,"priority":1}', /"priority" is 1/],
  ['a message that is none', '{"asset":"a/b","alarm":"x","action":"raise","time":1,"message":{}}', /"message"/],
] as const) {
  test(`${what} is no step of an alarm`, () => {
    assert.throws(() => decodeAlarm(Buffer.from(value)), fault)
  })
}
