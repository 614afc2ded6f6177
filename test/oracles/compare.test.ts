import assert from 'node:assert/strict'
import { before, after, describe, test } from 'node:test'
import { need } from '../../tools/need.ts'
import { startKafka } from '../../tools/kafka/cluster.ts'
import type { KafkaCluster } from '../../tools/kafka/cluster.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import { families, runScript } from './script.ts'

/** A line that Kafka answers otherwise than we do, and why that is meant so. */
interface Difference {
  readonly family: string
  readonly kafka: string
  readonly ours: string
  readonly why: string
}

const DIFFERENCES: readonly Difference[] = []

/** What of Kafka's settings is otherwise with us. */
const SETTINGS = { 'auto.create.topics.enable': 'true', 'num.partitions': '4' }

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false

describe('the same script against Apache Kafka and against the embedded broker', { skip }, () => {
  let kafka: KafkaCluster
  before(async () => {
    kafka = await startKafka({ config: SETTINGS })
  })
  after(() => kafka.stop())

  for (const family of families()) {
    test(family.name, { skip: family.skip, timeout: 240_000 }, async (t) => {
      const ours = await startTestBroker(t)
      const expected = await runScript(family, kafka.bootstrap())
      const got = await runScript(family, ours.address)
      const allowed = DIFFERENCES.filter((one) => one.family === family.name)
      for (const { kafka: line, why } of allowed) assert.ok(expected.includes(line), `No longer so: ${line} (${why})`)
      const translated = expected.map((line) => allowed.find((one) => one.kafka === line)?.ours ?? line)
      assert.deepEqual(got, translated)
    })
  }
})
