import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { CoordinatorBench, COMMIT } from '../../../../test/groups/coordinator-bench.ts'
import { JOIN } from '../../../../test/groups/bench.ts'
import { ERROR } from '../wire/protocol-error.ts'
import { StorageError } from '../storage/storage.ts'

const HOUR = 3_600_000

test('until it has read what was written down, every request is told to come again', async () => {
  const { coordinator } = await CoordinatorBench.open({ start: false })
  const speaker = { memberId: '', instanceId: null, generation: -1 }
  assert.equal((await coordinator.join(JOIN)).error, ERROR.coordinatorLoadInProgress)
  assert.equal(coordinator.heartbeat('g', speaker), ERROR.coordinatorLoadInProgress)
  assert.equal(coordinator.refusal('g'), ERROR.coordinatorLoadInProgress)
  assert.equal((await coordinator.commit('g', speaker, [COMMIT]))[0]!.error, ERROR.coordinatorLoadInProgress)
  assert.deepEqual(await coordinator.deleteOffsets('g', []), [ERROR.coordinatorLoadInProgress])
  assert.equal(await coordinator.deleteGroup('g'), ERROR.coordinatorLoadInProgress)
})

test('names and sessions that cannot be', async () => {
  const { coordinator } = await CoordinatorBench.open()
  const error = async (request: Partial<typeof JOIN>) => (await coordinator.join({ ...JOIN, ...request })).error
  assert.equal(await error({ group: '' }), ERROR.invalidGroupId)
  assert.equal(await error({ group: 'x'.repeat(1001) }), ERROR.invalidGroupId)
  assert.equal(await error({ sessionMs: 5999 }), ERROR.invalidSessionTimeout)
  assert.equal(await error({ sessionMs: 1_800_001 }), ERROR.invalidSessionTimeout)
  assert.equal(await error({ memberId: 'x' }), ERROR.unknownMemberId)
  assert.equal(await error({ instanceId: 'x'.repeat(1001) }), ERROR.invalidRequest)
  assert.equal(await error({ protocolType: 'x'.repeat(1001) }), ERROR.inconsistentGroupProtocol)
  const sync = { memberId: 'x', instanceId: null, generation: 1, protocolType: null, protocol: null }
  assert.equal((await coordinator.sync({ ...sync, group: 'g', assignments: new Map() })).error, ERROR.unknownMemberId)
  assert.equal(coordinator.heartbeat('g', sync), ERROR.unknownMemberId)
  assert.deepEqual(coordinator.leave('g', [sync]), [ERROR.unknownMemberId])
})

test('groups are bounded in number and in bytes', async () => {
  const bench = await CoordinatorBench.open({ limits: { maxGroups: 2, maxGroupsBytes: 100_000 } })
  const { coordinator } = bench
  void coordinator.join({ ...JOIN, group: 'a' })
  void coordinator.join({ ...JOIN, group: 'b' })
  assert.equal((await coordinator.join({ ...JOIN, group: 'c' })).error, ERROR.groupMaxSizeReached)
  const large = [{ name: 'range', metadata: Buffer.alloc(200_000) }]
  assert.equal((await coordinator.join({ ...JOIN, group: 'a', protocols: large })).error, ERROR.groupMaxSizeReached)
  assert.equal((await bench.commit('c')).error, ERROR.invalidCommitOffsetSize)
})

test('a commit is answered when it is durable, and read back after a restart', async () => {
  const bench = await CoordinatorBench.open()
  const pending = bench.commit('g', { offset: 7, leaderEpoch: 3, metadata: 'mine' })
  assert.equal(bench.coordinator.committed('g', 't', 0), undefined)
  assert.equal((await pending).error, ERROR.none)
  const at = bench.clock.now()
  const kept = { offset: 7, leaderEpoch: 3, metadata: 'mine', at }
  assert.deepEqual(bench.coordinator.committed('g', 't', 0), kept)
  await bench.restart()
  assert.deepEqual(bench.coordinator.committed('g', 't', 0), kept)
  assert.deepEqual(bench.coordinator.committedPartitions('g'), [{ topic: 't', partition: 0 }])
  assert.deepEqual(bench.coordinator.describe('g').phase, 'Empty')
})

