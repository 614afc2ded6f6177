import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test, type TestContext } from 'node:test'
import type { Page } from 'playwright-core'
import type { ReplicationView } from '../src/api/contract.ts'
import { MemoryHub } from '../src/api/memory-hub.ts'
import type { MemoryLog } from '../src/log/memory/memory-log.ts'
import { need } from '../tools/need.ts'
import { fillPlant, pressTags } from './api/plant.ts'
import { PRESS, READER, startServer, TOKENS, type TestServer } from './api/server.ts'
import { buildPage, type BuiltPage } from './e2e/built-page.ts'

/** The page in a real browser, on a real server with a hub that is filled by hand. */
const skip = need('chromium') === undefined ? 'needs chromium' : false

/** A test machine's browser talks to nobody but us. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--headless=new',
]

let built: BuiltPage

before(async () => {
  if (skip) return
  built = await buildPage(FLAGS)
})

after(() => built?.close())

const DESKTOP = { width: 1440, height: 900 }
const PHONE = { width: 375, height: 812 }

interface OpenPage extends TestServer {
  readonly page: Page
  /** What the browser complained about: errors, refused scripts and styles. */
  readonly complaints: string[]
}

async function open(t: TestContext, hash: string, viewport = DESKTOP, fill = fillPlant): Promise<OpenPage> {
  const hub = new MemoryHub()
  fill(hub, Date.now())
  const server = await startServer(t, { hub, pageFolder: built.folder })
  const page = await built.browser.newPage({ viewport })
  t.after(() => page.close())
  const complaints: string[] = []
  page.on('console', (message) => void (message.type() === 'error' && complaints.push(message.text())))
  page.on('pageerror', (error) => void complaints.push(error.message))
  page.on('request', (request) => {
    if (!request.url().startsWith(server.url)) complaints.push(`foreign request ${request.url()}`)
  })
  await page.goto(`${server.url}/${hash}`)
  return { ...server, page, complaints }
}

function value(page: Page, tag: string, asset = PRESS) {
  return page.locator(`[data-asset="${asset}"] [data-tag="${tag}"] [data-value]`)
}

const PRESS_HASH = `#/assets/${PRESS}`.replace('line1', 'line2')
const PRESS7 = PRESS.replace('line1', 'line2')

for (const [name, viewport] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const) {
  test(`a value changes on the page when it changes in the hub (${name})`, { skip }, async (t) => {
    const { hub, page, complaints } = await open(t, PRESS_HASH, viewport)
    await page.waitForFunction(hasText, ['temperature', '78.3'])
    hub.record(PRESS7, [{ tag: 'temperature', value: 81.25, unit: 'Cel', range: [0, 120] }], Date.now())
    await page.waitForFunction(hasText, ['temperature', '81.25'])
    assert.equal(await value(page, 'temperature', PRESS7).isVisible(), true)
    assert.equal(await value(page, 'cycles', PRESS7).innerText(), '1\u202f284\u202f819')
    assert.match(await page.locator('[data-tag="vibration"]').innerText(), /Bad sensor failure/)
    assert.equal(await fitsWidth(page), true)
    assert.deepEqual(complaints, [])
  })

  test(`overview and connections fit, and say what is abnormal (${name})`, { skip }, async (t) => {
    const { page, complaints } = await open(t, '#/', viewport)
    await page.getByRole('heading', { name: 'Needs attention' }).waitFor()
    const rows = await page.locator('.attention-row').allInnerTexts()
    assert.deepEqual(
      rows.map((row) => row.split('\n')[0]!.trim()),
      ['bad', 'stale', 'uncertain'],
    )
    assert.equal(await fitsWidth(page), true)
    await page.getByText('System').click()
    await page.getByRole('navigation', { name: 'System' }).getByText('Connections').click()
    const compressor = page.locator('[data-source="compressor"]')
    await compressor.waitFor()
    assert.match(await compressor.innerText(), /down[^]*connection refused[^]*books do not balance/)
    assert.match(await page.locator('[data-source="fleet"]').innerText(), /live[^]*880[^]*books balance/)
    assert.equal(await fitsWidth(page), true)
    assert.deepEqual(complaints, [])
  })
}

