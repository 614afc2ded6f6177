import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { assignSources, decodeShare, encodeAbout, shareOut, type HubAbout } from './shares.ts'

const can = ['a', 'b', 'c', 'd', 'e', 'f']

function about(hub: string, holds: readonly string[], sources = can): HubAbout {
  return { hub, run: `${hub}-1`, page: `http://${hub}`, since: 1, can: sources, holds }
}

test('a hub that is alone gets everything at once', () => {
  assert.deepEqual(shareOut([about('x', [])]), [can])
})

test('a hub that comes gets nothing that another still runs; then it gets what was let go', () => {
  assert.deepEqual(shareOut([about('x', can), about('y', [])]), [['a', 'b', 'c'], []])
  assert.deepEqual(shareOut([about('x', ['a', 'b', 'c']), about('y', [])]), [
    ['a', 'b', 'c'],
    ['d', 'e', 'f'],
  ])
})

test('when a hub dies its sources go to the others at once, and nothing else moves', () => {
  assert.deepEqual(shareOut([about('x', ['a', 'b']), about('y', ['c', 'd'])]), [
    ['a', 'b', 'e'],
    ['c', 'd', 'f'],
  ])
})

test('a source goes only to a hub that can run it', () => {
  assert.deepEqual(shareOut([about('x', [], ['a']), about('y', [], ['a', 'b', 'c', 'd'])]), [['a'], ['b', 'c', 'd']])
})

test('every member is told its part and who the others are, in order of their names', () => {
  const assigned = assignSources([
    { id: 'm2', about: encodeAbout(about('y', ['a'])) },
    { id: 'm1', about: encodeAbout(about('x', [])) },
    { id: 'm3', about: Buffer.from('not a hub') },
  ])
  assert.deepEqual([...assigned.keys()], ['m1', 'm2'])
  const { sources, members } = decodeShare(assigned.get('m1')!)
  assert.deepEqual(sources, ['b', 'c', 'e'])
  assert.deepEqual(
    members.map((member) => [member.hub, member.sources]),
    [
      ['x', ['b', 'c', 'e']],
      ['y', ['a', 'd', 'f']],
    ],
  )
  assert.deepEqual(decodeShare(new Uint8Array(0)), { sources: [], members: [] })
})

const plants = fc.array(fc.subarray(can), { minLength: 1, maxLength: 5 })

test('whoever holds what: nothing is given twice, nothing that another holds, and in a few rounds all is even', () => {
  fc.assert(
    fc.property(plants, (wishes) => {
      const taken = new Set<string>()
      let hubs = wishes.map((wish, index) => {
        const holds = wish.filter((source) => !taken.has(source))
        for (const source of holds) taken.add(source)
        return about(`hub${index}`, holds)
      })
      for (let round = 0; round < 3; round += 1) {
        const shares = shareOut(hubs)
        const given = shares.flat()
        assert.equal(new Set(given).size, given.length)
        for (const [index, share] of shares.entries()) {
          for (const [other, { holds }] of hubs.entries()) {
            if (other !== index)
              assert.deepEqual(
                share.filter((source) => holds.includes(source)),
                [],
              )
          }
        }
        hubs = hubs.map((hub, index) => ({ ...hub, holds: shares[index]! }))
      }
      const sizes = hubs.map(({ holds }) => holds.length)
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        can.length,
      )
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1, String(sizes))
    }),
  )
})
