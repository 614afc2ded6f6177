import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Starts a thread that makes much of which a little stays alive, and prints the MB of its young generation. */
const PROGRAM = `
import { Worker } from 'node:worker_threads'
import { smallThread } from ${JSON.stringify(fileURLToPath(new URL('small-thread.ts', import.meta.url)))}
const work = "const kept = []; for (let i = 0; i < 3e6; i++) kept[i % 100_000] = { i }; const space = require('node:v8')" +
  ".getHeapSpaceStatistics().find((one) => one.space_name === 'new_space'); require('node:worker_threads').parentPort.postMessage(space.space_size / 2 ** 20)"
const open = () => new Worker(work, { eval: true, execArgv: [] })
for (const start of [() => smallThread(open), open]) {
  await new Promise((resolve) => start().on('message', (mb) => console.log(mb)).on('exit', resolve))
}
`

test('a small thread has a small nursery, though the process bounds its own higher; one that begins later has not', async () => {
  const given = ['--max-semi-space-size=16', '--input-type=module', '--eval', PROGRAM]
  const { stdout } = await run(process.execPath, given)
  const [small, other] = stdout.trim().split('\n').map(Number)
  assert.ok(small! <= 6, `${small} MB`)
  assert.ok(other! > 12, `${other} MB`)
})
