import { strict as assert } from 'node:assert'
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import type { HttpAnswer, HttpHandler, HttpHost } from '../../component/http.ts'
import type { Batch } from '../../component/source.ts'
import type { Clock } from '../../system/clock.ts'
import { fileDisk } from '../../system/file-disk.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { nodeNet } from '../../system/node-net.ts'
import { systemRandom } from '../../system/random.ts'
import { httpSpec } from './spec.ts'

const EVENTS = '/api/v1/events'

/** Time that moves only when told. */
class HandClock implements Clock {
  #ms = 1_732_287_000_000
  readonly #timers = new Set<{ at: number; fn: () => void }>()

  now = () => this.#ms
  monotonic = () => this.#ms - 1_732_286_000_000
  sleep = () => Promise.reject(new Error('nobody sleeps here'))
  every = () => ({ cancel() {} })

  after(ms: number, fn: () => void) {
    const timer = { at: this.#ms + ms, fn }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  get timers(): number {
    return this.#timers.size
  }

  pass(ms: number): void {
    this.#ms += ms
    for (const timer of this.#timers) {
      if (timer.at > this.#ms) continue
      this.#timers.delete(timer)
      timer.fn()
    }
  }
}

interface Body {
  readonly code?: string
  readonly message?: string
  readonly stored?: number
  readonly quarantined?: number
  readonly reasons?: readonly { code: string; message: string }[]
}

/** A source at work, with a hub that takes batches when asked to. */
function start(t: TestContext, config: unknown = {}) {
  const clock = new HandClock()
  const stop = new AbortController()
  const handlers = new Map<string, HttpHandler>()
  const http: HttpHost = {
    post(prefix, mounted) {
      assert.ok(['/api/v1/ingest', '/api/v1/events'].includes(prefix))
      handlers.set(prefix, mounted)
      return () => handlers.delete(prefix)
    },
  }
  const metrics = new Metrics()
  const system = { clock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: silentLogger, metrics }
  const context = { name: 'stations', site: 'acme/berlin', system, http }
  const source = httpSpec.create(httpSpec.config.parse(config), context)
  const batches = source.read(stop.signal)[Symbol.asyncIterator]()
  let next = batches.next()
  t.after(() => stop.abort())
  const answers: { status: number; body: Body }[] = []
  const post = async (path: string, body: string | Uint8Array, headers: { [name: string]: string } = {}) => {
    const given = { 'content-type': 'application/json', ...headers }
    const handler = handlers.get(path === EVENTS ? EVENTS : '/api/v1/ingest')!
    const below = path === EVENTS ? '' : path
    const answer: HttpAnswer = await handler({ path: below, headers: given, body: Buffer.from(body) })
    const seen = { ...answer, body: answer.body as Body }
    answers.push(seen)
    return seen
  }
  const take = async (): Promise<Batch> => {
    const { value } = await next
    next = batches.next()
    return value as Batch
  }
  return { source, clock, stop, post, take, answers, ended: () => next, mounted: () => handlers.size > 0 }
}

function readings(batch: Batch): unknown[] {
  return batch.items.map((item) =>
    item.kind === 'reading' ? [item.reading.asset, item.reading.sourceTime, item.reading.values] : item.kind,
  )
}

test('an object is answered only when it is durable', async (t) => {
  const { post, take, answers } = start(t)
  const answer = post('line1/tester', '{"torque": 4.5, "ok": true}')
  const batch = await take()
  assert.deepEqual(readings(batch), [['acme/berlin/line1/tester', 1_732_287_000_000, { torque: 4.5, ok: true }]])
  await turn()
  assert.deepEqual(answers, [])
  batch.ack()
  assert.deepEqual(await answer, { status: 200, body: { stored: 1, quarantined: 0, dropped: 0 } })
})

test('the path may have the site in front', async (t) => {
  const { post, take } = start(t)
  void post('acme/berlin/line1/tester', '{"torque": 1}')
  assert.deepEqual(readings(await take()), [['acme/berlin/line1/tester', 1_732_287_000_000, { torque: 1 }]])
})

test('an array and NDJSON are one batch, and a bad record harms only itself', async (t) => {
  const { post, take } = start(t, { timestamp: 'at' })
  const array = post('t/1', '[{"ts":1732287000,"values":{"a":1}},{"a":2,"at":"2024-11-22T14:50:01Z"},{"":1}]')
  const first = await take()
  assert.deepEqual(readings(first), [
    ['acme/berlin/t/1', 1_732_287_000_000, { a: 1 }],
    ['acme/berlin/t/1', 1_732_287_001_000, { a: 2 }],
    'rejected',
  ])
  first.ack()
  assert.deepEqual((await array).body, {
    stored: 2,
    quarantined: 1,
    dropped: 0,
    reasons: [
      { code: 'BAD_TAG', message: 'Cannot map "/api/v1/ingest/t/1": record 2: tag "": the name of a tag is empty' },
    ],
  })
  const lines = post('t/1', '{"a":1}\r\n\n{"a":\n{"ts":1,"values":{"a":9007199254740993}}', {
    'content-type': 'application/x-ndjson; charset=utf-8',
  })
  const second = await take()
  assert.deepEqual(readings(second), [
    ['acme/berlin/t/1', 1_732_287_000_000, { a: 1 }],
    'rejected',
    ['acme/berlin/t/1', 1000, { a: 9007199254740993n }],
  ])
  const bad = second.items[1]!
  assert.ok(bad.kind === 'rejected')
  assert.equal(Buffer.from(bad.payload).toString(), '{"a":')
  second.ack()
  assert.equal((await lines).body.stored, 2)
})

test('when all of it was quarantined the answer is 422, and durable too', async (t) => {
  const { post, take } = start(t)
  const answer = post('t/1', '{"a":[null]}')
  const batch = await take()
  batch.ack()
  const { status, body } = await answer
  assert.deepEqual([status, body.code, body.stored, body.quarantined], [422, 'BAD_VALUE', 0, 1])
})

test('what the log refuses is 503 with Retry-After', async (t) => {
  const { post, take } = start(t)
  const answer = post('t/1', '{"a":1}')
  ;(await take()).fail(new Error('the disk is full'))
  assert.deepEqual(await answer, {
    status: 503,
    headers: { 'retry-after': '1' },
    body: { code: 'NOT_STORED', message: 'Cannot store the request: the disk is full, want it sent again' },
  })
})

test('bad requests are 4xx and nothing of them is stored', async (t) => {
  const { post } = start(t, { assets: 't/*', limits: { body: 300_000, records: 3 } })
  const json = 'application/json'
  const lines = 'application/x-ndjson'
  const cases: [path: string, body: string | Uint8Array, type: string, status: number, code: string][] = [
    ['t/1', '{"a":1', json, 400, 'BAD_PAYLOAD'],
    ['t/1', '', json, 400, 'BAD_PAYLOAD'],
    ['t/1', Uint8Array.of(0x22, 0xff, 0x22), json, 400, 'BAD_PAYLOAD'],
    ['t/1', '{"a":1}', 'text/plain', 415, 'BAD_CONTENT_TYPE'],
    ['t/1', '{"a":1}', '', 415, 'BAD_CONTENT_TYPE'],
    ['t/1', '[{"a":1},{"a":1},{"a":1},{"a":1}]', json, 413, 'TOO_MANY_RECORDS'],
    ['t/1', '1\n2\n3\n4', lines, 413, 'TOO_MANY_RECORDS'],
    ['t/1', ' '.repeat(300_001), json, 413, 'BODY_TOO_LARGE'],
    ['t/1/2', '{"a":1}', json, 404, 'PATH_NOT_TAKEN'],
    ['x/1', '{"a":1}', json, 404, 'PATH_NOT_TAKEN'],
    ['t//1', '{"a":1}', json, 400, 'BAD_PATH'],
    ['t/../../etc', '{"a":1}', json, 400, 'BAD_PATH'],
    ['t/\0', '{"a":1}', json, 400, 'BAD_PATH'],
    ['', '{"a":1}', json, 400, 'BAD_PATH'],
  ]
  for (const [path, body, type, status, code] of cases) {
    const answer = await post(path, body, { 'content-type': type })
    assert.deepEqual([answer.status, answer.body.code], [status, code], `${path} ${code}`)
    assert.match(answer.body.message!, /^Cannot .*: .*want|^Cannot .*: /)
  }
})

test('hostile JSON is refused or kept, never a crash', async (t) => {
  const { post, take } = start(t)
  const deep = post('t/1', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`)
  ;(await take()).ack()
  assert.equal((await deep).body.code, 'PAYLOAD_TOO_DEEP')
  const odd = post('t/1', '{"__proto__":{"x":1},"big":1e400,"s":"\\ud800"}')
  const batch = await take()
  batch.ack()
  const answer = await odd
  assert.deepEqual([answer.body.stored, answer.body.quarantined], [1, 1])
  const [item] = batch.items
  assert.ok(item?.kind === 'reading')
  assert.deepEqual(Object.keys(item.reading.values), ['__proto__', 'big'])
})

test('the same idempotency key is stored once, also while the first is on its way', async (t) => {
  const { post, take, answers, clock } = start(t)
  const key = { 'idempotency-key': 'k1' }
  const first = post('t/1', '{"a":1}', key)
  const second = post('t/1', '{"a":1}', key)
  const batch = await take()
  await turn()
  assert.equal(answers.length, 0)
  batch.ack()
  assert.equal((await first).status, 200)
  assert.deepEqual(await second, {
    status: 200,
    headers: { 'idempotency-replayed': 'true' },
    body: { stored: 1, quarantined: 0, dropped: 0 },
  })
  assert.equal((await post('t/1', '{"a":1}', key)).status, 200)
  for (const [path, body] of [
    ['t/1', '{"a":2}'],
    ['t/2', '{"a":1}'],
  ] as const) {
    const other = await post(path, body, key)
    assert.deepEqual([other.status, other.body.code], [422, 'BAD_IDEMPOTENCY_KEY'])
  }
  assert.equal((await post('t/1', '{"a":2}', { 'idempotency-key': 'x'.repeat(256) })).status, 400)
  clock.pass(600_001)
  const again = post('t/1', '{"a":2}', key)
  ;(await take()).ack()
  assert.equal((await again).headers, undefined)
})

test('a key whose request failed may be used again', async (t) => {
  const { post, take } = start(t)
  const key = { 'idempotency-key': 'k1' }
  const first = post('t/1', '{"a":1}', key)
  ;(await take()).fail(new Error('the disk is full'))
  assert.equal((await first).status, 503)
  const second = post('t/1', '{"a":1}', key)
  ;(await take()).ack()
  assert.equal((await second).status, 200)
})

test('the oldest keys are forgotten beyond their number', async (t) => {
  const { post, take } = start(t, { idempotency: { keys: 1000 } })
  const send = async (key: string) => {
    const answer = post('t/1', '{"a":1}', { 'idempotency-key': key })
    ;(await take()).ack()
    return (await answer).headers
  }
  for (let index = 0; index <= 1000; index++) assert.equal(await send(`k${index}`), undefined)
  assert.equal(await send('k0'), undefined)
})

test('a hub that takes nothing answers 503 at a bound, and after a while', async (t) => {
  const { post, take, clock } = start(t)
  const first = post('t/1', '{"a":1}')
  await take()
  // The hub has one batch and asks for the next; that one it gets, and it asks no more.
  const second = post('t/1', '{"a":2}')
  await turn()
  const waiting = Array.from({ length: 1000 }, () => post('t/1', '{"a":3}'))
  const refused = await post('t/1', '{"a":4}')
  assert.deepEqual([refused.status, refused.body.code], [503, 'NOT_STORED'])
  clock.pass(10_000)
  for (const answer of await Promise.all(waiting)) assert.equal(answer.status, 503)
  assert.equal(clock.timers, 0)
  void first
  void second
})

test('stopping turns waiting requests away and lets taken ones be acknowledged', async (t) => {
  const { post, take, stop, mounted, ended, source } = start(t)
  const taken = post('t/1', '{"a":1}')
  const batch = await take()
  stop.abort()
  assert.equal((await ended()).done, true)
  assert.equal(mounted(), false)
  assert.equal(source.health().state, 'stopped')
  batch.ack()
  assert.equal((await taken).status, 200)
})

test('health follows the data', async (t) => {
  const { post, take, source, clock } = start(t, { silence: '5s' })
  assert.deepEqual(source.health(), {
    state: 'stale',
    reason: 'Takes requests at /api/v1/ingest; no data yet',
    since: 1_732_287_000_000,
  })
  void post('t/1', '{"a":1}')
  await take()
  assert.equal(source.health().state, 'live')
  clock.pass(6_000)
  const { state, reason, since, lastData } = source.health()
  assert.equal(state, 'stale')
  assert.equal(reason, 'Takes requests at /api/v1/ingest; no data for 6 s, want some every 5 s')
  assert.deepEqual([since, lastData], [1_732_287_006_000, 1_732_287_000_000])
})

test('events are one batch, answered when they are durable, and the same key stores them once', async (t) => {
  const { post, take } = start(t, { assets: 'line1/**' })
  const key = { 'idempotency-key': 'e1' }
  const body = '[{"type":"order.started","asset":"line1/press7"},{"type":"a"},{"type":"a","asset":"line9"}]'
  const answer = post(EVENTS, body, key)
  const batch = await take()
  assert.deepEqual(
    batch.items.map((item) => (item.kind === 'rejected' ? item.code : item.kind === 'raw' && item.key)),
    ['acme/berlin/line1/press7', 'BAD_EVENT', 'PATH_NOT_TAKEN'],
  )
  batch.ack()
  assert.deepEqual([(await answer).status, (await answer).body.stored, (await answer).body.quarantined], [200, 1, 2])
  assert.deepEqual((await post(EVENTS, body, key)).headers, { 'idempotency-replayed': 'true' })
  const foreign = await post(EVENTS, '{"type":"a","asset":"line9"}')
  assert.deepEqual([foreign.status, foreign.body.code], [404, 'PATH_NOT_TAKEN'])
  const none = await post(EVENTS, '[]')
  assert.deepEqual([none.status, none.body.stored], [200, 0])
})
