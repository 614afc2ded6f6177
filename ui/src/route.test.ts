import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRoute, placeHref, recordsPage, topicHref } from './route.ts'

test('a link to any path leads back to it', () => {
  const segment = fc.string({ unit: 'grapheme', minLength: 1 }).filter((name) => !name.includes('/'))
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 12 }), (segments) => {
      const path = segments.join('/')
      assert.deepEqual(parseRoute(placeHref(path)), { view: 'place', path })
    }),
  )
})

test('a link to a page of a topic leads back to it', () => {
  const page = { at: '0:17,1:4', back: 'true', partition: '1' }
  assert.deepEqual(parseRoute(topicHref('acme.berlin.raw-a?b', page)), {
    view: 'page',
    name: 'log',
    path: 'acme.berlin.raw-a?b',
    query: page,
  })
  assert.deepEqual(recordsPage({ ...page, other: '1' }), page)
  assert.deepEqual(parseRoute('#/log'), { view: 'page', name: 'log', path: '', query: {} })
})

test('whatever somebody types is a view', () => {
  assert.deepEqual(parseRoute(''), { view: 'place', path: '' })
  assert.deepEqual(parseRoute('#/nothing/here'), { view: 'page', name: 'nothing', path: 'here', query: {} })
  assert.deepEqual(parseRoute('#/connections'), { view: 'page', name: 'connections', path: '', query: {} })
  assert.deepEqual(parseRoute('#/assets/acme/100%'), { view: 'place', path: 'acme/100%' })
})
