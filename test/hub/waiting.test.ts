import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { ROOT } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from './lives.ts'

test('a hub waits for its Kafka, says so, and Ctrl-C ends it', async (t) => {
  const data = await dataDirectory()
  const [port] = await freePorts(1)
  await writeFile(`${data}.yaml`, `site: a/b\nlog: { kafka: { brokers: ["localhost:${port}"] } }\napi: { listen: 0 }\n`)
  const args = ['src/main.ts', 'run', `${data}.yaml`, '--data', data]
  const hub = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'pipe'] })
  t.after(() => hub.kill('SIGKILL'))
  const exit = once(hub, 'exit')
  for await (const line of createInterface({ input: hub.stderr })) {
    assert.match(line, /warn {2}Waiting for the log error="Cannot reach the log at/)
    break
  }
  hub.kill('SIGINT')
  assert.deepEqual(await exit, [0, null])
})
