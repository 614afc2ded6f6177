import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { before, test } from 'node:test'
import type { TestContext } from 'node:test'
import { knownUser } from '../../src/log/broker/access/users.ts'
import type { BrokerSecurity } from '../../src/log/broker/broker.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import { runKafkaCommand } from '../../tools/kafka/java.ts'
import { need } from '../../tools/need.ts'
import { makeCertificates, type Certificates } from '../mqtt/certificates.ts'
import { run } from './run.ts'
import { startTestBroker } from './test-broker.ts'

/** Others' clients at the embedded broker that asks who is there: librdkafka (kcat, Python) and Java. */
const kcat = need('kcat')
const python = need('confluent-kafka')
const java = need('kafka')
const PASSWORD = 'sesame öffne=dich'
const MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const

let users!: BrokerSecurity['users']
before(async () => {
  const password = new Secret(PASSWORD)
  const rights = { topics: ['own.*'], groups: ['own.*'] }
  const all = { topics: ['*'], groups: ['*'] }
  users = await Promise.all([
    knownUser({ name: 'ann', password, can: ['admin'], ...all }, systemRandom),
    knownUser({ name: 'reader', password, can: ['read'], ...rights }, systemRandom),
    knownUser({ name: 'press7', can: ['admin'], ...all }, systemRandom),
  ])
})

interface Secured {
  readonly address: string
  readonly log: readonly string[]
  readonly certificates: Certificates
}

async function start(t: TestContext, { mutual = false, sessionMs = 0 } = {}): Promise<Secured> {
  const certificates = await makeCertificates()
  const tls = { ...certificates.server, ...(mutual && { ca: certificates.ca }) }
  const server = await startTestBroker(t, { security: { users, tls, ...(sessionMs > 0 && { sessionMs }) } })
  return { address: server.address.replace('127.0.0.1', 'localhost'), log: server.log, certificates }
}

/** Settings of librdkafka. */
function settings({ certificates }: Secured, mechanism: string, username: string, password = PASSWORD) {
  return {
    'security.protocol': 'SASL_SSL',
    'ssl.ca.location': join(certificates.folder, 'ca.crt'),
    'sasl.mechanism': mechanism,
    'sasl.username': username,
    'sasl.password': password,
  }
}

const flags = (all: { readonly [name: string]: string }) => Object.entries(all).flatMap(([k, v]) => ['-X', `${k}=${v}`])

for (const mechanism of MECHANISMS) {
  test(`kcat: ${mechanism} over TLS`, { skip: kcat === undefined && 'kcat is not installed' }, async (t) => {
    const server = await start(t)
    const options = ['-b', server.address, ...flags(settings(server, mechanism, 'ann'))]
    const sent = await run(kcat!, [...options, '-P', '-t', 'own.t'], 'one\ntwo\n')
    assert.equal(sent.code, 0, sent.errors)
    const read = await run(kcat!, [...options, '-C', '-q', '-e', '-t', 'own.t'])
    assert.deepEqual(read.out.trim().split('\n').sort(), ['one', 'two'], read.errors)
    const wrong = flags(settings(server, mechanism, 'ann', 'wrong'))
    const refused = await run(kcat!, ['-b', server.address, ...wrong, '-L', '-m', '2'])
    assert.notEqual(refused.code, 0)
    assert.match(refused.errors, /wrong name or password/)
  })
}

test('kcat: mTLS alone', { skip: kcat === undefined && 'kcat is not installed' }, async (t) => {
  const server = await start(t, { mutual: true })
  const { folder } = server.certificates
  const own = {
    'security.protocol': 'SSL',
    'ssl.ca.location': join(folder, 'ca.crt'),
    'ssl.certificate.location': join(folder, 'client.crt'),
    'ssl.key.location': join(folder, 'client.key'),
  }
  const sent = await run(kcat!, ['-b', server.address, ...flags(own), '-P', '-t', 't'], 'one\n')
  assert.equal(sent.code, 0, sent.errors)
  const { code } = await run(kcat!, [
    '-b',
    server.address,
    ...flags({ ...own, 'ssl.certificate.location': '' }),
    '-L',
    '-m',
    '2',
  ])
  assert.notEqual(code, 0)
})

/** This librdkafka does not renew a login (2.2 does): it connects anew, and sends again what was under way. */
test('Python: sessions that end lose nothing, and rights are told as Kafka tells them', async (t) => {
  if (python === undefined) return t.skip('python3-confluent-kafka is not installed')
  const server = await start(t, { sessionMs: 2_000 })
  const script = join(server.certificates.folder, 'secured.py')
  await writeFile(script, SCRIPT)
  const base = { 'bootstrap.servers': server.address }
  const ann = { ...base, ...settings(server, 'SCRAM-SHA-512', 'ann') }
  const reader = { ...base, ...settings(server, 'PLAIN', 'reader') }
  const { code, out, errors } = await run(python, [script, JSON.stringify(ann), JSON.stringify(reader)])
  assert.equal(code, 0, errors)
  assert.deepEqual(JSON.parse(out), {
    failures: [],
    left: 0,
    seen: ['own.t'],
    read: 'm0',
    write: 'TOPIC_AUTHORIZATION_FAILED',
    other: 'TOPIC_AUTHORIZATION_FAILED',
    group: 'GROUP_AUTHORIZATION_FAILED',
  })
})

