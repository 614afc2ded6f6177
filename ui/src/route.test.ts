import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRoute, placeHref } from './route.ts'

test('a link to any path leads back to it', () => {
  const segment = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('/'))
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 12 }), (segments) => {
      const path = segments.join('/')
      assert.deepEqual(parseRoute(placeHref(path)), { view: 'place', path })
    }),
  )
})

test('whatever somebody types is a view', () => {
  assert.deepEqual(parseRoute(''), { view: 'place', path: '' })
  assert.deepEqual(parseRoute('#/nothing/here'), { view: 'place', path: '' })
  assert.deepEqual(parseRoute('#/connections'), { view: 'connections' })
  assert.deepEqual(parseRoute('#/assets/acme/100%'), { view: 'place', path: 'acme/100%' })
})
