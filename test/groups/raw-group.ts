import type { RawClient } from '../kafka-clients/raw-client.ts'

/** Requests of groups, said as a test wants them said: JoinGroup 5, SyncGroup 3, Heartbeat 3, OffsetCommit 7, OffsetFetch 5. */
export interface RawMember {
  readonly error: number
  readonly memberId: string
  readonly generation: number
}

export async function join(client: RawClient, group: string, memberId = ''): Promise<RawMember> {
  const body = await client.request('joinGroup', 5, (request) => {
    request.string(group)
    request.int32(10_000)
    request.int32(10_000)
    request.string(memberId)
    request.string(null)
    request.string('consumer')
    request.array(['range'], (name) => {
      request.string(name)
      request.records(Buffer.from('mine'))
    })
  })
  body.int32()
  const error = body.int16()
  const generation = body.int32()
  body.string()
  body.string()
  return { error, generation, memberId: body.string() }
}

/** As clients do: asks for an id, then joins with it, then takes everything. */
export async function enter(client: RawClient, group: string): Promise<RawMember> {
  const { memberId } = await join(client, group)
  const member = await join(client, group, memberId)
  await client.request('syncGroup', 3, (request) => {
    request.string(group)
    request.int32(member.generation)
    request.string(memberId)
    request.string(null)
    request.array([memberId], (id) => {
      request.string(id)
      request.records(Buffer.from('all'))
    })
  })
  return member
}

export async function heartbeat(client: RawClient, group: string, member: RawMember): Promise<number> {
  const body = await client.request('heartbeat', 3, (request) => {
    request.string(group)
    request.int32(member.generation)
    request.string(member.memberId)
    request.string(null)
  })
  body.int32()
  return body.int16()
}

/** Commits one offset of partition 0 of topic `t`. */
export async function commit(client: RawClient, group: string, offset: number, member?: RawMember): Promise<number> {
  const body = await client.request('offsetCommit', 7, (request) => {
    request.string(group)
    request.int32(member?.generation ?? -1)
    request.string(member?.memberId ?? '')
    request.string(null)
    request.array(['t'], (topic) => {
      request.string(topic)
      request.array([0], (partition) => {
        request.int32(partition)
        request.int64(offset)
        request.int32(-1)
        request.string(null)
      })
    })
  })
  body.int32()
  const [errors] = body.array(() => {
    body.string()
    return body.array(() => {
      body.int32()
      return body.int16()
    })
  })
  return errors![0]!
}

/** What a group has committed of partitions of topic `t`; the error of the group where there is one. */
export async function committed(
  client: RawClient,
  group: string,
  partitions = [0],
): Promise<number[] | { error: number }> {
  const body = await client.request('offsetFetch', 5, (request) => {
    request.string(group)
    request.array(['t'], (topic) => {
      request.string(topic)
      request.array(partitions, (partition) => request.int32(partition))
    })
  })
  body.int32()
  const topics = body.array(() => {
    body.string()
    return body.array(() => {
      body.int32()
      const offset = body.int64()
      body.int32()
      body.nullableString()
      body.int16()
      return offset
    })
  })
  const error = body.int16()
  return error === 0 ? topics[0]! : { error }
}