test('a log that cannot store is an alarm in the header: colour, shape and words', { skip }, async (t) => {
  const { hub, page, complaints } = await open(t, '#/', PHONE)
  const alarm = page.locator('header').getByRole('alert')
  await page.getByText('fsync').waitFor()
  assert.equal(await alarm.count(), 0)
  const reason = 'The log cannot store: its disk is full or failing'
  hub.view = { ...hub.view, log: { ...hub.view.log, state: 'failed', reason, since: Date.now() } }
  await alarm.waitFor()
  assert.deepEqual([(await alarm.innerText()).trim(), await alarm.getAttribute('title')], ['cannot store', reason])
  assert.equal(await alarm.locator('svg[data-state="bad"]').isVisible(), true)
  assert.equal(await fitsWidth(page), true)
  hub.view = { ...hub.view, log: { ...hub.view.log, state: 'live' } }
  await page.getByText('fsync').waitFor()
  assert.deepEqual(complaints, [])
})

/** Runs in the page. */
function hasText([tag, text]: readonly string[]): boolean {
  const { document } = globalThis as unknown as {
    document: { querySelector(css: string): { textContent: string } | null }
  }
  return document.querySelector(`[data-tag="${tag}"] [data-value]`)?.textContent === text
}

function fitsWidth(page: Page): Promise<boolean> {
  return page.evaluate('document.documentElement.scrollWidth <= innerWidth')
}

test('a value that ages in the hub turns stale on the page', { skip }, async (t) => {
  const { hub, page } = await open(t, PRESS_HASH)
  await page.locator('[data-tag="temperature"][data-stale="false"]').waitFor()
  // The watch over ages judges by what it saw before.
  await page.waitForTimeout(1500)
  hub.age(PRESS7)
  await page.locator('[data-tag="temperature"][data-stale="true"]').waitFor()
  assert.match(await page.locator('[data-tag="temperature"]').innerText(), /stale/)
})

test(
  'when the hub goes, everything on the page becomes the past, and the present when it is back',
  { skip },
  async (t) => {
    const { api, hub, port, page } = await open(t, PRESS_HASH)
    await page.locator('[data-tag="temperature"][data-stale="false"]').waitFor()
    await api.close()
    await page.getByRole('alert').filter({ hasText: 'No connection to the hub' }).waitFor()
    assert.equal(await page.locator('[data-tag][data-stale="false"]').count(), 0)
    assert.ok((await page.locator('[data-tag][data-stale="true"]').count()) > 0)
    assert.match(await page.locator('[data-tag="temperature"]').innerText(), /stale/)
    hub.record(PRESS7, pressTags(8), Date.now())
    await startServer(t, { hub, pageFolder: built.folder, listen: { host: '127.0.0.1', port } })
    await page.locator('[data-tag="temperature"][data-stale="false"]').waitFor()
    assert.equal(await page.getByRole('alert').count(), 0)
    assert.equal(await value(page, 'temperature', PRESS7).innerText(), '79.3')
  },
)

const SCRIPTS = [
  '<script>globalThis.hacked = 1<\u2215script>',
  '<img src=x onerror="globalThis.hacked=1">',
  '"><svg onload=globalThis.hacked=1>',
  'javascript:globalThis.hacked=1',
  '{{constructor.constructor("globalThis.hacked=1")()}}',
  '__proto__',
]

/** The same where a slash may be: in names of tags, and in values. */
const TEXTS = SCRIPTS.map((script) => script.replace('\u2215', '/'))

test('names and values that are scripts are text', { skip }, async (t) => {
  const fill = (hub: MemoryHub, now: number) => {
    for (const script of SCRIPTS) {
      const tags = TEXTS.map((tag) => ({ tag, value: tag, unit: script }))
      hub.record(`acme/berlin/${script}/${script}`, [...tags, { tag: 'structure', value: { [script]: [script] } }], now)
    }
    hub.view = { ...hub.view, site: 'acme/berlin' }
    fillPlant(hub, now)
    hub.sourceViews = hub.sourceViews.map((source) => ({ ...source, kind: SCRIPTS[0]!, reason: TEXTS[1]! }))
  }
  const { page, complaints } = await open(t, '#/', DESKTOP, fill)
  for (const script of SCRIPTS) {
    await page.goto(
      `${new URL(page.url()).origin}/#/assets/acme/berlin/${encodeURIComponent(script)}/${encodeURIComponent(script)}`,
    )
    await page.locator('[data-tag="structure"]').waitFor()
    assert.equal(await page.locator('h1').innerText(), script)
    const names = await page.locator('[data-tag] .tag-name').allInnerTexts()
    assert.deepEqual(names.sort(), [...TEXTS, 'structure'].sort())
  }
  await page.goto(`${new URL(page.url()).origin}/#/connections`)
  await page.getByText(TEXTS[1]!).first().waitFor()
  assert.equal(await page.evaluate('globalThis.hacked'), undefined)
  assert.deepEqual(complaints, [])
})

