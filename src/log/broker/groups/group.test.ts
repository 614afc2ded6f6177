import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GroupBench, JOIN, bytes, settled } from '../../../../test/groups/bench.ts'
import { ERROR } from '../wire/protocol-error.ts'
import { describeGroup } from './group-views.ts'
import type { JoinAnswer } from './messages.ts'

const text = (part: Uint8Array) => Buffer.from(part).toString()

function speaker({ memberId, generation }: JoinAnswer, instanceId: string | null = null) {
  return { memberId, generation, instanceId }
}

test('a new client is told its id and is a member when it comes back with it (KIP-394)', async () => {
  const bench = new GroupBench()
  const first = bench.join({ namedFirst: true })
  await settled()
  assert.deepEqual([first.answer!.error, first.answer!.memberId], [ERROR.memberIdRequired, 'c-1'])
  assert.equal(bench.group.members.size, 0)
  const second = bench.join({ namedFirst: true, memberId: 'c-1' })
  await bench.pass(1000)
  assert.deepEqual([second.answer!.error, second.answer!.memberId, second.answer!.generation], [0, 'c-1', 1])
  assert.deepEqual(
    second.answer!.members.map(({ id, metadata }) => [id, text(metadata)]),
    [['c-1', 'range of c']],
  )
})

test('a told id is held as long as a session; a static member needs none', async () => {
  const bench = new GroupBench()
  bench.join({ namedFirst: true })
  await bench.pass(10_000)
  const late = bench.join({ memberId: 'c-1' })
  await settled()
  assert.equal(late.answer!.error, ERROR.unknownMemberId)
  const fixed = bench.join({ namedFirst: true, instanceId: 'i' })
  await bench.pass(1000)
  assert.deepEqual([fixed.answer!.error, fixed.answer!.memberId], [0, 'i-2'])
})

test('the first generation waits for members, again for each that comes, never longer than they would', async () => {
  const bench = new GroupBench()
  const first = bench.join({ rebalanceMs: 2500 })
  await bench.pass(900)
  const second = bench.join({ rebalanceMs: 2500 })
  await bench.pass(900)
  assert.equal(first.answer, undefined)
  const third = bench.join({ rebalanceMs: 2500 })
  await bench.pass(600)
  assert.equal(first.answer, undefined)
  await bench.pass(100)
  assert.deepEqual(
    [first, second, third].map(({ answer }) => [answer!.generation, answer!.leader, answer!.members.length]),
    [
      [1, 'c-1', 3],
      [1, 'c-1', 0],
      [1, 'c-1', 0],
    ],
  )
})

test('parts are told when the leader has given them and they are written down; who is forgotten gets nothing', async () => {
  const bench = new GroupBench()
  const joins = [bench.join(), bench.join(), bench.join()]
  await bench.pass(3000)
  const [leader, second, third] = joins.map(({ answer }) => answer!)
  assert.equal(bench.group.phase, 'CompletingRebalance')
  const follower = bench.sync(second!)
  let write = () => {}
  bench.storing = new Promise((resolve) => (write = resolve))
  const assignments = new Map([
    ['c-1', bytes('one')],
    ['c-2', bytes('two')],
  ])
  const leading = bench.sync({ ...leader!, assignments })
  await settled()
  assert.deepEqual([leading.answer, follower.answer], [undefined, undefined])
  write()
  await settled()
  assert.equal(bench.group.phase, 'Stable')
  assert.equal(text(leading.answer!.assignment), 'one')
  assert.equal(text(follower.answer!.assignment), 'two')
  assert.deepEqual([follower.answer!.protocolType, follower.answer!.protocol], ['consumer', 'range'])
  const late = bench.sync(third!)
  await settled()
  assert.deepEqual([late.answer!.error, text(late.answer!.assignment)], [0, ''])
  const [record] = bench.stored
  assert.deepEqual(
    record!.members.map(({ id, assignment, metadata }) => [id, text(assignment), text(metadata)]),
    [
      ['c-1', 'one', 'range of c'],
      ['c-2', 'two', 'range of c'],
      ['c-3', '', 'range of c'],
    ],
  )
  assert.deepEqual([record!.generation, record!.leader, record!.protocol], [1, 'c-1', 'range'])
})

