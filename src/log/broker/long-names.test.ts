import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { ApiName, RawClient } from '../../../test/kafka-clients/raw-client.ts'
import { startTestBroker } from '../../../test/kafka-clients/test-broker.ts'
import type { Writer } from '../wire/writer.ts'

/** As many bytes as a string of the protocol can have, in any version. */
const LONGEST = 32_767

/** A request about something of this name, which is not there. */
interface Asked {
  readonly api: ApiName
  readonly version: number
  readonly write: (body: Writer, name: string) => void
}

const flag = (body: Writer) => body.boolean(false)
const none = (body: Writer) => body.array([], () => {})

/** Every API whose answer holds a name of the client's, or a sentence with one, in its last version without compact strings. */
const ASKED: readonly Asked[] = [
  { api: 'produce', version: 8, write: (body, name) => writeProduce(body, null, name) },
  { api: 'produce', version: 8, write: (body, name) => writeProduce(body, name, 't') },
  { api: 'metadata', version: 8, write: (body, name) => (writeNames(body, name), flag(body), flag(body), flag(body)) },
  { api: 'offsetFetch', version: 5, write: (body, name) => (body.string(name), writePartitions(body, name)) },
  { api: 'findCoordinator', version: 2, write: (body, name) => (body.string(name), body.int8(1)) },
  { api: 'joinGroup', version: 5, write: writeJoin },
  { api: 'leaveGroup', version: 3, write: writeLeave },
  { api: 'describeGroups', version: 4, write: (body, name) => (writeNames(body, name), flag(body)) },
  { api: 'createTopics', version: 4, write: (body, name) => writeCreate(body, name, 'c') },
  { api: 'createTopics', version: 4, write: (body, name) => writeCreate(body, 'n', name) },
  { api: 'deleteTopics', version: 3, write: (body, name) => (writeNames(body, name), body.int32(100)) },
  { api: 'describeConfigs', version: 3, write: writeDescribe },
  { api: 'alterConfigs', version: 1, write: (body, name) => writeAlter(body, name, false) },
  { api: 'incrementalAlterConfigs', version: 0, write: (body, name) => writeAlter(body, name, true) },
  { api: 'createPartitions', version: 1, write: writeGrow },
  { api: 'deleteGroups', version: 1, write: writeNames },
  { api: 'offsetDelete', version: 0, write: (body, name) => (body.string('g'), writePartitions(body, name)) },
]

function writeNames(body: Writer, name: string): void {
  body.array([name], (one) => body.string(one))
}

function writePartitions(body: Writer, topic: string): void {
  body.array([topic], (one) => {
    body.string(one)
    body.array([0], (partition) => body.int32(partition))
  })
}

function writeProduce(body: Writer, transactionalId: string | null, topic: string): void {
  body.string(transactionalId)
  body.int16(-1)
  body.int32(100)
  body.array([topic], (one) => {
    body.string(one)
    body.array([0], (partition) => {
      body.int32(partition)
      body.int32(-1)
    })
  })
}

function writeJoin(body: Writer, name: string): void {
  body.string('g')
  body.int32(10_000)
  body.int32(10_000)
  body.string(name)
  body.string(name)
  body.string('consumer')
  none(body)
}

function writeLeave(body: Writer, name: string): void {
  body.string('g')
  body.array([name], (one) => {
    body.string(one)
    body.string(one)
  })
}

function writeCreate(body: Writer, topic: string, config: string): void {
  body.array([topic], (one) => {
    body.string(one)
    body.int32(1)
    body.int16(1)
    none(body)
    body.array([config], (two) => {
      body.string(two)
      body.string(two)
    })
  })
  body.int32(100)
  flag(body)
}

function writeDescribe(body: Writer, name: string): void {
  body.array([2, 9], (type) => {
    body.int8(type)
    body.string(name)
    body.array(null, () => {})
  })
  flag(body)
  flag(body)
}

function writeAlter(body: Writer, name: string, incremental: boolean): void {
  body.array(['t', name], (resource) => {
    body.int8(2)
    body.string(resource)
    body.array([name, name], (config) => {
      body.string(config)
      if (incremental) body.int8(2)
      body.string(config)
    })
  })
  flag(body)
}

function writeGrow(body: Writer, name: string): void {
  body.array([name], (one) => {
    body.string(one)
    body.int32(2)
    body.array(null, () => {})
  })
  body.int32(100)
  flag(body)
}

test('a name as long as a string can be is answered by every API that repeats it', async (t) => {
  const server = await startTestBroker(t)
  const client = await server.connect()
  for (const { api, version, write } of ASKED) {
    const name = 'n'.repeat(LONGEST)
    client.send(client.encode(api, version, (body) => write(body, name)).bytes)
    const outcome = await Promise.race([client.next(), client.closed])
    assert.ok(outcome, `${api}: the connection was closed`)
  }
  assert.deepEqual(failures(server.log), [])
})

/** Bytes that are no UTF-8: each is read as U+FFFD, which has three. */
const NO_UTF8 = Buffer.alloc(LONGEST, 0xff)

test('a name that would be longer than a string when it is repeated closes that connection only', async (t) => {
  const server = await startTestBroker(t)
  for (const { api, version, write } of ASKED) {
    const client = await server.connect()
    client.send(withNames(client, { api, version, write }))
    assert.equal(await Promise.race([client.next(), client.closed]), undefined, api)
    assert.match(server.log.at(-1)!, /Cannot read request: string has 32767 bytes that are not UTF-8/, api)
  }
  assert.deepEqual(failures(server.log), [])
})

/** The request with bytes that are no UTF-8 in the place of its names. */
function withNames(client: RawClient, { api, version, write }: Asked): Buffer {
  const name = 'n'.repeat(LONGEST)
  const { bytes } = client.encode(api, version, (body) => write(body, name))
  for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name)) NO_UTF8.copy(bytes, at)
  return bytes
}

test('a refusal of 50,000 partitions does not repeat the long name of their topic 50,000 times', async (t) => {
  const client = await connected(t)
  const { left } = await client.request('produce', 8, (body) => {
    body.string(null)
    body.int16(-1)
    body.int32(100)
    body.array(['n'.repeat(LONGEST)], (topic) => {
      body.string(topic)
      body.array(
        Array.from({ length: 50_000 }, (_, partition) => partition),
        (partition) => {
          body.int32(partition)
          body.int32(-1)
        },
      )
    })
  })
  assert.ok(left < 50_000 * 250, `The answer has ${left} bytes`)
})

async function connected(t: TestContext): Promise<RawClient> {
  return (await startTestBroker(t)).connect()
}

function failures(log: readonly string[]): string[] {
  return log.filter((line) => line.includes('Kafka request failed'))
}