test('what is wrong with one partition of a commit harms only that', async () => {
  const bench = await CoordinatorBench.open()
  const speaker = { memberId: '', instanceId: null, generation: -1 }
  const outcomes = await bench.coordinator.commit('', speaker, [
    COMMIT,
    { ...COMMIT, topic: 'unknown' },
    { ...COMMIT, partition: 2 },
    { ...COMMIT, partition: 1, metadata: 'x'.repeat(4097) },
    { ...COMMIT, partition: 1, metadata: 'x'.repeat(4096) },
  ])
  assert.deepEqual(
    outcomes.map(({ error }) => error),
    [0, ERROR.unknownTopicOrPartition, ERROR.unknownTopicOrPartition, ERROR.offsetMetadataTooLarge, 0],
  )
  assert.equal(bench.coordinator.committed('', 't', 1)!.metadata.length, 4096)
})

test('a commit of a generation that nobody knows is refused', async () => {
  const bench = await CoordinatorBench.open()
  const speaker = { memberId: 'x', instanceId: null, generation: 5 }
  assert.equal((await bench.coordinator.commit('g', speaker, [COMMIT]))[0]!.error, ERROR.illegalGeneration)
})

test('a full disk refuses commits and stops no generation', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g')
  bench.partition.fault = new StorageError('full', 'no room')
  assert.equal((await bench.commit('g', { offset: 9 })).error, ERROR.coordinatorNotAvailable)
  assert.equal(bench.coordinator.committed('g', 't', 0)!.offset, 1)
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.coordinatorNotAvailable)
  assert.equal(bench.coordinator.committed('g', 't', 0)!.offset, 1)
  const joined = await bench.member()
  assert.deepEqual([joined.error, joined.generation], [ERROR.none, 1])
  assert.equal(bench.coordinator.describe('g').phase, 'Stable')
  bench.partition.fault = undefined
  assert.equal((await bench.commit('g', { offset: 9 }, joined)).error, ERROR.none)
})

test('members go on after a restart, in their generation', async () => {
  const bench = await CoordinatorBench.open()
  const { memberId, generation } = await bench.member()
  await bench.restart()
  assert.equal(bench.coordinator.heartbeat('g', { memberId, generation, instanceId: null }), ERROR.none)
  assert.equal(bench.coordinator.describe('g').phase, 'Stable')
})

test('a thread that was held up expires nobody; silence does', async () => {
  const bench = await CoordinatorBench.open()
  const { memberId, generation } = await bench.member()
  const heartbeat = () => bench.coordinator.heartbeat('g', { memberId, generation, instanceId: null })
  bench.clock.stall(3_600_000)
  assert.equal(heartbeat(), ERROR.none)
  for (let i = 0; i < 20; i++) bench.clock.stall(9000)
  assert.equal(heartbeat(), ERROR.none)
  bench.clock.advance(9900)
  assert.equal(heartbeat(), ERROR.none)
  bench.clock.advance(10_100)
  assert.equal(heartbeat(), ERROR.unknownMemberId)
})

test('time counts on a busy machine, but nobody is silent whose heartbeat waits to be read', async () => {
  const bench = await CoordinatorBench.open()
  const { memberId, generation } = await bench.member()
  const heartbeat = () => bench.coordinator.heartbeat('g', { memberId, generation, instanceId: null })
  assert.equal(heartbeat(), ERROR.none)
  bench.clock.advance(9_900)
  // The tick comes 600 ms after the one before, the session is over by 500 ms, and then the sockets are read.
  bench.clock.stall(500)
  assert.equal(heartbeat(), ERROR.none)
  for (let i = 0; i < 16; i++) bench.clock.stall(500)
  assert.equal(heartbeat(), ERROR.none)
  for (let i = 0; i < 17; i++) bench.clock.stall(500)
  assert.equal(bench.coordinator.describe('g').members.length, 0)
  assert.equal(heartbeat(), ERROR.unknownMemberId)
})

