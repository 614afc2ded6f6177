import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { need } from '../../tools/need.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import { brokerTests, runTest } from './librdkafka.ts'
import type { SuiteOptions } from './librdkafka.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/**
 * Tests of librdkafka's suite that take seconds each: a cut through all that the suite looks at. The whole of it, and
 * what of it is out of scope, is in docs/kafka-conformance.md.
 */
const QUICK = [
  '0001_multiobj',
  '0002_unkpart',
  '0003_msgmaxsize',
  '0005_order',
  '0007_autotopic',
  '0008_reqacks',
  '0012_produce_consume',
  '0013_null_msgs',
  '0014_reconsume_191',
  '0015_offsets_seek',
  '0017_compression',
  '0019_list_groups',
  '0021_rkt_destroy',
  '0022_consume_batch',
  '0029_assign_offset',
  '0031_get_offsets',
  '0034_offset_reset',
  '0036_partial_fetch',
  '0042_many_topics',
  '0044_partition_cnt',
  '0048_partitioner',
  '0051_assign_adds',
  '0053_stats',
  '0054_offset_time',
  '0057_invalid_topic',
  '0059_bsearch',
  '0061_consumer_lag',
  '0063_clusterid',
  '0067_empty_topic',
  '0069_consumer_add_parts',
  '0070_null_empty',
  '0073_headers',
  '0082_fetch_max_bytes',
  '0083_cb_event',
  '0085_headers',
  '0090_idempotence',
  '0099_commit_metadata',
  '0110_batch_size',
  '0112_assign_unknown_part',
  '0118_commit_rebalance',
  '0125_immediate_flush',
  '0130_store_offsets',
  '0132_strategy_ordering',
]

/** Nothing of these is quick to the suite; they take seconds. */
const WHOLE = new Set(['0082_fetch_max_bytes'])

/**
 * Its records are of 1970, so retention takes them when it looks, once a minute: a broker of its own has not looked yet. And
 * it has ten seconds, of which the client waits one after each of up to ten seeks, at Kafka too.
 */
const SEEKING = '0059_bsearch'

/** Parts of the suite's test of administration; the others want what Kafka 4 and we refuse. */
const ADMIN = [
  'DescribeConfigs',
  'DeleteTopics',
  'CreatePartitions',
  'DeleteRecords',
  'DescribeConsumerGroups',
  'DeleteConsumerGroupOffsets',
  'AlterConsumerGroupOffsets',
  'ListConsumerGroupOffsets',
]

const folder = need('librdkafka-tests')
const skip = folder === undefined ? "librdkafka's test suite is not built" : false

test("librdkafka's own test suite: a cut of it, one test after the other", { skip, timeout: 600_000 }, async (t) => {
  const server = await startTestBroker(t)
  const scratch = await temporaryFolder('suite')
  const options = { folder: folder!, address: server.address, scratch, quick: true, limitMs: 120_000 }
  const known = new Set(brokerTests(folder!).map(({ name }) => name))
  for (const name of QUICK) {
    await t.test(name, async (one) => {
      assert.ok(known.has(name), 'the suite has no such test')
      const how = name === SEEKING ? await patience(one) : {}
      await mustPass(name, { ...options, quick: !WHOLE.has(name), ...how })
    })
  }
  for (const part of ADMIN) {
    const how = { ...options, quick: false, parts: `do_test_${part}` }
    await t.test(`0081_admin: ${part}`, () => mustPass('0081_admin', how))
  }
})

async function patience(t: TestContext): Promise<Partial<SuiteOptions>> {
  const { address } = await startTestBroker(t)
  return { address, settings: { 'test.timeout.multiplier': '3' } }
}

/** A test that skips is no test that passes. */
async function mustPass(name: string, options: SuiteOptions): Promise<void> {
  const { outcome, said } = await runTest(name, 'default', options)
  assert.equal(outcome, 'passed', said)
}
