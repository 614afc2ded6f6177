import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { PRESS, READER, startServer, TOKENS } from '../../../test/api/server.ts'
import { MemoryHistory } from '../../../test/historian/memory-history.ts'
import { readEvents } from '../../../test/i3x/events.ts'
import { until } from '../../../test/until.ts'
import { Quality } from '../../model/quality.ts'
import { Secret } from '../../system/secret.ts'

/** What the door does beyond what every server of the standard does: limits, rights, age, the past. */

type Options = Parameters<typeof startServer>[1]

async function door(t: TestContext, options: Options = {}) {
  const server = await startServer(t, options)
  const ask = async (path: string, body?: object, token?: string) => {
    const headers = {
      'content-type': 'application/json',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    }
    const sent = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(`${server.url}/i3x/v1${path}`, { headers, ...sent })
    return { status: answer.status, body: (await answer.json()) as Body }
  }
  const subscribe = async (elementIds: string[], token?: string) => {
    const { body } = await ask('/subscriptions', { clientId: 'me' }, token)
    const own = { clientId: 'me', subscriptionId: (body.result as { subscriptionId: string }).subscriptionId }
    await ask('/subscriptions/register', { ...own, elementIds }, token)
    return own
  }
  return { ...server, ask, subscribe }
}

interface Body {
  readonly success: boolean
  readonly result?: unknown
  readonly results?: readonly {
    readonly success: boolean
    readonly result?: unknown
    readonly responseDetail?: Detail
  }[]
  readonly responseDetail?: Detail
}
interface Detail {
  readonly status: number
  readonly code: string
}

const TEMPERATURE = `${PRESS}#temperature`

test('changes come with the next sync, and on a stream as they happen; a value that turns stale is one', async (t) => {
  const { hub, url, ask, subscribe } = await door(t, { limits: { i3xTickMs: 5 } })
  hub.record(PRESS, [{ tag: 'temperature', value: 70 }], 1000)
  const own = await subscribe([TEMPERATURE])
  const values = async () => {
    const { body } = await ask('/subscriptions/sync', own)
    return (body.result as { updates: { value: number; quality: string }[] }[]).flatMap(({ updates }) =>
      updates.map(({ value, quality }) => `${value} ${quality}`),
    )
  }
  assert.deepEqual(await values(), ['70 Good'])
  hub.record(PRESS, [{ tag: 'other', value: 1 }], 1500)
  hub.record(PRESS, [{ tag: 'temperature', value: 71 }], 2000)
  await until(async () => (await values()).length > 1)
  assert.deepEqual(await values(), ['70 Good', '71 Good'])
  await ask('/subscriptions/sync', { ...own, lastSequenceNumber: -1 })
  const headers = { 'content-type': 'application/json' }
  const open = await fetch(`${url}/i3x/v1/subscriptions/stream`, { method: 'POST', headers, body: JSON.stringify(own) })
  assert.equal(open.headers.get('content-encoding'), 'gzip')
  const events = readEvents(open)
  hub.record(PRESS, [{ tag: 'temperature', value: 72 }], 3000)
  const timestamp = '1970-01-01T00:00:03.000Z'
  assert.deepEqual((await events.next()).value, [{ elementId: TEMPERATURE, value: 72, quality: 'Good', timestamp }])
  hub.age(PRESS, 'temperature')
  assert.deepEqual((await events.next()).value, [
    { elementId: TEMPERATURE, value: 72, quality: 'Uncertain', timestamp },
  ])
})

test('a queue that overflows is 206, and the gap in the numbers is what is missing', async (t) => {
  const { hub, ask, subscribe } = await door(t, { limits: { i3xTickMs: 1, i3xQueuedValues: 5 } })
  hub.record(PRESS, [{ tag: 'temperature', value: 0 }], 1000)
  const own = await subscribe([TEMPERATURE])
  const first = await ask('/subscriptions/sync', own)
  assert.equal(first.status, 200)
  let value = 0
  let sync = first
  while (sync.status === 200) {
    hub.record(PRESS, [{ tag: 'temperature', value: (value += 1) }], 1000 + value)
    sync = value % 20 === 0 ? await ask('/subscriptions/sync', own) : (await new Promise(setImmediate), sync)
  }
  assert.equal(sync.status, 206)
  assert.equal(sync.body.responseDetail!.status, 206)
  const numbers = () => (sync.body.result as { sequenceNumber: number }[]).map(({ sequenceNumber }) => sequenceNumber)
  const updates = (sync.body.result as { updates: unknown[] }[]).flatMap((batch) => batch.updates)
  assert.equal(updates.length, 5)
  // A change that was on its way may take the place of one more; then it is told once more.
  let last = numbers().at(-1)!
  await until(async () => {
    sync = await ask('/subscriptions/sync', { ...own, lastSequenceNumber: last })
    last = numbers().at(-1) ?? last
    return sync.status === 200
  })
})

test('a subscription that nobody syncs expires; so many there may be', async (t) => {
  const { hub, ask, subscribe } = await door(t, { limits: { i3xSubscriptionMs: 50, i3xSubscriptions: 1 } })
  hub.record(PRESS, [{ tag: 'temperature', value: 0 }], 1000)
  const own = await subscribe([PRESS])
  assert.equal(hub.listeners, 1)
  const more = await ask('/subscriptions', { clientId: 'me' })
  assert.deepEqual([more.status, more.body.responseDetail!.code], [503, 'TOO_MANY_SUBSCRIPTIONS'])
  await until(() => hub.listeners === 0)
  assert.equal((await ask('/subscriptions/sync', own)).status, 404)
})

