import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PRESS, startServer } from '../../../test/api/server.ts'
import { assertShape } from '../../../test/i3x/shapes.ts'
import { until } from '../../../test/until.ts'
import { I3X_ROUTES } from './routes.ts'

/** Whatever comes in: an answer in the envelope of the standard, never a fault of ours. */

const FIELDS = [
  'elementIds',
  'subscriptionIds',
  'clientId',
  'subscriptionId',
  'maxDepth',
  'lastSequenceNumber',
] as const
const id = fc.oneof(
  fc.constantFrom(
    PRESS,
    `${PRESS}#temperature`,
    'acme',
    '',
    '__proto__',
    'a#',
    '#',
    '%',
    '%E0',
    '\ud800',
    '../..',
    'x'.repeat(20_000),
  ),
  fc.string({ unit: 'binary' }),
)
const value = fc.oneof(
  id,
  fc.array(id, { maxLength: 5 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.object(),
)
const times = fc.record({
  startTime: fc.oneof(fc.constantFrom('2026-01-31T08:00:00Z', '9999-12-31T23:59:59Z', '0000-01-01T00:00:00Z'), value),
  endTime: fc.oneof(fc.constantFrom('2026-01-31T08:00:00Z', '9999-12-31T23:59:59Z'), value),
})
const body = fc
  .tuple(fc.dictionary(fc.constantFrom(...FIELDS), value), times)
  .map(([fields, span]) => ({ ...fields, ...span }))
const text = fc.oneof(
  body.map((fields) => JSON.stringify(fields)),
  fc.string(),
  fc.constantFrom(
    '',
    'null',
    '[]',
    '{"elementIds":' + '['.repeat(50_000),
    `{"elementIds":["${PRESS}"],"maxDepth":1e400}`,
  ),
)

test('random bodies to every route', async (t) => {
  const { hub, url } = await startServer(t, { limits: { i3xSubscriptions: 3, requestsPerSecond: 1_000_000 } })
  hub.record(PRESS, [{ tag: 'temperature', value: 70 }], 1000)
  const routes = I3X_ROUTES.filter(({ method, url: path }) => method !== 'GET' && !path.endsWith('/stream'))
  const headers = { 'content-type': 'application/json' }
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...routes), text, async ({ method, url: path }, sent) => {
      const init: RequestInit = { method, headers, body: sent }
      const answer = await fetch(`${url}${path}`, init)
      const told = (await answer.json()) as { success: boolean; responseDetail?: { code: string } }
      assert.ok(answer.status < 500 || answer.status === 501 || answer.status === 503, JSON.stringify(told))
      if (answer.status >= 400) assertShape('problem', told)
    }),
    { numRuns: 600 },
  )
})

test('random queries', async (t) => {
  const { hub, url } = await startServer(t, { limits: { requestsPerSecond: 1_000_000 } })
  hub.record(PRESS, [{ tag: 'temperature', value: 70 }], 1000)
  const name = fc.constantFrom('root', 'includeMetadata', 'typeElementId', 'namespaceUri', 'nobody')
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('objects', 'objecttypes', 'relationshiptypes', 'namespaces', 'info'),
      fc.array(fc.tuple(name, fc.string()), { maxLength: 4 }),
      async (path, query) => {
        const answer = await fetch(`${url}/i3x/v1/${path}?${new URLSearchParams(query).toString()}`)
        assert.ok([200, 400].includes(answer.status))
        if (answer.status === 400) assertShape('problem', await answer.json())
      },
    ),
    { numRuns: 200 },
  )
})

test('a reader that does not read its stream costs no more than a queue; ingest goes on', async (t) => {
  const { hub, url } = await startServer(t, {
    limits: { i3xTickMs: 1, i3xQueuedValues: 50, liveBufferedBytes: 10_000 },
  })
  const name = 'x'.repeat(5_000)
  hub.record(PRESS, [{ tag: 'text', value: name }], 1000)
  const ask = async (path: string, sent: object) => {
    const headers = { 'content-type': 'application/json', 'accept-encoding': 'identity' }
    return fetch(`${url}/i3x/v1${path}`, { method: 'POST', headers, body: JSON.stringify(sent) })
  }
  const { result } = (await (await ask('/subscriptions', { clientId: 'me' })).json()) as {
    result: { subscriptionId: string }
  }
  const own = { clientId: 'me', subscriptionId: result.subscriptionId }
  await ask('/subscriptions/register', { ...own, elementIds: [`${PRESS}#text`] })
  const open = await ask('/subscriptions/stream', own)
  const reader = open.body!.getReader()
  let sent = 0
  let dropped = false
  // Nothing is read until what is in the sockets is full and the queue has let changes go.
  const before = process.memoryUsage().arrayBuffers
  while (sent < 5_000) {
    hub.record(PRESS, [{ tag: 'text', value: `${name}${(sent += 1)}` }], 1000 + sent)
    if (sent % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.ok(process.memoryUsage().arrayBuffers - before < 64 << 20)
  let told = ''
  await until(async () => {
    const { value: chunk } = await reader.read()
    const text = told + new TextDecoder().decode(chunk)
    dropped ||= /: \d+ older changes were dropped/.test(text)
    told = text.slice(-20_000)
    return text.includes(`${name}${sent}"`)
  })
  assert.ok(dropped)
  await reader.cancel()
})
