import { after, before, test } from 'node:test'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { need } from '../../tools/need.ts'
import { CuttableNet } from '../log/cuttable-net.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { groupsConformance } from '../../src/log/groups-conformance.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'

/** The contract of `Groups` on Apache Kafka's own coordinator. */
const system = { clock: systemClock, random: systemRandom, net: nodeNet }

if (need('kafka') === undefined) {
  test('groups conformance: Apache Kafka', (t) => t.skip('Apache Kafka is not installed'))
} else {
  let kafka!: KafkaCluster
  before(async () => {
    kafka = await startKafka({
      config: { 'group.initial.rebalance.delay.ms': '0', 'group.min.session.timeout.ms': '1000' },
    })
  })
  after(() => kafka.stop())
  groupsConformance('Apache Kafka', 2_000, () =>
    Promise.resolve({
      open: (options) => connectLog({ brokers: kafka.addresses(), system, ...options }),
      async openCuttable() {
        const net = new CuttableNet(nodeNet)
        const log = await connectLog({ brokers: kafka.addresses(), system: { ...system, net } })
        return { log, cut: () => net.cut(), heal: () => net.heal() }
      },
      stop: () => Promise.resolve(),
    }),
  )
}
