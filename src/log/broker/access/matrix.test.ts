import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { API, type ApiName, type RawClient } from '../../../../test/kafka-clients/raw-client.ts'
import { startTestBroker } from '../../../../test/kafka-clients/test-broker.ts'
import { makeBatch } from '../../../../test/log/make-batch.ts'
import { systemRandom } from '../../../system/random.ts'
import { Secret } from '../../../system/secret.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Writer } from '../../wire/writer.ts'
import { PlainClient } from '../../sasl/plain.ts'
import type { Right } from './principal.ts'
import { knownUser } from './users.ts'

/**
 * Every API that the broker speaks, by every role, on what the role has rights on and on what it has none on. The list
 * of APIs comes from the broker: one that is not in the table fails the test.
 */
const ROLES = ['read', 'write', 'admin'] as const satisfies readonly Right[]
const TOPIC_DENIED = 29
const GROUP_DENIED = 30
const CLUSTER_DENIED = 31
const DENIED: readonly number[] = [TOPIC_DENIED, GROUP_DENIED, CLUSTER_DENIED]
/** Where an answer has no error, but leaves out what one may not know. */
const HIDDEN = 29

interface Row {
  readonly api: ApiName
  readonly version: number
  /** Who may; of their own topics and groups. */
  readonly may: readonly Right[]
  /** The denial; none: anybody who has logged in may, whatever it names. */
  readonly denial?: number
  readonly write: (body: Writer, target: string) => void
  /** Error codes of the answer. */
  readonly errors: (body: Reader, target: string) => number[]
}

const READERS: readonly Right[] = ['read', 'admin']
const WRITERS: readonly Right[] = ['write', 'admin']
const ALL: readonly Right[] = ROLES
const ADMINS: readonly Right[] = ['admin']
const skip = (body: Reader, count: number) => Array.from({ length: count }, () => body.int32())
/** `[topic, [partition ...]]`, as most requests have it. */
const topics = (body: Writer, name: string, partition: () => void) =>
  body.array([name], (topic) => {
    body.string(topic)
    body.array([0], (index) => {
      body.int32(index)
      partition()
    })
  })
/** The same in answers. */
const perPartition = (body: Reader, partition: () => number) =>
  body
    .array(() => {
      body.string()
      return body.array(partition)
    })
    .flat()

