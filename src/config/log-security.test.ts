import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '../system/secret.ts'
import { loadPlant } from './load.ts'
import { ConfigError } from './problem.ts'

const PEM = '-----BEGIN CERTIFICATE-----\n'

async function load(log: string) {
  const around = {
    env: { MILLRACE_SECRET_P: 'secret' },
    readFile: (path: string) => Promise.resolve(path.endsWith('.pem') ? `${PEM}${path}` : undefined),
  }
  return (
    await loadPlant(
      'plant.yaml',
      Buffer.from(`site: a/b\nlog: ${log}\n`),
      { sources: [], processors: [], sinks: [] },
      around,
    )
  ).log
}

async function problems(log: string): Promise<string> {
  const error: unknown = await load(log).then(
    () => undefined,
    (cause: unknown) => cause,
  )
  assert.ok(error instanceof ConfigError, `it passed: ${log}`)
  return error.problems.map(({ message }) => message).join('\n')
}

test('a Kafka with TLS and a password', async () => {
  const log = await load(
    '{ kafka: { brokers: ["k:9094"], tls: true, sasl: { mechanism: scram-sha-512, username: ann, password: secret:P } } }',
  )
  assert.ok(log.kind === 'kafka')
  assert.deepEqual(log.security, {
    tls: {},
    sasl: { mechanism: 'SCRAM-SHA-512', username: 'ann', password: new Secret('secret') },
  })
})

test('a Kafka with mTLS, and one with tokens', async () => {
  const tls = await load('{ kafka: { brokers: [k], tls: { ca: file:ca.pem, cert: file:c.pem, key: file:k.pem } } }')
  assert.ok(tls.kind === 'kafka')
  assert.deepEqual(tls.security, { tls: { ca: `${PEM}ca.pem`, cert: `${PEM}c.pem`, key: `${PEM}k.pem` } })
  const endpoint = '{ endpoint: "https://id.example/token", clientId: hub, clientSecret: secret:P, scope: kafka }'
  const token = await load(
    `{ kafka: { brokers: [k], tls: true, sasl: { mechanism: oauthbearer, token: ${endpoint}, extensions: { logicalCluster: lkc-1 } } } }`,
  )
  assert.ok(token.kind === 'kafka')
  assert.deepEqual(token.security?.sasl, {
    mechanism: 'OAUTHBEARER',
    token: {
      endpoint: 'https://id.example/token',
      clientId: 'hub',
      clientSecret: new Secret('secret'),
      scope: 'kafka',
    },
    extensions: { logicalCluster: 'lkc-1' },
  })
})

test('an embedded log that is open to the network', async () => {
  const log = await load(
    '{ embedded: { listen: "0.0.0.0:9092", advertise: "edge:9092", session: 1h, tls: { cert: file:c.pem, key: file:k.pem },' +
      ' users: [{ name: ann, password: secret:P, can: [write], topics: ["a.*"] }] } }',
  )
  assert.ok(log.kind === 'embedded')
  assert.deepEqual(log.security, {
    tls: { cert: `${PEM}c.pem`, key: `${PEM}k.pem` },
    users: [{ name: 'ann', password: new Secret('secret'), can: ['write'], topics: ['a.*'], groups: ['*'] }],
    sessionMs: 3_600_000,
    advertise: { host: 'edge', port: 9092 },
  })
})

const TLS = 'tls: { cert: file:c.pem, key: file:k.pem }'
const REFUSED: readonly [log: string, wanted: string][] = [
  [`{ embedded: { listen: "0.0.0.0:1", ${TLS} } }`, 'others reach it, want "users", or a loopback address'],
  ['{ embedded: { listen: "h:1", users: [{ name: a, password: secret:P }] } }', 'others reach it, want "tls", or'],
  ['{ embedded: { users: [{ name: a }] } }', 'Cannot know user "a": want a "password", or "tls.ca"'],
  ['{ embedded: { users: [{ name: a, password: hunter2 }] } }', 'Cannot take a secret from the config file itself'],
  [
    '{ embedded: { users: [{ name: a, password: secret:P }, { name: a, password: secret:P }] } }',
    'Cannot have user "a" twice',
  ],
  ['{ embedded: { users: [{ name: a, password: secret:P, can: [root] }] } }', 'want "read" or "write" or "admin"'],
  ['{ embedded: { users: [{ name: a, password: secret:P, topics: ["*a*b*"] }] } }', 'at most two "*"'],
  ['{ embedded: { session: 1h } }', 'Cannot end logins: nobody logs in'],
  ['{ embedded: { advertise: "9092" } }', 'Cannot advertise "9092"'],
  [
    '{ kafka: { brokers: [k], sasl: { mechanism: plain, username: a, password: secret:P } } }',
    'Cannot log in by plain in the clear',
  ],
  ['{ kafka: { brokers: [k], sasl: { mechanism: oauthbearer, token: secret:P } } }', 'by oauthbearer in the clear'],
  ['{ kafka: { brokers: [k], tls: { cert: file:c.pem } } }', 'want both "cert" and "key"'],
  [
    '{ kafka: { brokers: [k], tls: true, sasl: { mechanism: oauthbearer, token: { endpoint: "http://x/", clientId: a, clientSecret: secret:P } } } }',
    'Cannot send a secret to it in the clear',
  ],
  ['{ kafka: { brokers: [k], tls: true, sasl: { mechanism: gssapi, username: a, password: secret:P } } }', 'gssapi'],
]
for (const [log, wanted] of REFUSED) {
  test(`refused: ${wanted}`, async () => {
    const said = await problems(log)
    assert.ok(said.includes(wanted), said)
    assert.ok(!said.includes('hunter2'))
  })
}

test('a password and tokens may go in the clear where they never leave the machine', async () => {
  await load('{ kafka: { brokers: ["127.0.0.1:9092"], sasl: { mechanism: plain, username: a, password: secret:P } } }')
})
