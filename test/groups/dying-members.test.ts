import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { need } from '../../tools/need.ts'
import { seededRandom } from '../../src/system/random.ts'
import { createTopics, fetch, produce } from '../kafka-clients/requests.ts'
import type { RawClient } from '../kafka-clients/raw-client.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import type { TestBroker } from '../kafka-clients/test-broker.ts'
import { makeBatch } from '../log/make-batch.ts'

const python = need('confluent-kafka-2') ?? need('confluent-kafka')
const skip = python === undefined ? 'confluent-kafka (librdkafka) is not installed' : false
const SCRIPT = fileURLToPath(new URL('member.py', import.meta.url))
const PARTITIONS = 6
/** How long members are killed and started. */
const TROUBLE_MS = Number(process.env.GROUP_TROUBLE_MS ?? 15_000)
const MOST_MEMBERS = 4
const LIMITS = { minSessionMs: 1000, firstJoinWaitMs: 300 }

interface Line {
  readonly assigned?: readonly number[]
  readonly p?: number
  readonly o?: number
  readonly v?: string
}

/** One life of a member, and all that it wrote down. */
class Life {
  readonly lines: Line[] = []
  readonly #child: ChildProcess
  readonly ended: Promise<unknown>

  constructor(address: string, strategy: string, instance: string | undefined) {
    this.#child = spawn(python!, [SCRIPT, address, 'g', 't', strategy, ...(instance ? [instance] : [])], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const reader = createInterface({ input: this.#child.stdout! })
    // What a kill has cut off was not committed either: it comes after the whole line.
    reader.on('line', (line) => line.endsWith('}') && this.lines.push(JSON.parse(line) as Line))
    this.ended = once(reader, 'close')
  }

  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<unknown> {
    this.#child.kill(signal)
    return this.ended
  }

  /** Offsets of a partition only go up, from one assignment to the next. */
  check(): void {
    const last = new Map<number, number>()
    for (const { assigned, p, o } of this.lines) {
      for (const partition of assigned ?? []) last.delete(partition)
      if (p === undefined) continue
      assert.ok(o! > (last.get(p) ?? -1), `partition ${p}: offset ${o} after ${last.get(p)}`)
      last.set(p, o!)
    }
  }
}

/** Writes numbered records, all the time, and remembers which were acknowledged where. */
class Journal {
  readonly acknowledged = new Set<string>()
  readonly ends: number[] = Array.from({ length: PARTITIONS }, () => 0)
  readonly #over = new AbortController()
  #done: Promise<void> | undefined

  start(server: TestBroker): void {
    this.#done = this.#write(server)
  }

  async stop(): Promise<void> {
    this.#over.abort()
    await this.#done
  }

  async #write(server: TestBroker): Promise<void> {
    let client: RawClient | undefined
    for (let number = 0; !this.#over.signal.aborted; number++) {
      client ??= await server.connect().catch(() => undefined)
      const partition = number % PARTITIONS
      const values = Array.from({ length: 5 }, (_, index) => `${number}.${index}`)
      const answer = client && produce(client, makeBatch(values.map((value) => ({ value }))), { partition })
      const stored = await Promise.race([answer, client?.closed, delay(2000)])
      if (typeof stored !== 'object' || stored.error !== 0) {
        client = undefined
        await delay(50)
        continue
      }
      for (const value of values) this.acknowledged.add(value)
      this.ends[partition] = stored.offset + values.length
      await delay(10)
    }
  }
}

async function committed(client: RawClient): Promise<number[]> {
  const partitions = Array.from({ length: PARTITIONS }, (_, index) => index)
  const body = await client.request('offsetFetch', 5, (request) => {
    request.string('g')
    request.array(['t'], (topic) => {
      request.string(topic)
      request.array(partitions, (partition) => request.int32(partition))
    })
  })
  body.int32()
  const [topic] = body.array(() => {
    body.string()
    return body.array(() => {
      body.int32()
      const offset = body.int64()
      body.int32()
      body.nullableString()
      assert.equal(body.int16(), 0)
      return offset
    })
  })
  return topic!
}

/** Members die, leave and come while a journal is written and the broker is started anew; then all of it must arrive. */
async function trouble(t: TestContext, strategy: string, instances: boolean, seed: number): Promise<void> {
  const random = seededRandom(seed)
  const server = await startTestBroker(t, { limits: LIMITS })
  await createTopics(await server.connect(), [{ name: 't', partitions: PARTITIONS }])
  const journal = new Journal()
  journal.start(server)
  const slots: (Life | undefined)[] = Array.from({ length: MOST_MEMBERS })
  const lives: Life[] = []
  t.after(() => Promise.all(lives.map((life) => life.end('SIGKILL'))))
  const start = (slot: number) => {
    slots[slot] = new Life(server.address, strategy, instances && slot % 2 === 0 ? `member-${slot}` : undefined)
    lives.push(slots[slot])
  }
  start(0)
  start(1)
  let restarted = false
  for (const began = performance.now(); performance.now() - began < TROUBLE_MS;) {
    await delay(300 + random.integer(900))
    const slot = random.integer(MOST_MEMBERS)
    const life = slots[slot]
    if (!life) start(slot)
    else {
      await life.end(random.integer(3) === 0 ? 'SIGTERM' : 'SIGKILL')
      slots[slot] = undefined
    }
    if (!restarted && performance.now() - began > TROUBLE_MS / 2) {
      restarted = true
      await server.restart()
    }
  }
  await journal.stop()
  if (!slots.some(Boolean)) start(0)
  const client = await server.connect()
  const until = performance.now() + 40_000
  for (
    let now = await committed(client);
    now.some((offset, p) => offset < journal.ends[p]!);
    now = await committed(client)
  ) {
    assert.ok(performance.now() < until, `stuck: committed ${now.join()}, written ${journal.ends.join()}`)
    await delay(200)
  }
  await Promise.all(lives.map((life) => life.end('SIGTERM')))
  for (const [partition, offset] of (await committed(client)).entries()) {
    const { highWatermark } = await fetch(client, { partition, offset })
    assert.ok(offset <= highWatermark, `committed ${offset} of partition ${partition}, which ends at ${highWatermark}`)
  }
  const delivered = new Set(lives.flatMap(({ lines }) => lines.flatMap(({ v }) => (v === undefined ? [] : [v]))))
  const lost = [...journal.acknowledged].filter((value) => !delivered.has(value))
  assert.deepEqual(lost, [], `of ${journal.acknowledged.size} acknowledged records`)
  for (const life of lives) life.check()
  t.diagnostic(`${strategy}: ${journal.acknowledged.size} records, ${lives.length} lives, lost ${lost.length}`)
}

const SEED = Number(process.env.SEED ?? 20261122)

for (const [strategy, instances] of [
  ['range', false],
  ['cooperative-sticky', true],
] as const) {
  test(
    `T9: members of a group die, leave and come, the broker restarts: nothing is lost, nobody is stuck (${strategy}, SEED=${SEED})`,
    {
      skip,
    },
    (t) => trouble(t, strategy, instances, SEED),
  )
}
