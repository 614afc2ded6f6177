import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TagDefinition } from '../../model/definition.ts'
import type { Value } from '../../model/reading.ts'
import { ExpressionError, parseExpression } from './expression.ts'

const ROW = new Map<string, Value>([
  ['temperature', 96.5],
  ['motor.temperature', 50],
  ['Air temperature [K]', 300.1],
  ['count', 7n],
  ['total', 9_007_199_254_740_993n],
  ['running', true],
  ['state', 'Held'],
  ['type', 'L'],
  ['bands', [1, 2, 6]],
  ['status', { code: 3 }],
  ['raw', Uint8Array.of(1)],
])

const VALUES: readonly (readonly [text: string, value: boolean | number | bigint])[] = [
  ['temperature > 95', true],
  ['temperature > 95.0 && running', true],
  ['temperature - 273 < 0', true],
  ['273 - temperature', 176.5],
  ['motor.temperature + 1 == 51.0', true],
  ['tag("Air temperature [K]") > 300', true],
  ["tag('motor.temperature') == motor.temperature", true],
  ['count / 2', 3n],
  ['double(count) / 2', 3.5],
  ['count == 7', true],
  ['total == 9007199254740993', true],
  ['state in ["Held", "Aborted"]', true],
  ["state != 'Execute'", true],
  ['type == "L"', true],
  ['!running', false],
  ['running ? temperature : 0.0', 96.5],
  ['max(bands) - min(bands)', 5],
  ['mean(bands)', 3],
  ['bands[2]', 6],
  ['status["code"] == 3', true],
  ['abs(-3.5) + sqrt(4.0) + round(2.5)', 8.5],
  ['max(count, 3.5)', 7],
  ['state.startsWith("He") && size(state) == 4', true],
  ['temperature % 10 > 6.4', true],
]

for (const [text, value] of VALUES) {
  test(`${text} is ${String(value)}`, () => assert.deepEqual(parseExpression(text).evaluate(ROW), value))
}

const UNKNOWN = [
  'missing > 3',
  'missing == missing',
  '!missing',
  'missing ? 1 : 2',
  'missing > 3 && temperature > 95',
  'missing > 3 || temperature < 95',
  'a.b == 1',
  'constructor == 1',
  'tag("__proto__") == 1',
  'raw == raw',
  'bands[9] > 1',
  'count % 0 == 0',
]

for (const text of UNKNOWN) {
  test(`${text} is unknown`, () => assert.equal(parseExpression(text).evaluate(ROW), undefined))
}

test('one side alone may decide', () => {
  assert.equal(parseExpression('missing > 3 || temperature > 95').evaluate(ROW), true)
  assert.equal(parseExpression('missing > 3 && temperature < 95').evaluate(ROW), false)
})

test('tags are told in order, each once, and names that look alike are kept apart', () => {
  assert.deepEqual(parseExpression('a.b > 1 && a_b > 2 && tag("in") > 3 && a.b < 9').tags, ['a.b', 'a_b', 'in'])
  const expression = parseExpression('a.b * 100 + a_b * 10 + tag("tag_0")')
  const row = new Map([
    ['a.b', 1],
    ['a_b', 2],
    ['tag_0', 3],
  ])
  assert.equal(expression.evaluate(row), 123)
})

const TAGS = new Map<string, TagDefinition>([
  ['temperature', { type: 'number', kind: 'gauge' }],
  ['motor.temperature', { type: 'number', kind: 'gauge' }],
  ['state', { type: 'string', kind: 'state' }],
  ['status', { type: 'structure', kind: 'gauge' }],
])

const FAULTS: readonly (readonly [text: string, message: string, column: number | undefined])[] = [
  [
    'temprature > 95',
    'there is no tag "temprature", want one of temperature, motor.temperature, state, status; did you mean "temperature"?',
    1,
  ],
  [
    'temperature > 1 && motor.temprature > 1',
    'there is no tag "motor.temprature", want one of temperature, motor.temperature, state, status; did you mean "motor.temperature"?',
    20,
  ],
  ['motor.temperature.x > 1', "cannot index type 'double'", 19],
  ['state > 5', 'cannot work out string > int', 1],
  ['motor.temperature > 1 && state > 5', 'cannot work out string > int', 26],
  ['temperature > 95 &&', 'it ends before it is complete', 20],
  ['temperature = 95', 'unexpected character: =', 13],
  ['temperature + 1', 'it yields double, want true or false', undefined],
  [
    'mox(temperature, 1) > 1',
    'there is no function "mox", want one of abs, ceil, floor, round, sqrt, min, max, mean, size, int, double, string, bool, tag; did you mean "max"?',
    1,
  ],
  ['state.matches("(a+)+$")', 'there is no method "matches", want one of startsWith, endsWith, contains, size', 1],
  ['[1].all(x, x > 0)', 'there is no method "all", want one of startsWith, endsWith, contains, size', 1],
  ['{"a": 1} == {"a": 1}', '"{"a": 1}" is not available here', 1],
  ['tag(state) == 1', 'tag(...) has no name, want e.g. tag("Air temperature [K]")', 1],
]

