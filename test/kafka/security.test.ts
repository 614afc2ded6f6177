import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { connectLog } from '../../src/log/client/connect.ts'
import type { LogSecurity } from '../../src/log/security.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import { startKafka, type KafkaCluster } from '../../tools/kafka/cluster.ts'
import type { ListenerName } from '../../tools/kafka/properties.ts'
import { need } from '../../tools/need.ts'

/** The client's TLS and SASL against Apache Kafka, every mechanism. */
const system = { clock: systemClock, random: systemRandom, net: nodeNet }
const skip = need('kafka') === undefined ? 'Apache Kafka is not installed' : false
/** Not in a normal form: Kafka takes passwords as they are (no SASLprep). */
const ODD = 'Ku\u0308hlung-\u2168'
const USERS = [
  { name: 'millrace', password: 'millrace-secret' },
  { name: 'ann', password: ODD },
]

describe('Apache Kafka', { skip }, () => {
  let kafka!: KafkaCluster
  before(async () => {
    // For Java, which else takes an argument that is not ASCII for question marks.
    process.env['LC_ALL'] = 'C.UTF-8'
    kafka = await startKafka({
      listeners: ['PLAINTEXT', 'SSL', 'MTLS', 'SASL_PLAINTEXT', 'SASL_SSL'],
      users: USERS,
      // Sessions end every 3 s (KIP-368).
      config: { 'connections.max.reauth.ms': '3000' },
    })
  })
  after(() => kafka.stop())

  const connect = (listener: ListenerName, security: LogSecurity) =>
    connectLog({ brokers: kafka.addresses(listener), system, security })

  async function works(listener: ListenerName, security: LogSecurity, ms = 0): Promise<void> {
    const log = await connect(listener, security)
    try {
      const topic = `t-${Math.random().toString(36).slice(2)}`
      await log.ensure([{ name: topic, partitions: 2 }])
      const reading = readAll(log, topic)
      const until = performance.now() + ms
      let sent = 0
      do {
        await log.append(topic, [{ key: `k${sent}`, value: 'v', timestamp: 1 }])
        sent++
      } while (performance.now() < until)
      assert.equal(log.state().lastError, undefined)
      await reading.until(sent)
    } finally {
      await log.close()
    }
  }

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const) {
    for (const listener of ['SASL_PLAINTEXT', 'SASL_SSL'] as const) {
      test(`${mechanism} on ${listener}`, async () => {
        const tls = listener === 'SASL_SSL' ? { tls: { ca: kafka.certificates!.ca } } : {}
        const login = (username: string, password: string): LogSecurity => {
          return { ...tls, sasl: { mechanism, username, password: new Secret(password) } }
        }
        await works(listener, login('millrace', 'millrace-secret'))
        await assert.rejects(connect(listener, login('millrace', 'wrong')), {
          code: 'LOG_NOT_AUTHENTICATED',
          message: /^Cannot log in to the log: Authentication failed/,
        })
      })
    }
    // PLAIN passwords are in a properties file of Kafka, which is not UTF-8.
    if (mechanism === 'PLAIN') continue
    test(`${mechanism}: a password is taken as it is`, async () => {
      await works('SASL_PLAINTEXT', {
        sasl: { mechanism, username: 'ann', password: new Secret(ODD) },
      })
    })
  }

  test('logins are renewed before their sessions end: no request fails in three of them', async () => {
    const sasl = { mechanism: 'SCRAM-SHA-512', username: 'millrace', password: new Secret('millrace-secret') } as const
    await works('SASL_PLAINTEXT', { sasl }, 9_500)
  })

  test('OAUTHBEARER with a token', async () => {
    const sasl = { mechanism: 'OAUTHBEARER', token: new Secret(unsignedToken('ann')) } as const
    await works('SASL_SSL', { tls: { ca: kafka.certificates!.ca }, sasl })
    const old = { mechanism: 'OAUTHBEARER', token: new Secret(unsignedToken('ann', -3600)) } as const
    await assert.rejects(connect('SASL_SSL', { tls: { ca: kafka.certificates!.ca }, sasl: old }), {
      code: 'LOG_NOT_AUTHENTICATED',
    })
  })

  test('OAUTHBEARER with tokens from an endpoint: each login has one that is good', async (t) => {
    let issued = 0
    const server = createServer((_, response) => {
      issued++
      response.end(JSON.stringify({ access_token: unsignedToken('ann', 6), expires_in: 6 }))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const token = { endpoint, clientId: 'hub', clientSecret: new Secret('x') }
    await works('SASL_PLAINTEXT', { sasl: { mechanism: 'OAUTHBEARER', token } }, 8_000)
    assert.ok(issued >= 2, `${issued} tokens`)
  })

  test('TLS, and mTLS', async () => {
    const { ca, client } = kafka.certificates!
    await works('SSL', { tls: { ca } })
    await works('MTLS', { tls: { ca, ...client } })
    await assert.rejects(connect('SSL', { tls: {} }), { code: 'LOG_TLS_FAILED', message: /nobody we trust has signed/ })
    await assert.rejects(connect('SSL', { tls: { ca, serverName: 'kafka.example' } }), {
      code: 'LOG_TLS_FAILED',
      message: /its certificate is of another host/,
    })
    await assert.rejects(connect('MTLS', { tls: { ca } }), {
      code: 'LOG_TLS_FAILED',
      message: /it does not take our certificate/,
    })
  })
})

function unsignedToken(subject: string, seconds = 3600): string {
  const now = Math.floor(Date.now() / 1000)
  const part = (json: object) => Buffer.from(JSON.stringify(json)).toString('base64url')
  return `${part({ alg: 'none' })}.${part({ sub: subject, iat: now - 7200, exp: now + seconds })}.`
}

function readAll(log: Awaited<ReturnType<typeof connectLog>>, topic: string) {
  const stop = new AbortController()
  let seen = 0
  let wanted = Infinity
  const reading = (async () => {
    const positions = [0, 1].map((partition) => ({ topic, partition, offset: 0 }))
    for await (const batch of log.read(positions, { signal: stop.signal })) {
      seen += batch.records.length
      if (seen >= wanted) return
    }
  })()
  return {
    async until(count: number): Promise<void> {
      wanted = count
      if (seen >= wanted) stop.abort()
      await reading
      assert.equal(seen, count)
    },
  }
}
