import assert from 'node:assert/strict'
import { test } from 'node:test'
import { numberField, parseWhen, whenField } from './when.ts'

const CASES: readonly (readonly [text: string, expression: string, forMs: number])[] = [
  ['temperature > 95', 'temperature > 95', 0],
  ['temperature > 95 for 30s', 'temperature > 95', 30_000],
  ['temperature > 95   for  1.5 m ', 'temperature > 95', 90_000],
  ['state == "wait for 30s"', 'state == "wait for 30s"', 0],
  ['state == "wait for 30s" for 500ms', 'state == "wait for 30s"', 500],
]

for (const [text, expression, forMs] of CASES) {
  test(`${text} holds for ${forMs} ms`, () => {
    const when = parseWhen(text)
    assert.equal(when.expression.text, expression)
    assert.equal(when.forMs, forMs)
    assert.equal(when.text, text)
  })
}

test('a duration that is none is named', () => {
  assert.throws(() => parseWhen('temperature > 95 for 30x'), {
    code: 'BAD_EXPRESSION',
    message: 'Cannot read expression "temperature > 95 for 30x": 30x is no duration, want e.g. 500ms, 30s, 5m',
  })
})

test('a field says what is wrong as an issue of the config', () => {
  assert.equal(
    whenField.safeParse('a >').error?.issues[0]?.message,
    'Cannot read expression "a >" at column 4: it ends before it is complete',
  )
  assert.equal(whenField.safeParse('1 + 1').success, false)
  assert.equal(numberField.safeParse('a > 1').success, false)
  assert.deepEqual(numberField.parse('process - air').tags, ['process', 'air'])
})
