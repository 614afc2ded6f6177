import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { childrenOf, findElement, pathsOf, referenceTo } from './id-short-path.ts'
import { objectsOf, type JsonObject } from './json.ts'
import { metadata, normal, valueOnly } from './modifiers.ts'

const FILE = new URL('../../../test/aas/all-elements.json', import.meta.url)
const submodel = objectsOf((JSON.parse(readFileSync(FILE, 'utf8')) as JsonObject)['submodels'])[0]!
const at = (path: string) => findElement(submodel, path)!.at(-1)!.element

test('values alone, of every type that has one', () => {
  const values = valueOnly(submodel, { level: 'deep', extent: 'withBlobValue' })
  const [a, b] = ['a', 'b'].map((value) => ({ type: 'ExternalReference', keys: [{ type: 'GlobalReference', value }] }))
  assert.deepEqual(values, {
    Speed: 5000.5,
    // Beyond 2^53 a double holds it no more.
    Count: '9007199254740993',
    On: true,
    Name: [{ en: 'Press' }, { de: 'Presse' }],
    Limits: { min: -3, max: 7 },
    Picture: { contentType: 'image/png', value: 'AAEC' },
    Manual: { contentType: 'application/pdf', value: '/aasx/manual.pdf' },
    Norm: { type: 'ExternalReference', keys: [{ type: 'GlobalReference', value: 'https://example.org/norm' }] },
    Feeds: { first: a, second: b },
    FeedsSince: { first: a, second: b, annotations: [{ Since: '1999' }] },
    Motor: { statements: { Power: 4 }, entityType: 'CoManagedEntity' },
    Changed: {
      observed: {
        type: 'ModelReference',
        keys: [
          { type: 'Submodel', value: 'https://example.org/submodel/1' },
          { type: 'Property', value: 'Speed' },
        ],
      },
    },
    Inner: { Rows: [{ Cell: 1 }, { Cell: 2 }] },
    Numbers: [10, 20],
  })
  assert.equal(valueOnly(at('Empty'), { level: 'deep', extent: 'withBlobValue' }), undefined)
  assert.equal(valueOnly(at('Reset'), { level: 'deep', extent: 'withBlobValue' }), undefined)
})

test('level core tells what lies directly inside, and of that nothing deeper', () => {
  const core = { level: 'core', extent: 'withoutBlobValue' } as const
  const { Inner, Numbers, Speed, Motor } = valueOnly(submodel, core) as JsonObject
  assert.deepEqual(
    { Inner, Numbers, Speed, Motor },
    { Inner: {}, Numbers: [], Speed: 5000.5, Motor: { statements: {}, entityType: 'CoManagedEntity' } },
  )
  assert.deepEqual(valueOnly(at('Inner'), core), { Rows: [] })
  const inner = childrenOf(normal(submodel, core)).find(({ idShort }) => idShort === 'Inner')
  assert.deepEqual(inner, { modelType: 'SubmodelElementCollection', idShort: 'Inner' })
})

test('blobs come along only where they are asked for', () => {
  const picture = (extent: 'withBlobValue' | 'withoutBlobValue') =>
    childrenOf(normal(submodel, { level: 'deep', extent })).find(({ idShort }) => idShort === 'Picture')!
  assert.equal(picture('withBlobValue')['value'], 'AAEC')
  assert.equal(picture('withoutBlobValue')['value'], undefined)
  assert.equal(normal(submodel, { level: 'deep', extent: 'withBlobValue' }), submodel)
})

test('metadata is what is left without values', () => {
  assert.deepEqual(metadata(at('Speed')), { modelType: 'Property', idShort: 'Speed', valueType: 'xs:double' })
  assert.deepEqual(metadata(at('Motor')), { modelType: 'Entity', idShort: 'Motor', entityType: 'CoManagedEntity' })
  assert.equal(metadata(submodel)!['submodelElements'], undefined)
  assert.equal(metadata(at('Pressing')), undefined)
})

test('paths lead to elements, and nowhere else', () => {
  const paths = pathsOf(childrenOf(submodel), true)
  assert.deepEqual(paths.slice(-9), [
    'Inner',
    'Inner.Rows',
    'Inner.Rows[0]',
    'Inner.Rows[0].Cell',
    'Inner.Rows[1]',
    'Inner.Rows[1].Cell',
    'Numbers',
    'Numbers[0]',
    'Numbers[1]',
  ])
  for (const path of paths) assert.notEqual(findElement(submodel, path), undefined, path)
  for (const path of [
    '',
    'inner',
    'Inner.',
    '.Inner',
    'Inner.Rows[2]',
    'Inner.Rows.0',
    'Inner[0]',
    'Numbers[-1]',
    'Numbers[0',
    'Speed.x',
    '__proto__',
  ])
    assert.equal(findElement(submodel, path), undefined, path)
  assert.equal(findElement(submodel, `Inner${'.Inner'.repeat(100)}`), undefined)
})

test('a reference names all that an element lies in', () => {
  assert.deepEqual(referenceTo(submodel, findElement(submodel, 'Inner.Rows[1].Cell')!), {
    type: 'ModelReference',
    keys: [
      { type: 'Submodel', value: 'https://example.org/submodel/1' },
      { type: 'SubmodelElementCollection', value: 'Inner' },
      { type: 'SubmodelElementList', value: 'Rows' },
      { type: 'SubmodelElementCollection', value: '1' },
      { type: 'Property', value: 'Cell' },
    ],
  })
})
