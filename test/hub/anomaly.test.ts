import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import type { AlarmsView, AlarmView } from '../../src/api/contract.ts'
import { seededRandom } from '../../src/system/random.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { dataDirectory } from './lives.ts'
import { until as waitUntil } from '../until.ts'

/** An asset is learned through a real hub; after a kill it is still known, and what it does then is an alarm. */

const SEED = 11

test('a machine that was learned before a kill raises its alarm after it', async (t) => {
  const data = await dataDirectory()
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = `${data}.yaml`
  await writeFile(
    config,
    `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 1 } }
sources: { presses: { http: {} } }
processors: { unusual: { anomaly: { warmUp: 100, severity: high } } }
api: { listen: ${http} }
`,
  )
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  t.after(() => hub.kill())
  await hub.start()
  const random = seededRandom(SEED)
  let time = Date.now() - 3_600_000
  const measure = async (rows: number, shift: number) => {
    const lines = Array.from({ length: rows }, () => {
      const flow = 30 + random.next()
      const values = { flow, pressure: 5 + 0.2 * (flow - 30) + 0.1 * random.next() + shift }
      return JSON.stringify({ ts: (time += 1_000), values })
    })
    const headers = { 'content-type': 'application/x-ndjson' }
    const answer = await fetch(`${page}/api/v1/ingest/press7`, { method: 'POST', headers, body: lines.join('\n') })
    assert.equal(answer.status, 200, await answer.text())
  }
  const until = async (fits: (alarm: AlarmView | undefined) => boolean) => {
    let seen: AlarmView | undefined
    const standing = async () => (await (await fetch(`${page}/api/v1/alarms`)).json()) as AlarmsView
    const look = async () => fits((seen = (await standing()).alarms[0]))
    await waitUntil(look, { everyMs: 20, found: () => ({ fits: String(fits), seen }) })
    return seen
  }
  const scored = async () => {
    let values: { [tag: string]: unknown } = {}
    const look = async () => {
      values = (await (await fetch(`${page}/api/v1/values/acme/berlin/press7`)).json()) as typeof values
      return typeof values['unusual.score'] === 'number'
    }
    await waitUntil(look, { everyMs: 20, found: () => values })
    return values['unusual.active']
  }

  await measure(300, 0)
  assert.equal(await scored(), 0)
  await hub.kill()
  await hub.start()
  await measure(20, 3)
  const raised = await until((alarm) => alarm !== undefined)
  assert.deepEqual([raised!.asset, raised!.alarm, raised!.priority], ['acme/berlin/press7', 'unusual', 'high'])
  assert.match(raised!.message, /^Check "press7": pressure is /)
  await measure(200, 0)
  await until((alarm) => alarm?.state === 'returned-unacknowledged')
})
