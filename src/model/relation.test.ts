import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Catalogue } from './catalogue.ts'
import { Relations } from './relation.ts'

const HALL = 'acme/berlin/hall'

test('a relation is seen from both ends, and a part from its place', () => {
  const relations = new Relations()
  for (const path of [HALL, `${HALL}/press1`, `${HALL}/press2`]) relations.add(path)
  relations.set(`${HALL}/press1`, [{ type: 'feeds', target: `${HALL}/press2` }])
  assert.deepEqual(relations.seen(`${HALL}/press1`), [
    { type: 'partOf', target: HALL },
    { type: 'feeds', target: `${HALL}/press2` },
  ])
  assert.deepEqual(relations.seen(`${HALL}/press2`), [
    { type: 'partOf', target: HALL },
    { type: 'feeds', target: `${HALL}/press1`, inverse: true },
  ])
  assert.deepEqual(relations.seen(HALL), [
    { type: 'partOf', target: 'acme/berlin' },
    { type: 'partOf', target: `${HALL}/press1`, inverse: true },
    { type: 'partOf', target: `${HALL}/press2`, inverse: true },
  ])
  assert.deepEqual(relations.seen('acme/berlin'), [{ type: 'partOf', target: HALL, inverse: true }])
})

test('what is said anew takes the place of what was said before', () => {
  const relations = new Relations()
  const [a, b, c] = ['a', 'b', 'c'].map((name) => `acme/berlin/${name}`) as [string, string, string]
  relations.set(a, [
    { type: 'feeds', target: b },
    { type: 'near', target: c },
  ])
  relations.set(a, [{ type: 'near', target: c }])
  assert.deepEqual(relations.seen(b), [{ type: 'partOf', target: 'acme/berlin' }])
  assert.deepEqual(relations.seen(c).at(-1), { type: 'near', target: a, inverse: true })
  relations.set(a, [])
  assert.deepEqual(relations.seen(c), [{ type: 'partOf', target: 'acme/berlin' }])
})

test('that a machine is a part of its place is not told twice, that it is a part of another one is', () => {
  const relations = new Relations()
  const press = `${HALL}/press1`
  const cell = 'acme/berlin/cells/7'
  for (const path of [HALL, press, cell]) relations.add(path)
  relations.set(press, [
    { type: 'partOf', target: HALL },
    { type: 'partOf', target: cell },
  ])
  assert.deepEqual(
    relations.seen(press).map(({ target }) => target),
    [HALL, cell],
  )
  assert.equal(relations.seen(HALL).filter(({ target }) => target === press).length, 1)
  assert.deepEqual(relations.seen(cell).at(-1), { type: 'partOf', target: press, inverse: true })
})

test('a definition that only learned tags leaves meta data and relations as they are; a whole one replaces them', () => {
  const catalogue = new Catalogue()
  const path = `${HALL}/press1`
  const relations = [{ type: 'feeds', target: `${HALL}/oven` }]
  catalogue.define({ path, tags: new Map(), meta: { serial: 7 }, relations })
  catalogue.define({ path, tags: new Map([['t', { type: 'number', kind: 'gauge' }]]) })
  assert.deepEqual(catalogue.asset(path)?.meta, { serial: 7 })
  assert.deepEqual(catalogue.asset(path)?.relations, relations)
  catalogue.define({ path, tags: new Map(), meta: {}, relations: [] })
  const asset = catalogue.asset(path)!
  assert.equal('meta' in asset || 'relations' in asset, false)
  assert.equal(asset.tags.size, 1)
})
