import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Journal } from './journal.ts'

test('the journal tells loss, phantoms, inversions and repeats', () => {
  const journal = new Journal()
  for (let i = 0; i < 5; i += 1) journal.acknowledge('a', journal.send('a'))
  journal.send('b')
  const verdict = journal.check(
    new Map([
      ['a', [1, 3, 2, 3, 5, 9]],
      ['c', [1]],
    ]),
  )
  assert.deepEqual(verdict, {
    acknowledged: 5,
    lost: ['a 4'],
    phantoms: ['a 9', 'c'],
    inversions: ['a 2 after 3'],
    repeated: 1,
  })
})

test('a redelivery after a crash is neither loss nor inversion', () => {
  const journal = new Journal()
  for (let i = 0; i < 4; i += 1) journal.acknowledge('a', journal.send('a'))
  const { lost, inversions, phantoms, repeated } = journal.check(new Map([['a', [1, 2, 3, 2, 3, 4]]]))
  assert.deepEqual({ lost, inversions, phantoms, repeated }, { lost: [], inversions: [], phantoms: [], repeated: 2 })
})