for (const [name, viewport] of [
  ['desktop', DESKTOP],
  ['phone', PHONE],
] as const) {
  test(
    `the log is shown record by record, and walked through by page, partition, offset and time (${name})`,
    { skip },
    async (t) => {
      const { memory, hub, page, complaints } = await open(t, '#/log', viewport)
      const topic = 'acme.berlin.telemetry'
      await fillTopic(memory, topic)
      hub.readers = [{ name: 'twins', positions: [{ topic, partition: 0, offset: 40 }] }]
      await page.locator(`[data-topic="${topic}"]`).waitFor()
      await page.getByText('20 behind').first().waitFor()
      assert.equal(await fitsWidth(page), true)
      await page.getByRole('link', { name: topic, exact: true }).click()
      const places = () =>
        page.evaluate<string[]>(`[...document.querySelectorAll('[data-record]')].map((row) => row.dataset.record)`)
      await page.getByText('newest, following').waitFor()
      await page.locator('[data-record]:nth-child(50)').waitFor()
      assert.deepEqual((await places()).slice(0, 2), ['1:59', '0:59'])
      await memory.append(topic, [{ key: 'late', value: null, timestamp: 9_000 }])
      await page.getByText('tombstone', { exact: true }).waitFor()
      await page.getByRole('link', { name: 'Oldest' }).click()
      await page.locator('[data-record="0:0"]').waitFor()
      assert.deepEqual((await places()).slice(-2), ['1:0', '0:0'])
      await page.getByLabel('Partition').selectOption('1')
      await page.getByLabel('From offset').fill('7')
      await page.getByLabel('From offset').press('Enter')
      await page.locator('[data-record="1:7"]:last-child').waitFor()
      await page.locator('[data-record="1:7"] summary').click()
      await page.locator('[data-record="1:7"]').getByText('"n": 15').waitFor()
      assert.equal(await fitsWidth(page), true)
      await page.goto(page.url().replace(/\?.*/, `?time=${new Date(1_110).toISOString()}&partition=0`))
      await page.locator('[data-record="0:55"]:last-child').waitFor()
      await page.goto(page.url().replace(/\?.*/, '?at=nonsense'))
      await page.getByText('want partitions and offsets').waitFor()
      assert.deepEqual(
        complaints.filter((text) => !text.includes('400 (Bad Request)')),
        [],
      )
    },
  )
}

/** Two partitions of 60 records with times from 1,000 on, in turn. */
async function fillTopic(memory: MemoryLog, topic: string): Promise<void> {
  await memory.ensure([{ name: topic, partitions: 2 }])
  for (let n = 0; n < 120; n++) {
    await memory.append(topic, [
      { key: null, value: JSON.stringify({ asset: `press${n % 12}`, n }), timestamp: 1_000 + n },
    ])
  }
}

test('a replication shows how far it is behind, and what retention took', { skip }, async (t) => {
  const { hub, page, complaints } = await open(t, '#/connections', PHONE)
  hub.replicationViews = [REPLICATION]
  const card = page.locator('[data-replication="cloud"]')
  await card.getByText('1\u202f204 records, 180 kB, 42 s').first().waitFor()
  assert.match(await card.innerText(), /to kafka1:9092,kafka2:9092[^]*behind[^]*7 records were removed by retention/)
  assert.equal(await fitsWidth(page), true)
  assert.deepEqual(complaints, [])
})

test('hubs that share the log are shown with what each of them runs', { skip }, async (t) => {
  const source = { name: 'line1', kind: 'opcua', state: 'live', reason: 'connected', since: 0, epoch: 3 } as const
  const hub = { hub: 'a', page: 'http://hub-a:8080', since: 0, here: true, leads: true, sources: [source] }
  const other = { ...hub, hub: 'b', page: 'http://hub-b:8080', here: false, sources: [] }
  const { page } = await open(t, '#/connections', PHONE, (memory, now) => {
    fillPlant(memory, now)
    memory.hubsView = { hubs: [hub, other] }
  })
  await page.locator('[data-hub="a"]').getByText('line1').waitFor()
  assert.match(await page.locator('[data-hub="b"]').innerText(), /b\s+none/)
  assert.equal(await page.getByRole('link', { name: 'b', exact: true }).getAttribute('href'), 'http://hub-b:8080')
  assert.equal(await fitsWidth(page), true)
})

