import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { connectLog } from '../../src/log/client/connect.ts'
import { systemClock } from '../../src/system/clock.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Secret } from '../../src/system/secret.ts'
import { HubProcess, ROOT } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { makeCertificates } from '../mqtt/certificates.ts'
import { dataDirectory } from './lives.ts'

/** A hub whose log is open to the network: TLS, users, sessions that end; and what runs beside it. */
const system = { clock: systemClock, random: systemRandom, net: nodeNet }

async function startSecured(t: TestContext, mutual: boolean) {
  const data = await dataDirectory()
  const { folder, ca, client } = await makeCertificates()
  const [page, kafka] = (await freePorts(2)) as [number, number]
  const config = join(dirname(data), 'plant.yaml')
  await mkdir(join(dirname(data), 'secrets'))
  await writeFile(join(dirname(data), 'secrets', 'admin'), 'the-password-of-the-admin\n')
  await writeFile(
    config,
    `site: acme/berlin
log:
  embedded:
    listen: 0.0.0.0:${kafka}
    session: 10s
    tls: { cert: file:${folder}/server.crt, key: file:${folder}/server.key${mutual ? `, ca: file:${folder}/ca.crt` : ''} }
    users:
      - { name: admin, password: secret:admin, can: [admin] }
      - { name: reader, password: secret:admin, can: [read], topics: [acme.berlin.telemetry] }
sources: { posts: { http: {} } }
api: { listen: ${page} }
`,
  )
  const args = ['src/main.ts', 'run', config, '--data', data]
  const hub = new HubProcess(args, `http://127.0.0.1:${page}`)
  await hub.start()
  t.after(() => hub.stop())
  const post = async (value: number) => {
    const url = `http://127.0.0.1:${page}/api/v1/ingest/press1`
    const headers = { 'content-type': 'application/json' }
    return (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ value }) })).status
  }
  return { hub, data, config, ca, client, post, broker: { host: '127.0.0.1', port: kafka } }
}

test('a hub with a log for the network works as before, and commands beside it log in with its config', async (t) => {
  const { hub, data, config, ca, post, broker } = await startSecured(t, false)
  assert.equal(await post(1), 200)
  const blind = await millrace('tail', '--data', data, '--from', 'start', '--end')
  assert.notEqual(blind.code, 0)
  assert.match(blind.err, /it asks who is there, want the config file \(--config\)/)
  const seen = await millrace('tail', '--data', data, '--config', config, '--from', 'start', '--end')
  assert.equal(seen.code, 0, seen.err)
  assert.match(seen.out, /press1 {2}value 1/)
  const books = await millrace('ledger', '--data', data, '--config', config)
  assert.equal(books.code, 0, books.err + books.out)

  const sasl = {
    mechanism: 'SCRAM-SHA-512',
    username: 'reader',
    password: new Secret('the-password-of-the-admin'),
  } as const
  const log = await connectLog({ brokers: [broker], system, security: { tls: { ca }, sasl } })
  t.after(() => log.close())
  assert.deepEqual(
    (await log.topics()).map(({ name }) => name),
    ['acme.berlin.telemetry'],
  )
  await assert.rejects(connectLog({ brokers: [broker], system, security: { tls: { ca } }, patienceMs: 0 }), {
    code: 'LOG_UNAVAILABLE',
    message: /does its listener want a login\?/,
  })
  assert.doesNotMatch(hub.said.join('\n'), /the-password/)
  assert.doesNotMatch(await readFile(join(data, 'hub.json'), 'utf8'), /password|secret:/)
  // The hub's own login outlives the sessions of others: it has none that end.
  assert.equal(await post(2), 200)

  await hub.stop()
  const alone = await millrace('tail', '--data', data, '--from', 'start', '--end')
  assert.equal(alone.code, 0, alone.err)
  assert.equal(alone.out.trim().split('\n').length, 2)
})

test('where clients show certificates, the commands beside the hub show that of the listener', async (t) => {
  const { hub, data, config, ca, client, post, broker } = await startSecured(t, true)
  assert.equal(await post(1), 200)
  const seen = await millrace('tail', '--data', data, '--config', config, '--from', 'start', '--end')
  assert.equal(seen.code, 0, seen.err)
  const sasl = { mechanism: 'PLAIN', username: 'admin', password: new Secret('the-password-of-the-admin') } as const
  const log = await connectLog({ brokers: [broker], system, security: { tls: { ca, ...client }, sasl } })
  await log.close()
  // Before its directory goes.
  await hub.stop()
})

/** Runs the command line until it ends. */
async function millrace(...args: string[]) {
  const child = spawn(process.execPath, ['src/main.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number | null, out, err }
}
