import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { knownUser } from '../../src/log/broker/access/users.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import { need } from '../../tools/need.ts'
import { startTestBroker } from '../kafka-clients/test-broker.ts'
import { makeCertificates } from '../mqtt/certificates.ts'
import { runTest, type SuiteOptions } from './librdkafka.ts'

const folder = need('librdkafka-tests')
const options = { skip: folder === undefined ? "librdkafka's test suite is not built" : false, timeout: 200_000 }
const PASSWORD = 'sesame'

test("librdkafka's own test suite: 0097_ssl_verify, each with a certificate", options, async (t) => {
  const { run, certificates } = await start(t, { mutual: true })
  const environment = await clientFiles(certificates.folder)
  const settings = {
    'security.protocol': 'SSL',
    'ssl.ca.location': environment.SSL_ca_pem,
    'ssl.certificate.location': environment.SSL_pub_pem,
    'ssl.key.location': environment.SSL_priv_pem,
    'ssl.key.password': PASSWORD,
  }
  await run('0097_ssl_verify', { settings, environment })
})

for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
  test(`librdkafka's own test suite: 0135_sasl_credentials, ${mechanism}`, options, async (t) => {
    const { run, certificates } = await start(t)
    const settings = {
      'security.protocol': 'SASL_SSL',
      'ssl.ca.location': join(certificates.folder, 'ca.crt'),
      'sasl.mechanism': mechanism,
      'sasl.username': 'ann',
      'sasl.password': PASSWORD,
    }
    await run('0135_sasl_credentials', { settings })
  })
}

/** A broker that asks who is there: a name with a password, or with `mutual` a certificate of `press7`. */
async function start(t: TestContext, { mutual = false } = {}) {
  const certificates = await makeCertificates()
  const rights = { can: ['admin'], topics: ['*'], groups: ['*'] } as const
  const users = await Promise.all([
    knownUser({ name: 'ann', password: new Secret(PASSWORD), ...rights }, systemRandom),
    knownUser({ name: 'press7', ...rights }, systemRandom),
  ])
  const tls = { ...certificates.server, ...(mutual && { ca: certificates.ca }) }
  const server = await startTestBroker(t, { security: { users, tls } })
  const run = async (name: string, how: Partial<SuiteOptions>) => {
    const suite = { folder: folder!, address: server.address, scratch: certificates.folder, quick: false }
    const { outcome, said } = await runTest(name, 'default', { ...suite, limitMs: 120_000, ...how })
    assert.equal(outcome, 'passed', said)
  }
  return { run, certificates }
}

/** The client's key and certificate, and the authority, in all the formats that the suite reads, by what it calls them. */
async function clientFiles(folder: string) {
  const openssl = (...given: string[]) => promisify(execFile)('openssl', given, { cwd: folder })
  await openssl('x509', '-in', 'client.crt', '-outform', 'DER', '-out', 'client.crt.der')
  await openssl('pkey', '-in', 'client.key', '-outform', 'DER', '-out', 'client.key.der')
  await openssl('x509', '-in', 'ca.crt', '-outform', 'DER', '-out', 'ca.der')
  const whole = ['-in', 'client.crt', '-inkey', 'client.key', '-certfile', 'ca.crt', '-passout', `pass:${PASSWORD}`]
  await openssl('pkcs12', '-export', ...whole, '-out', 'client.p12')
  // One more authority, that has signed nothing here.
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', 'other.key']
  await openssl('req', '-x509', ...key, '-out', 'other.crt', '-subj', '/CN=other ca', '-days', '1')
  const at = (name: string) => join(folder, name)
  await writeFile(at('cas.crt'), (await readFile(at('other.crt'), 'utf8')) + (await readFile(at('ca.crt'), 'utf8')))
  return {
    SSL_pkcs: at('client.p12'),
    SSL_pub_der: at('client.crt.der'),
    SSL_pub_pem: at('client.crt'),
    SSL_priv_der: at('client.key.der'),
    SSL_priv_pem: at('client.key'),
    SSL_ca_der: at('ca.der'),
    SSL_ca_pem: at('ca.crt'),
    SSL_all_cas_pem: at('cas.crt'),
    SSL_password: PASSWORD,
  }
}
