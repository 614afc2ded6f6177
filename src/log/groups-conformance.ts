import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../system/clock.ts'
import { range } from './conformance-bench.ts'
import { GroupsBench, heldTwice, Journal, numbered, untilAny } from './groups-bench.ts'
import type { GroupReader, GroupsTarget, Holder } from './groups-bench.ts'

/**
 * The contract of `Groups` as tests, the same for every driver; each test uses groups and topics of its own.
 * @param sessionMs as short as the driver's coordinator allows: it is most of what the tests wait for
 */
export function groupsConformance(name: string, sessionMs: number, start: () => Promise<GroupsTarget>): void {
  describe(`groups conformance: ${name}`, () => {
    let target!: GroupsTarget
    before(async () => {
      target = await start()
    })
    after(() => target.stop())
    for (const [title, check] of Object.entries({ ...JOINING, ...CONSUMING, ...CUT_OFF })) {
      test(title, { timeout: 60_000 }, async () => {
        const bench = new GroupsBench(target, sessionMs)
        try {
          await check(bench)
        } finally {
          await bench.close()
        }
      })
    }
  })
}

/** What happens to a member that nobody hears any more: its hub is dead, hangs, or the network drops its packets. */
const CUT_OFF: { readonly [title: string]: Check } = {
  async 'a member that is cut off has lost its lease before the others are given its work, and comes back'(bench) {
    const group = bench.group()
    const { log, cut, heal } = await bench.openCuttable()
    const one = bench.holder(log, { group }, THINGS)
    await one.until(() => one.held.length === 6)
    const two = bench.holder(await bench.open(), { group }, THINGS)
    await shared([one, two], [3, 3])
    const { heldUntil } = one.membership
    cut()
    await one.until(() => one.lostAt !== undefined)
    assert.deepEqual([one.held, one.membership.heldUntil], [[], 0])
    assert.ok(one.lostAt! < heldUntil + bench.sessionMs / 2, 'renewed once more at the most')
    assert.equal(two.held.length, 3)
    await two.until(() => two.held.length === 6)
    assert.ok(systemClock.monotonic() - one.lostAt! < bench.sessionMs, 'taken over soon')
    heal()
    await shared([one, two], [3, 3])
    assert.deepEqual(heldTwice([one, two]), [])
    assert.notEqual(one.generations.at(-1)!.lost, one.generations[0]!.lost)
    await Promise.all([one.leave(), two.leave()])
  },

  async 'a consumer that is cut off is fenced, and only what it did not commit is read again'(bench) {
    const { log: admin, topic } = await bench.topic(1)
    const group = bench.group()
    const { log, cut, heal } = await bench.openCuttable()
    await admin.append(topic, numbered(0, 10))
    const working = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const one = bench.reader(log, { group, topics: [topic] })
    await one.until(() => one.seen.length === 10)
    one.work = () => {
      working.resolve()
      return finish.promise
    }
    await admin.append(topic, numbered(10, 20))
    await working.promise
    const two = bench.reader(admin, { group, topics: [topic] })
    cut()
    await one.until(() => one.lost.length === 1)
    assert.deepEqual(two.assigned, [])
    await two.until(() => two.seen.length === 10)
    assert.deepEqual(sorted(two.seen), range(10, 20))
    heal()
    finish.resolve()
    await one.ended
    assert.equal((one.fault as { code?: string }).code, 'GROUP_FENCED')
    await two.leave()
    const [committed] = await admin.committed(group, [topic])
    assert.equal(committed!.offset, 20)
  },

  async 'a consumer that passes over being fenced is given work again when it is back, by the same reading'(bench) {
    const { log: admin, topic } = await bench.topic(1)
    const group = bench.group()
    const { log, cut, heal } = await bench.openCuttable()
    const finish = Promise.withResolvers<void>()
    const faults: string[] = []
    const one = bench.reader(log, { group, topics: [topic] })
    one.work = () => finish.promise
    one.fenced = ({ code }) => faults.push(code)
    await admin.append(topic, numbered(0, 10))
    await one.until(() => one.seen.length === 10)
    cut()
    await one.until(() => one.lost.length === 1)
    heal()
    finish.resolve()
    await one.until(() => one.seen.length === 20)
    assert.deepEqual([faults, one.assigned.length, one.fault], [['GROUP_FENCED'], 2, undefined])
    assert.deepEqual(sorted(one.seen.slice(10)), range(0, 10))
    await one.leave()
    const [committed] = await admin.committed(group, [topic])
    assert.equal(committed!.offset, 10)
  },
}

