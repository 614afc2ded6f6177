import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Millrace } from '../test/cli/millrace.ts'
import { testSystem } from '../test/api/server.ts'
import { until } from '../test/until.ts'
import type { ForecastView } from './api/contract-forecast.ts'
import type { ModelView, ProblemView, TwinView } from './api/contract.ts'
import { connect } from './client.ts'
import { parsePlant } from './cli/files.ts'
import { startHub, type Hub } from './hub.ts'

const PLANT = `site: acme/berlin
log: { embedded: { listen: 0, partitions: 1 } }
models:
  press@1:
    tags:
      state:       { kind: state, states: [Execute, Held], staleAfter: 1h }
      temperature: { unit: Cel, range: [0, 200], staleAfter: 1h }
      setpoint:    { unit: Cel, range: [20, 120], staleAfter: 1h }
      vibration:   { unit: mm/s, range: [0, 9], staleAfter: 1h }
      energy:      { kind: counter, unit: kWh, staleAfter: 1h }
    behaviour:
      step: 10s
      horizon: 1h
      tags:
        temperature: "temperature + (setpoint - temperature) * dt / 600.0"
        vibration: "vibration + 0.5 * dt / 600.0"
        energy: "energy + (state == 'Execute' ? 90.0 : 45.0) * dt / 3600.0"
      reaches: { worn: "vibration >= 7.0" }
      totals: { energy: energy }
  oven@1: { tags: { heat: {}, setpoint: {}, state: {} } }
  tank@1:
    tags: { level: { staleAfter: 1ms }, inflow: {} }
    behaviour: { tags: { level: "level + inflow * dt" } }
assets:
  line1/press{1..2}: { model: press@1 }
  line1/oven1: { model: oven@1 }
  line1/tank1: { model: tank@1 }
processors:
  hot: { condition: { on: line1/*, when: "temperature > 75.0 for 30s", severity: high, message: "{asset} is hot: {temperature}" } }
  stands: { condition: { on: line1/*, when: 'state in ["Held"] for 5s', severity: low } }
  strange: { condition: { on: line1/*, when: "setpoint > 1.0 && state > 5" } }
  elsewhere: { condition: { on: line2/*, when: "temperature > 1.0" } }
sources: { posts: { http: {} } }
api: { listen: 0 }
`
const PRESS = 'acme/berlin/line1/press1'
const VALUES = { state: 'Execute', temperature: 60, setpoint: 60, vibration: 6.75, energy: 1000 }

let hub: Hub
let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-forecast-'))
  const plant = await parsePlant('plant.yaml', Buffer.from(PLANT))
  hub = await startHub({ plant, dataDirectory: join(directory, 'data'), mode: 'run', system: testSystem() })
  await post('/api/v1/ingest/line1/press1', { ts: Date.now(), values: VALUES })
  await post('/api/v1/ingest/line1/tank1', { ts: Date.now(), values: { level: 5 } })
  await post('/api/v1/ingest/line1/oven1', { ts: Date.now(), values: { heat: 1 } })
  await until(async () => {
    const twins = await Promise.all(
      ['press1', 'tank1', 'oven1'].map((name) => get<TwinView>(`/api/v1/assets/acme/berlin/line1/${name}`)),
    )
    return twins.every(({ lastReceived }) => lastReceived !== undefined)
  })
})

after(async () => {
  await hub.close()
  await rm(directory, { recursive: true, force: true })
})

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`${hub.page}${path}`)).json()) as T
}

