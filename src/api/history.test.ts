import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { codeOf, PRESS, startServer } from '../../test/api/server.ts'
import { MemoryHistory } from '../../test/historian/memory-history.ts'
import { until } from '../../test/until.ts'
import { aggregate } from '../historian/aggregates/aggregate.ts'
import { STANDARD_RULES } from '../historian/aggregates/rules.ts'
import { HistoryError } from '../historian/history-error.ts'
import type { HistoryReader } from '../historian/history-reader.ts'
import { Quality } from '../model/quality.ts'
import type { AggregatesView, ChartView, HistoryView, JoinView } from './contract-history.ts'
import { MemoryHub } from './memory-hub.ts'

const OVEN = 'acme/berlin/hall/oven'
/** 2026-01-31T08:00:00Z. */
const T = 1_769_846_400_000

function hubOf(): MemoryHub {
  const hub = new MemoryHub()
  hub.record(
    PRESS,
    [
      { tag: 'force', value: 1, unit: 'kN', range: [0, 9] },
      { tag: 'state', value: 'Execute', kind: 'state' },
    ],
    T,
  )
  hub.record(OVEN, [{ tag: 'heat', value: 1, unit: 'Cel' }], T)
  return hub
}

/** Ten minutes of a press, a sample a second, and of an oven, one each ten seconds. */
function historyOf(): MemoryHistory {
  const force = Array.from(
    { length: 600 },
    (_, at) => [T + at * 1_000, at % 60, at === 90 ? Quality.Uncertain : 0] as const,
  )
  const heat = Array.from({ length: 60 }, (_, at) => [T + at * 10_000, 200 + at] as const)
  return new MemoryHistory()
    .add(PRESS, 'force', ...force)
    .add(PRESS, 'state', [T, 'Idle'], [T + 5_000.25, '=Execute'], [T + 9_000, null, Quality.BadNoCommunication])
    .add(OVEN, 'heat', ...heat)
}

async function serve(t: TestContext, history: HistoryReader = historyOf(), limits = {}) {
  const { url, port, hub } = await startServer(t, { hub: hubOf(), history, limits })
  const ask = async <V>(query: string): Promise<V> => {
    const answer = await fetch(`${url}/api/v1/${query}`)
    assert.equal(answer.status, 200, await answer.clone().text())
    return (await answer.json()) as V
  }
  return { url, port, hub, ask }
}

test('samples of an asset, page by page, forwards and backwards', async (t) => {
  const { ask } = await serve(t)
  const first = await ask<HistoryView>(`assets/${PRESS}/history?from=${T}&to=2026-01-31T08:00:09Z&limit=4`)
  assert.deepEqual(first, {
    asset: PRESS,
    from: T,
    to: T + 9_000,
    series: [
      {
        asset: PRESS,
        tag: 'force',
        type: 'number',
        unit: 'kN',
        range: [0, 9],
        samples: [0, 1, 2, 3].map((at) => [T + at * 1_000, at, 0]),
      },
      // It has more, but the page ends where that of the other tag does.
      { asset: PRESS, tag: 'state', type: 'string', samples: [[T, 'Idle', 0]] },
    ],
    next: T + 3_000.001,
  })
  const second = await ask<HistoryView>(`assets/${PRESS}/history?from=${first.next}&to=${T + 9_001}&tags=state`)
  assert.deepEqual(second.series[0]!.samples, [
    [T + 5_000.25, '=Execute', 0],
    [T + 9_000, null, Quality.BadNoCommunication],
  ])
  assert.equal(second.next, undefined)
  const back = await ask<HistoryView>(`assets/${PRESS}/history?from=${T + 3_000}&to=${T}&tags=force&limit=2`)
  assert.deepEqual(
    back.series[0]!.samples.map(([time]) => time - T),
    [3_000, 2_000],
  )
  const rest = await ask<HistoryView>(`assets/${PRESS}/history?from=${back.next}&to=${T}&tags=force`)
  assert.deepEqual(
    rest.series[0]!.samples.map(([time]) => time - T),
    [1_000],
  )
})

