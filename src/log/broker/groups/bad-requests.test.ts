import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawClient } from '../../../../test/kafka-clients/raw-client.ts'
import type { ApiName } from '../../../../test/kafka-clients/raw-client.ts'
import { createTopics } from '../../../../test/kafka-clients/requests.ts'
import { startTestBroker } from '../../../../test/kafka-clients/test-broker.ts'
import { seededRandom } from '../../../system/random.ts'
import type { Writer } from '../../wire/writer.ts'

const NEWEST: { readonly [api in ApiName]?: number } = {
  offsetCommit: 9,
  offsetFetch: 9,
  findCoordinator: 6,
  joinGroup: 9,
  heartbeat: 4,
  leaveGroup: 5,
  syncGroup: 5,
  describeGroups: 5,
  listGroups: 5,
  deleteGroups: 2,
  offsetDelete: 0,
}
const CASES = Number(process.env.BAD_REQUESTS ?? 1500)
const SEED = Number(process.env.SEED ?? Date.now())

/** Fields of the protocol in any order, now and then absurd. */
function scribble(body: Writer, random: ReturnType<typeof seededRandom>, depth = 0): void {
  const texts = ['', 'g', 't', 'consumer', 'range', '__proto__', 'x'.repeat(2000), 'ü'.repeat(12_000), '\u0000', '../']
  for (let left = random.integer(9); left > 0; left--) {
    const dice = random.integer(7)
    if (dice <= 2) body.string(texts[random.integer(texts.length)]!)
    else if (dice === 3) body.int32([-1, 0, 1, 10_000, 2 ** 31 - 1, -(2 ** 31)][random.integer(6)]!)
    else if (dice === 4) body.records(Buffer.alloc(random.integer(40), 0xff))
    else if (dice === 5) body.string(null)
    else if (depth < 3) {
      const elements = Array.from({ length: random.integer(4) }, (_, index) => index)
      body.array(elements, () => scribble(body, random, depth + 1))
    }
  }
  if (random.integer(2) === 0) body.tags()
}

test(`whatever is asked about groups is answered, or closes that connection only (SEED=${SEED})`, async (t) => {
  const random = seededRandom(SEED)
  const server = await startTestBroker(t, { limits: { firstJoinWaitMs: 0 } })
  await createTopics(await server.connect(), [{ name: 't' }])
  const names = Object.keys(NEWEST) as ApiName[]
  let client: RawClient | undefined
  let answered = 0
  for (let i = 0; i < CASES; i++) {
    client ??= await RawClient.connect(server.broker.address)
    const api = names[random.integer(names.length)]!
    const version = random.integer(NEWEST[api]! + 1)
    const { bytes } = client.encode(api, version, (body) => scribble(body, random))
    client.send(bytes)
    const outcome = await Promise.race([client.next(), client.closed.then(() => 'closed' as const)])
    if (outcome === 'closed') client = undefined
    else answered++
  }
  client?.close()
  assert.deepEqual(
    server.log.filter((line) => line.includes('Kafka request failed')),
    [],
  )
  assert.ok(answered > 0)
  t.diagnostic(`${answered} of ${CASES} were answered`)
})
