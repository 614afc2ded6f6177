import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check } from './history.ts'
import type { Happening, Remains, Violations } from './history.ts'

const NONE: Violations = {
  lost: 0,
  duplicates: 0,
  disorder: 0,
  phantoms: 0,
  unread: 0,
  nonMonotonic: 0,
  forgottenCommits: 0,
  beyond: 0,
  stuck: 0,
}

/** Three records in one partition; `a` reads two and dies, `b` reads on. */
const GOOD: readonly Happening[] = [
  { kind: 'acked', value: '0', partition: 0, offset: 0 },
  { kind: 'assigned', member: 'a', partitions: [0] },
  {
    kind: 'read',
    member: 'a',
    partition: 0,
    records: [
      [0, '0'],
      [1, '1'],
    ],
  },
  { kind: 'committed', member: 'a', partition: 0, offset: 1 },
  { kind: 'acked', value: '1', partition: 0, offset: 1 },
  { kind: 'acked', value: '2', partition: 0, offset: 2 },
  { kind: 'assigned', member: 'b', partitions: [0] },
  {
    kind: 'read',
    member: 'b',
    partition: 0,
    records: [
      [1, '1'],
      [2, '2'],
    ],
  },
  { kind: 'committed', member: 'b', partition: 0, offset: 3 },
]
const REMAINS: Remains = { log: [logOf('0', '1', '2')], ends: [3], committed: [3] }

function logOf(...values: string[]): Map<number, string> {
  return new Map(values.map((value, offset) => [offset, value]))
}

function insert(at: number, ...more: Happening[]): Happening[] {
  return GOOD.toSpliced(at, 0, ...more)
}

test('a good history breaks no promise', () => {
  assert.deepEqual(check(GOOD, REMAINS), NONE)
})

// The negative control: a checker that finds nothing wrong with these would find nothing at all.
const BROKEN: readonly [string, readonly Happening[], Remains, Partial<Violations>][] = [
  [
    'an acknowledged record is not there',
    insert(0, { kind: 'acked', value: '9', partition: 0, offset: 3 }),
    REMAINS,
    { lost: 1 },
  ],
  [
    'a record is there twice',
    GOOD,
    { log: [logOf('0', '1', '2', '2')], ends: [4], committed: [4] },
    { duplicates: 1, unread: 1 },
  ],
  ['records changed places', GOOD, { ...REMAINS, log: [logOf('0', '2', '1')] }, { disorder: 1, lost: 2, phantoms: 3 }],
  [
    'a record was made up',
    insert(3, { kind: 'read', member: 'a', partition: 0, records: [[2, 'x']] }),
    REMAINS,
    { phantoms: 1 },
  ],
  ['a record was passed over', GOOD.slice(0, 7), { ...REMAINS }, { unread: 1 }],
  [
    'a poll went back',
    insert(3, { kind: 'read', member: 'a', partition: 0, records: [[0, '0']] }),
    REMAINS,
    { nonMonotonic: 1 },
  ],
  [
    'a commit was forgotten',
    GOOD.toSpliced(7, 1, {
      kind: 'read',
      member: 'b',
      partition: 0,
      records: [
        [0, '0'],
        [1, '1'],
        [2, '2'],
      ],
    }),
    REMAINS,
    { forgottenCommits: 1 },
  ],
  [
    'a commit is beyond the end',
    insert(4, { kind: 'committed', member: 'a', partition: 0, offset: 9 }),
    REMAINS,
    { beyond: 1, forgottenCommits: 2 },
  ],
  ['the group stands before the end', GOOD, { ...REMAINS, committed: [2] }, { stuck: 1 }],
]

for (const [name, happenings, remains, found] of BROKEN) {
  test(`the checker sees that ${name}`, () => assert.deepEqual(check(happenings, remains), { ...NONE, ...found }))
}
