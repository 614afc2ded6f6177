import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { HubProcess, ROOT } from './hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HUB } from './kill-loop.ts'
import { temporaryFolder } from '../temporary-folder.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

test('a hub whose broker dies says so and ends with exit code 1; the next start has everything', async (t) => {
  const directory = await temporaryFolder('broker')
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = join(directory, 'plant.yaml')
  await writeFile(
    config,
    `site: acme/berlin\nlog: { embedded: { listen: ${kafka} } }\nsources: { posts: { http: {} } }\napi: { listen: ${http} }\n`,
  )
  const page = `http://127.0.0.1:${http}`
  const args = [...HUB, config, '--data', join(directory, 'data')]
  const signal = join(directory, 'die')
  const dying = spawn(process.execPath, ['--import', './test/faults/die-in-broker.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, BROKER_DIES_WHEN: signal },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(() => dying.kill('SIGKILL'))
  const said = text(dying.stderr)
  const exited = once(dying, 'exit')
  const ingest = () =>
    fetch(`${page}/api/v1/ingest/press`, { method: 'POST', headers: JSON_TYPE, body: '{"n":42}' }).catch(
      () => undefined,
    )
  while ((await ingest())?.status !== 200) {
    assert.equal(dying.exitCode, null)
    await sleep(50)
  }
  await writeFile(signal, '')
  assert.deepEqual(await exited, [1, null])
  assert.match(await said, /error Cannot go on with the embedded log: planned death, want a broker that runs/)

  const hub = new HubProcess(args, page)
  t.after(() => hub.kill())
  await hub.start()
  const values = await fetch(`${page}/api/v1/values/acme/berlin/press`)
  assert.deepEqual(await values.json(), { n: 42 })
  assert.equal(await hub.stop(), 0)
})