async function post<T>(path: string, body: unknown, status = 200): Promise<T> {
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`${hub.page}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const told = (await answer.json()) as T
  assert.equal(answer.status, status, JSON.stringify(told))
  return told
}

const forecast = (body: object) => post<ForecastView>('/api/v1/forecasts', { asset: PRESS, ...body })
const refusal = (body: object, status: number) =>
  post<ProblemView>('/api/v1/forecasts', { asset: PRESS, ...body }, status)

test('a forecast of the values of now: totals, what is reached and when, no alarm, and what it rests on', async () => {
  const view = await forecast({})
  assert.equal(view.isForecast, true)
  assert.equal(view.to - view.from, 3_600_000)
  assert.deepEqual(view.totals, [{ name: 'energy', tag: 'energy', value: 90, unit: 'kWh' }])
  assert.deepEqual(view.reaches, [
    { name: 'worn', condition: 'vibration >= 7.0', at: view.from + 300_000, afterMs: 300_000 },
  ])
  assert.deepEqual(view.alarms, [])
  assert.deepEqual(view.series.find(({ tag }) => tag === 'energy')!.points.at(-1), [view.to, 1090])
  const { basis } = view
  assert.equal(basis.model, 'press@1')
  assert.deepEqual(basis.constant, ['setpoint', 'state'])
  assert.deepEqual(basis.conditions, ['hot', 'stands', 'strange'])
  assert.equal(basis.behaviour.tags['vibration'], 'vibration + 0.5 * dt / 600.0')
  const start = basis.start.map(({ tag, value, isSet, qualityName }) => [tag, value, isSet, qualityName])
  assert.deepEqual(start, [
    ['temperature', 60, false, 'Good'],
    ['vibration', 6.75, false, 'Good'],
    ['energy', 1000, false, 'Good'],
    ['setpoint', 60, false, 'Good'],
    ['state', 'Execute', false, 'Good'],
  ])
  assert.ok(basis.assumptions.includes('Stays as it is at the start: setpoint, state'), basis.assumptions.join('\n'))
})

test('what if: another setpoint is warmer, and the condition of the plant says which alarm comes, and when', async () => {
  const view = await forecast({ set: { setpoint: 100 }, horizon: '30m' })
  assert.deepEqual(
    view.basis.start.find(({ tag }) => tag === 'setpoint'),
    { tag: 'setpoint', value: 100, unit: 'Cel', isSet: true },
  )
  // After n steps it is 100 - 40 * (59 / 60) ** n: 74.6 for n = 27, 75.02 for n = 28; and it has to be over 75 for 30 s.
  const warm = view.series.find(({ tag }) => tag === 'temperature')!.points.findIndex(([, value]) => value > 75)
  assert.equal(warm, 28)
  assert.equal(view.alarms.length, 1)
  const { alarm, priority, at, message } = view.alarms[0]!
  assert.deepEqual([alarm, priority, at - view.from], ['hot', 'high', 310_000])
  assert.match(message, /press1 is hot: 7/)
  // Nothing has come of it: neither an alarm nor a value.
  const twin = await get<TwinView>(`/api/v1/assets/${PRESS}`)
  assert.equal(twin.tags.find(({ tag }) => tag === 'setpoint')!.value, 60)
  assert.deepEqual((await get<{ alarms: unknown[] }>('/api/v1/alarms')).alarms, [])
})

test('conditions see what is set and stays; one that cannot take the values is named, and the others are told', async () => {
  const view = await forecast({ set: { state: 'Held', temperature: 80, setpoint: 20 } })
  assert.equal(view.totals[0]!.value, 45)
  const told = view.alarms.map(({ alarm, at, clearedAt }) => [
    alarm,
    at - view.from,
    clearedAt && clearedAt - view.from,
  ])
  // 20 + 60 * (59 / 60) ** n is above 75 for n up to 5, and for 30 s when n is 3.
  assert.deepEqual(told, [
    ['stands', 5_000, undefined],
    ['hot', 30_000, 60_000],
  ])
  const strange = view.basis.assumptions.filter((one) => one.startsWith('Condition "strange" could not be told: '))
  assert.equal(strange.length, 1)
  assert.match(strange[0]!, /cannot work out string > int/)
})

test('a tag that leaves the range of its model makes what follows doubtful, and that is said', async () => {
  const doubtful = ({ basis }: ForecastView) => basis.assumptions.filter((one) => one.startsWith('Doubtful'))
  assert.deepEqual(doubtful(await forecast({ horizon: '5m' })), [])
  const view = await forecast({ set: { vibration: 8.505 } })
  const at = new Date(view.from + 600_000).toISOString()
  assert.deepEqual(doubtful(view), [`Doubtful from ${at} on: vibration leaves its range, 0 to 9`])
})

test('a third forecast at a time is to come again; when a client goes away, its forecast ends', async () => {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ asset: PRESS, horizon: '10d' })
  const gone = new AbortController()
  // Whichever comes first: one of these two may be the third one for a moment.
  const long = async (signal: AbortSignal): Promise<Response | undefined> => {
    const asked = fetch(`${hub.page}/api/v1/forecasts`, { method: 'POST', headers, body, signal })
    const answer = await asked.catch(() => undefined)
    return answer?.status === 503 ? long(signal) : answer
  }
  const running = [long(gone.signal), long(gone.signal)]
  const third = () =>
    fetch(`${hub.page}/api/v1/forecasts`, { method: 'POST', headers, body: JSON.stringify({ asset: PRESS }) })
  let refused: Response | undefined
  await until(async () => {
    const answer = await third()
    if (answer.status === 503) refused = answer
    return refused !== undefined
  })
  assert.equal(refused!.headers.get('retry-after'), '1')
  assert.equal(((await refused!.json()) as ProblemView).code, 'TOO_BUSY')
  gone.abort()
  assert.deepEqual(await Promise.all(running), [undefined, undefined])
  await until(async () => (await third()).status === 200)
})

test('the same question is answered the same, but for the moment of now', async () => {
  const shape = ({ from, series, totals, alarms }: ForecastView) => ({
    points: series.map(({ points }) => points.map(([time, value]) => [time - from, value])),
    totals,
    alarms: alarms.map(({ at, ...alarm }) => ({ ...alarm, after: at - from })),
  })
  const [a, b] = [await forecast({ set: { setpoint: 90 } }), await forecast({ set: { setpoint: 90 } })]
  assert.deepEqual(shape(a), shape(b))
})

test('a stale value, and one that never came, are refused with every reason; set, they count', async () => {
  const tank = 'acme/berlin/line1/tank1'
  const stale = await refusal({ asset: tank }, 409)
  assert.equal(stale.code, 'FORECAST_REFUSED')
  assert.match(stale.message, /: tag "level" is stale, of 20.*; no value of tag "inflow" has come yet; want fresh/)
  assert.match(
    (await refusal({ asset: tank, set: { inflow: 1 } }, 409)).message,
    /tank1": tag "level" is stale, of [^;]*; want/,
  )
  const filled = await forecast({ asset: tank, set: { inflow: 1, level: 0 }, horizon: '10s' })
  assert.deepEqual(
    filled.series[0]!.points.map(([, value]) => value),
    [0, 10],
  )
  const { message } = await refusal({ asset: 'acme/berlin/line1/press2', set: { vibration: 1 } }, 409)
  assert.match(message, /no value of tag "temperature" has come yet/)
  assert.doesNotMatch(message, /"vibration"/)
  const view = await forecast({ asset: 'acme/berlin/line1/press2', set: VALUES })
  assert.equal(
    view.basis.start.every(({ isSet }) => isSet),
    true,
  )
})

test('a Bad value is refused with its quality', async () => {
  await post('/api/v1/ingest/line1/press1', { ts: Date.now(), values: { ...VALUES, vibration: null } })
  await until(async () =>
    (await get<TwinView>(`/api/v1/assets/${PRESS}`)).tags.some(({ severity }) => severity === 'bad'),
  )
  assert.match(
    (await refusal({}, 409)).message,
    /tag "vibration" is Bad\w*; want fresh values, or these tags in "set"$/,
  )
  await forecast({ set: { vibration: 2 } })
  await post('/api/v1/ingest/line1/press1', { ts: Date.now(), values: VALUES })
  await until(async () =>
    (await get<TwinView>(`/api/v1/assets/${PRESS}`)).tags.every(({ severity }) => severity === 'good'),
  )
})

test('what cannot be asked is told by its name', async () => {
  const cases: readonly (readonly [body: object, status: number, code: string, message: RegExp])[] = [
    [{ asset: 'acme/berlin/line1/oven1' }, 404, 'NO_BEHAVIOUR', /model "oven@1" has no behaviour/],
    [{ asset: 'acme/berlin/line9/none' }, 404, 'ASSET_NOT_FOUND', /there is no such asset/],
    [{ asset: 'one' }, 400, 'BAD_PATH', /one/],
    [{ asset: 7 }, 400, 'BAD_BODY', /"asset"/],
    [{ horizon: 'soon' }, 400, 'BAD_BODY', /"horizon"/],
    [{ horizon: '0s' }, 400, 'BAD_BODY', /"horizon"/],
    [{ horizon: '900d' }, 400, 'BAD_BODY', /7776000 steps of 10000 ms, want at most 100000/],
    [{ set: [] }, 400, 'BAD_BODY', /"set"/],
    [{ set: { setpont: 1 } }, 400, 'BAD_BODY', /"set.setpont": the model has no tag of this name/],
    [{ set: { setpoint: 300 } }, 400, 'BAD_BODY', /"set.setpoint": it is 300, want 20 to 120/],
    [{ set: { setpoint: '60' } }, 400, 'BAD_BODY', /want a number/],
    [{ set: { state: 'Gone' } }, 400, 'BAD_BODY', /want one of Execute, Held/],
    [{ speed: 1 }, 400, 'BAD_BODY', /"speed": it is not a field here/],
  ]
  for (const [body, status, code, message] of cases) {
    const problem = await refusal(body, status)
    assert.equal(problem.code, code)
    assert.match(problem.message, message)
  }
})

test('models say which of them have a behaviour', async () => {
  const { models } = await get<{ models: ModelView[] }>('/api/v1/models')
  const [oven, press] = models as [ModelView, ModelView, ModelView]
  assert.equal('behaviour' in oven, false)
  assert.deepEqual(press.behaviour!.needs, ['temperature', 'vibration', 'energy', 'setpoint', 'state'])
  assert.equal(press.behaviour!.horizonMs, 3_600_000)
})

test('the client asks for one', async () => {
  const view = await connect({ url: hub.page }).forecast(PRESS, { horizon: '10s', set: { energy: 0 } })
  assert.deepEqual([view.totals[0]!.value, view.to - view.from], [0.25, 10_000])
})

test('millrace forecast prints it with its basis, answers JSON, and fails with the reason', async (t) => {
  const cli = await Millrace.create(t)
  const millrace = (...args: string[]) => cli.run(...args)
  const shown = await millrace('forecast', PRESS, '--page', hub.page, '--set', 'setpoint=100')
  assert.equal(shown.code, 0, shown.err)
  assert.match(shown.out, /^Forecast of acme\/berlin\/line1\/press1, /)
  assert.match(shown.out, /energy +90 +kWh/)
  assert.match(shown.out, /worn .*\(after 5 min\) +vibration >= 7\.0/)
  assert.match(shown.out, /hot +high .*press1 is hot/)
  assert.match(shown.out, /setpoint +100 +Cel +set for this forecast/)
  assert.match(shown.out, /A forecast, by the behaviour of press@1; not what the machine has said/)
  const json = await millrace('forecast', PRESS, '--page', hub.page, '--json')
  assert.equal((JSON.parse(json.out) as ForecastView).isForecast, true)
  const refused = await millrace('forecast', 'acme/berlin/line1/tank1', '--page', hub.page)
  assert.equal(refused.code, 1)
  assert.match(refused.err, /is stale/)
  assert.equal((await millrace('forecast', PRESS, '--page', hub.page, '--set', 'setpoint')).code, 2)
})
