import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { glob, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HubProcess, ROOT } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory, get, post, startLife } from './lives.ts'

/** Runs the command line until it ends. */
async function millrace(...args: string[]) {
  const child = spawn(process.execPath, ['src/main.ts', ...args], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return { code: code as number | null, out, err }
}

test('a port in use: the program ends with exit code 1, names the port and says what to do', async (t) => {
  const data = await dataDirectory()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const config = `${data}.yaml`
  await writeFile(config, `site: a/b\nlog: { embedded: { listen: 0 } }\napi: { listen: ${port} }\n`)
  const page = await millrace('run', config, '--data', data, '--log-level', 'error')
  assert.equal(page.code, 1)
  assert.equal(
    page.err,
    `error Cannot listen on "127.0.0.1:${port}": another program listens there, want a free port\n`,
  )
  await writeFile(config, `site: a/b\nlog: { embedded: { listen: ${port} } }\napi: { listen: 0 }\n`)
  const kafka = await millrace('run', config, '--data', data, '--json')
  assert.equal(kafka.code, 1)
  const said = JSON.parse(kafka.out) as { code: string; message: string }
  assert.equal(said.code, 'LOG_ADDRESS_IN_USE')
  assert.ok(said.message.includes(`127.0.0.1:${port}`), said.message)
})

test('a data directory that cannot be made is a failure that names it, at once', async () => {
  const config = `${await dataDirectory()}.yaml`
  await writeFile(config, 'site: acme/berlin\nlog: { embedded: { listen: 0 } }\napi: { listen: 0 }\n')
  for (const data of ['/proc/nothing', join(config, 'below-a-file')]) {
    const { code, err } = await millrace('run', config, '--data', data)
    assert.equal(code, 1)
    assert.ok(err.includes(data), err)
  }
})

test('two processes on one data directory: the second gives way, and says who has it', async (t) => {
  const data = await dataDirectory()
  const hub = await startLife(data)
  t.after(() => hub.close())
  const config = `${data}.yaml`
  await writeFile(config, 'site: acme/berlin\nlog: { embedded: { listen: 0 } }\napi: { listen: 0 }\n')
  const second = await millrace('run', config, '--data', data)
  assert.equal(second.code, 1)
  assert.match(second.err, new RegExp(`Cannot open data directory ".*": process ${process.pid} has it open`))
  assert.equal((await post(hub, 'press', '{"n":1}')).status, 200)
  await hub.close()
})

test('what the hub writes is for its own user alone', async (t) => {
  const before = process.umask(0)
  t.after(() => process.umask(before))
  const data = await dataDirectory()
  const hub = await startLife(data)
  assert.equal((await post(hub, 'press', '{"n":1}')).status, 200)
  await hub.close()
  const open: string[] = []
  for await (const name of glob('{.,**/*}', { cwd: data })) {
    if (((await stat(join(data, name))).mode & 0o077) !== 0) open.push(name)
  }
  assert.deepEqual(open, [])
})

test('secrets come out nowhere: not in our log, answers, figures, page or data', async (t) => {
  const data = await dataDirectory()
  const [http, mqtt, kafka] = (await freePorts(3)) as [number, number, number]
  const config = join(dirname(data), 'plant.yaml')
  await mkdir(join(dirname(data), 'secrets'))
  for (const name of ['reader', 'press']) await writeFile(join(dirname(data), 'secrets', name), `hunter2-${name}\n`)
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka} } }
sources:
  cars: { mqtt: { listen: ${mqtt}, users: [{ name: press, password: secret:press, publish: ["a/#"] }], topics: { "a/{p...}": { asset: "{p}" } } } }
  posts: { http: {} }