type Check = (bench: GroupsBench) => Promise<void>

const THINGS = ['a', 'b', 'c', 'd', 'e', 'f']

const JOINING: { readonly [title: string]: Check } = {
  async 'one member is given everything, with a lease, and leaves with a lost signal'(bench) {
    const log = await bench.open()
    const before = systemClock.monotonic()
    const one = bench.holder(log, { group: bench.group() }, THINGS)
    assert.equal(one.membership.heldUntil, 0)
    await one.until(() => one.held.length === 6)
    assert.ok(
      one.membership.heldUntil > before && one.membership.heldUntil <= systemClock.monotonic() + bench.sessionMs,
    )
    assert.equal(one.generations.at(-1)!.lost.aborted, false)
    await one.leave()
    assert.equal(one.fault, undefined)
    assert.equal(one.generations.at(-1)!.lost.aborted, true)
    assert.equal(one.membership.heldUntil, 0)
  },

  async 'a second and a third share the work, and what stays is never interrupted'(bench) {
    const group = bench.group()
    const one = bench.holder(await bench.open(), { group }, THINGS)
    await one.until(() => one.held.length === 6)
    const two = bench.holder(await bench.open(), { group }, THINGS)
    await shared([one, two], [3, 3])
    const three = bench.holder(await bench.open(), { group }, THINGS)
    await shared([one, two, three], [2, 2, 2])
    assert.deepEqual([one, two, three].flatMap(({ held }) => held).sort(), THINGS)
    assert.deepEqual(heldTwice([one, two, three]), [])
    assert.equal(new Set(one.generations.map(({ lost }) => lost)).size, 1)
    assert.equal(one.lostAt, undefined)
    await three.leave()
    await shared([one, two], [3, 3])
    await two.leave()
    await shared([one], [6])
    assert.equal(one.lostAt, undefined)
    await one.leave()
  },

  async 'rejoin makes a generation, because what is said has changed'(bench) {
    const group = bench.group()
    const one = bench.holder(await bench.open(), { group }, THINGS)
    await one.until(() => one.held.length === 6)
    const before = one.generations.length
    one.membership.rejoin()
    await one.until(() => one.generations.length > before)
    assert.equal(one.held.length, 6)
    await one.leave()
  },

  async 'a static member that is back finds its work where it was, and the others hear nothing'(bench) {
    const group = bench.group()
    const one = bench.holder(await bench.open(), { group, instanceId: 'hub-1' }, THINGS)
    await one.until(() => one.held.length === 6)
    const two = bench.holder(await bench.open(), { group, instanceId: 'hub-2' }, THINGS)
    await shared([one, two], [3, 3])
    const newest = () => one.generations.at(-1)!.id
    await one.until(() => newest() === two.generations.at(-1)!.id)
    const [held, generations] = [two.held, one.generations.length]
    await two.leave()
    const again = bench.holder(await bench.open(), { group, instanceId: 'hub-2' }, THINGS)
    await again.until(() => again.held.length > 0)
    assert.deepEqual(again.held, held)
    assert.equal(again.generations[0]!.id, newest())
    assert.equal(one.generations.length, generations)
    await Promise.all([one.leave(), again.leave()])
  },

  async 'who comes with the name of another takes its place, and that one ends'(bench) {
    const group = bench.group()
    const one = bench.holder(await bench.open(), { group, instanceId: 'hub-1' }, THINGS)
    await one.until(() => one.held.length === 6)
    const usurper = bench.holder(await bench.open(), { group, instanceId: 'hub-1' }, THINGS)
    await one.until(() => one.fault !== undefined)
    assert.equal((one.fault as { code?: string }).code, 'GROUP_FENCED')
    assert.deepEqual(one.held, [])
    await usurper.until(() => usurper.held.length === 6)
    await usurper.leave()
  },

  async 'a member of another protocol is refused'(bench) {
    const group = bench.group()
    const one = bench.holder(await bench.open(), { group }, THINGS)
    await one.until(() => one.held.length === 6)
    const other = bench.holder(await bench.open(), { group, protocol: 'others' }, THINGS)
    await other.ended
    assert.equal((other.fault as { code?: string }).code, 'GROUP_REFUSED')
    await one.leave()
  },

  async 'closing the log ends its members with LOG_CLOSED, and the others take over'(bench) {
    const group = bench.group()
    const log = await bench.open()
    const one = bench.holder(log, { group }, THINGS)
    const two = bench.holder(await bench.open(), { group }, THINGS)
    await shared([one, two], [3, 3])
    await log.close()
    await one.ended
    assert.equal((one.fault as { code?: string }).code, 'LOG_CLOSED')
    await shared([two], [6])
    await two.leave()
  },
}

