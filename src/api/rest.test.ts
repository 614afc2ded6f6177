import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, PRESS, startServer } from '../../test/api/server.ts'

test('lists assets page by page, under a place', async (t) => {
  const { hub, url } = await startServer(t)
  for (const name of ['a', 'b', 'c', 'd', 'e']) hub.record(`acme/berlin/hall/${name}`, [{ tag: 'x', value: 1 }], 1000)
  hub.record('acme/munich/hall/a', [{ tag: 'x', value: 1 }], 1000)
  const first = (await (await fetch(`${url}/api/v1/assets?under=acme/berlin&limit=2`)).json()) as Page
  assert.deepEqual(
    first.assets.map((asset) => asset.path),
    ['acme/berlin/hall/a', 'acme/berlin/hall/b'],
  )
  assert.equal(first.next, 'acme/berlin/hall/b')
  const rest = (await (
    await fetch(`${url}/api/v1/assets?under=acme/berlin&after=${first.next}&limit=3`)
  ).json()) as Page
  assert.deepEqual(
    rest.assets.map((asset) => asset.path),
    ['c', 'd', 'e'].map((name) => `acme/berlin/hall/${name}`),
  )
  assert.equal(rest.next, undefined)
})

interface Page {
  readonly assets: { readonly path: string }[]
  readonly next?: string
}

test('answers a twin, and its values alone', async (t) => {
  const { hub, url } = await startServer(t)
  hub.record(
    PRESS,
    [
      { tag: 'temperature', value: 71.3, unit: 'Cel' },
      { tag: '__proto__', value: 'polluted' },
    ],
    1000,
  )
  const twin = (await (await fetch(`${url}/api/v1/assets/${PRESS}`)).json()) as {
    path: string
    tags: { tag: string }[]
  }
  assert.equal(twin.path, PRESS)
  assert.deepEqual(
    twin.tags.map((tag) => tag.tag),
    ['__proto__', 'temperature'],
  )
  const values = await (await fetch(`${url}/api/v1/values/${PRESS}`)).text()
  assert.equal(values, '{"__proto__":"polluted","temperature":71.3}')
})

test('answers some values of many assets, page by page', async (t) => {
  const { hub, url } = await startServer(t)
  for (const [index, car] of ['a', 'b', 'c'].entries()) {
    const position = [
      { tag: 'lat', value: index },
      { tag: 'lon', value: 11 },
    ]
    hub.record(`acme/berlin/fleet/${car}`, position, 1000 + index)
  }
  hub.record(
    'acme/berlin/rack',
    [
      { tag: 'bolt.cover', value: 2 },
      { tag: '__proto__', value: 1 },
    ],
    1000,
  )
  hub.age('acme/berlin/fleet/c', 'lat')
  const ask = async (query: string) => (await fetch(`${url}/api/v1/values?${query}`)).json()
  const first = (await ask('on=fleet/*&tags=lat&limit=2')) as { assets: object[]; next: string }
  assert.deepEqual(first, {
    assets: [
      { path: 'acme/berlin/fleet/a', receivedTime: 1000, stale: false, values: { lat: 0 } },
      { path: 'acme/berlin/fleet/b', receivedTime: 1001, stale: false, values: { lat: 1 } },
    ],
    next: 'acme/berlin/fleet/b',
  })
  assert.deepEqual(await ask(`on=fleet/*&tags=lat,lon&limit=2&after=${encodeURIComponent(first.next)}`), {
    assets: [{ path: 'acme/berlin/fleet/c', receivedTime: 1002, stale: true, values: { lat: 2, lon: 11 } }],
  })
  const rack = { path: 'acme/berlin/rack', receivedTime: 1000, stale: false, values: { 'bolt.cover': 2 } }
  assert.deepEqual(await ask('on=**&tags=*.cover'), { assets: [rack] })
  for (const wrong of ['tags=lat', 'on=fleet/*', 'on=fleet/*&tags=,', 'on=a&tags=b&x=1', 'on=a&tags=b&limit=0'])
    assert.equal((await fetch(`${url}/api/v1/values?${wrong}`)).status, 400)
})

test('answers status, sources, one source, ledger, metrics and health', async (t) => {
  const { hub, url } = await startServer(t)
  const book = { source: 'line1', received: 3, stored: 2, quarantined: 1, dropped: 0, droppedBy: {}, unacknowledged: 0 }
  const books = [{ ...book, inFlight: 0, lastSeq: 3, balanced: true }]
  const health = { state: 'live', reason: 'connected', since: 1, parts: [], rate: 2 } as const
  hub.sourceViews = [{ name: 'line1', kind: 'opcua', ...health, book: books[0]! }]
  const get = async (path: string) => (await fetch(`${url}${path}`)).json()
  assert.equal(((await get('/api/v1/status')) as { site: string }).site, 'acme/berlin')
  assert.deepEqual(await get('/api/v1/sources'), { sources: hub.sourceViews })
  assert.deepEqual(await get('/api/v1/sources/line1'), hub.sourceViews[0])
  assert.deepEqual(await get('/api/v1/ledger'), { balanced: true, books })
  assert.match(await (await fetch(`${url}/metrics`)).text(), /millrace_test 1/)
  assert.deepEqual(await get('/healthz'), { ready: true })
  hub.isReady = false
  assert.equal((await fetch(`${url}/healthz`)).status, 503)
})

