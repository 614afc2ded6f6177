import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AssetSummary } from '../../src/api/contract.ts'
import {
  abnormal,
  assetsBelow,
  childrenOf,
  firstBranch,
  openRows,
  PlantTree,
  search,
  stateOf,
  worstOf,
} from './tree.ts'

function summary(path: string, change: Partial<AssetSummary> = {}): AssetSummary {
  return { path, tags: 1, stale: false, severity: 'good', ...change }
}

function plant(...assets: readonly AssetSummary[]): PlantTree {
  const tree = new PlantTree()
  for (const asset of assets) tree.update(asset)
  return tree
}

test('children in natural order, one place for each level', () => {
  const tree = plant(summary('a/b/press10'), summary('a/b/press2'), summary('a/b/__proto__'))
  assert.deepEqual(
    childrenOf(tree.find('a/b')!).map((place) => place.name),
    ['__proto__', 'press2', 'press10'],
  )
  assert.equal(tree.size, 3)
  assert.equal(firstBranch(tree.root).path, 'a/b')
  assert.deepEqual(
    openRows(tree.root, (place) => place.level < 2).map((place) => place.path),
    ['a', 'a/b'],
  )
})

test('the worst state rises to every place above, and falls again', () => {
  const tree = plant(summary('a/b/x'), summary('a/b/y', { severity: 'uncertain' }), summary('a/c/z', { stale: true }))
  assert.deepEqual(tree.root.counts, { good: 1, uncertain: 1, stale: 1, bad: 0 })
  tree.update(summary('a/b/x', { severity: 'bad', stale: true }))
  assert.equal(worstOf(tree.find('a')!.counts), 'bad')
  assert.equal(worstOf(tree.find('a/c')!.counts), 'stale')
  assert.deepEqual(
    abnormal(tree.root, 2).map((place) => place.path),
    ['a/b/x', 'a/c/z'],
  )
  tree.update(summary('a/b/x'))
  tree.update(summary('a/b/y'))
  assert.equal(worstOf(tree.find('a/b')!.counts), 'good')
})

test('an asset may be a place with assets below', () => {
  const tree = plant(summary('a/b/cell/robot'), summary('a/b/cell', { severity: 'bad' }))
  assert.deepEqual(tree.find('a/b/cell')!.counts, { good: 1, uncertain: 0, stale: 0, bad: 1 })
  assert.deepEqual(
    assetsBelow(tree.find('a/b')!, 10).map((asset) => asset.path),
    ['a/b/cell', 'a/b/cell/robot'],
  )
})

test('a search takes every word, in any case', () => {
  const tree = plant(summary('acme/berlin/line1/press1'), summary('acme/berlin/line2/press1'), summary('acme/berlin/x'))
  const { found, total } = search(tree, ' PRESS line2 ', 10)
  assert.deepEqual([found.map((place) => place.path), total], [['acme/berlin/line2/press1'], 1])
  assert.equal(search(tree, 'acme', 2).found.length, 2)
  assert.equal(search(tree, 'acme', 2).total, 3)
})

test('counts after any updates equal counts made from the last of each', () => {
  const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 2, maxLength: 4 }).map((names) => names.join('/'))
  const severity = fc.constantFrom('good', 'uncertain', 'bad' as const)
  const update = fc.record({ path, severity, stale: fc.boolean(), tags: fc.constant(1) }) as fc.Arbitrary<AssetSummary>
  fc.assert(
    fc.property(fc.array(update), (updates) => {
      const tree = plant(...updates)
      const last = new Map(updates.map((asset) => [asset.path, asset]))
      const expected = { good: 0, uncertain: 0, stale: 0, bad: 0 }
      for (const asset of last.values()) expected[stateOf(asset)] += 1
      assert.deepEqual(tree.root.counts, expected)
      assert.deepEqual(
        assetsBelow(tree.root, 1000)
          .map((asset) => asset.path)
          .sort(),
        [...last.keys()].sort(),
      )
    }),
  )
})
