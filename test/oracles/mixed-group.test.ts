import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { decodeRecords, readBatchHeader } from '../../src/log/batch.ts'
import { need } from '../../tools/need.ts'
import { RawClient } from '../kafka-clients/raw-client.ts'
import { createTopics, fetch, listOffset } from '../kafka-clients/requests.ts'
import { check } from './history.ts'
import type { Happening, Remains, Violations } from './history.ts'
import { MixedGroup } from './mixed-group.ts'
import type { Assignor } from './mixed-group.ts'

const PARTITIONS = 6
const RATE = 400

const NONE: Violations = {
  lost: 0,
  duplicates: 0,
  disorder: 0,
  phantoms: 0,
  unread: 0,
  nonMonotonic: 0,
  forgottenCommits: 0,
  beyond: 0,
  stuck: 0,
}

const missing = (['confluent-kafka-2', 'kafka-python', 'franz', 'kafka'] as const).filter((name) => !need(name))
const skip = missing.length > 0 ? `not installed: ${missing.join(', ')}` : false

/** Who can take part: cooperative rebalancing is not in every client. */
const MEMBERS: { readonly [assignor in Assignor]: readonly string[] } = {
  range: ['franz-go', 'librdkafka', 'kafka-python', 'kafkajs', 'platformatic', 'java'],
  cooperative: ['franz-go', 'librdkafka', 'java'],
}

for (const assignor of ['range', 'cooperative'] as const) {
  const name = `T9: ${MEMBERS[assignor].join(', ')} in one group (${assignor}); members and the broker are killed`
  test(name, { skip, timeout: 180_000 }, async (t) => {
    const group = new MixedGroup(assignor, PARTITIONS)
    t.after(() => group.stop())
    await group.startBroker()
    await createTopics(await connect(t, group), [{ name: group.topic, partitions: PARTITIONS }])
    group.startProducer(RATE)
    for (const family of MEMBERS[assignor]) await group.startMember(family)
    await allRead(group, MEMBERS[assignor])
    await faults(group)
    await group.endProducer()
    const remains = await settled(t, group)
    const { happenings, complaints } = group
    const notes: string[] = []
    assert.deepEqual(
      check(happenings, remains, (line) => notes.push(line)),
      NONE,
      [...notes, ...complaints.slice(-20)].join('\n'),
    )
    const count = (kind: Happening['kind']) => happenings.filter((one) => one.kind === kind).length
    const records = remains.ends.reduce((sum, end) => sum + end, 0)
    t.diagnostic(
      `${records} records, ${count('read')} polls, ${count('committed')} commits, ${count('restarted')} restarts of a client, ${complaints.length} complaints`,
    )
  })
}

/** One member killed and one that leaves, each replaced; the broker killed; another member killed while it recovers. */
async function faults(group: MixedGroup): Promise<void> {
  const [first, second, third] = group.members as [string, string, string]
  await group.endMember(first, 'SIGKILL')
  await group.startMember(family(first))
  await setTimeout(2000)
  await group.endMember(second, 'SIGTERM')
  await group.startMember(family(second))
  await setTimeout(1000)
  await group.killBroker()
  await group.endMember(third, 'SIGKILL')
  await group.startBroker()
  await group.startMember(family(third))
  await setTimeout(2000)
  await group.killBroker()
  await group.startBroker()
  await setTimeout(4000)
}

function family(member: string): string {
  return member.split(' ')[0]!
}

/** Waits until a member of each family has read something. */
async function allRead(group: MixedGroup, families: readonly string[]): Promise<void> {
  const readers = () => new Set(group.happenings.filter((one) => one.kind === 'read').map((one) => family(one.member)))
  await until(
    () => readers().size === families.length,
    60_000,
    () => `only these have read: ${[...readers()].join(', ')}`,
  )
}

async function until(done: () => boolean | Promise<boolean>, withinMs: number, what: () => string): Promise<void> {
  const begun = performance.now()
  while (!(await done())) {
    if (performance.now() - begun > withinMs) throw new Error(what())
    await setTimeout(200)
  }
}

async function connect(t: TestContext, group: MixedGroup): Promise<RawClient> {
  const [host, port] = group.address.split(':') as [string, string]
  const client = await RawClient.connect({ host, port: Number(port) })
  t.after(() => client.close())
  return client
}

/** What is in the log, and what was committed once nothing moves any more; a group that is stuck gets 40 s. */
async function settled(t: TestContext, group: MixedGroup): Promise<Remains> {
  const client = await connect(t, group)
  const log: Map<number, string>[] = []
  const ends: number[] = []
  for (let partition = 0; partition < PARTITIONS; partition++) {
    log.push(await records(client, group.topic, partition))
    ends.push((await listOffset(client, -1, group.topic, partition)).offset)
  }
  const committed = ends.map(() => -1)
  for (const one of group.happenings) if (one.kind === 'committed') committed[one.partition] = one.offset
  const behind = () => {
    for (const one of group.happenings) if (one.kind === 'committed') committed[one.partition] = one.offset
    return committed.some((offset, i) => offset !== ends[i])
  }
  // That it is stuck is a finding of the check.
  await until(
    () => !behind(),
    40_000,
    () => '',
  ).catch(() => {})
  return { log, ends, committed }
}

async function records(client: RawClient, topic: string, partition: number): Promise<Map<number, string>> {
  const all = new Map<number, string>()
  for (let offset = 0; ;) {
    const { records: bytes } = await fetch(client, { topic, partition, offset })
    if (bytes.length === 0) return all
    for (let at = 0; at < bytes.length; at += readBatchHeader(bytes, at).size) {
      for (const one of decodeRecords(bytes, at)) {
        all.set(one.offset, Buffer.from(one.value!).toString())
        offset = one.offset + 1
      }
    }
  }
}
