import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { conformance } from '../../src/log/conformance.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'

/** The contract of `Log` on Apache Kafka: the suite that the memory and embedded drivers pass. */
const system = { clock: systemClock, random: systemRandom, net: nodeNet }

if (need('kafka') === undefined) {
  test('log conformance: Apache Kafka', (t) => t.skip('Apache Kafka is not installed'))
} else {
  let kafka!: KafkaCluster
  before(async () => {
    kafka = await startKafka()
  })
  after(() => kafka.stop())
  for (const compression of ['none', 'zstd'] as const) {
    conformance(
      `Apache Kafka, compression ${compression}`,
      () =>
        Promise.resolve({
          open: (options) => connectLog({ brokers: kafka.addresses(), system, compression, ...options }),
          trim: (topic, partition, offset) => deleteRecords(kafka, topic, partition, offset),
          stop: () => Promise.resolve(),
        }),
      { trims: true },
    )
  }
}

/** As Kafka's own tool does it. */
async function deleteRecords(cluster: KafkaCluster, topic: string, partition: number, offset: number): Promise<void> {
  const file = join(cluster.folder, `${randomInt(2 ** 40)}.json`)
  await writeFile(file, JSON.stringify({ version: 1, partitions: [{ topic, partition, offset }] }))
  const args = ['--bootstrap-server', cluster.bootstrap(), '--offset-json-file', file]
  const { code, out, err } = await runKafkaCommand('kafka-delete-records', args)
  if (code !== 0) throw new Error(`Cannot delete records: exit code ${code}, want 0\n${out}${err}`)
}
