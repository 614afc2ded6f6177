import assert from 'node:assert/strict'
import { readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { seededRandom } from '../../src/system/random.ts'
import { freePorts } from '../../tools/free-ports.ts'
import { HubProcess } from '../faults/hub-process.ts'
import { until } from '../until.ts'
import { dataDirectory } from './lives.ts'

/**
 * The log is the truth: everything else that a hub keeps can be deleted, and is then rebuilt from it. All that the API answers
 * of assets, alarms, events, OEE and history, of now and of the past, is the same before and after.
 */

const MINUTE = 60_000
/** Yesterday, so that nothing is younger than its limit, and ages by being asked later. */
const BEGIN = Math.floor((Date.now() - 86_400_000) / 3_600_000) * 3_600_000
const MACHINES = ['press1', 'press2', 'press3']
const AT = [BEGIN - 1, BEGIN + 7 * MINUTE + 500, BEGIN + 31 * MINUTE, BEGIN + 90 * MINUTE]

const plantText = (http: number, kafka: number) => `site: acme/berlin
log: { embedded: { listen: ${kafka}, partitions: 2 } }
models:
  press@1:
    tags:
      temperature: { unit: Cel }
      state: { kind: state, states: packml }
      on: { type: boolean }
    meta: { manufacturer: Presses Ltd }
assets:
  line1/press{1..2}: { model: press@1, relations: { feeds: line1/press3 } }
  line1/press3: { model: press@1, meta: { serial: 7 } }
sources: { machines: { http: {} } }
processors:
  hot: { condition: { when: "temperature > 95.0", severity: high } }
  marks: { derive: { on: line1/*, tags: { warm: "temperature > 50.0", kelvin: "temperature + 273.15" } } }
  oee: { oee: { on: line1/*, idealCycle: 60s, target: 0.9, tags: { state: state, total: cycles } } }
api: { listen: ${http} }
`

/** What is asked before and after; each is of a time that is over, so that its answer stays. */
const QUESTIONS = [
  '/api/v1/assets',
  '/api/v1/assets?match=line1/*&where=temperature>10.0',
  '/api/v1/values?on=line1/*&tags=temperature,warm,state',
  '/api/v1/alarms',
  '/api/v1/alarms/groups',
  '/api/v1/alarms/journal?limit=500',
  '/api/v1/events?limit=1000&type=order.*',
  ...MACHINES.flatMap((name) => {
    const path = `acme/berlin/line1/${name}`
    const span = `from=${BEGIN - MINUTE}&to=${BEGIN + 100 * MINUTE}`
    return [
      `/api/v1/assets/${path}`,
      `/api/v1/assets/${path}/history?${span}&limit=10000`,
      `/api/v1/assets/${path}/history?tags=temperature&${span}&aggregate=TimeAverage,Minimum,Count&every=10m`,
      `/api/v1/oee/${path}?from=${BEGIN}&to=${BEGIN + 60 * MINUTE}`,
      `/api/v1/assets/${path}/compare?a=${AT[1]}&b=${AT[2]}`,
      ...AT.map((at) => `/api/v1/assets/${path}?at=${at}`),
    ]
  }),
  ...AT.map((at) => `/api/v1/values?on=line1/*&tags=*&at=${at}`),
]

/** An hour of a machine, minute by minute; the readings of some minutes come late. */
function hourOf(seed: number) {
  const random = seededRandom(seed)
  const minutes = Array.from({ length: 64 }, (_, minute) => ({
    ts: BEGIN + minute * MINUTE,
    values: {
      temperature: random.integer(1_200) / 10,
      state: minute % 20 < 14 ? 'Execute' : 'Held',
      on: minute % 3 === 0,
      cycles: minute,
    },
  }))
  return [...minutes.filter(({ ts }) => ts % 7 !== 0), ...minutes.filter(({ ts }) => ts % 7 === 0)]
}

test('every view can be deleted: after a restart all that is asked is answered as before', async (t) => {
  const data = await dataDirectory()
  const [http, kafka] = (await freePorts(2)) as [number, number]
  const config = `${data}.yaml`
  await writeFile(config, plantText(http, kafka))
  const page = `http://127.0.0.1:${http}`
  const hub = new HubProcess(['src/main.ts', 'run', config, '--data', data], page)
  t.after(() => hub.kill())
  await hub.start(60_000)
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
    assert.equal((await fetch(page + path, init)).status, 200)
  }
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(page + path)
    const { now: _, ...body } = (await answer.json()) as { now?: number }
    return [answer.status, body]
  }
  // One after the other: a hub answers only so many questions to history at a time.
  const all = async () => {
    const answers: { [path: string]: unknown } = {}
    for (const path of QUESTIONS) answers[path] = await ask(path)
    return answers
  }

  for (const [index, name] of MACHINES.entries()) await post(`/api/v1/ingest/line1/${name}`, hourOf(index + 1))
  for (const [index, name] of MACHINES.entries())
    await post('/api/v1/events', { type: 'order.started', asset: `line1/${name}`, data: { order: `O-${index}` } })
  const before = await settled(all)
  for (const [path, answer] of Object.entries(before)) assert.equal((answer as [number])[0], 200, path)
  // The answers are about something.
  const text = JSON.stringify(before)
  for (const word of ['"kelvin"', '"boolean"', '"unacknowledged"', '"order.started"', '"TimeAverage"', '"Presses Ltd"'])
    assert.ok(text.includes(word), word)
  await hub.stop()

  const kept = ['log', 'hub.json']
  const views = (await readdir(data)).filter((name) => !kept.includes(name))
  for (const view of ['alarms', 'events', 'historian', 'lake', 'twins']) assert.ok(views.includes(view), view)
  for (const view of views) await rm(join(data, view), { recursive: true })

  await hub.start(60_000)
  let after: object = {}
  await until(async () => isDeepStrictEqual((after = await all()), before), { everyMs: 200 }).catch(() => {})
  assert.deepEqual(after, before)
})

/** The answers once they are the same twice, a while apart: what was sent is derived, and history has it. */
async function settled(all: () => Promise<object>): Promise<object> {
  let last: object = {}
  let since = Date.now()
  await until(
    async () => {
      const now = await all()
      if (!isDeepStrictEqual(now, last)) since = Date.now()
      last = now
      return Date.now() - since > 3_000
    },
    { everyMs: 200 },
  )
  return last
}
