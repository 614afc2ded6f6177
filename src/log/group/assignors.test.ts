import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PartitionRef } from '../groups.ts'
import { assignRange, assignSticky, assignTogether } from './assignors.ts'
import type { Assignment, Subscriber } from './assignors.ts'
import { keyOf } from './held.ts'

const refs = (topic: string, ...partitions: number[]): PartitionRef[] =>
  partitions.map((partition) => ({ topic, partition }))

function subscriber(
  id: string,
  topics: readonly string[],
  owned: readonly PartitionRef[] = [],
  generation = 1,
): Subscriber {
  return { id, topics, owned, generation: owned.length > 0 ? generation : -1 }
}

function plain(assignment: Assignment): { [id: string]: string[] } {
  return Object.fromEntries([...assignment].map(([id, list]) => [id, list.map(keyOf).sort()]))
}

test('a newcomer is given nothing that another still has', () => {
  const members = [subscriber('a', ['t'], refs('t', 0, 1, 2, 3)), subscriber('b', ['t'])]
  assert.deepEqual(plain(assignSticky(members, new Map([['t', 4]]))), { a: ['t/0', 't/1'], b: [] })
  const next = [subscriber('a', ['t'], refs('t', 0, 1), 2), subscriber('b', ['t'])]
  assert.deepEqual(plain(assignSticky(next, new Map([['t', 4]]))), { a: ['t/0', 't/1'], b: ['t/2', 't/3'] })
})

test('of two that claim the same partition, the later generation has it', () => {
  const members = [subscriber('a', ['t'], refs('t', 0), 3), subscriber('b', ['t'], refs('t', 0), 4)]
  assert.deepEqual(plain(assignSticky(members, new Map([['t', 1]]))), { a: [], b: ['t/0'] })
})

test("partitions that are gone, and topics that are not wanted any more, are nobody's", () => {
  const members = [subscriber('a', ['t'], [...refs('t', 0, 7), ...refs('u', 0)])]
  assert.deepEqual(plain(assignSticky(members, new Map([['t', 2]]))), { a: ['t/0', 't/1'] })
})

test('range gives neighbours, and the first members one more', () => {
  const members = [subscriber('b', ['t', 'u']), subscriber('a', ['t']), subscriber('c', ['t'])]
  const counts = new Map([
    ['t', 7],
    ['u', 2],
  ])
  assert.deepEqual(plain(assignRange(members, counts)), {
    a: ['t/0', 't/1', 't/2'],
    b: ['t/3', 't/4', 'u/0', 'u/1'],
    c: ['t/5', 't/6'],
  })
})

const TOPICS = ['t', 'u', 'v']
const someTopics = fc.uniqueArray(fc.constantFrom(...TOPICS), { minLength: 1 })
const someCounts = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 3, maxLength: 3 })

test('members come and go at random: all is given, evenly, nothing twice, and what can stay stays', () => {
  const changes = fc.array(fc.record({ id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), topics: someTopics }), {
    minLength: 1,
    maxLength: 12,
  })
  fc.assert(
    fc.property(someCounts, changes, (sizes, steps) => {
      const counts = new Map(TOPICS.map((topic, index) => [topic, sizes[index]!]))
      let members: Subscriber[] = []
      let generation = 0
      for (const { id, topics } of steps) {
        const there = members.some((member) => member.id === id)
        members = there ? members.filter((member) => member.id !== id) : [...members, subscriber(id, topics)]
        if (members.length === 0) continue
        // One generation lets go of what moves, the next one gives it away, and then nothing changes any more.
        for (let round = 0; round < 3; round++) {
          const assignment = assignSticky(members, counts)
          checkNothingTwice(members, assignment)
          generation++
          members = members.map((member) => subscriber(member.id, member.topics, assignment.get(member.id), generation))
          if (round === 2) checkSettled(members, assignment, counts)
        }
      }
    }),
    { numRuns: 500 },
  )
})

test('together: whoever has a partition of one topic has that of the others, while members come and go', () => {
  const changes = fc.array(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1, maxLength: 12 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), changes, (count, steps) => {
      const counts = new Map(TOPICS.map((topic) => [topic, count]))
      let members: Subscriber[] = []
      let generation = 0
      for (const id of steps) {
        const there = members.some((member) => member.id === id)
        members = there ? members.filter((member) => member.id !== id) : [...members, subscriber(id, TOPICS)]
        for (let round = 0; round < 3 && members.length > 0; round++) {
          const assignment = assignTogether(members, counts)
          checkNothingTwice(members, assignment)
          for (const refs of assignment.values()) {
            const numbers = TOPICS.map((topic) => refs.filter((ref) => ref.topic === topic).map((ref) => ref.partition))
            for (const of of numbers) assert.deepEqual(of, numbers[0])
          }
          generation++
          members = members.map((member) => subscriber(member.id, TOPICS, assignment.get(member.id), generation))
          if (round === 2) assert.equal([...assignment.values()].flat().length, count * TOPICS.length)
        }
      }
    }),
  )
})

test('together: what is still held of a number keeps all of it', () => {
  const members = [subscriber('a', ['t', 'u'], refs('t', 0)), subscriber('b', ['t', 'u'])]
  const counts = new Map([
    ['t', 1],
    ['u', 1],
  ])
  assert.deepEqual(plain(assignTogether(members, counts)), { a: ['t/0', 'u/0'], b: [] })
})

function checkNothingTwice(members: readonly Subscriber[], assignment: Assignment): void {
  const given = [...assignment.values()].flat().map(keyOf)
  assert.equal(new Set(given).size, given.length)
  for (const { id, owned } of members) {
    for (const [other, list] of assignment) {
      if (other === id) continue
      const stolen = list.filter((ref) => owned.some((mine) => keyOf(mine) === keyOf(ref)))
      assert.deepEqual(stolen, [], `${other} is given what ${id} still has`)
    }
  }
}

function checkSettled(
  members: readonly Subscriber[],
  assignment: Assignment,
  counts: ReadonlyMap<string, number>,
): void {
  const wanted = TOPICS.filter((topic) => members.some(({ topics }) => topics.includes(topic)))
  const total = wanted.reduce((sum, topic) => sum + counts.get(topic)!, 0)
  assert.equal([...assignment.values()].flat().length, total)
  for (const giver of members) {
    for (const ref of assignment.get(giver.id)!) {
      const poorest = Math.min(
        ...members.filter(({ topics }) => topics.includes(ref.topic)).map(({ id }) => assignment.get(id)!.length),
      )
      assert.ok(assignment.get(giver.id)!.length - poorest < 2, 'as even as can be')
    }
  }
  assert.deepEqual(plain(assignSticky(members, counts)), plain(assignment), 'what can stay stays')
}
