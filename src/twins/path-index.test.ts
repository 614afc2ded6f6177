import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathIndex } from './path-index.ts'

test('a page is what filter and sort would give', () => {
  const segment = fc.constantFrom('line1', 'line10', 'line1-b', 'a', 'b', 'ü')
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'))
  const under = fc.oneof(fc.constant(''), path)
  const paths = fc.uniqueArray(path, { maxLength: 40 })
  fc.assert(
    fc.property(
      paths,
      under,
      fc.option(path, { nil: undefined }),
      fc.nat({ max: 10 }),
      (given, under, after, limit) => {
        const index = new PathIndex()
        for (const one of given) index.add(one)
        const expected = [...given]
          .sort()
          .filter((one) => under === '' || one === under || one.startsWith(`${under}/`))
          .filter((one) => after === undefined || one > after)
          .slice(0, limit)
        assert.deepEqual(index.list(under, after, limit), expected)
      },
    ),
    { numRuns: 1000 },
  )
})

test('paths may be added between two pages', () => {
  const index = new PathIndex()
  index.add('a/b')
  index.add('a/d')
  assert.deepEqual(index.list('a', undefined, 1), ['a/b'])
  index.add('a/c')
  assert.deepEqual(index.list('a', 'a/b', 5), ['a/c', 'a/d'])
})