const TABLE: readonly Row[] = [
  {
    api: 'produce',
    version: 3,
    may: WRITERS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.string(null)
      body.int16(-1)
      body.int32(1000)
      topics(body, target, () => body.records(makeBatch([{ value: 'v' }])))
    },
    errors: (body) =>
      perPartition(body, () => {
        body.int32()
        const error = body.int16()
        body.int64()
        body.int64()
        return error
      }),
  },
  {
    api: 'fetch',
    version: 4,
    may: READERS,
    denial: TOPIC_DENIED,
    write(body, target) {
      for (const field of [-1, 0, 0, 1e6]) body.int32(field)
      body.int8(0)
      topics(body, target, () => {
        body.int64(0)
        body.int32(1e6)
      })
    },
    errors(body) {
      body.int32()
      return perPartition(body, () => {
        body.int32()
        const error = body.int16()
        body.int64()
        body.int64()
        body.nullableArray(() => {})
        const records = body.nullableBytes()
        assert.ok(error === 0 || records === null || records.length === 0)
        return error
      })
    },
  },
  {
    api: 'listOffsets',
    version: 1,
    may: ALL,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.int32(-1)
      topics(body, target, () => body.int64(-1))
    },
    errors: (body) =>
      perPartition(body, () => {
        body.int32()
        const error = body.int16()
        body.int64()
        body.int64()
        return error
      }),
  },
  {
    api: 'metadata',
    version: 4,
    may: ALL,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([target], (name) => body.string(name))
      body.boolean(false)
    },
    errors: (body) => metadataTopics(body).map(({ error }) => error),
  },
  {
    api: 'offsetCommit',
    version: 2,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.int32(-1)
      body.string('')
      body.int64(-1)
      topics(body, target, () => {
        body.int64(0)
        body.string('')
      })
    },
    errors: (body) =>
      perPartition(body, () => {
        body.int32()
        return body.int16()
      }),
  },
  {
    api: 'offsetFetch',
    version: 2,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      topics(body, target, () => {})
    },
    errors(body) {
      const errors = perPartition(body, () => {
        body.int32()
        body.int64()
        body.nullableString()
        return body.int16()
      })
      return [...errors, body.int16()]
    },
  },
  {
    api: 'findCoordinator',
    version: 0,
    may: READERS,
    denial: GROUP_DENIED,
    write: (body, target) => body.string(target),
    errors: (body) => [body.int16()],
  },
  {
    api: 'joinGroup',
    version: 4,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.int32(10_000)
      body.int32(10_000)
      body.string('')
      body.string('consumer')
      body.array(['range'], (name) => {
        body.string(name)
        body.records(Buffer.alloc(0))
      })
    },
    errors(body) {
      body.int32()
      return [body.int16()]
    },
  },
  {
    api: 'heartbeat',
    version: 0,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.int32(1)
      body.string('nobody')
    },
    errors: (body) => [body.int16()],
  },
  {
    api: 'leaveGroup',
    version: 0,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.string('nobody')
    },
    errors: (body) => [body.int16()],
  },
  {
    api: 'syncGroup',
    version: 0,
    may: READERS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.int32(1)
      body.string('nobody')
      body.array([], () => {})
    },
    errors: (body) => [body.int16()],
  },
  {
    api: 'describeGroups',
    version: 0,
    may: READERS,
    denial: GROUP_DENIED,
    write: (body, target) => body.array([target], (name) => body.string(name)),
    errors: (body) =>
      body.array(
        () =>
          [body.int16(), body.string(), body.string(), body.string(), body.string(), body.array(() => 0)][0] as number,
      ),
  },
  {
    api: 'listGroups',
    version: 0,
    may: READERS,
    denial: HIDDEN,
    write: () => {},
    errors(body, target) {
      assert.equal(body.int16(), 0)
      const names = body.array(() => [body.string(), body.string()][0])
      return names.includes(target) ? [0] : [HIDDEN]
    },
  },
  {
    api: 'createTopics',
    version: 2,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([`${target}-new`], (name) => {
        body.string(name)
        body.int32(1)
        body.int16(1)
        body.array([], () => {})
        body.array([], () => {})
      })
      body.int32(1000)
      body.boolean(false)
    },
    errors(body) {
      body.int32()
      return body.array(() => [body.string(), body.int16(), body.nullableString()][1] as number)
    },
  },
  {
    api: 'deleteTopics',
    version: 1,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([`${target}-gone`], (name) => body.string(name))
      body.int32(1000)
    },
    errors(body) {
      body.int32()
      return body.array(() => [body.string(), body.int16()][1] as number)
    },
  },
  {
    api: 'deleteRecords',
    version: 0,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      topics(body, target, () => body.int64(0))
      body.int32(1000)
    },
    errors(body) {
      body.int32()
      return perPartition(body, () => [body.int32(), body.int64(), body.int16()][2]!)
    },
  },
  {
    api: 'initProducerId',
    version: 0,
    may: WRITERS,
    denial: CLUSTER_DENIED,
    write(body) {
      body.string(null)
      body.int32(1000)
    },
    errors(body) {
      body.int32()
      return [body.int16()]
    },
  },
  {
    api: 'offsetForLeaderEpoch',
    version: 2,
    may: ALL,
    denial: TOPIC_DENIED,
    write: (body, target) => topics(body, target, () => [body.int32(0), body.int32(0)]),
    errors(body) {
      body.int32()
      return perPartition(body, () => [body.int16(), body.int32(), body.int32(), body.int64()][0]!)
    },
  },
  {
    api: 'describeAcls',
    version: 1,
    may: ALL,
    write(body) {
      body.int8(1)
      body.string(null)
      body.int8(1)
      body.string(null)
      body.string(null)
      body.int8(1)
      body.int8(1)
    },
    errors: (body) => [body.int32(), body.int16()],
  },
  {
    api: 'describeConfigs',
    version: 1,
    may: ALL,
    denial: TOPIC_DENIED,
    write: (body, target) => resource(body, 2, target),
    errors: resourceErrors,
  },
  {
    api: 'describeConfigs',
    version: 1,
    may: ADMINS,
    denial: CLUSTER_DENIED,
    write: (body) => resource(body, 4, '0'),
    errors: resourceErrors,
  },
  {
    api: 'alterConfigs',
    version: 0,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([target], (name) => {
        body.int8(2)
        body.string(name)
        body.array([], () => {})
      })
      body.boolean(false)
    },
    errors: resourceErrors,
  },
  {
    api: 'incrementalAlterConfigs',
    version: 0,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([target], (name) => {
        body.int8(2)
        body.string(name)
        body.array([], () => {})
      })
      body.boolean(false)
    },
    errors: resourceErrors,
  },
  {
    api: 'describeLogDirs',
    version: 3,
    may: ADMINS,
    denial: CLUSTER_DENIED,
    write(body) {
      body.array(null, () => {})
      body.tags()
    },
    errors: (body) => [body.int32(), body.int16()].slice(1),
  },
  {
    api: 'createPartitions',
    version: 0,
    may: ADMINS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([target], (name) => {
        body.string(name)
        body.int32(2)
        body.array(null, () => {})
      })
      body.int32(1000)
      body.boolean(true)
    },
    errors(body) {
      body.int32()
      return body.array(() => [body.string(), body.int16(), body.nullableString()][1] as number)
    },
  },
  {
    api: 'deleteGroups',
    version: 0,
    may: ADMINS,
    denial: GROUP_DENIED,
    write: (body, target) => body.array([`${target}-gone`], (name) => body.string(name)),
    errors(body) {
      body.int32()
      return body.array(() => [body.string(), body.int16()][1] as number)
    },
  },
  {
    api: 'offsetDelete',
    version: 0,
    may: ADMINS,
    denial: GROUP_DENIED,
    write(body, target) {
      body.string(target)
      body.array([], () => {})
    },
    errors: (body) => [body.int16()],
  },
  {
    api: 'describeCluster',
    version: 0,
    may: ALL,
    write(body) {
      body.boolean(false)
      body.tags()
    },
    errors: (body) => [body.int32(), body.int16()],
  },
  {
    api: 'describeProducers',
    version: 0,
    may: READERS,
    denial: TOPIC_DENIED,
    write(body, target) {
      body.array([target], (name) => {
        body.string(name)
        body.array([0], (index) => body.int32(index))
        body.tags()
      })
      body.tags()
    },
    errors(body) {
      body.int32()
      return body
        .array(() => {
          body.string()
          return body.array(() => {
            body.int32()
            const error = body.int16()
            body.nullableString()
            body.array(() => [
              skip(body, 2),
              body.int64(),
              body.int64(),
              body.int64(),
              body.int32(),
              body.int64(),
              body.tags(),
            ])
            body.tags()
            return error
          })
        })
        .flat()
    },
  },
]