test('samples of many assets, by a pattern', async (t) => {
  const { ask } = await serve(t)
  const { series } = await ask<HistoryView>(`history?on=**&tags=heat,force&from=${T}&to=${T + 2_000}`)
  assert.deepEqual(
    series.map(({ asset, tag, samples }) => [asset, tag, samples.length]),
    [
      [OVEN, 'heat', 1],
      [PRESS, 'force', 2],
    ],
  )
  assert.deepEqual((await ask<HistoryView>(`history?on=fleet/*&tags=heat`)).series, [])
})

test('aggregates are those of OPC UA Part 13, whichever way they are got', async (t) => {
  const { ask } = await serve(t)
  const values = Array.from({ length: 600 }, (_, at) => ({
    time: T + at * 1_000,
    value: at % 60,
    quality: at === 90 ? Quality.Uncertain : 0,
  }))
  const names = ['TimeAverage', 'Maximum', 'PercentGood'] as const
  const asked = `assets/${PRESS}/history?tags=force&aggregate=${names.join()}`
  for (const [from, to] of [
    [T, T + 300_000],
    [T + 300_000, T],
  ] as const) {
    const view = await ask<AggregatesView>(`${asked}&from=${from}&to=${to}&every=1m&slopedExtrapolation=true`)
    const rules = { ...STANDARD_RULES, slopedExtrapolation: true }
    const wanted = aggregate(values, { start: from, end: to, everyMs: 60_000, aggregates: names, rules })
    assert.equal(view.fromBuckets, 0)
    assert.equal(view.everyMs, 60_000)
    view.series.forEach(({ aggregate, points, stepped }, nth) => {
      assert.equal(aggregate, names[nth])
      assert.equal(stepped, false)
      assert.deepEqual(
        points,
        wanted.get(names[nth]!)!.map(({ time, value, quality }) => [time, value, quality]),
      )
    })
  }
  const averages = await ask<AggregatesView>(
    `history?on=**&tags=force&aggregate=Average&every=1m&from=${T}&to=${T + 300_000}`,
  )
  // The minute with the Uncertain sample is calculated from its samples.
  assert.equal(averages.fromBuckets, 4)
  const wanted = aggregate(values, {
    start: T,
    end: T + 300_000,
    everyMs: 60_000,
    aggregates: ['Average'],
    rules: STANDARD_RULES,
  })
  assert.deepEqual(
    averages.series[0]!.points,
    wanted.get('Average')!.map(({ time, value, quality }) => [time, value, quality]),
  )
})

test('a chart has few points: least, most, first, last and worst of each bucket, or the samples that make its line', async (t) => {
  const { ask } = await serve(t)
  const query = `assets/${PRESS}/history?tags=force&from=${T}&to=${T + 600_000}&points=12`
  const chart = await ask<ChartView & { method: 'min-max' }>(query)
  assert.equal(chart.everyMs, 50_000)
  const { points } = chart.series[0]!
  assert.equal(points.length, 12)
  assert.deepEqual(points[1], [T + 50_000, 0, 59, 50, 39, Quality.Uncertain])
  const line = await ask<ChartView & { method: 'lttb' }>(`${query}&method=lttb`)
  assert.equal(line.series[0]!.points.length, 12)
  assert.deepEqual([line.series[0]!.points[0]![0], line.series[0]!.points.at(-1)![0]], [T, T + 599_000])
})

