import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandTemplate } from './template.ts'

test('a text without a range is itself', () => {
  assert.deepEqual(expandTemplate('press-shop/line1/press7'), ['press-shop/line1/press7'])
  assert.deepEqual(expandTemplate(''), [''])
})

test('a range counts up', () => {
  assert.deepEqual(expandTemplate('line1/press{1..3}'), ['line1/press1', 'line1/press2', 'line1/press3'])
  assert.deepEqual(expandTemplate('{7..7}'), ['7'])
  assert.equal(expandTemplate('press-shop/line1/press{1..8}').length, 8)
})

test('leading zeros pad every number of the range', () => {
  assert.deepEqual(expandTemplate('m{08..11}x'), ['m08x', 'm09x', 'm10x', 'm11x'])
  assert.deepEqual(expandTemplate('m{098..101}'), ['m098', 'm099', 'm100', 'm101'])
  assert.deepEqual(expandTemplate('m{0..2}'), ['m0', 'm1', 'm2'])
})

test('several ranges multiply, the last one counts fastest', () => {
  assert.deepEqual(expandTemplate('l{1..2}/p{1..2}/c'), ['l1/p1/c', 'l1/p2/c', 'l2/p1/c', 'l2/p2/c'])
})

test('100,000 names are the most', () => {
  assert.equal(expandTemplate('car{1..100000}').length, 100_000)
  assert.throws(() => expandTemplate('car{0..100000}'), {
    code: 'BAD_TEMPLATE',
    message: 'Cannot expand template "car{0..100000}": it stands for 100001 names, want at most 100000',
  })
  assert.throws(() => expandTemplate('{1..999999999}{1..999999999}{1..999999999}'), { code: 'BAD_TEMPLATE' })
})

test('a brace that is not a range is named', () => {
  for (const text of ['press{n}', 'press{1..}', 'press{1-8}', 'press}', 'a{1..2}{', '{{1..2}}', '{-1..2}']) {
    assert.throws(() => expandTemplate(text), {
      code: 'BAD_TEMPLATE',
      message: /is not a range, want e\.g\. \{1\.\.8\}$/,
    })
  }
  assert.throws(() => expandTemplate('p{8..1}'), {
    message: 'Cannot expand template "p{8..1}": range {8..1} counts down, want {1..8}',
  })
})