api: { listen: ${http}, tokens: [{ name: anna, token: secret:reader, can: [read, write] }] }
`,
  )
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data, '--log-level', 'debug', '--json'], page)
  t.after(() => hub.kill())
  await hub.start()
  const answers: string[] = []
  const ask = async (path: string, token: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${page}${path}`, { ...init, headers })
    answers.push(`${[...answer.headers].join('\n')}\n${await answer.text()}`)
    return answer.status
  }
  assert.equal(await ask('/api/v1/status', 'hunter2-reader'), 200)
  assert.equal(await ask('/api/v1/status', 'hunter2-wrong'), 401)
  assert.equal(await ask('/api/v1/ingest/x', 'hunter2-reader', { method: 'POST', body: '{"a":1}' }), 200)
  assert.equal(await ask('/api/v1/login', 'x', { method: 'POST', body: '{"token":"hunter2-reader"}' }), 200)
  for (const path of ['/api/v1/sources', '/api/v1/ledger', '/api/v1/assets', '/metrics', '/', '/healthz']) {
    await ask(path, 'hunter2-reader')
  }
  assert.equal(await hub.stop(), 0)
  assert.doesNotMatch(answers.join('\n'), /hunter2/)
  assert.doesNotMatch(hub.said.join('\n'), /hunter2/)
  for await (const entry of glob('**/*', { cwd: data, withFileTypes: true })) {
    if (entry.isFile()) assert.doesNotMatch(await readFile(join(entry.parentPath, entry.name), 'latin1'), /hunter2/)
  }
})

test('hostile NDJSON: each line fares by itself, and what was stored is the same after a restart', async (t) => {
  const data = await dataDirectory()
  const hub = await startLife(data)
  const lines = [
    '{"values":{"n":1}}',
    `{"values":{"deep":${'['.repeat(10_000)}${']'.repeat(10_000)}}}`,
    '{"values":{"big":1e400}}',
    '{"values":{"__proto__":{"polluted":true},"constructor":"c"}}',
    '{"values":{"s":"\\ud800"}}',
    '{"values":{"a\\u0000b":1}}',
    'not json',
    '',
    '{"values":{"n":2}}\r',
  ]
  const answer = await post(hub, 'press', lines.join('\n'), 'application/x-ndjson')
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  const { stored, quarantined } = answer.body
  const values = (await get(hub, '/api/v1/values/acme/berlin/press')) as { [tag: string]: unknown }
  assert.equal(values['n'], 2)
  assert.equal(Object.hasOwn(values, '__proto__'), true)
  assert.equal(({} as { polluted?: boolean }).polluted, undefined)
  t.diagnostic(`stored ${String(stored)}, quarantined ${String(quarantined)}`)
  await hub.close()
  const again = await startLife(data)
  t.after(() => again.close())
  assert.deepEqual(await get(again, '/api/v1/values/acme/berlin/press'), values)
  await again.close()
})

const MOST_FILES = 150

test('EMFILE: more connections than files may be open: the hub lives, and stores again when they are gone', async (t) => {
  const data = await dataDirectory()
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: a/b\nlog: { embedded: { listen: ${kafka}, partitions: 1 } }\nsources: { posts: { http: {} } }\napi: { listen: ${http} }\n`,
  )
  const node = [process.execPath, 'src/main.ts', 'run', config, '--data', data]
  const hub = spawn('sh', ['-c', `ulimit -n ${MOST_FILES} && exec "$@"`, 'sh', ...node], { cwd: ROOT, stdio: 'pipe' })
  t.after(() => hub.kill('SIGKILL'))
  const said = text(hub.stderr)
  const stores = async () => {
    const answer = await fetch(`http://127.0.0.1:${http}/api/v1/ingest/press`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: '{"n":1}',
      signal: AbortSignal.timeout(1_000),
    }).catch(() => undefined)
    return answer?.status === 200
  }
  const untilItStores = async () => {
    for (let tries = 0; !(await stores()); tries += 1) {
      assert.equal(hub.exitCode, null, 'the hub ended')
      assert.ok(tries < 200, 'it never stored')
      await sleep(50)
    }
  }
  await untilItStores()
  const crowd = Array.from({ length: 2 * MOST_FILES }, () => connect(http, '127.0.0.1').on('error', () => {}))
  await Promise.race([once(crowd.at(-1)!, 'connect'), once(crowd.at(-1)!, 'close')])
  await sleep(1_000)
  assert.equal(hub.exitCode, null)
  for (const socket of crowd) socket.destroy()
  await untilItStores()
  hub.kill('SIGTERM')
  assert.deepEqual(await once(hub, 'exit'), [0, null], await said)
})