test('a join has the values of several assets at the times of the first tag', async (t) => {
  const { ask } = await serve(t)
  const tags = `${OVEN}:heat,${PRESS}:force,${PRESS}:state`
  const view = await ask<JoinView>(`history/join?tags=${tags}&from=${T}&to=${T + 30_000}&tolerance=6s`)
  assert.deepEqual(view, {
    from: T,
    to: T + 30_000,
    columns: [
      { asset: OVEN, tag: 'heat', type: 'number', unit: 'Cel' },
      { asset: PRESS, tag: 'force', type: 'number', unit: 'kN', range: [0, 9] },
      { asset: PRESS, tag: 'state', type: 'string' },
    ],
    rows: [
      [T, [200, 0, T], [0, 0, T], ['Idle', 0, T]],
      [T + 10_000, [201, 0, T + 10_000], [10, 0, T + 10_000], [null, Quality.BadNoCommunication, T + 9_000]],
      [T + 20_000, [202, 0, T + 20_000], [20, 0, T + 20_000], null],
    ],
  })
  const page = await ask<JoinView>(`history/join?tags=${PRESS}:force&every=7s&from=${T}&to=${T + 60_000}&limit=3`)
  assert.deepEqual(
    page.rows.map(([time]) => time - T),
    [0, 7_000, 14_000],
  )
  assert.equal(page.next, T + 21_000)
})

test('all of it as CSV, by a parameter or by Accept', async (t) => {
  const { url } = await serve(t)
  const get = async (query: string, headers = {}) => fetch(`${url}/api/v1/${query}`, { headers })
  const samples = await get(`assets/${PRESS}/history?tags=state&from=${T}&to=${T + 60_000}&limit=2&format=csv`)
  assert.equal(samples.headers.get('content-type'), 'text/csv; charset=utf-8')
  const next = `</api/v1/assets/${PRESS}/history?tags=state&from=${T + 5_000.251}&to=${T + 60_000}&limit=2&format=csv>; rel="next"`
  assert.equal(samples.headers.get('link'), next)
  assert.equal(
    await samples.text(),
    'time,asset,tag,value,quality,qualityName\r\n' +
      `2026-01-31T08:00:00.000Z,${PRESS},state,Idle,0,Good\r\n` +
      // A spreadsheet would run it.
      `2026-01-31T08:00:05.000250Z,${PRESS},state,'=Execute,0,Good\r\n`,
  )
  const accept = { accept: 'text/csv' }
  const averages = await get(`assets/${PRESS}/history?tags=force&from=${T}&to=${T + 60_000}&aggregate=Maximum`, accept)
  assert.equal(
    await averages.text(),
    `time,asset,tag,aggregate,value,quality,qualityName\r\n2026-01-31T08:00:00.000Z,${PRESS},force,Maximum,59,1025,Good\r\n`,
  )
  const chart = await get(`assets/${PRESS}/history?tags=force&from=${T}&to=${T + 60_000}&points=3`, accept)
  assert.match(
    await chart.text(),
    /^time,asset,tag,min,max,first,last,quality,qualityName\r\n2026-01-31T08:00:00.000Z,\S+,force,0,19,0,19,0,Good\r\n/,
  )
  const line = await get(`assets/${PRESS}/history?tags=force&from=${T}&to=${T + 60_000}&points=3&method=lttb`, accept)
  assert.equal((await line.text()).split('\r\n').length, 1 + 3 + 1)
  const join = await get(`history/join?tags=${OVEN}:heat,${PRESS}:force&from=${T}&to=${T + 1_000}`, accept)
  assert.equal(
    await join.text(),
    `time,${OVEN}:heat,${OVEN}:heat quality,${PRESS}:force,${PRESS}:force quality\r\n2026-01-31T08:00:00.000Z,200,0,0,0\r\n`,
  )
})