test('a log that cannot store: not healthy, with the reason; posts are turned away at once, reading goes on', async (t) => {
  const { hub, api, url } = await startServer(t)
  api.host.post('/api/v1/ingest', () => assert.fail('a request was handed on though the log cannot store it'))
  hub.record(PRESS, [{ tag: 'temperature', value: 1 }], 1000)
  hub.view = { ...hub.view, log: { ...hub.view.log, state: 'failed', reason: 'The log cannot store' } }
  const health = await fetch(`${url}/healthz`)
  assert.deepEqual([health.status, await health.json()], [503, { ready: false, reason: 'The log cannot store' }])
  const headers = { 'content-type': 'application/json' }
  const posted = await fetch(`${url}/api/v1/ingest/press`, { method: 'POST', headers, body: '{"a":1}' })
  assert.deepEqual([posted.status, posted.headers.get('retry-after')], [503, '1'])
  assert.equal(((await posted.json()) as { code: string }).code, 'NOT_STORED')
  assert.equal((await fetch(`${url}/api/v1/assets/${PRESS}`)).status, 200)
})

test('says with a code and a sentence what is not there', async (t) => {
  const { url } = await startServer(t)
  for (const [path, status, code] of [
    ['/api/v1/assets/acme/berlin/nobody', 404, 'ASSET_NOT_FOUND'],
    ['/api/v1/values/acme/berlin/nobody', 404, 'ASSET_NOT_FOUND'],
    ['/api/v1/sources/nobody', 404, 'SOURCE_NOT_FOUND'],
    ['/api/v1/nothing', 404, 'NOT_FOUND'],
    ['/nothing', 404, 'NOT_FOUND'],
    ['/api/v1/assets/one', 400, 'BAD_PATH'],
    ['/api/v1/assets?limit=0', 400, 'BAD_QUERY'],
    ['/api/v1/assets?page=2', 400, 'BAD_QUERY'],
    ['/api/v1/live', 426, 'UPGRADE_REQUIRED'],
    ['/', 503, 'PAGE_NOT_BUILT'],
  ] as const) {
    const answer = await fetch(`${url}${path}`)
    assert.deepEqual([path, answer.status, await codeOf(answer)], [path, status, code])
  }
})

test('answers 405 with the methods there are, OPTIONS with them, HEAD without a body', async (t) => {
  const { api, url } = await startServer(t)
  api.host.post('/api/v1/ingest', async () => ({ status: 200, body: {} }))
  const posted = await fetch(`${url}/api/v1/assets`, { method: 'POST', headers: JSON_TYPE, body: '{}' })
  assert.equal(posted.status, 405)
  assert.equal(posted.headers.get('allow'), 'GET, HEAD, OPTIONS')
  assert.equal(await codeOf(posted), 'METHOD_NOT_ALLOWED')
  assert.equal((await fetch(`${url}/api/v1/ledger`, { method: 'DELETE' })).status, 405)
  assert.equal((await fetch(`${url}/api/v1/ingest/a/b`)).status, 405)
  const options = await fetch(`${url}/api/v1/ingest/a/b`, { method: 'OPTIONS' })
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'POST, OPTIONS'])
  const head = await fetch(`${url}/api/v1/status`, { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
})

const JSON_TYPE = { 'content-type': 'application/json' }

test('hands a body to the handlers that sources mounted, until one does not say 404', async (t) => {
  const { api, url } = await startServer(t)
  const seen: string[] = []
  const unmount = api.host.post('/api/v1/ingest', async () => ({ status: 404, body: {} }))
  const unmountOther = api.host.post('/api/v1/ingest/', async ({ path, body, headers, caller }) => {
    seen.push(path, Buffer.from(body).toString(), String(headers['idempotency-key']), String(caller))
    return { status: 201, headers: { 'x-test': '1' }, body: { stored: 1 } }
  })
  const post = () =>
    fetch(`${url}/api/v1/ingest/press-shop/caf%C3%A9`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'idempotency-key': 'k1' },
      body: '{"t":1}',
    })
  const answer = await post()
  assert.deepEqual([answer.status, answer.headers.get('x-test'), await answer.json()], [201, '1', { stored: 1 }])
  assert.deepEqual(seen, ['press-shop/café', '{"t":1}', 'k1', 'undefined'])
  unmount()
  assert.equal((await post()).status, 201)
  // Its source restarts, or the hub ends: a machine that hears 404 might throw its data away.
  unmountOther()
  const away = await post()
  assert.deepEqual([away.status, away.headers.get('retry-after')], [503, '1'])
  assert.equal(((await away.json()) as { code: string }).code, 'NOT_STORED')
})

test('a handler that throws is a 500 that tells nothing, and the server stays up', async (t) => {
  const { api, url } = await startServer(t)
  api.host.post('/api/v1/ingest', async () => {
    throw new Error('the password is hunter2')
  })
  const answer = await fetch(`${url}/api/v1/ingest/a`, { method: 'POST', headers: JSON_TYPE, body: '{}' })
  assert.equal(answer.status, 500)
  assert.doesNotMatch(await answer.text(), /hunter2/)
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
})