test('a group is empty at the moment its last session ends, whenever the next tick is', async () => {
  const bench = await CoordinatorBench.open()
  const { memberId, generation } = await bench.member()
  bench.clock.advance(30)
  assert.equal(bench.coordinator.heartbeat('g', { memberId, generation, instanceId: null }), ERROR.none)
  bench.clock.advance(9_999)
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.nonEmptyGroup)
  assert.equal(bench.coordinator.describe('g').phase, 'Stable')
  bench.clock.advance(1)
  assert.equal(bench.coordinator.describe('g').phase, 'Empty')
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.none)
})

test('a step of the wall clock expires nothing', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g')
  bench.clock.step(400 * 24 * HOUR)
  await bench.coordinator.expire()
  assert.equal(bench.coordinator.committed('g', 't', 0)!.offset, 1)
})

test('offsets of a group without members are kept for as long as is said, then the group is forgotten', async () => {
  const bench = await CoordinatorBench.open({ limits: { offsetsRetentionMs: HOUR } })
  const joined = await bench.member()
  await bench.commit('g', {}, joined)
  bench.clock.advance(HOUR)
  assert.equal(bench.coordinator.describe('g').phase, 'Empty')
  await bench.coordinator.expire()
  assert.equal(bench.coordinator.committed('g', 't', 0)!.offset, 1)
  bench.clock.advance(20_000)
  await bench.coordinator.expire()
  assert.equal(bench.coordinator.committed('g', 't', 0), undefined)
  assert.deepEqual(bench.coordinator.list(), [])
  await bench.restart()
  assert.deepEqual(bench.coordinator.list(), [])
})

test('offsets of a topic that a stable group has stopped reading expire; those that it reads do not', async () => {
  const bench = await CoordinatorBench.open({ limits: { offsetsRetentionMs: HOUR } })
  const { memberId, generation } = await bench.member('t')
  const speaker = { memberId, generation, instanceId: null }
  await bench.coordinator.commit('g', speaker, [COMMIT, { ...COMMIT, topic: 'u' }])
  for (let i = 0; i < 410; i++) {
    bench.clock.advance(9000)
    bench.coordinator.heartbeat('g', speaker)
  }
  await bench.coordinator.expire()
  assert.deepEqual(bench.coordinator.committedPartitions('g'), [{ topic: 't', partition: 0 }])
})

test('offsets are deleted of topics that nobody reads', async () => {
  const bench = await CoordinatorBench.open()
  assert.deepEqual(await bench.coordinator.deleteOffsets('g', []), [ERROR.groupIdNotFound])
  const { memberId, generation } = await bench.member('t')
  const speaker = { memberId, generation, instanceId: null }
  await bench.coordinator.commit('g', speaker, [COMMIT, { ...COMMIT, topic: 'u' }])
  const keys = ['t', 'u', 'unknown'].map((topic) => ({ topic, partition: 0 }))
  assert.deepEqual(await bench.coordinator.deleteOffsets('g', keys), [
    ERROR.none,
    ERROR.groupSubscribedToTopic,
    ERROR.none,
    ERROR.unknownTopicOrPartition,
  ])
  assert.deepEqual(bench.coordinator.committedPartitions('g'), [{ topic: 't', partition: 0 }])
  bench.coordinator.leave('g', [speaker])
  assert.deepEqual(await bench.coordinator.deleteOffsets('g', keys.slice(0, 1)), [ERROR.none, ERROR.none])
  await bench.restart()
  assert.deepEqual(bench.coordinator.committedPartitions('g'), [])
})

test('a group of another kind keeps its offsets while it has members', async () => {
  const bench = await CoordinatorBench.open()
  void bench.coordinator.join({ ...JOIN, protocolType: 'connect' })
  bench.clock.advance(1000)
  assert.deepEqual(await bench.coordinator.deleteOffsets('g', []), [ERROR.nonEmptyGroup])
})

test('a group is deleted when nobody is in it, with a commit that is on its way', async () => {
  const bench = await CoordinatorBench.open()
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.groupIdNotFound)
  const { memberId } = await bench.member()
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.nonEmptyGroup)
  bench.coordinator.leave('g', [{ memberId, instanceId: null }])
  const commit = bench.commit('g')
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.none)
  assert.equal((await commit).error, ERROR.none)
  assert.deepEqual([bench.coordinator.list(), bench.coordinator.committed('g', 't', 0)], [[], undefined])
  await bench.restart()
  assert.deepEqual(bench.coordinator.list(), [])
})

