import assert from 'node:assert/strict'
import { test } from 'node:test'
import { knownUser } from '../../src/log/broker/access/users.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import type { RawClient } from '../kafka-clients/raw-client.ts'
import { createTopics, fetch, produce } from '../kafka-clients/requests.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import { makeBatch } from '../log/make-batch.ts'
import { commit, committed, enter, heartbeat, join } from './raw-group.ts'
import { until } from '../until.ts'

const LIMITS = { firstJoinWaitMs: 0 }

test('a join that waits holds up nobody on another connection', async (t) => {
  const server = await startTestBroker(t, { limits: LIMITS })
  const [one, two] = [await server.connect(), await server.connect()]
  await createTopics(one, [{ name: 't' }])
  const member = await enter(one, 'g')
  const { memberId } = await join(two, 'g')
  const waiting = join(two, 'g', memberId)
  // 27: the group prepares another generation, so the second one has been heard.
  await until(async () => (await heartbeat(one, 'g', member)) === 27)
  assert.equal(await commit(one, 'g', 5, member), 0)
  assert.deepEqual(await committed(one, 'g'), [5])
  const again = await join(one, 'g', member.memberId)
  assert.deepEqual([again.error, again.generation, (await waiting).generation], [0, 2, 2])
})

test('offsets go with their topic, and one that comes later begins without', async (t) => {
  const server = await startTestBroker(t, { limits: LIMITS })
  const client = await server.connect()
  await createTopics(client, [{ name: 't' }])
  assert.equal(await commit(client, 'g', 5), 0)
  await client.request('deleteTopics', 1, (request) => {
    request.array(['t'], (name) => request.string(name))
    request.int32(1000)
  })
  assert.equal(await commit(client, 'g', 6), 3)
  await createTopics(client, [{ name: 't' }])
  assert.deepEqual(await committed(client, 'g'), [-1])
  await server.restart()
  assert.deepEqual(await committed(await server.connect(), 'g'), [-1])
})

test('the topic of offsets is internal: clients read it, and do not write, make or remove it', async (t) => {
  const server = await startTestBroker(t, { limits: LIMITS })
  const client = await server.connect()
  const topic = '__consumer_offsets'
  const [refused] = await createTopics(client, [{ name: topic }])
  assert.deepEqual(
    [refused!.error, refused!.message],
    [17, `Cannot create topic "${topic}": it is the broker's own, want another`],
  )
  const ask = async () => {
    const body = await client.request('metadata', 4, (request) => {
      request.array([topic], (name) => request.string(name))
      request.boolean(true)
    })
    body.int32()
    body.array(() => [body.int32(), body.string(), body.int32(), body.nullableString()])
    body.nullableString()
    body.int32()
    const [described] = body.array(() => ({ error: body.int16(), name: body.string(), internal: body.boolean() }))
    return described
  }
  assert.deepEqual(await ask(), { error: 3, name: topic, internal: true })
  await createTopics(client, [{ name: 't' }])
  assert.equal(await commit(client, 'g', 5), 0)
  assert.deepEqual(await ask(), { error: 0, name: topic, internal: true })
  assert.deepEqual(await produce(client, makeBatch([{ value: 'x' }]), { topic }), { error: 17, offset: -1 })
  assert.equal((await fetch(client, { topic })).highWatermark, 1)
})

test('a client that is killed while it waits for its first generation is not part of it', async (t) => {
  const server = await startTestBroker(t, { limits: LIMITS })
  const [one, two] = [await server.connect(), await server.connect()]
  const member = await enter(one, 'g')
  const { memberId } = await join(two, 'g')
  void join(two, 'g', memberId).catch(() => {})
  await until(async () => (await heartbeat(one, 'g', member)) === 27)
  two.close()
  await two.closed
  const again = await join(one, 'g', member.memberId)
  assert.deepEqual([again.error, again.generation], [0, 2])
})

test('a group that somebody may not use is refused in every request of groups', async (t) => {
  const password = new Secret('sesame')
  const user = await knownUser({ name: 'ann', password, can: ['read'], topics: ['t'], groups: ['own-*'] }, systemRandom)
  const server = await startTestBroker(t, { limits: LIMITS, security: { users: [user] } })
  const client = await server.connect()
  await logIn(client, 'ann', 'sesame')
  const forbidden = 30
  const member = { error: 0, memberId: 'x', generation: 1 }
  assert.equal((await join(client, 'other')).error, forbidden)
  assert.equal(await heartbeat(client, 'other', member), forbidden)
  assert.equal(await commit(client, 'other', 1), forbidden)
  assert.deepEqual(await committed(client, 'other'), { error: forbidden })
  const own = await enter(client, 'own-1')
  assert.equal(await heartbeat(client, 'own-1', own), 0)
  const deleted = await client.request('deleteGroups', 1, (request) =>
    request.array(['own-1'], (id) => request.string(id)),
  )
  deleted.int32()
  assert.deepEqual(
    deleted.array(() => [deleted.string(), deleted.int16()]),
    [['own-1', forbidden]],
  )
})

/** SASL PLAIN, as RFC 4616 has it. */
async function logIn(client: RawClient, name: string, password: string): Promise<void> {
  await client.request('saslHandshake', 1, (request) => request.string('PLAIN'))
  const body = await client.request('saslAuthenticate', 0, (request) => {
    request.records(Buffer.from(`\0${name}\0${password}`))
  })
  assert.equal(body.int16(), 0)
}
