import * as kafka from '@platformatic/kafka'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { createTopics } from './requests.ts'
import { startTestBroker } from './test-broker.ts'

/*
 * Every version of every API of groups, by a codec that is not ours. All versions of one take the same arguments and
 * leave out what they do not have; the answer is typed as that of the newest.
 */

interface Member {
  readonly memberId: string
  readonly generationId: number
}

class Speaker {
  readonly #connection: kafka.Connection

  private constructor(connection: kafka.Connection) {
    this.#connection = connection
  }

  static async connect(t: TestContext, port: number): Promise<Speaker> {
    const connection = new kafka.Connection('codec')
    await connection.connect('127.0.0.1', port)
    t.after(() => connection.close())
    return new Speaker(connection)
  }

  async call<T>(name: string, version: number, ...args: unknown[]): Promise<T> {
    type Module = { api: { async(connection: kafka.Connection, ...args: unknown[]): Promise<T> } }
    const module = (kafka as unknown as { [name: string]: Module })[`${name}V${version}`]
    assert.ok(module, `${name} version ${version} is known to the codec`)
    return module.api.async(this.#connection, ...args)
  }

  join(version: number, group: string, memberId: string): Promise<kafka.joinGroupV9.JoinGroupResponse> {
    const protocols = [{ name: 'range', metadata: Buffer.from('mine') }]
    return this.call('joinGroup', version, group, 10_000, 20_000, memberId, null, 'consumer', protocols, 'a test')
  }

  /** As clients do: from v4 on the first answer is an error that tells the id. */
  async enter(version: number, group: string): Promise<kafka.joinGroupV9.JoinGroupResponse> {
    try {
      return await this.join(version, group, '')
    } catch (error) {
      assert.match(JSON.stringify((error as { errors: unknown }).errors), /MEMBER_ID_REQUIRED/)
      const { memberId } = (error as { response: { memberId: string } }).response
      return this.join(version, group, memberId)
    }
  }

  sync(
    version: number,
    group: string,
    { memberId, generationId }: Member,
  ): Promise<kafka.syncGroupV5.SyncGroupResponse> {
    const assignments = [{ memberId, assignment: Buffer.from('all') }]
    return this.call('syncGroup', version, group, generationId, memberId, null, 'consumer', 'range', assignments)
  }
}

const versions = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

test('a member lives in every version of JoinGroup, SyncGroup, Heartbeat and LeaveGroup', async (t) => {
  const server = await startTestBroker(t, { limits: { firstJoinWaitMs: 0 } })
  const speaker = await Speaker.connect(t, server.broker.address.port)
  for (const version of versions(0, 9)) {
    const group = `g${version}`
    const joined = await speaker.enter(version, group)
    assert.deepEqual([joined.errorCode, joined.generationId, joined.leader], [0, 1, joined.memberId], `v${version}`)
    assert.equal(joined.protocolName, 'range')
    if (version >= 7) assert.equal(joined.protocolType, 'consumer')
    assert.match(joined.memberId, /^codec-[0-9a-f-]{36}$/)
    assert.deepEqual(
      joined.members.map(({ memberId, metadata }) => [memberId, metadata.toString()]),
      [[joined.memberId, 'mine']],
    )
    const synced = await speaker.sync(Math.min(version, 5), group, joined)
    assert.equal(synced.assignment.toString(), 'all')
    if (version >= 5) assert.deepEqual([synced.protocolType, synced.protocolName], ['consumer', 'range'])
    await speaker.call('heartbeat', Math.min(version, 4), group, joined.generationId, joined.memberId, null)
    const leave = Math.min(version, 5)
    const leaver = { memberId: joined.memberId, groupInstanceId: null, reason: 'done' }
    const left = await speaker.call<kafka.leaveGroupV5.LeaveGroupResponse>('leaveGroup', leave, group, [leaver])
    assert.equal(left.errorCode, 0)
    if (leave >= 3) assert.deepEqual([left.members[0]!.memberId, left.members[0]!.errorCode], [joined.memberId, 0])
    const beat = speaker.call('heartbeat', Math.min(version, 4), group, joined.generationId, joined.memberId, null)
    await assert.rejects(beat, (error: { errors: unknown }) =>
      JSON.stringify(error.errors).includes('UNKNOWN_MEMBER_ID'),
    )
  }
})

test('offsets are committed and read in every version of OffsetCommit and OffsetFetch', async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 't', partitions: 2 }])
  const speaker = await Speaker.connect(t, server.broker.address.port)
  for (const version of versions(2, 9)) {
    const commit = { committedOffset: BigInt(version), committedLeaderEpoch: 0, committedMetadata: `m${version}` }
    const topics = [{ name: 't', partitions: [{ partitionIndex: 1, ...commit }] }]
    const answer = await speaker.call<kafka.offsetCommitV9.OffsetCommitResponse>(
      'offsetCommit',
      version,
      'g',
      -1,
      '',
      null,
      topics,
    )
    assert.deepEqual(answer.topics, [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 0 }] }])
  }
  for (const version of versions(1, 9)) {
    for (const topics of [[{ name: 't', partitionIndexes: [0, 1] }], null]) {
      if (topics === null && version < 2) continue
      const groups = [{ groupId: 'g', memberId: null, memberEpoch: -1, topics }]
      const answer = await speaker.call<kafka.offsetFetchV9.OffsetFetchResponse>('offsetFetch', version, groups, false)
      // Before v8 the answer is that of the one group.
      const group = answer.groups[0] ?? (answer as unknown as kafka.offsetFetchV9.OffsetFetchResponseGroup)
      assert.equal(group.errorCode, 0)
      const found = group.topics.flatMap(({ partitions }) =>
        partitions.map((one) => [one.partitionIndex, one.committedOffset, one.metadata, one.errorCode]),
      )
      const committed = [1, 9n, 'm9', 0]
      assert.deepEqual(found, topics === null ? [committed] : [[0, -1n, '', 0], committed], `v${version}`)
    }
  }
})

