import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathMatcher } from './path-pattern.ts'

const paths = ['a/b/hall/press1', 'a/b/hall/press2', 'a/b/hall/line1/robot', 'a/b/yard']

const matching = (pattern: string) => paths.filter(pathMatcher('a/b', pattern))

test('a pattern is below the site, or full', () => {
  assert.deepEqual(matching('hall/press1'), ['a/b/hall/press1'])
  assert.deepEqual(matching('a/b/hall/press1'), ['a/b/hall/press1'])
})

test('* is one segment and ** is everything below', () => {
  assert.deepEqual(matching('hall/*'), ['a/b/hall/press1', 'a/b/hall/press2'])
  assert.deepEqual(matching('hall/**'), ['a/b/hall/press1', 'a/b/hall/press2', 'a/b/hall/line1/robot'])
  assert.deepEqual(matching('**'), paths)
  assert.deepEqual(matching('*/*/robot'), ['a/b/hall/line1/robot'])
  assert.deepEqual(matching('hall/press'), [])
})