test('clocks of machines that are ten years wrong, and times beyond 2038, are times like any other', async (t) => {
  const year = 365.25 * 86_400_000
  const [past, future] = [T - 10 * year, T + 20 * year]
  const history = new MemoryHistory().add(PRESS, 'force', [past, 1], [T, 2], [future, 3], [future + 60_000, 4])
  const { ask } = await serve(t, history)
  const all = `from=${past - year}&to=${future + year}`
  const raw = await ask<HistoryView>(`assets/${PRESS}/history?tags=force&${all}`)
  assert.deepEqual(
    raw.series[0]!.samples.map(([, value]) => value),
    [1, 2, 3, 4],
  )
  // What a machine says of the future is no part of the present.
  const upToNow = await ask<HistoryView>(`assets/${PRESS}/history?tags=force&from=${past}`)
  assert.deepEqual(
    upToNow.series[0]!.samples.map(([, value]) => value),
    [1, 2],
  )
  const counts = await ask<AggregatesView>(`assets/${PRESS}/history?tags=force&aggregate=Count,End&${all}`)
  assert.deepEqual(
    counts.series.map(({ points }) => points[0]![1]),
    [4, 4],
  )
  const chart = await ask<ChartView>(`assets/${PRESS}/history?tags=force&points=100&${all}`)
  assert.equal(chart.series[0]!.points.length, 3)
  const join = await ask<JoinView>(`history/join?tags=${PRESS}:force,${OVEN}:heat&${all}`)
  assert.deepEqual(
    join.rows.map(([time]) => time),
    [past, T, future, future + 60_000],
  )
  const before1970 = await ask<HistoryView>(
    `assets/${PRESS}/history?tags=force&from=-1000.5&to=1969-12-31T23:59:59.999Z`,
  )
  assert.deepEqual(before1970.series[0]!.samples, [])
})

test('what is wrong with a question is said, and asked of nobody', async (t) => {
  const { url } = await serve(t)
  const own = `assets/${PRESS}/history`
  const wrong: readonly (readonly [query: string, said: RegExp])[] = [
    [`${own}?from=x`, /"from"/],
    [`${own}?from=5&to=5`, /"to"/],
    [`${own}?from=0&to=4000000000000`, /100 years/],
    [`${own}?limit=0`, /"limit"/],
    [`${own}?limit=10001`, /1 to 10000/],
    [`${own}?on=fleet/*`, /"on"/],
    [`${own}?tags=,`, /"tags"/],
    [`${own}?every=1m`, /"every": it is not a parameter here/],
    [`${own}?aggregate=Averag`, /want perhaps Average/],
    [`${own}?aggregate=__proto__`, /"aggregate"/],
    [`${own}?aggregate=AnnotationCount`, /no annotations are kept/],
    [`${own}?aggregate=Average&points=5`, /"points"/],
    [`${own}?aggregate=Average&tags=state`, /Average of tag "state", a string/],
    [`${own}?aggregate=Count&every=0`, /"every"/],
    [`${own}?aggregate=Count&every=0.5ms`, /"every"/],
    [`${own}?aggregate=Count&every=1ms`, /3600000 points|7200000 points/],
    [`${own}?aggregate=Count&percentDataGood=101`, /"percentDataGood"/],
    [`${own}?aggregate=Count&percentDataGood=20&percentDataBad=30`, /at least 100 less percentDataBad, 70/],
    [`${own}?aggregate=Count&stepped=yes`, /true or false/],
    [`${own}?points=2`, /3 to 10000/],
    [`${own}?points=100&method=avg`, /min-max or lttb/],
    [`${own}?points=100&from=${T}&to=${T - 1}`, /"to"/],
    [`${own}?format=xml`, /csv or json/],
    ['history', /"on"/],
    ['history?on=**', /"tags"/],
    ['history/join', /"tags"/],
    [`history/join?tags=${PRESS}`, /acme\/berlin\/oven:heat/],
    [`history/join?tags=${PRESS}:force&tolerance=-1`, /"tolerance"/],
    [`history/join?tags=${PRESS}:force&from=${T}&to=${T - 1}`, /"to"/],
  ]
  for (const [query, said] of wrong) {
    const answer = await fetch(`${url}/api/v1/${query}`)
    const { code, message } = (await answer.json()) as { code: string; message: string }
    assert.deepEqual([answer.status, code], [400, 'BAD_QUERY'], `${query}: ${message}`)
    assert.match(message, said)
  }
  const absent: readonly (readonly [query: string, code: string])[] = [
    ['assets/acme/berlin/nowhere/history', 'ASSET_NOT_FOUND'],
    [`${own}?tags=force,nothing`, 'TAG_NOT_FOUND'],
    [`history/join?tags=${PRESS}:nothing`, 'TAG_NOT_FOUND'],
  ]
  for (const [query, code] of absent) {
    const answer = await fetch(`${url}/api/v1/${query}`)
    assert.deepEqual([answer.status, await codeOf(answer)], [404, code], query)
  }
})

