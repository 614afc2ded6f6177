import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type { HubView, LedgerView } from '../../src/api/contract.ts'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { ROOT } from '../faults/hub-process.ts'
import { hubSuite } from '../hub/hub-suite.ts'
import { dataDirectory, get, post, startLife } from '../hub/lives.ts'

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false
const system = { clock: systemClock, random: systemRandom, net: nodeNet }

describe('a hub on Apache Kafka', { skip }, () => {
  let kafka!: KafkaCluster
  before(async () => {
    kafka = await startKafka({ config: { 'min.insync.replicas': '1' } })
  })
  after(() => kafka.stop())
  const config = () => `{ kafka: { brokers: ["${kafka.bootstrap()}"], partitions: 3, retention: { time: 1h } } }`

  test('takes readings, shows twins, balances its books, and is the same after a restart on an empty disk', async (t) => {
    const directory = await dataDirectory()
    const first = await startLife(directory, [], config())
    t.after(() => first.close())
    for (let n = 1; n <= 50; n++) assert.equal((await post(first, `press${n % 5}`, `{"n":${n}}`)).status, 200)
    const { log } = (await get(first, '/api/v1/status')) as HubView
    assert.deepEqual(
      [log.kind, log.address, log.durability, log.state],
      ['kafka', kafka.bootstrap(), 'page cache', 'live'],
    )
    assert.equal(first.kafka, kafka.bootstrap())
    await first.close()
    await rm(directory, { recursive: true })

    const second = await startLife(directory, [], config())
    t.after(() => second.close())
    for (let press = 0; press < 5; press++) {
      const values = await get(second, `/api/v1/values/acme/berlin/press${press}`)
      assert.deepEqual(values, { n: press === 0 ? 50 : 45 + press })
    }
    const [book] = ((await get(second, '/api/v1/ledger')) as LedgerView).books
    assert.deepEqual([book!.received, book!.stored, book!.balanced], [50, 50, true])
    await second.close()
  })

  test('topics are made as the config says, for all of Kafka’s tools to read', async (t) => {
    const directory = await dataDirectory()
    const hub = await startLife(directory, [], config())
    t.after(() => hub.close())
    assert.equal((await post(hub, 'press0', '{"n":7}')).status, 200)
    const described = await runKafkaCommand('kafka-topics', ['--bootstrap-server', kafka.bootstrap(), '--describe'])
    assert.match(described.out, /Topic: acme\.berlin\.telemetry\s.*PartitionCount: 3\s.*retention\.ms=3600000/)
    assert.match(described.out, /Topic: acme\.berlin\.assets\s.*PartitionCount: 1\s.*cleanup\.policy=compact/)
    const read = [
      '--topic',
      'acme.berlin.telemetry',
      '--from-beginning',
      '--max-messages',
      '51',
      '--timeout-ms',
      '30000',
    ]
    const consumed = await runKafkaCommand('kafka-console-consumer', ['--bootstrap-server', kafka.bootstrap(), ...read])
    assert.match(consumed.out, /"asset":"acme\/berlin\/press0".*"n":7/)
    await hub.close()
  })

  test('commands beside it find the log through hub.json, or through the config; a second hub gives way', async (t) => {
    const directory = await dataDirectory()
    const hub = await startLife(directory, [], config())
    t.after(() => hub.close())
    assert.equal((await post(hub, 'press9', '{"n":9}')).status, 200)
    const file = JSON.parse(await readFile(join(directory, 'hub.json'), 'utf8')) as { log: unknown }
    assert.deepEqual(file.log, { kind: 'kafka', brokers: kafka.addresses(), secured: false })
    const plant = `${directory}.yaml`
    await writeFile(plant, `site: acme/berlin\nlog: ${config()}\n`)
    const second = await millrace('run', plant, '--data', directory, '--json')
    assert.equal((JSON.parse(second.out) as { code: string }).code, 'LOG_DIRECTORY_LOCKED')
    for (const place of [
      ['--data', directory],
      ['--data', '/nowhere', '--config', plant],
    ]) {
      const { code, out } = await millrace('ledger', '--json', ...place)
      assert.equal(code, 0, out)
      assert.equal((JSON.parse(out) as { balanced: boolean }).balanced, true)
    }
    const tailed = await millrace('tail', 'press9', '--from', 'start', '--end', '--json', '--data', directory)
    assert.match(tailed.out, /"asset":"acme\/berlin\/press9".*"n":9/)
    await hub.close()
  })

  hubSuite('Apache Kafka', async () => {
    const log = await connectLog({ brokers: kafka.addresses(), system, compression: 'zstd' })
    return { log, close: () => log.close() }
  })
})

/** Runs the command line until it ends. */
async function millrace(...args: string[]) {
  const child = spawn(process.execPath, ['src/main.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] })
  const [out, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return { code: code as number | null, out }
}