test('a leader that asks twice while its word is written down has its second answer', async () => {
  const bench = new GroupBench()
  const join = bench.join()
  await bench.pass(1000)
  const assignments = new Map([['c-1', bytes('one')]])
  const first = bench.sync({ ...join.answer!, assignments })
  const second = bench.sync({ ...join.answer!, assignments })
  await settled()
  assert.deepEqual([first.answer!.error, second.answer!.error], [ERROR.rebalanceInProgress, 0])
  assert.equal(bench.stored.length, 1)
})

test('a generation that ended while its parts were written down is not brought back', async () => {
  const bench = new GroupBench()
  const join = bench.join()
  await bench.pass(1000)
  let write = () => {}
  bench.storing = new Promise((resolve) => (write = resolve))
  const leading = bench.sync({ ...join.answer!, assignments: new Map([['c-1', bytes('one')]]) })
  const second = bench.join()
  write()
  await settled()
  assert.equal(leading.answer!.error, ERROR.rebalanceInProgress)
  assert.equal(bench.group.phase, 'PreparingRebalance')
  bench.join({ memberId: 'c-1' })
  await settled()
  assert.equal(second.answer!.generation, 2)
})

test('who was told its id is waited for, as long as a session', async () => {
  const bench = new GroupBench()
  const [one] = await bench.stable({})
  bench.join({ namedFirst: true, sessionMs: 6000 })
  const again = bench.join({ memberId: one!.memberId })
  await bench.pass(5900)
  assert.equal(again.answer, undefined)
  await bench.pass(100)
  assert.equal(again.answer!.generation, 2)
})

test('SyncGroup is refused to strangers, of other generations and other protocols, and while members join', async () => {
  const bench = new GroupBench()
  const [one] = await bench.stable({}, {})
  const error = async (request: Parameters<GroupBench['sync']>[0]) => {
    const sync = bench.sync(request)
    await settled()
    return sync.answer!.error
  }
  assert.equal(await error({ memberId: 'x', generation: 1 }), ERROR.unknownMemberId)
  assert.equal(await error({ memberId: 'c-1', generation: 2 }), ERROR.illegalGeneration)
  assert.equal(await error({ ...one!, instanceId: 'i' }), ERROR.unknownMemberId)
  assert.equal(await error({ ...one!, protocolType: 'connect' }), ERROR.inconsistentGroupProtocol)
  assert.equal(await error({ ...one!, protocol: 'sticky' }), ERROR.inconsistentGroupProtocol)
  assert.equal(await error({ ...one!, protocolType: 'consumer', protocol: 'range' }), ERROR.none)
  bench.join()
  assert.equal(await error(one!), ERROR.rebalanceInProgress)
})

test('heartbeats: fine, of another generation, of a stranger, and the news of a coming generation', async () => {
  const bench = new GroupBench()
  const [one, two] = await bench.stable({}, {})
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.none)
  assert.equal(bench.group.heartbeat({ ...speaker(one!), generation: 0 }), ERROR.illegalGeneration)
  assert.equal(bench.group.heartbeat({ ...speaker(one!), memberId: 'x' }), ERROR.unknownMemberId)
  const third = bench.join()
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.rebalanceInProgress)
  const again = [bench.join({ memberId: 'c-1' }), bench.join({ memberId: 'c-2' })]
  await settled()
  assert.equal(third.answer!.generation, 2)
  assert.equal(bench.group.heartbeat(speaker(again[0]!.answer!)), ERROR.none)
  assert.equal(bench.group.heartbeat(speaker(two!)), ERROR.illegalGeneration)
})

test('a silent member is lost after its session, and the others begin anew', async () => {
  const bench = new GroupBench()
  const [one, two] = await bench.stable({}, {})
  for (let i = 0; i < 3; i++) {
    await bench.pass(3000)
    assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.none)
  }
  await bench.pass(1000)
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.rebalanceInProgress)
  assert.equal(bench.group.heartbeat(speaker(two!)), ERROR.unknownMemberId)
  const again = bench.join({ memberId: 'c-1' })
  await settled()
  assert.deepEqual([again.answer!.generation, again.answer!.members.length], [2, 1])
})

