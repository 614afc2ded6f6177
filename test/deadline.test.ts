import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { endWhatDoesNot } from '../tools/deadline.ts'

test('what does not end is killed and named, and what somebody else has started is left alone', async (t) => {
  const { env } = process
  t.after(() => (process.env = env))
  const start = (seconds: string) => {
    const child = spawn('sleep', [seconds], { stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    return child
  }
  const others = start('60.5')
  process.env = { ...env }
  const lines: string[] = []
  using _ = endWhatDoesNot(300, (line) => lines.push(line))
  const ours = start('61.5')
  const [code, signal] = await once(ours, 'exit', { signal: AbortSignal.timeout(30_000) })
  assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' })
  assert.deepEqual(lines, ['killed after 0 minutes: sleep 61.5'])
  assert.equal(others.exitCode ?? others.signalCode, null)
})