/** Produces for three sessions as one user; then tries what another may and may not. */
const SCRIPT = `
import json, sys, time
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
ann, reader = json.loads(sys.argv[1]), json.loads(sys.argv[2])
admin = AdminClient(ann)
for future in admin.create_topics([NewTopic('own.t', 1), NewTopic('other.t', 1)]).values():
    future.result()
failures = []
producer = Producer(ann)
began = time.monotonic()
count = 0
while time.monotonic() - began < 6:
    producer.produce('own.t', f'm{count}', on_delivery=lambda error, _: failures.append(str(error)) if error else None)
    producer.poll(0.05)
    count += 1
left = producer.flush(10)
seen = sorted(AdminClient(reader).list_topics(timeout=10).topics)
name = lambda error: error.name().lstrip('_')
consumer = Consumer({**reader, 'group.id': 'own.g'})
consumer.assign([TopicPartition('own.t', 0, 0)])
message = consumer.poll(10)
read = message.value().decode() if not message.error() else name(message.error())
outcome = []
refused = Producer({**reader, 'message.timeout.ms': 5000})
refused.produce('own.t', 'x', on_delivery=lambda error, _: outcome.append(name(error) if error else 'stored'))
refused.flush(10)
def first_error(group, topic):
    other = Consumer({**reader, 'group.id': group})
    other.subscribe([topic])
    until = time.monotonic() + 10
    while time.monotonic() < until:
        message = other.poll(0.5)
        if message and message.error():
            return name(message.error())
    return 'none'
print(json.dumps({'failures': failures, 'left': left, 'seen': seen, 'read': read, 'write': outcome[0],
    'other': first_error('own.h', 'other.t'), 'group': first_error('other.g', 'own.t')}))
`

test('Java: the console tools, by each mechanism and by certificate', async (t) => {
  if (java === undefined) return t.skip('Apache Kafka is not installed')
  const server = await start(t)
  const file = join(server.certificates.folder, 'client.properties')
  for (const mechanism of MECHANISMS) {
    await writeFile(file, properties(server, mechanism, 'ann'))
    const at = ['--bootstrap-server', server.address]
    const topic = `own.${mechanism.toLowerCase()}`
    const made = await runKafkaCommand('kafka-topics', [...at, '--command-config', file, '--create', '--topic', topic])
    assert.equal(made.code, 0, made.err + made.out)
  }
  await writeFile(file, properties(server, 'SCRAM-SHA-256', 'reader'))
  const listed = await runKafkaCommand('kafka-topics', [
    '--bootstrap-server',
    server.address,
    '--command-config',
    file,
    '--list',
  ])
  assert.deepEqual(listed.out.trim().split('\n').sort(), MECHANISMS.map((one) => `own.${one.toLowerCase()}`).sort())
  const refused = await runKafkaCommand('kafka-topics', [
    '--bootstrap-server',
    server.address,
    '--command-config',
    file,
    '--delete',
    '--topic',
    'own.plain',
  ])
  assert.match(refused.out + refused.err, /TopicAuthorizationException|not allowed/)
})

test('Java renews its logins: a producer works through three sessions on one connection', async (t) => {
  if (java === undefined) return t.skip('Apache Kafka is not installed')
  const server = await start(t, { sessionMs: 2_000 })
  const file = join(server.certificates.folder, 'client.properties')
  await writeFile(file, `bootstrap.servers=${server.address}\n${properties(server, 'SCRAM-SHA-512', 'ann')}`)
  const args = `--topic perf --num-records 350 --throughput 50 --record-size 100 --producer.config ${file}`
  const sent = await runKafkaCommand('kafka-producer-perf-test', args.split(' '))
  assert.equal(sent.code, 0, sent.err + sent.out)
  assert.match(sent.out, /350 records sent/)
  assert.doesNotMatch(server.log.join('\n'), /has run out/)
})

/** PLAIN and SCRAM for Java; the properties format is Latin-1. */
function properties({ certificates }: Secured, mechanism: string, name: string): string {
  const module = mechanism === 'PLAIN' ? 'plain.PlainLoginModule' : 'scram.ScramLoginModule'
  const login = `org.apache.kafka.common.security.${module} required username="${name}" password="${PASSWORD}";`
  const escaped = login.replaceAll(/[^\x20-\x7e]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`)
  return [
    'security.protocol=SASL_SSL',
    'ssl.truststore.type=PEM',
    `ssl.truststore.location=${join(certificates.folder, 'ca.crt')}`,
    `sasl.mechanism=${mechanism}`,
    `sasl.jaas.config=${escaped}`,
  ].join('\n')
}