test('the leader dies: another leads', async () => {
  const bench = new GroupBench()
  const [, two] = await bench.stable({}, {})
  await bench.pass(9000)
  bench.group.heartbeat(speaker(two!))
  await bench.pass(1000)
  const again = bench.join({ memberId: 'c-2' })
  await settled()
  assert.deepEqual([again.answer!.generation, again.answer!.leader], [2, 'c-2'])
})

test('a member that lives but does not join again is left behind when the others have waited long enough', async () => {
  const bench = new GroupBench()
  const [one, two] = await bench.stable({}, {})
  const again = bench.join({ memberId: 'c-1' })
  for (let i = 0; i < 10; i++) {
    bench.group.heartbeat(speaker(two!))
    await bench.pass(2900)
    assert.equal(again.answer, undefined)
  }
  await bench.pass(1000)
  assert.deepEqual([again.answer!.generation, again.answer!.members.length], [2, 1])
  assert.equal(bench.group.heartbeat(speaker(two!)), ERROR.unknownMemberId)
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.illegalGeneration)
})

test('a member that does not ask for its part is left behind after the rebalance timeout', async () => {
  const bench = new GroupBench()
  const joins = [bench.join({ sessionMs: 60_000 }), bench.join({ sessionMs: 60_000 })]
  await bench.pass(2000)
  const sync = bench.sync({ ...joins[0]!.answer!, assignments: new Map() })
  await settled()
  assert.equal(sync.answer!.error, ERROR.none)
  await bench.pass(29_900)
  assert.equal(bench.group.phase, 'Stable')
  await bench.pass(100)
  assert.equal(bench.group.phase, 'PreparingRebalance')
  assert.equal(bench.group.members.size, 1)
})

test('followers are told to come again when the generation ends before the leader has spoken', async () => {
  const bench = new GroupBench()
  const joins = [bench.join(), bench.join()]
  await bench.pass(2000)
  const follower = bench.sync(joins[1]!.answer!)
  await bench.pass(10_000)
  assert.equal(follower.answer!.error, ERROR.rebalanceInProgress)
  assert.equal(bench.group.members.size, 1)
})

test('members vote on the protocol; one that knows none of the common ones is refused', async () => {
  const bench = new GroupBench()
  const protocols = (...names: string[]) => names.map((name) => ({ name, metadata: bytes(name) }))
  const joins = [
    bench.join({ protocols: protocols('a', 'b', 'c') }),
    bench.join({ protocols: protocols('c', 'b') }),
    bench.join({ protocols: protocols('c', 'b', 'a') }),
  ]
  const odd = bench.join({ protocols: protocols('a') })
  const other = bench.join({ protocolType: 'connect', protocols: protocols('b') })
  const none = bench.join({ protocols: [] })
  await bench.pass(4000)
  assert.equal(joins[0]!.answer!.protocol, 'c')
  assert.deepEqual(
    joins[0]!.answer!.members.map(({ metadata }) => text(metadata)),
    ['c', 'c', 'c'],
  )
  const refused = [odd, other, none].map(({ answer }) => answer!.error)
  assert.deepEqual(refused, Array(3).fill(ERROR.inconsistentGroupProtocol))
})

test('leaving: by id, twice, a stranger, one that was only told its id', async () => {
  const bench = new GroupBench()
  await bench.stable({}, {}, {})
  bench.join({ namedFirst: true })
  await settled()
  const leave = (...ids: string[]) => bench.group.leave(ids.map((memberId) => ({ memberId, instanceId: null })))
  assert.deepEqual(leave('c-4'), [ERROR.none])
  assert.equal(bench.group.phase, 'Stable')
  assert.deepEqual(leave('c-1', 'c-2', 'c-1', 'x'), [0, 0, ERROR.unknownMemberId, ERROR.unknownMemberId])
  assert.equal(bench.group.phase, 'PreparingRebalance')
  assert.deepEqual(leave('c-3'), [ERROR.none])
  assert.equal(bench.group.phase, 'Empty')
  await settled()
  const { generation, protocol, leader, members } = bench.stored.at(-1)!
  assert.deepEqual(
    { generation, protocol, leader, members },
    { generation: 2, protocol: null, leader: null, members: [] },
  )
})