for (const [text, reason, column] of FAULTS) {
  test(`${text} is refused: ${reason}`, () => {
    assert.throws(
      () => parseExpression(text, { tags: TAGS, yields: 'bool' }),
      (error) => {
        assert.ok(error instanceof ExpressionError)
        const where = column === undefined ? '' : ` at column ${column}`
        assert.equal(error.message, `Cannot read expression ${JSON.stringify(text)}${where}: ${reason}`)
        assert.equal(error.column, column)
        return true
      },
    )
  })
}

test('a field of a structure follows the longest name that is a tag', () => {
  assert.equal(parseExpression('status.code == 3', { tags: TAGS }).evaluate(ROW), true)
})

test('values of a wrong type are a fault of the expression, not an unknown', () => {
  assert.throws(() => parseExpression('state > 5').evaluate(ROW), {
    code: 'BAD_EXPRESSION',
    message: 'Cannot evaluate expression "state > 5" at column 1: cannot work out string > int',
  })
  assert.throws(() => parseExpression('state', { yields: 'bool' }).evaluate(ROW), {
    message: 'Cannot evaluate expression "state": it is a string, want true or false',
  })
})

test('length, depth and size of an expression are bounded', () => {
  for (const text of ['1 + '.repeat(600) + '1', '('.repeat(200) + '1' + ')'.repeat(200), `[${'1,'.repeat(150)}1]`])
    assert.throws(() => parseExpression(text), { code: 'BAD_EXPRESSION' })
})

test('what is known without a tag stays so whatever the tag turns out to be', () => {
  const term = fc.constantFrom('a > 1', 'b > 1', 'c == 1', 'a + b > c', 'd', '!d', 'a < 1 ? d : b > 1')
  const { formula } = fc.letrec<{ formula: string }>((tie) => ({
    formula: fc.oneof(
      { maxDepth: 4 },
      term,
      fc.tuple(tie('formula'), fc.constantFrom('&&', '||'), tie('formula')).map((parts) => `(${parts.join(' ')})`),
      tie('formula').map((inner) => `!(${inner})`),
    ),
  }))
  const number = fc.constantFrom(0, 1, 2)
  const whole = fc.record({ a: number, b: number, c: number, d: fc.boolean() })
  fc.assert(
    fc.property(formula, whole, fc.subarray(['a', 'b', 'c', 'd']), (text, row, missing) => {
      const expression = parseExpression(text, { yields: 'bool' })
      const all = new Map<string, Value>(Object.entries(row))
      const some = new Map([...all].filter(([tag]) => !missing.includes(tag)))
      const known = expression.evaluate(some)
      assert.equal(typeof expression.evaluate(all), 'boolean')
      if (known !== undefined) assert.equal(known, expression.evaluate(all))
      if (missing.length === 0) assert.equal(typeof known, 'boolean')
    }),
    { numRuns: 2000 },
  )
})

test('no text breaks the parser', () => {
  const piece = fc.constantFrom(
    'a',
    '.',
    '(',
    ')',
    '[',
    ']',
    '"',
    "'",
    '\\',
    '&&',
    '||',
    '!',
    '?',
    ':',
    '>',
    '1',
    '1.5',
    ',',
    '{',
    '}',
    'tag(',
    'in',
    ' ',
    '__proto__',
    '\u{1f600}',
    '//',
    'b"',
    'r"',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.array(piece).map((pieces) => pieces.join('')),
      ),
      (text) => {
        try {
          parseExpression(text).evaluate(ROW)
        } catch (error) {
          assert.ok(error instanceof ExpressionError, `${JSON.stringify(text)}: ${String(error)}`)
        }
      },
    ),
    { numRuns: 5000 },
  )
})
