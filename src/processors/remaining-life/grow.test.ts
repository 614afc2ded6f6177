import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../../system/random.ts'
import { growForest } from './grow.ts'
import { answer, type Forest } from './trees.ts'

test('a forest answers with the sum of the leaves that are reached', () => {
  const forest: Forest = {
    base: 10,
    depth: 2,
    // The first tree asks feature 0, then feature 1 on the right; the second one only feature 1.
    features: [0, -1, 1, 1, -1, -1],
    thresholds: [5, 0, 2, 2, 0, 0],
    leaves: [1, 99, 2, 3, 0.1, 99, 0.2, 99],
  }
  const answers = [
    [4, 9],
    [5, 1],
    [5, 2],
  ].map((vector) => answer(forest, Float32Array.from(vector)))
  assert.deepEqual(
    answers.map((value) => Number(value.toFixed(9))),
    [11.2, 12.1, 13.2],
  )
})

test('it learns steps and interactions, and nothing from a column that is noise', () => {
  const random = seededRandom(1)
  const columns = [0, 1, 2].map(() => Float32Array.from({ length: 4_000 }, () => random.next()))
  const truth = (vector: ArrayLike<number>) => (vector[0]! > 0.5 ? 8 : 2) + (vector[1]! > 0.3 ? 4 * vector[0]! : 0)
  const rows = Array.from({ length: 4_000 }, (_, row) => columns.map((column) => column[row]!))
  const target = Float64Array.from(rows, (row) => truth(row) + random.next() - 0.5)
  const forest = growForest(columns, target, seededRandom(2))
  let squares = 0
  for (let asked = 0; asked < 1_000; asked += 1) {
    const vector = Float32Array.from([random.next(), random.next(), random.next()])
    squares += (answer(forest, vector) - truth(vector)) ** 2 / 1_000
  }
  // The truth varies by 3.4; a forest that does not ask both features is off by more than 0.6.
  assert.ok(Math.sqrt(squares) < 0.3, `error ${Math.sqrt(squares)}`)
  assert.deepEqual(growForest(columns, target, seededRandom(2)), forest)
})

test('a column that never changes is not asked, and nothing to learn is the base', () => {
  const columns = [new Float32Array(100).fill(3), Float32Array.from({ length: 100 }, (_, row) => row)]
  const forest = growForest(columns, new Float64Array(100).fill(7), seededRandom(1))
  assert.equal(answer(forest, Float32Array.from([3, 50])), 7)
  assert.ok(!forest.features.includes(0))
})