test('several groups at once in OffsetFetch 8 and 9, also one that nobody knows', async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 't' }])
  const speaker = await Speaker.connect(t, server.broker.address.port)
  const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedLeaderEpoch: -1, committedMetadata: null }]
  await speaker.call('offsetCommit', 9, 'a', -1, '', null, [{ name: 't', partitions }])
  for (const version of [8, 9]) {
    const groups = ['a', 'b'].map((groupId) => ({ groupId, memberId: null, memberEpoch: -1, topics: null }))
    const answer = await speaker.call<kafka.offsetFetchV9.OffsetFetchResponse>('offsetFetch', version, groups, true)
    assert.deepEqual(
      answer.groups.map(({ groupId, errorCode, topics }) => [groupId, errorCode, topics.length]),
      [
        ['a', 0, 1],
        ['b', 0, 0],
      ],
    )
  }
})

test('groups are shown in every version of DescribeGroups and ListGroups, by state and by type', async (t) => {
  const server = await startTestBroker(t, { limits: { firstJoinWaitMs: 0 } })
  const speaker = await Speaker.connect(t, server.broker.address.port)
  const joined = await speaker.enter(9, 'g')
  await speaker.sync(5, 'g', joined)
  for (const version of versions(0, 5)) {
    const described = await speaker.call<kafka.describeGroupsV5.DescribeGroupsResponse>(
      'describeGroups',
      version,
      ['g', 'nobody'],
      false,
    )
    const [group, nobody] = described.groups
    assert.deepEqual([nobody!.errorCode, nobody!.groupState, nobody!.members], [0, 'Dead', []])
    assert.deepEqual([group!.groupState, group!.protocolType, group!.protocolData], ['Stable', 'consumer', 'range'])
    const [member] = group!.members
    assert.deepEqual(
      [member!.memberId, member!.clientId, member!.clientHost, member!.memberMetadata.toString()],
      [joined.memberId, 'codec', '/127.0.0.1', 'mine'],
    )
    assert.equal(member!.memberAssignment.toString(), 'all')
    const list = async (states: string[], types: string[]) => {
      const { groups } = await speaker.call<kafka.listGroupsV5.ListGroupsResponse>('listGroups', version, states, types)
      return groups.map(({ groupId, protocolType }) => [groupId, protocolType])
    }
    assert.deepEqual(await list([], []), [['g', 'consumer']])
    assert.deepEqual(await list(['STABLE'], []), [['g', 'consumer']])
    if (version >= 4) assert.deepEqual(await list(['EMPTY'], []), [])
    if (version >= 5) assert.deepEqual(await list([], ['consumer']), [])
    if (version >= 5) assert.deepEqual(await list([], ['classic']), [['g', 'consumer']])
  }
})

test('groups and offsets are deleted in every version of DeleteGroups and OffsetDelete', async (t) => {
  const server = await startTestBroker(t)
  await createTopics(await server.connect(), [{ name: 't', partitions: 2 }])
  const speaker = await Speaker.connect(t, server.broker.address.port)
  const commit = { committedOffset: 1n, committedLeaderEpoch: -1, committedMetadata: null }
  const topics = [{ name: 't', partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, ...commit })) }]
  for (const version of versions(0, 2)) {
    await speaker.call('offsetCommit', 9, 'g', -1, '', null, topics)
    const deleted = await speaker.call<kafka.offsetDeleteV0.OffsetDeleteResponse>('offsetDelete', 0, 'g', [
      { name: 't', partitions: [{ partitionIndex: 1 }] },
    ])
    assert.deepEqual(deleted.topics, [{ name: 't', partitions: [{ partitionIndex: 1, errorCode: 0 }] }])
    const removed = await speaker.call<kafka.deleteGroupsV2.DeleteGroupsResponse>('deleteGroups', version, ['g'])
    assert.deepEqual(removed.results, [{ groupId: 'g', errorCode: 0 }])
    const again = speaker.call('deleteGroups', version, ['g'])
    await assert.rejects(again, (error: { errors: unknown }) =>
      JSON.stringify(error.errors).includes('GROUP_ID_NOT_FOUND'),
    )
  }
})
