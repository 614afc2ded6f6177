import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { AlarmCommandView, AlarmJournalView, AlarmsView, AlarmView } from '../../src/api/contract.ts'
import { HubProcess, ROOT } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from './lives.ts'
import { until as waitUntil } from '../until.ts'

/** Alarms through a real hub: a condition raises one, people act on it, a shelving ends by itself, and a kill forgets nothing. */

const OVEN = 'acme/berlin/oven1'

test('an alarm from the value of a machine to the end of its life, and through a kill', async (t) => {
  const data = await dataDirectory()
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
sources: { ovens: { http: {} } }
processors: { hot: { condition: { when: "temperature > 95", severity: high } } }
api: { listen: ${http} }
`,
  )
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  t.after(() => hub.kill())
  await hub.start()
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    const answer = await fetch(page + path, init)
    return [answer.status, await answer.json()] as const
  }
  const measure = async (temperature: number) => {
    assert.equal((await post('/api/v1/ingest/oven1', { temperature }))[0], 200)
  }
  const command = (action: string, more = {}) =>
    post('/api/v1/alarms/commands', { action, alarms: [{ asset: OVEN, alarm: 'hot' }], ...more })
  const standing = async () => (await (await fetch(`${page}/api/v1/alarms`)).json()) as AlarmsView
  const journal = async () => (await (await fetch(`${page}/api/v1/alarms/journal`)).json()) as AlarmJournalView
  const until = async (fits: (alarm: AlarmView | undefined) => boolean) => {
    let seen: AlarmView | undefined
    const look = async () => fits((seen = (await standing()).alarms[0]))
    await waitUntil(look, { everyMs: 20, found: () => ({ fits: String(fits), seen }) })
    return seen
  }

  await measure(97)
  const raised = await until((alarm) => alarm !== undefined)
  assert.deepEqual(
    [raised!.asset, raised!.alarm, raised!.state, raised!.priority, raised!.message],
    [OVEN, 'hot', 'unacknowledged', 'high', 'Check "oven1": temperature is 97; alarm at temperature > 95'],
  )
  const metrics = await (await fetch(`${page}/metrics`)).text()
  assert.match(metrics, /^millrace_alarms_standing 1$/m)
  assert.match(metrics, /^millrace_alarms_unacknowledged\{priority="high"\} 1$/m)
  const [status, done] = await command('acknowledge', { comment: 'on my way' })
  assert.deepEqual([status, (done as AlarmCommandView).alarms[0]!.state], [200, 'acknowledged'])
  assert.equal((await command('acknowledge'))[0], 409)
  // Two seconds out of sight; nobody ends it but the hub.
  assert.equal((await command('shelve', { until: Date.now() + 2_000 }))[0], 200)
  await hub.kill()
  await hub.start()
  // It comes back, and wants to be seen again.
  await until((alarm) => alarm?.state === 'unacknowledged')
  await waitUntil(async () => (await journal()).entries[0]?.action === 'unshelve')
  await measure(20)
  await until((alarm) => alarm?.state === 'returned-unacknowledged')
  assert.match(
    await millrace('alarms', '--data', data),
    /high +returned-unacknowledged +hot +acme\/berlin\/oven1 +\S+Z +Check/,
  )
  const seen = await millrace('alarms', 'ack', OVEN, 'hot', '--data', data, '--comment', 'cooled')
  assert.equal(seen, 'hot of acme/berlin/oven1 is normal\n')
  assert.equal(await millrace('alarms', '--data', data), 'No alarm stands\n')
  assert.equal((await standing()).total, 0)
  const { entries } = await journal()
  assert.deepEqual(entries.map(({ action, by = '-', state }) => `${action} ${by} ${state}`).reverse(), [
    'raise - unacknowledged',
    'acknowledge local acknowledged',
    'shelve local shelved',
    'unshelve hub unacknowledged',
    'clear - returned-unacknowledged',
    'acknowledge local normal',
  ])
})

async function millrace(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['src/main.ts', ...args], { cwd: ROOT })
  return stdout
}