const REPLICATION: ReplicationView = {
  name: 'cloud',
  direction: 'up',
  address: 'kafka1:9092,kafka2:9092',
  state: 'behind',
  reason: 'Carries a backlog',
  since: 0,
  epoch: 1,
  behind: { records: 1_204, bytes: 180_000, ms: 42_000 },
  recordsPerSecond: 300,
  bytesPerSecond: 45_000,
  etaMs: 4_000,
  lost: 7,
  topics: [
    { topic: 'acme.berlin.telemetry', behind: { records: 1_204, bytes: 180_000, ms: 42_000 }, records: 9, lost: 7 },
  ],
}

test('a foreign page gets nothing: no frame, no read, no write, no live stream', { skip }, async (t) => {
  const { url, api } = await open(t, '#/')
  let writes = 0
  api.host.post('/api/v1/ingest', async () => ({ status: 200, body: { writes: (writes += 1) } }))
  const foreign = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(`<title>foreign</title><iframe src="${url}/"></iframe>`)
  }).listen(0, '127.0.0.1')
  t.after(() => foreign.close())
  const page = await built.browser.newPage()
  t.after(() => page.close())
  // Another name for the same machine: another site, as an attacker's page is.
  await page.goto(`http://localhost:${(foreign.address() as AddressInfo).port}/`)
  const attempt = (code: string) => page.evaluate(`(async () => { try { ${code} } catch { return 'refused' } })()`)
  const post = (mode: string, type: string) =>
    `const a = await fetch('${url}/api/v1/ingest/a', { method: 'POST', mode: '${mode}', headers: { 'content-type': '${type}' }, body: '{}' }); return a.type`
  assert.equal(await attempt(`return await (await fetch('${url}/api/v1/status')).text()`), 'refused')
  assert.equal(await attempt(post('cors', 'application/json')), 'refused')
  await attempt(post('no-cors', 'text/plain'))
  await attempt(post('no-cors', 'application/x-www-form-urlencoded'))
  const live = `return await new Promise((done) => { const s = new WebSocket('${url.replace('http', 'ws')}/api/v1/live');
    s.onopen = () => done('open'); s.onerror = () => done('refused') })`
  assert.equal(await attempt(live), 'refused')
  const frame = page.frames()[1]
  assert.notEqual(await frame?.title().catch(() => ''), 'acme/berlin · Millrace')
  assert.equal(writes, 0)
})

test('with tokens the page asks for one, and keeps none', { skip }, async (t) => {
  const hub = new MemoryHub()
  fillPlant(hub, Date.now())
  const { url } = await startServer(t, { hub, pageFolder: built.folder, tokens: TOKENS })
  const page = await built.browser.newPage({ viewport: PHONE })
  t.after(() => page.close())
  await page.goto(`${url}/`)
  await page.getByLabel('Access token').fill('wrong')
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByText('This token is not known here').waitFor()
  await page.getByLabel('Access token').fill(READER)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.locator('[data-connection="live"]').waitFor()
  assert.equal(
    await page.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)'),
    '{}{}',
  )
  assert.equal(new URL(page.url()).search, '')
})

test('the tree of 10,000 assets stays small, is found by search and walked by keys', { skip }, async (t) => {
  const fill = (hub: MemoryHub, now: number) => {
    for (let n = 0; n < 10_000; n += 1) {
      hub.record(`acme/berlin/area${n % 10}/line${n % 100}/m${n}`, [{ tag: 'x', value: n }], now)
    }
  }
  const { page } = await open(t, '#/', DESKTOP, fill)
  await page.getByRole('treeitem').filter({ hasText: '10000' }).first().waitFor()
  await page.getByLabel('Search assets').fill('m')
  await page.getByText('10000 found, 500 shown').waitFor()
  assert.ok((await page.getByRole('treeitem').count()) < 80)
  await page.getByLabel('Search assets').fill('line42 m9942')
  await page.getByText('1 found').waitFor()
  await page.getByLabel('Search assets').fill('')
  await page.getByRole('tree').focus()
  for (const key of [
    'Home',
    'ArrowDown',
    'ArrowDown',
    'ArrowRight',
    'ArrowRight',
    'ArrowRight',
    'ArrowDown',
    'ArrowDown',
    'Enter',
  ]) {
    await page.keyboard.press(key)
  }
  await page.waitForURL(/#\/assets\/acme\/berlin\/area0\/line0\/m100$/)
  assert.equal(await page.locator('[data-asset] h1').innerText(), 'm100')
})
