import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { Positions, type SavedState } from '../../src/flow/replicate/positions.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import type { Address } from '../../src/system/net.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { until } from '../until.ts'
import { assertExact, Edge, machine, SITE, TELEMETRY } from './edge.ts'

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false

test(
  'a hub on one Kafka that replicates to another is killed, and its disk is lost: nothing is lost, repeated or out of order',
  { skip },
  async (t) => {
    const plant = await kafkaOf(t)
    const cloud = await kafkaOf(t)
    const edge = await Edge.start(t, cloud.bootstrap(), { home: plant.addresses() })
    edge.load(6, 600)
    const before = await edge.until((view) => view.state === 'live' && carried(view) > 500)
    // More is on its way by then than was written down.
    await until(async () => progress(await saved(cloud.addresses())).some((next) => next > 0), { everyMs: 250 })
    await edge.hub.kill()
    const killed = await saved(cloud.addresses())
    assert.equal(killed.claim!.epoch, before.epoch)
    await edge.emptyDisk()
    await edge.hub.start(60_000)
    const after = await edge.until((view) => view.state === 'live' && carried(view) > 500)
    assert.ok(after.epoch > before.epoch, `epoch ${after.epoch} follows ${before.epoch}`)
    await edge.drain()
    await edge.caughtUp()
    assertExact(await edge.check(cloud.addresses()))
    const last = await saved(cloud.addresses())
    // The same line: the second run has gone on from where the first one was, and did not begin anew.
    assert.deepEqual([last.claim!.line, last.claim!.released], [killed.claim!.line, true])
    const ends = await edge.withLog((log) => log.ends(TELEMETRY))
    assert.deepEqual(
      progress(last),
      ends.map(({ end }) => end),
    )
  },
)

async function kafkaOf(t: TestContext): Promise<KafkaCluster> {
  const kafka = await startKafka()
  t.after(() => kafka.stop())
  return kafka
}

function carried({
  topics,
}: {
  readonly topics: readonly { readonly topic: string; readonly records: number }[]
}): number {
  return topics.find(({ topic }) => topic === TELEMETRY)?.records ?? 0
}

/** What the target knows of the replication. */
async function saved(brokers: readonly Address[]): Promise<SavedState> {
  const log = await connectLog({ brokers, system: machine })
  try {
    return await new Positions(log, SITE, 'cloud').load()
  } finally {
    await log.close()
  }
}

/** How far each partition of the readings is, as it was written down. */
function progress({ positions }: SavedState): number[] {
  return [0, 1, 2].map((partition) => positions.get(`${TELEMETRY}/${partition}`)?.next ?? 0)
}
