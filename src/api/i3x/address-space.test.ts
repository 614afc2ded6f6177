import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MemoryHub } from '../memory-hub.ts'
import { AddressSpace } from './address-space.ts'
import { elementId, readElementId, type Element } from './element-ids.ts'
import { relationshipTypes } from './relationship-types.ts'

/** Names that sort around the slash, and that need an encoding. */
const segment = fc.constantFrom('a', 'b', 'a-1', 'a 1', ' a', 'a%2F', 'ä', 'a\u200b', '~')
const path = fc.array(segment, { minLength: 2, maxLength: 5 }).map((segments) => segments.join('/'))
const tag = fc.constantFrom('x', 'x ', '#', 'y#z', '%')
const plant = fc.uniqueArray(fc.record({ path, tags: fc.uniqueArray(tag, { minLength: 1 }) }), {
  selector: ({ path: one }) => one,
  minLength: 1,
  maxLength: 12,
})

test('every element is met once, found by its id, and seen by whom it sees', async () => {
  await fc.assert(
    fc.asyncProperty(plant, async (assets) => {
      const hub = new MemoryHub()
      for (const one of assets)
        hub.record(
          one.path,
          one.tags.map((name) => ({ tag: name, value: 1 })),
          1000,
        )
      const space = new AddressSpace(hub)
      const all: Element[] = []
      for await (const element of space.walk(async () => {})) all.push(element)
      const wanted = new Set(
        assets.flatMap(({ path: one, tags }) => [...prefixes(one), ...tags.map((name) => elementId(one, name))]),
      )
      assert.deepEqual(all.map(({ id }) => id).sort(), [...wanted].sort())
      const reverse = new Map(relationshipTypes([]).map((type) => [type.elementId, type.reverseOf]))
      const edges = new Set<string>()
      let count = 0
      for (const element of all) {
        assert.deepEqual(space.find(element.id), element)
        for (const { type, target } of space.edges(element)) {
          edges.add(`${element.id}\n${type}\n${target.id}`)
          count += 1
        }
      }
      assert.equal(edges.size, count)
      for (const edge of edges) {
        const [from, type, to] = edge.split('\n') as [string, string, string]
        assert.ok(edges.has(`${to}\n${reverse.get(type)}\n${from}`), edge)
      }
      const reached = new Set(space.roots().map(({ id }) => id))
      for (const id of reached) for (const { target } of space.edges(space.find(id)!)) reached.add(target.id)
      assert.deepEqual([...reached].sort(), [...wanted].sort())
    }),
    { numRuns: 200 },
  )
})

function prefixes(text: string): string[] {
  const segments = text.split('/')
  return segments.map((_, at) => elementId(segments.slice(0, at + 1).join('/')))
}

test('an element has one id: printable, without spaces at the ends, and no other text is an id of it', () => {
  fc.assert(
    fc.property(path, fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined }), (one, name) => {
      const id = elementId(one, name)
      assert.deepEqual(readElementId(id), name === undefined ? { path: one } : { path: one, tag: name })
      assert.equal(id, id.trim())
      assert.doesNotMatch(id, /\p{C}/u)
    }),
  )
  for (const wrong of ['%41/b', 'a/b%', '%zz', 'a /b ', '\ud800', 'a/b#%78'])
    assert.equal(readElementId(wrong), undefined, wrong)
})