test('a tag that twins have let go is still found in the store', async (t) => {
  const history = historyOf().add(PRESS, 'old', [T, 7])
  const { ask } = await serve(t, history)
  const { series } = await ask<HistoryView>(`assets/${PRESS}/history?tags=old&from=${T}&to=${T + 1}`)
  assert.deepEqual(series, [{ asset: PRESS, tag: 'old', type: 'number', samples: [[T, 7, 0]] }])
})

test('an asset that is called "history" is an asset', async (t) => {
  const { ask, hub } = await serve(t)
  hub.record(`${PRESS}/history`, [{ tag: 'x', value: 1 }], T)
  assert.equal((await ask<{ path: string }>(`assets/${PRESS}/history`)).path, `${PRESS}/history`)
  assert.equal((await ask<HistoryView>(`assets/${PRESS}/history/history`)).asset, `${PRESS}/history`)
})

test('a hub without history says so; a store that fails is not the fault of who asks', async (t) => {
  const { url } = await startServer(t, { hub: hubOf() })
  const off = await fetch(`${url}/api/v1/assets/${PRESS}/history`)
  assert.deepEqual([off.status, await codeOf(off)], [404, 'HISTORY_OFF'])
  const broken = new MemoryHistory()
  broken.read = () => Promise.reject(new HistoryError('HISTORY_UNAVAILABLE', 'Cannot read history: it starts again'))
  broken.before = () => Promise.reject(new HistoryError('HISTORY_TOO_LARGE', 'Cannot read history: too large'))
  const served = await serve(t, broken)
  const failed = await fetch(`${served.url}/api/v1/assets/${PRESS}/history`)
  assert.deepEqual(
    [failed.status, failed.headers.get('retry-after'), await codeOf(failed)],
    [503, '1', 'HISTORY_UNAVAILABLE'],
  )
  const large = await fetch(`${served.url}/api/v1/assets/${PRESS}/history?tags=force&aggregate=Start`)
  assert.deepEqual([large.status, await codeOf(large)], [400, 'HISTORY_TOO_LARGE'])
})

test('a question ends when nobody waits for it any more, and too many at a time are refused', async (t) => {
  const slow = new MemoryHistory()
  const signals: AbortSignal[] = []
  slow.read = async (_query, signal) => {
    signals.push(signal)
    await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    return new Map()
  }
  const { url, port } = await serve(t, slow)
  const request = `GET /api/v1/assets/${PRESS}/history HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`
  const sockets = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => {}))
  for (const socket of sockets) socket.write(request)
  await until(() => signals.length === 8)
  const refused = await fetch(`${url}/api/v1/assets/${PRESS}/history`)
  assert.deepEqual([refused.status, await codeOf(refused)], [503, 'TOO_BUSY'])
  const ended = signals.map((signal) => once(signal, 'abort'))
  for (const socket of sockets) socket.destroy()
  await Promise.all(ended)
  // And then there is room again.
  const next = connect(port, '127.0.0.1').on('error', () => {})
  next.write(request)
  await until(() => signals.length === 9)
  next.destroy()
})

test('a question that takes too long ends, and says so', async (t) => {
  const slow = new MemoryHistory()
  let ended: unknown
  slow.read = (_query, signal) =>
    new Promise((_resolve, reject) => {
      const end = () => {
        ended = signal.reason
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', end)
    })
  const { url } = await serve(t, slow, { historyMs: 50 })
  const answer = await fetch(`${url}/api/v1/assets/${PRESS}/history`)
  assert.deepEqual([answer.status, await codeOf(answer)], [503, 'HISTORY_TOO_SLOW'])
  assert.match(String(ended), /more than 50 ms/)
})