/** What anybody may say, also before a login. */
const OPEN: readonly ApiName[] = ['saslHandshake', 'apiVersions', 'saslAuthenticate']

test('every API is in the matrix', async (t) => {
  const { stranger } = await setUp(t)
  const answer = await (await stranger()).request('apiVersions', 0, () => {})
  answer.int16()
  const spoken = answer.array(() => [answer.int16(), answer.int16(), answer.int16()][0]!)
  const named = [...TABLE.map(({ api }) => api), ...OPEN].map((api) => API[api].key)
  assert.deepEqual(spoken.sort(byNumber), [...new Set(named)].sort(byNumber))
})

for (const role of ROLES) {
  test(`${role}: what it may do with its own, and nothing with others'`, async (t) => {
    const { client } = await setUp(t)
    const wrong: string[] = []
    let cells = 0
    for (const row of TABLE) {
      for (const target of ['own.t', 'other.t']) {
        const answer = await (await client(role)).request(row.api, row.version, (body) => row.write(body, target))
        const errors = row.errors(answer, target)
        const denied = errors.some((error) => DENIED.includes(error))
        const named = row.write.length === 2 || row.api === 'listGroups'
        const allowed = row.denial === undefined || (row.may.includes(role) && (!named || target === 'own.t'))
        const right = allowed ? !denied : errors.includes(row.denial)
        if (!right) wrong.push(`${row.api} ${target}: ${errors.join()}, want ${allowed ? 'no denial' : row.denial}`)
        cells++
      }
    }
    assert.deepEqual(wrong, [])
    assert.equal(cells, 2 * TABLE.length)
  })
}