const CONSUMING: { readonly [title: string]: Check } = {
  async 'one consumer reads everything, commits, and another goes on from there'(bench) {
    const { log, topic } = await bench.topic(3)
    const group = bench.group()
    assert.deepEqual(await log.committed(group, [topic]), [])
    await log.append(topic, numbered(0, 60))
    const one = bench.reader(log, { group, topics: [topic] })
    await one.until(() => one.seen.length === 60)
    await one.leave()
    assert.equal(one.fault, undefined)
    const ends = await log.ends(topic)
    assert.deepEqual(
      [...(await log.committed(group, [topic]))].sort((a, b) => a.partition - b.partition),
      ends.map(({ partition, end }) => ({ topic, partition, offset: end })),
    )
    await log.append(topic, numbered(60, 90))
    const two = bench.reader(log, { group, topics: [topic] })
    await two.until(() => two.seen.length === 30)
    assert.deepEqual(sorted(two.seen), range(60, 90))
    await two.leave()
  },

  async 'a group is listed with its state, its members and where it is, also when they have gone'(bench) {
    const { log, topic } = await bench.topic(2)
    const group = bench.group()
    const listed = async () => (await log.groups()).find((one) => one.group === group)
    assert.equal(await listed(), undefined)
    await log.append(topic, numbered(0, 20))
    const one = bench.reader(log, { group, topics: [topic] })
    await one.until(() => one.seen.length === 20)
    const there = (await listed())!
    assert.deepEqual([there.state, there.protocol, there.members.length], ['Stable', 'consumer', 1])
    await one.leave()
    const { state, members, positions } = (await listed())!
    const ends = await log.ends(topic)
    assert.deepEqual([state, members], ['Empty', []])
    assert.deepEqual(
      [...positions].sort((a, b) => a.partition - b.partition),
      ends.map(({ partition, end }) => ({ topic, partition, offset: end })),
    )
  },

  async 'two and three share partitions, and nothing is lost or repeated as they come and go'(bench) {
    const { log, topic } = await bench.topic(6)
    const group = bench.group()
    const journal = new Journal(log, topic)
    const one = bench.reader(log, { group, topics: [topic] })
    await journal.write(300)
    await one.until(() => one.holds.length === 6)
    const two = bench.reader(await bench.open(), { group, topics: [topic] })
    await journal.whileWriting(parted([one, two], [3, 3]))
    const three = bench.reader(await bench.open(), { group, topics: [topic] })
    await journal.whileWriting(parted([one, two, three], [2, 2, 2]))
    assert.deepEqual([one.lost, two.lost, three.lost], [[], [], []])
    await journal.whileWriting(two.leave())
    await journal.whileWriting(parted([one, three], [3, 3]))
    await journal.whileWriting(one.leave())
    await journal.whileWriting(parted([three], [6]))
    await journal.write(100)
    const seen = () => [one, two, three].flatMap((reader) => reader.seen)
    await three.until(() => seen().length >= journal.written)
    await three.leave()
    assert.deepEqual(sorted(seen()), range(0, journal.written))
    assert.deepEqual([one.fault, two.fault, three.fault], [undefined, undefined, undefined])
  },

  async 'what stays with its owner is not taken up anew when another comes'(bench) {
    const { log, topic } = await bench.topic(4)
    const group = bench.group()
    const one = bench.reader(log, { group, topics: [topic] })
    await one.until(() => one.holds.length === 4)
    const two = bench.reader(await bench.open(), { group, topics: [topic] })
    await parted([one, two], [2, 2])
    assert.equal(one.assigned.length, 4)
    assert.equal(one.revoked.length, 2)
    assert.deepEqual(
      [...one.holds, ...two.holds].sort(),
      range(0, 4).map((partition) => `${topic}/${partition}`),
    )
    await Promise.all([one.leave(), two.leave()])
  },

  async 'a partition that moves waits for the commit of what was handed out of it'(bench) {
    const { log, topic } = await bench.topic(1)
    const group = bench.group()
    const working = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const one = bench.reader(log, { group, topics: [topic] })
    one.work = () => {
      working.resolve()
      return finish.promise
    }
    await log.append(topic, numbered(0, 40))
    await working.promise
    const two = bench.reader(await bench.open(), { group, topics: [topic] })
    const left = one.leave()
    // Long enough for several heartbeats to have brought the news.
    await systemClock.sleep(bench.sessionMs / 2)
    assert.deepEqual(two.assigned, [])
    finish.resolve()
    await left
    assert.equal(one.fault, undefined)
    await log.append(topic, numbered(40, 50))
    await two.until(() => one.seen.length + two.seen.length >= 50)
    assert.deepEqual(sorted([...one.seen, ...two.seen]), range(0, 50))
    await two.leave()
  },

  async 'a consumer that is slow keeps its place, and is given no more than it asks for'(bench) {
    const { log, topic } = await bench.topic(1)
    const group = bench.group()
    const finish = Promise.withResolvers<void>()
    const one = bench.reader(log, { group, topics: [topic] })
    one.work = () => finish.promise
    await log.append(topic, numbered(0, 10))
    await one.until(() => one.seen.length > 0)
    // A session and a half of silence would have cost a member that sends no heartbeats its place.
    await systemClock.sleep(1.5 * bench.sessionMs)
    assert.deepEqual(one.lost, [])
    finish.resolve()
    await one.until(() => one.seen.length === 10)
    await one.leave()
    assert.deepEqual([one.fault, one.lost], [undefined, []])
    const [committed] = await log.committed(group, [topic])
    assert.equal(committed!.offset, 10)
  },

  async 'positions of its own win over what is committed; "end" begins at the end'(bench) {
    const { log, topic } = await bench.topic(1)
    await log.append(topic, numbered(0, 10))
    const own = bench.reader(log, {
      group: bench.group(),
      topics: [topic],
      onAssigned: async () => [{ topic, partition: 0, offset: 7 }],
    })
    await own.until(() => own.seen.length === 3)
    assert.deepEqual(sorted(own.seen), [7, 8, 9])
    await own.leave()
    const taken = Promise.withResolvers<void>()
    const group = bench.group()
    const late = bench.reader(log, { group, topics: [topic], from: 'end' })
    late.work = async () => taken.resolve()
    await late.until(() => late.holds.length === 1)
    const journal = new Journal(log, topic, 100)
    await journal.whileWriting(taken.promise)
    assert.ok(
      sorted(late.seen).every((value) => value >= 100),
      late.seen.join(),
    )
    await late.leave()
  },

  async 'a topic that does not exist yet is waited for'(bench) {
    const log = await bench.open()
    const topic = bench.name()
    const one = bench.reader(log, { group: bench.group(), topics: [topic] })
    await log.ensure([{ name: topic, partitions: 2 }])
    await log.append(topic, numbered(0, 5))
    await one.until(() => one.seen.length === 5)
    await one.leave()
  },
}

function sorted(values: readonly string[]): number[] {
  return values.map(Number).sort(ascendingly)
}

async function shared(holders: readonly Holder[], counts: readonly number[]): Promise<void> {
  await untilAny(holders, () =>
    sameCounts(
      holders.map(({ held }) => held.length),
      counts,
    ),
  )
}

async function parted(readers: readonly GroupReader[], counts: readonly number[]): Promise<void> {
  await untilAny(readers, () =>
    sameCounts(
      readers.map(({ holds }) => holds.length),
      counts,
    ),
  )
}

function sameCounts(actual: number[], wanted: readonly number[]): boolean {
  return actual.sort(ascendingly).join() === [...wanted].sort(ascendingly).join()
}

function ascendingly(a: number, b: number): number {
  return a - b
}