test('a subscription is of the token that made it, whatever clientId somebody else names', async (t) => {
  const other = 'other-token-1'
  const tokens = [...TOKENS, { name: 'otto', token: new Secret(other), can: ['read'] as const }]
  const { hub, ask, subscribe } = await door(t, { tokens })
  hub.record(PRESS, [{ tag: 'temperature', value: 0 }], 1000)
  const own = await subscribe([PRESS], READER)
  assert.equal((await ask('/subscriptions/sync', own, READER)).status, 200)
  assert.equal((await ask('/subscriptions/sync', own, other)).status, 404)
  assert.equal((await ask('/subscriptions/sync', own)).status, 401)
  const info = async (token?: string) => Object.keys((await ask('/info', undefined, token)).body.result as object)
  assert.ok(!(await info()).includes('serverVersion'))
  assert.ok((await info(READER)).includes('serverVersion'))
})

test('an answer that would be too long is cut, and says so; each id that did not fit says so too', async (t) => {
  const { hub, ask } = await door(t, { limits: { i3xObjects: 6, i3xValues: 3, i3xIds: 4 } })
  for (const name of ['a', 'b', 'c', 'd']) {
    hub.record(
      `acme/berlin/hall/${name}`,
      [
        { tag: 'x', value: 1 },
        { tag: 'y', value: 2 },
      ],
      1000,
    )
  }
  const all = await ask('/objects')
  assert.deepEqual([all.status, (all.body.result as object[]).length], [206, 6])
  const [a, b] = ['a', 'b'].map((name) => `acme/berlin/hall/${name}`) as [string, string]
  const values = await ask('/objects/value', { elementIds: [a, b, `${a}#x`] })
  assert.equal(values.status, 206)
  assert.deepEqual(
    values.body.results!.map(({ success, responseDetail }) => responseDetail?.code ?? success),
    [true, 'TOO_MUCH_AT_ONCE', 'TOO_MUCH_AT_ONCE'],
  )
  const related = await ask('/objects/related', { elementIds: ['acme/berlin/hall', a], includeMetadata: true })
  assert.deepEqual([related.status, related.body.results!.map(({ success }) => success)], [206, [true, false]])
  assert.equal((await ask('/objects/value', { elementIds: [a, a, a, a, a] })).status, 400)
})

test('quality decides whether there is a value', async (t) => {
  const { hub, ask } = await door(t)
  hub.record(
    PRESS,
    [
      { tag: 'bad', value: 1, quality: Quality.BadSensorFailure },
      { tag: 'doubtful', value: 2, quality: Quality.Uncertain },
      { tag: 'none', value: null },
      { tag: 'old', value: 3, stale: true },
    ],
    1000,
  )
  const ids = ['bad', 'doubtful', 'none', 'old'].map((tag) => `${PRESS}#${tag}`)
  const { body } = await ask('/objects/value', { elementIds: [...ids, PRESS, 'acme'] })
  assert.deepEqual(
    body.results!.map(({ result }) => {
      const { value, quality } = result as { value: unknown; quality: string }
      return [value, quality]
    }),
    [
      [null, 'Bad'],
      [2, 'Uncertain'],
      [null, 'GoodNoData'],
      [3, 'Uncertain'],
      [{ bad: null, doubtful: 2, none: null, old: 3 }, 'Uncertain'],
      [null, 'GoodNoData'],
    ],
  )
})

test('history: samples of a tag, a machine as it stood at each of its times, GoodNoData where there is nothing', async (t) => {
  const T = 1_769_846_400_000
  const history = new MemoryHistory()
    .add(PRESS, 'temperature', [T - 5_000, 68], [T, 70], [T + 2_000, 71, Quality.BadSensorFailure], [T + 3_000, 72])
    .add(PRESS, 'state', [T - 1_000, 'Idle'], [T + 1_000, 'Execute'], [T + 2_000, 'Held'])
  const { hub, ask } = await door(t, { history })
  hub.record(
    PRESS,
    [
      { tag: 'temperature', value: 72 },
      { tag: 'state', value: 'Held' },
    ],
    T + 3_000,
  )
  const range = { startTime: '2026-01-31T08:00:00Z', endTime: '2026-01-31T08:00:02Z' }
  const { body } = await ask('/objects/history', { elementIds: [TEMPERATURE, PRESS, 'acme'], ...range })
  const shown = body.results!.map(({ result }) =>
    (result as { values: { value: unknown; quality: string; timestamp: string }[] }).values.map(
      ({ value, quality, timestamp }) => [timestamp.slice(17), quality, value],
    ),
  )
  assert.deepEqual(shown, [
    [
      ['00.000Z', 'Good', 70],
      ['02.000Z', 'Bad', null],
    ],
    [
      ['00.000Z', 'Good', { state: 'Idle', temperature: 70 }],
      ['01.000Z', 'Good', { state: 'Execute', temperature: 70 }],
      ['02.000Z', 'Uncertain', { state: 'Held', temperature: null }],
    ],
    [['02.000Z', 'GoodNoData', null]],
  ])
  const info = (await ask('/info')).body.result as { capabilities: { query: { history: boolean } } }
  assert.equal(info.capabilities.query.history, true)
})
