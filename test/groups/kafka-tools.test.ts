import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { runKafkaCommand, startKafkaCommand } from '../../tools/kafka/java.ts'
import type { KafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { createTopics, produce } from '../kafka-clients/requests.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import type { TestBroker } from '../kafka-clients/test-broker.ts'
import { makeBatch } from '../log/make-batch.ts'
import { until } from '../until.ts'

/* Kafka's own consumers and its command for groups, on the embedded broker. */

const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false

async function command(name: KafkaCommand, ...args: string[]): Promise<string> {
  const { code, out, err } = await runKafkaCommand(name, args)
  assert.equal(code, 0, `${out}\n${err}`)
  return out
}

/** The words of each line of a table that begins with a group's or a topic's name. */
function rows(out: string, first: string): string[][] {
  const lines = out.split('\n').map((line) => line.trim().split(/\s+/))
  return lines.filter(([word]) => word === first).toSorted((a, b) => (a.join() < b.join() ? -1 : 1))
}

/** Kafka's console consumer; what it reads, line by line. */
class ConsoleConsumer {
  readonly lines: string[] = []
  readonly #child: ChildProcess

  constructor(t: TestContext, server: TestBroker, ...properties: string[]) {
    const options = properties.flatMap((property) => ['--command-property', property])
    const topic = ['--topic', 't', '--group', 'g', '--from-beginning']
    this.#child = startKafkaCommand('kafka-console-consumer', [
      '--bootstrap-server',
      server.address,
      ...topic,
      ...options,
    ])
    this.#child.stderr!.resume()
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.lines.push(line))
    t.after(() => this.#child.kill('SIGKILL'))
  }

  has(count: number): Promise<void> {
    return until(() => this.lines.length >= count, { found: () => this.lines })
  }

  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#child.kill(signal)
    await once(this.#child, 'exit')
  }
}

function stableGenerations({ log }: TestBroker): string[] {
  return log.flatMap((line) => /Group is stable .*?(generation=\d+ members=\d+)/.exec(line)?.[1] ?? [])
}

test(
  "Kafka's command for groups lists, describes, resets and deletes; its dump tool reads what is stored",
  { skip, timeout: 300_000 },
  async (t) => {
    const server = await startTestBroker(t)
    const client = await server.connect()
    await createTopics(client, [{ name: 't', partitions: 2 }])
    const values = Array.from({ length: 10 }, (_, index) => ({ value: `v${index}` }))
    for (const partition of [0, 1]) await produce(client, makeBatch(values), { partition })
    const groups = (...args: string[]) =>
      command('kafka-consumer-groups', '--bootstrap-server', server.address, ...args)

    const consumer = new ConsoleConsumer(t, server, 'client.id=reader', 'auto.commit.interval.ms=100')
    await consumer.has(20)
    assert.deepEqual(rows(await groups('--list', '--state'), 'g'), [['g', 'Stable']])
    const [member] = rows(await groups('--describe', '--group', 'g', '--members', '--verbose'), 'g')
    assert.match(member!.join(' '), /^g reader-\S+ \/127\.0\.0\.1 reader 2 .*t[:(]0,1/)
    const removal = ['--bootstrap-server', server.address, '--delete', '--group', 'g']
    const refused = await runKafkaCommand('kafka-consumer-groups', removal)
    assert.match(refused.out + refused.err, /GroupNotEmptyException/)
    await consumer.end('SIGTERM')
    await until(() => server.log.some((line) => line.includes('Group has no members')))

    const offsets = async () =>
      rows(await groups('--describe', '--group', 'g', '--offsets'), 'g').map((words) => words.slice(1, 6).join(' '))
    await groups('--reset-offsets', '--group', 'g', '--topic', 't:1', '--to-offset', '4', '--execute')
    assert.deepEqual(await offsets(), ['t 0 10 10 0', 't 1 4 10 6'])
    await groups('--delete-offsets', '--group', 'g', '--topic', 't:0')
    await server.restart()
    assert.deepEqual(await offsets(), ['t 1 4 10 6'])

    const file = `${server.directory}/__consumer_offsets-0/00000000000000000000.log`
    const dump = await command('kafka-dump-log', '--files', file, '--offsets-decoder')
    assert.match(dump, /key: \{"type":"1","data":\{"group":"g","topic":"t","partition":1\}\}.*"offset":4,/)
    assert.match(dump, /key: \{"type":"2","data":\{"group":"g"\}\}.*"protocolType":"consumer".*"memberId":"reader-/)
    assert.match(dump, /"partition":0\}\} payload: <DELETE>/)

    await groups('--delete', '--group', 'g')
    assert.doesNotMatch(await groups('--list'), /^g$/m)
  },
)

test(
  "Kafka's consumers share, statically and cooperatively; a static one that is killed finds its work again",
  { skip, timeout: 300_000 },
  async (t) => {
    const server = await startTestBroker(t)
    const client = await server.connect()
    await createTopics(client, [{ name: 't', partitions: 4 }])
    const write = async (text: string) => {
      for (const partition of [0, 1, 2, 3])
        await produce(client, makeBatch([{ value: `${text}${partition}` }]), { partition })
    }
    const cooperative = 'partition.assignment.strategy=org.apache.kafka.clients.consumer.CooperativeStickyAssignor'
    const options = [cooperative, 'auto.commit.interval.ms=100', 'heartbeat.interval.ms=500']
    const start = (instance: string) => new ConsoleConsumer(t, server, `group.instance.id=${instance}`, ...options)

    await write('a')
    const one = start('one')
    await one.has(4)
    const two = start('two')
    // Two generations: in the first one lets go, in the second the other takes.
    await until(() => stableGenerations(server).length === 3)
    await write('b')
    await Promise.all([one.has(6), two.has(2)])
    assert.deepEqual([...one.lines.slice(4), ...two.lines].toSorted(), ['b0', 'b1', 'b2', 'b3'])
    assert.deepEqual(stableGenerations(server), [
      'generation=1 members=1',
      'generation=2 members=2',
      'generation=3 members=2',
    ])

    await two.end('SIGKILL')
    const before = server.log.length
    const again = start('two')
    await write('c')
    await Promise.all([
      one.has(8),
      until(() => new Set(again.lines).size >= 2 && again.lines.some((line) => line.startsWith('c'))),
    ])
    assert.deepEqual(stableGenerations(server).length, 3, 'no generation because of a static member that is back')
    assert.deepEqual(
      server.log.slice(before).filter((line) => line.includes('Group prepares')),
      [],
    )
  },
)