test('one that leaves while it waits is answered', async () => {
  const bench = new GroupBench()
  const join = bench.join()
  bench.group.leave([{ memberId: 'c-1', instanceId: null }])
  await settled()
  assert.deepEqual([join.answer!.error, join.answer!.memberId], [ERROR.unknownMemberId, ''])
})

test('a follower that joins again unchanged stays in its generation; changed, or leading, it begins another', async () => {
  const bench = new GroupBench()
  const [one, two] = await bench.stable({}, {})
  const same = bench.join({ memberId: 'c-2' })
  await settled()
  assert.deepEqual(same.answer, two)
  assert.equal(bench.group.phase, 'Stable')
  const changed = bench.join({ memberId: 'c-2', protocols: [{ name: 'range', metadata: bytes('new') }] })
  assert.equal(bench.group.phase, 'PreparingRebalance')
  const leading = bench.join({ memberId: one!.memberId })
  await settled()
  assert.deepEqual([changed.answer!.generation, leading.answer!.members.length], [2, 2])
  await bench.assign([leading.answer!, changed.answer!])
  bench.join({ memberId: 'c-1' })
  assert.equal(bench.group.phase, 'PreparingRebalance')
})

test('a member whose answer was lost asks again while the generation is being completed', async () => {
  const bench = new GroupBench()
  const joins = [bench.join(), bench.join()]
  await bench.pass(2000)
  const again = bench.join({ memberId: 'c-1' })
  await settled()
  assert.deepEqual(again.answer, joins[0]!.answer)
  bench.join({ memberId: 'c-2', protocols: [{ name: 'range', metadata: bytes('new') }] })
  assert.equal(bench.group.phase, 'PreparingRebalance')
})

test('a join that is repeated while it waits frees the first one', async () => {
  const bench = new GroupBench()
  await bench.stable({}, {})
  const first = bench.join({ memberId: 'c-1' })
  const second = bench.join({ memberId: 'c-1' })
  await settled()
  assert.equal(first.answer!.error, ERROR.rebalanceInProgress)
  bench.join({ memberId: 'c-2' })
  await settled()
  assert.equal(second.answer!.generation, 2)
})

test('the group is full', async () => {
  const bench = new GroupBench({ maxGroupMembers: 2 })
  const [one] = await bench.stable({}, {})
  const third = bench.join()
  await settled()
  assert.equal(third.answer!.error, ERROR.groupMaxSizeReached)
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.none)
})

test('a client that is gone before it knows of its membership is not waited for', async () => {
  const bench = new GroupBench()
  const [one] = await bench.stable({})
  const gone = new AbortController()
  bench.join({ closed: gone.signal })
  const again = bench.join({ memberId: one!.memberId, closed: gone.signal })
  await settled()
  assert.equal(again.answer!.members.length, 2)
  const third = bench.join({ closed: gone.signal })
  assert.equal(bench.group.members.size, 3)
  gone.abort()
  assert.equal(bench.group.members.size, 2)
  await settled()
  assert.equal(third.answer!.error, ERROR.unknownMemberId)
})

test('a new client waits five minutes for its first generation, then has to ask again', async () => {
  const bench = new GroupBench()
  const [one] = await bench.stable({ rebalanceMs: 600_000 })
  const second = bench.join()
  for (let i = 0; i < 59; i++) {
    await bench.pass(5000)
    bench.group.heartbeat(speaker(one!))
  }
  assert.equal(second.answer, undefined)
  await bench.pass(5000)
  assert.equal(second.answer!.error, ERROR.unknownMemberId)
  assert.equal(bench.group.members.size, 1)
})