test('offsets go with their topic, also those on their way', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g', { topic: 'u' })
  await bench.commit('g')
  const late = bench.commit('h')
  await bench.coordinator.topicDeleted('t')
  await late
  await bench.restart()
  assert.deepEqual(bench.coordinator.committedPartitions('g'), [{ topic: 'u', partition: 0 }])
  assert.deepEqual(bench.coordinator.committedPartitions('h'), [])
})

test('a record that cannot be read is left out, the rest is served', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('a')
  await bench.commit('b')
  await bench.commit('c')
  bench.partition.batches[1]![70]! ^= 0xff
  await bench.restart()
  assert.deepEqual(
    bench.coordinator.list().map(({ id }) => id),
    ['a', 'c'],
  )
  assert.match(bench.log.join('\n'), /Cannot read offsets of groups: left out/)
})

test('whatever is committed, deleted and compacted: what is read back is what was there', async () => {
  const step = fc.record({
    act: fc.constantFrom('commit', 'commit', 'commit', 'deleteOffsets', 'deleteGroup', 'topic', 'compact', 'restart'),
    group: fc.constantFrom('a', 'b'),
    topic: fc.constantFrom('t', 'u'),
    partition: fc.integer({ min: 0, max: 1 }),
    offset: fc.nat(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const bench = await CoordinatorBench.open()
      for (const { act, group, topic, partition, offset } of steps) {
        if (act === 'commit') await bench.commit(group, { topic, partition, offset })
        else if (act === 'deleteOffsets') await bench.coordinator.deleteOffsets(group, [{ topic, partition }])
        else if (act === 'deleteGroup') await bench.coordinator.deleteGroup(group)
        else if (act === 'topic') await bench.coordinator.topicDeleted(topic)
        else if (act === 'compact') bench.compact()
        else {
          const before = bench.everything()
          await bench.restart()
          assert.deepEqual(bench.everything(), before)
        }
      }
    }),
    { numRuns: 100 },
  )
})

test('many tombstones go in batches that are not large', async () => {
  const bench = await CoordinatorBench.open({ partitions: 9000 })
  const speaker = { memberId: '', instanceId: null, generation: -1 }
  const commits = Array.from({ length: 9000 }, (_, partition) => ({ ...COMMIT, partition, metadata: 'm'.repeat(60) }))
  await bench.coordinator.commit('g', speaker, commits)
  assert.ok(bench.partition.batches.every((batch) => batch.length < 300_000))
  assert.ok(bench.partition.batches.length > 3)
  assert.equal(await bench.coordinator.deleteGroup('g'), ERROR.none)
  await bench.restart()
  assert.deepEqual(bench.coordinator.list(), [])
})

test('a topic of offsets that cannot be opened stops nobody but commits', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g')
  bench.storage.partition = () => undefined
  await bench.restart()
  assert.equal((await bench.commit('g')).error, ERROR.coordinatorNotAvailable)
  assert.equal((await bench.member()).error, ERROR.none)
  assert.equal(bench.coordinator.describe('g').phase, 'Stable')
})

test('offsets that cannot be read any further: those before are served, and the log says so', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g')
  const { partition } = bench
  partition.read = () => {
    throw new StorageError('failed', 'broken disk')
  }
  await bench.restart()
  assert.deepEqual(bench.coordinator.list(), [])
  assert.match(bench.log.join('\n'), /Cannot read the offsets of groups/)
  assert.equal((await bench.commit('g', { offset: 3 })).error, ERROR.none)
})

test('a coordinator that is closed before it has loaded does nothing more', async () => {
  const bench = await CoordinatorBench.open()
  await bench.commit('g')
  const again = await CoordinatorBench.open({ start: false })
  const starting = again.coordinator.start()
  again.coordinator.close()
  await starting
  assert.equal(again.coordinator.refusal('g'), ERROR.coordinatorLoadInProgress)
})
