import { Cluster } from '../../src/log/client/cluster.ts'
import { API, writeMetadata } from '../../src/log/client/messages.ts'
import type { Reader } from '../../src/log/wire/reader.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import type { KafkaCluster } from '../../tools/kafka/cluster.ts'
import { until } from '../until.ts'

/** Where a partition is, as the cluster says. */
export interface Place {
  readonly topic: string
  readonly partition: number
  /** The node that leads it, -1: none. */
  readonly leader: number
  readonly inSync: readonly number[]
}

const LOOK_MS = 200
/** A broker that was killed is back in a few seconds; on a busy machine it may take ten times as long. */
const IN_SYNC_MS = 120_000

/** Asks any broker that answers. */
export async function places(kafka: KafkaCluster, topics: readonly string[]): Promise<Place[]> {
  const dialling = { clock: systemClock, net: nodeNet, clientId: 'places', connectMs: 1_000 }
  const cluster = new Cluster(kafka.addresses(), dialling, systemRandom, '')
  try {
    return read(await cluster.ask(API.metadata, (to) => writeMetadata(to, topics)))
  } finally {
    cluster.close()
  }
}

/** Resolves when every broker has every partition of the topics. @throws after two minutes, with where they are then */
export async function allInSync(kafka: KafkaCluster, topics: readonly string[]): Promise<void> {
  const whole = ({ inSync }: Place) => inSync.length === kafka.nodes.length
  let found: readonly Place[] = []
  const look = async () => {
    found = await places(kafka, topics).catch(() => [])
    return found.length > 0 && found.every(whole)
  }
  await until(look, { everyMs: LOOK_MS, withinMs: IN_SYNC_MS, found: () => found })
}

function read(from: Reader): Place[] {
  from.int32() // throttle time
  from.array(() => [from.int32(), from.string(), from.int32(), from.nullableString()]) // brokers
  from.nullableString() // cluster id
  from.int32() // controller
  return from.array(() => readTopic(from)).flat()
}

function readTopic(from: Reader): Place[] {
  from.int16() // error
  const topic = from.string()
  from.boolean() // internal
  return from.array(() => {
    from.int16() // error
    const place = { topic, partition: from.int32(), leader: from.int32() }
    from.array(() => from.int32()) // copies
    return { ...place, inSync: from.array(() => from.int32()) }
  })
}