test('a static member that is back finds its part where it was, and its older self is fenced (KIP-345)', async () => {
  const bench = new GroupBench()
  const [one, two] = await bench.stable({}, { instanceId: 'i' })
  const back = bench.join({ instanceId: 'i', protocols: [{ name: 'range', metadata: bytes('other') }] })
  await settled()
  assert.equal(bench.group.phase, 'Stable')
  assert.deepEqual(
    [back.answer!.error, back.answer!.memberId, back.answer!.generation, back.answer!.leader],
    [0, 'i-3', 1, 'c-1'],
  )
  assert.deepEqual([back.answer!.skipAssignment, back.answer!.members], [false, []])
  const part = bench.sync({ memberId: 'i-3', instanceId: 'i', generation: 1 })
  await settled()
  assert.equal(text(part.answer!.assignment), 'b')
  assert.equal(bench.group.heartbeat(speaker(two!, 'i')), ERROR.fencedInstanceId)
  assert.equal(bench.group.heartbeat(speaker(two!)), ERROR.unknownMemberId)
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.none)
  assert.deepEqual(
    bench.stored.at(-1)!.members.map(({ id, instanceId }) => [id, instanceId]),
    [
      ['c-1', null],
      ['i-3', 'i'],
    ],
  )
  const fenced = bench.join({ memberId: two!.memberId, instanceId: 'i' })
  await settled()
  assert.equal(fenced.answer!.error, ERROR.fencedInstanceId)
})

test('a static leader that is back has nothing to assign; an older client is told that it does not lead', async () => {
  const bench = new GroupBench()
  await bench.stable({ instanceId: 'i' }, {})
  const back = bench.join({ instanceId: 'i' })
  await settled()
  assert.deepEqual([back.answer!.leader, back.answer!.skipAssignment, back.answer!.members.length], ['i-3', true, 2])
  const older = bench.join({ instanceId: 'i', maySkipAssignment: false })
  await settled()
  assert.deepEqual([older.answer!.leader, older.answer!.skipAssignment, older.answer!.members], ['i-3', false, []])
  assert.equal(bench.group.members.leader, 'i-4')
})

test('a static member that is back begins a generation where the vote changes, or one is being completed', async () => {
  const bench = new GroupBench()
  const protocols = ['a', 'b'].map((name) => ({ name, metadata: bytes(name) }))
  await bench.stable({ instanceId: 'i', protocols }, { protocols })
  const back = bench.join({ instanceId: 'i', protocols: protocols.slice(1) })
  assert.equal(bench.group.phase, 'PreparingRebalance')
  bench.join({ memberId: 'c-2', protocols })
  await settled()
  assert.equal(back.answer!.protocol, 'b')
  assert.equal(bench.group.phase, 'CompletingRebalance')
  bench.join({ instanceId: 'i', protocols })
  assert.equal(bench.group.phase, 'PreparingRebalance')
})

test('a static member that does not join in time stays until its session is over', async () => {
  const bench = new GroupBench()
  await bench.stable({}, { instanceId: 'i', sessionMs: 100_000 })
  const again = bench.join({ memberId: 'c-1' })
  await bench.pass(30_000)
  assert.deepEqual(
    again.answer!.members.map(({ id, instanceId }) => [id, instanceId]),
    [
      ['c-1', null],
      ['i-2', 'i'],
    ],
  )
  const sync = bench.sync({ ...again.answer!, assignments: new Map([['i-2', bytes('kept')]]) })
  await settled()
  assert.equal(sync.answer!.error, ERROR.none)
  for (let i = 0; i < 6; i++) {
    bench.group.heartbeat(speaker(again.answer!))
    await bench.pass(9000)
  }
  assert.equal(bench.group.phase, 'Stable')
  const back = bench.join({ instanceId: 'i' })
  await settled()
  const part = bench.sync({ ...back.answer!, instanceId: 'i' })
  await settled()
  assert.equal(text(part.answer!.assignment), 'kept')
})

test('a generation in which only silent static members are left waits for their sessions', async () => {
  const bench = new GroupBench()
  await bench.stable({}, { instanceId: 'i', sessionMs: 50_000, rebalanceMs: 5000 })
  bench.group.leave([{ memberId: 'c-1', instanceId: null }])
  await bench.pass(40_000)
  assert.equal(bench.group.phase, 'PreparingRebalance')
  await bench.pass(10_000)
  assert.equal(bench.group.phase, 'Empty')
})