test('without a login every request ends the connection, but those that lead to one', async (t) => {
  const { stranger } = await setUp(t)
  for (const row of TABLE) {
    const client = await stranger()
    client.send(client.encode(row.api, row.version, (body) => row.write(body, 'own.t')).bytes)
    await client.closed
    assert.equal(client.bytesRead, 0, row.api)
  }
})

test('whoever lists topics sees their own', async (t) => {
  const { client } = await setUp(t)
  const seen = async (role: Right) => {
    const answer = await (
      await client(role)
    ).request('metadata', 4, (body) => {
      body.array(null, () => {})
      body.boolean(false)
    })
    return metadataTopics(answer).map(({ name }) => name)
  }
  for (const role of ROLES) assert.deepEqual(await seen(role), ['own.t'])
})

test("the broker's own topics are for those who name them", async (t) => {
  const { client } = await setUp(t)
  const all = await client('all')
  const ask = (name: string) =>
    all.request('listOffsets', 1, (body) => {
      body.int32(-1)
      topics(body, name, () => body.int64(-1))
    })
  const errorOf = (body: Reader) =>
    perPartition(body, () => [body.int32(), body.int16(), body.int64(), body.int64()][1]!)
  assert.deepEqual(errorOf(await ask('__consumer_offsets')), [TOPIC_DENIED])
  assert.deepEqual(errorOf(await ask('other.t')), [0])
})

const byNumber = (a: number, b: number) => a - b

function resource(body: Writer, type: number, name: string): void {
  body.array([name], (one) => {
    body.int8(type)
    body.string(one)
    body.array(null, () => {})
  })
  body.boolean(false)
}

function resourceErrors(body: Reader): number[] {
  body.int32()
  // One resource is asked for; what follows its error does not matter.
  assert.equal(body.int32(), 1)
  return [body.int16()]
}

function metadataTopics(body: Reader): { error: number; name: string }[] {
  body.int32()
  body.array(() => [body.int32(), body.string(), body.int32(), body.nullableString()])
  body.nullableString()
  body.int32()
  return body.array(() => {
    const topic = { error: body.int16(), name: body.string() }
    body.boolean()
    body.array(() => [body.int16(), skip(body, 2), body.array(() => body.int32()), body.array(() => body.int32())])
    return topic
  })
}

/** A broker with topics and committed groups `own.t` and `other.t`, and users with one right each on `own.*`. */
async function setUp(t: TestContext) {
  const password = new Secret('p')
  const rights = { topics: ['own.*'], groups: ['own.*'] }
  const users = await Promise.all([
    ...ROLES.map((right) => knownUser({ name: right, password, can: [right], ...rights }, systemRandom)),
    knownUser({ name: 'all', password, can: ['admin'], topics: ['*'], groups: ['*'] }, systemRandom),
  ])
  const server = await startTestBroker(t, { security: { users } })
  const client = async (name: string): Promise<RawClient> => {
    const raw = await server.connect()
    await raw.request('saslHandshake', 1, (body) => body.string('PLAIN'))
    const token = await new PlainClient(name, 'p').first()
    const answer = await raw.request('saslAuthenticate', 1, (body) => body.records(token))
    assert.equal(answer.int16(), 0)
    return raw
  }
  const all = await client('all')
  await all.request('createTopics', 2, (body) => {
    body.array(['own.t', 'other.t'], (name) => {
      body.string(name)
      body.int32(1)
      body.int16(1)
      body.array([], () => {})
      body.array([], () => {})
    })
    body.int32(1000)
    body.boolean(false)
  })
  const commit = TABLE.find(({ api }) => api === 'offsetCommit')!
  for (const target of ['own.t', 'other.t']) {
    for (let errors = [14]; errors[0] === 14;) {
      errors = commit.errors(await all.request('offsetCommit', 2, (body) => commit.write(body, target)), target)
    }
  }
  return { server, client, stranger: () => server.connect() }
}
