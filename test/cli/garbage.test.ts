import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from '../until.ts'
import { end, Millrace } from './millrace.ts'

const skip = process.platform === 'linux' ? false : 'reads /proc'
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

function commandLine(pid: number): string[] {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(1)
}

test('a hub bounds the garbage of its process, and stays the process that was started', { skip }, async (t) => {
  const millrace = await Millrace.create(t)
  const { child, page } = await millrace.hub(await millrace.plant())
  const [half, growth, collect, ...rest] = commandLine(child.pid!)
  assert.deepEqual([half, growth, collect], ['--max-semi-space-size=16', '--heap-growing-percent=50', '--expose-gc'])
  assert.deepEqual(rest.slice(0, 2), [MAIN, 'run'])
  assert.equal((await fetch(`${page}/healthz`)).status, 200)
  assert.equal(await end(child), 0)
})

test('an idle hub lets go of what loading has left behind, and then has 150 MB', { skip }, async (t) => {
  const millrace = await Millrace.create(t)
  const { child } = await millrace.hub(await millrace.plant())
  const resident = () =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid!}/status`, 'utf8'))![1]) / 1024
  await until(() => resident() <= 150, { found: () => `${resident()} MB` })
  assert.equal(await end(child), 0)
})

test('whoever has set a bound keeps it', { skip }, async (t) => {
  const millrace = await Millrace.create(t)
  const run = [MAIN, 'run', await millrace.plant(), '--json', '--log-level', 'error']
  const { NODE_OPTIONS: _, ...env } = process.env
  for (const [flags, options] of [
    [['--max_semi_space_size=8'], ''],
    [[], '--max-semi-space-size=8 --no-warnings'],
  ] as const) {
    const surroundings = { cwd: millrace.directory, env: { ...env, NODE_OPTIONS: options } }
    const child = spawn(process.execPath, [...flags, ...run], { ...surroundings, stdio: ['ignore', 'pipe', 'ignore'] })
    t.after(() => child.kill('SIGKILL'))
    await once(child.stdout, 'data')
    assert.deepEqual(commandLine(child.pid!), [...flags, ...run, ''])
    assert.equal(await end(child), 0)
  }
})