test('an operator removes a static member by its name', async () => {
  const bench = new GroupBench()
  await bench.stable({ instanceId: 'i' }, {})
  assert.deepEqual(
    bench.group.leave([
      { memberId: '', instanceId: 'x' },
      { memberId: 'c-2', instanceId: 'i' },
      { memberId: '', instanceId: 'i' },
    ]),
    [ERROR.unknownMemberId, ERROR.fencedInstanceId, ERROR.none],
  )
  assert.equal(bench.group.members.size, 1)
})

test('who may commit', async () => {
  const bench = new GroupBench()
  const outside = { memberId: '', instanceId: null, generation: -1 }
  assert.equal(bench.group.commitFault(outside), ERROR.none)
  assert.equal(bench.group.commitFault({ ...outside, generation: 3 }), ERROR.unknownMemberId)
  const joins = [bench.join(), bench.join({ instanceId: 'i' })]
  await bench.pass(2000)
  const [one, two] = joins.map(({ answer }) => answer!)
  assert.equal(bench.group.commitFault(speaker(one!)), ERROR.rebalanceInProgress)
  await bench.assign([one!, two!])
  assert.equal(bench.group.commitFault(speaker(one!)), ERROR.none)
  assert.equal(bench.group.commitFault(speaker(two!, 'i')), ERROR.none)
  assert.equal(bench.group.commitFault(outside), ERROR.unknownMemberId)
  assert.equal(bench.group.commitFault({ ...speaker(one!), generation: 0 }), ERROR.illegalGeneration)
  assert.equal(bench.group.commitFault({ ...speaker(one!), generation: -1 }), ERROR.illegalGeneration)
  assert.equal(bench.group.commitFault({ ...speaker(one!), memberId: 'x' }), ERROR.unknownMemberId)
  assert.equal(bench.group.commitFault(speaker(one!, 'i')), ERROR.fencedInstanceId)
  // While others join, what has been done may still be committed: that is what the time is for.
  bench.join()
  assert.equal(bench.group.commitFault(speaker(one!)), ERROR.none)
})

test('commits are signs of life', async () => {
  const bench = new GroupBench()
  const [one] = await bench.stable({})
  for (let i = 0; i < 5; i++) {
    await bench.pass(9000)
    assert.equal(bench.group.commitFault(speaker(one!)), ERROR.none)
  }
  assert.equal(bench.group.phase, 'Stable')
})

test('a group that is taken up from what was written down goes on, its members have a whole session', async () => {
  const before = new GroupBench()
  const [one, two] = await before.stable({}, { instanceId: 'i' })
  const bench = new GroupBench()
  bench.group.restore(before.stored.at(-1)!)
  assert.deepEqual(describeGroup(bench.group), describeGroup(before.group))
  await bench.pass(9900)
  assert.equal(bench.group.heartbeat(speaker(one!)), ERROR.none)
  assert.equal(bench.group.heartbeat(speaker(two!, 'i')), ERROR.none)
  await bench.pass(9900)
  assert.equal(bench.group.phase, 'Stable')
  await bench.pass(100)
  assert.equal(bench.group.phase, 'Empty')
})

test('what tools are shown: metadata and parts of a stable group only', async () => {
  const bench = new GroupBench()
  await bench.stable({}, { instanceId: 'i', clientHost: '/10.0.0.1' })
  const { members, ...group } = describeGroup(bench.group)
  assert.deepEqual(group, { id: 'g', phase: 'Stable', protocolType: 'consumer', protocol: 'range' })
  assert.deepEqual(
    members.map(({ metadata, assignment, ...rest }) => ({ ...rest, metadata: text(metadata), part: text(assignment) })),
    [
      { id: 'c-1', instanceId: null, clientId: 'c', clientHost: '/127.0.0.1', metadata: 'range of c', part: 'a' },
      { id: 'i-2', instanceId: 'i', clientId: 'c', clientHost: '/10.0.0.1', metadata: 'range of c', part: 'b' },
    ],
  )
  bench.join(JOIN)
  const joining = describeGroup(bench.group)
  assert.deepEqual(
    [joining.phase, joining.protocol, text(joining.members[0]!.metadata)],
    ['PreparingRebalance', '', ''],
  )
})
