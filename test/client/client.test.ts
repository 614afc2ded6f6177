import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test, type TestContext } from 'node:test'
import { WebSocketServer } from 'ws'
import { ClientError, connect, type LiveChange, type LiveView } from '../../src/client.ts'
import { MemoryHub } from '../../src/api/memory-hub.ts'
import { PRESS, READER, startServer, TOKENS, WRITER } from '../api/server.ts'
import { MemoryHistory } from '../historian/memory-history.ts'
import { startPlant } from '../i3x/plant.ts'
import { until } from '../until.ts'

const T = 1_769_846_400_000

test('twin, values, assets page by page, models, history', async (t) => {
  const history = new MemoryHistory().add(PRESS, 'temperature', [T, 70], [T + 1000, 71])
  const { hub: plant, url } = await startServer(t, { history })
  const hub = connect({ url })
  for (let nth = 0; nth < 250; nth += 1) plant.record(`acme/berlin/fleet/car${nth}`, [{ tag: 'speed', value: nth }], T)
  plant.record(PRESS, [{ tag: 'temperature', value: 71 }], T)
  const twin = await hub.twin(PRESS)
  assert.deepEqual([twin.path, twin.tags[0]!.value], [PRESS, 71])
  assert.deepEqual(await hub.values(PRESS), { temperature: 71 })
  const paths = (await Array.fromAsync(hub.assets({ under: 'acme/berlin/fleet' }))).map(({ path }) => path)
  assert.equal(paths.length, 250)
  assert.deepEqual(paths, [...paths].sort())
  const rows = await Array.fromAsync(hub.valuesOf({ on: 'fleet/*', tags: ['speed'] }))
  assert.equal(rows.length, 250)
  assert.deepEqual(await hub.models(), [])
  assert.equal((await hub.status()).site, 'acme/berlin')
  const samples = await hub.history(PRESS, { tags: ['temperature'], from: new Date(T), to: T + 5000 })
  assert.deepEqual(samples.series[0]!.samples, [
    [T, 70, 0],
    [T + 1000, 71, 0],
  ])
  const mean = await hub.history(PRESS, { tags: ['temperature'], from: T, to: T + 2000, aggregate: 'Maximum' })
  assert.equal(mean.series[0]!.points[0]![1], 71)
})

test('a twin as it was at a moment, and what has changed since', async (t) => {
  const plant = await startPlant()
  t.after(() => plant.close())
  const hub = connect({ url: plant.page })
  const before = Date.now()
  const path = 'acme/berlin/hall/line1/press1'
  await plant.post('hall/line1/press1', { temperature: 99 })
  await until(async () => (await hub.values(path))['temperature'] === 99)
  const then = await hub.twin(path, { at: before })
  assert.deepEqual([then.at, then.tags.find(({ tag }) => tag === 'temperature')!.value], [before, 71.3])
  const { tags } = await hub.compare(path, new Date(before))
  assert.deepEqual(
    tags.map(({ tag, a, b }) => [tag, a.value, b.value]),
    [['temperature', 71.3, 99]],
  )
})

test('alarms: what stands, acknowledged with a name', async (t) => {
  const { tell, url } = await startServer(t, { tokens: [{ ...TOKENS[0], can: ['read', 'write'] }] })
  const hub = connect({ url, token: READER })
  await tell({ asset: PRESS, alarm: 'hot', action: 'raise', time: T, priority: 'high', message: 'too hot' })
  const [standing] = (await hub.alarms.standing({ priority: ['high', 'critical'] })).alarms
  assert.equal(standing!.state, 'unacknowledged')
  const answer = await hub.alarms.ack(standing!, 'seen')
  assert.deepEqual(
    [answer.alarms[0]!.state, answer.alarms[0]!.acknowledgedBy, answer.refused],
    ['acknowledged', 'anna', []],
  )
  assert.equal((await hub.alarms.journal()).entries[0]!.action, 'acknowledge')
  assert.deepEqual((await hub.events()).events, [])
})

test('errors have the code of the hub, and whether it is worth to try again', async (t) => {
  const { url } = await startServer(t, { tokens: TOKENS, limits: { requestsPerSecond: 1_000 } })
  await fails(connect({ url, token: READER }).twin('acme/berlin/nobody'), 'ASSET_NOT_FOUND', false, 404)
  await fails(connect({ url }).status(), 'UNAUTHENTICATED', false, 401)
  await fails(connect({ url, token: WRITER }).status(), 'FORBIDDEN', false, 403)
  await fails(connect({ url: 'http://127.0.0.1:9' }).status(), 'HUB_UNREACHABLE', true, undefined)
  const other = createServer((_request, response) => response.end('<html>')).listen(0, '127.0.0.1')
  t.after(() => other.close())
  await until(() => other.listening)
  const elsewhere = `http://127.0.0.1:${(other.address() as { port: number }).port}`
  await fails(connect({ url: elsewhere }).status(), 'HUB_NOT_UNDERSTOOD', false, undefined)
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  t.after(() => mute.closeAllConnections())
  t.after(() => mute.close())
  await until(() => mute.listening)
  const slow = connect({ url: `http://127.0.0.1:${(mute.address() as { port: number }).port}`, timeoutMs: 50 })
  await fails(slow.status(), 'HUB_TOO_SLOW', true, undefined)
})

async function fails(call: Promise<unknown>, code: string, retry: boolean, status: number | undefined): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof ClientError)
    assert.deepEqual([error.code, error.retry, error.status], [code, retry, status])
    return true
  })
}

test('live: twins as they change; a hub that is gone makes them stale, aloud; one that is back makes them fresh', async (t) => {
  const plant = new MemoryHub()
  plant.record(PRESS, [{ tag: 'temperature', value: 70 }], T)
  const first = await startServer(t, { hub: plant, tokens: TOKENS })
  const { view, changes } = watch(t, first.url)
  await until(() => values(view).includes('70'))
  assert.equal(view.state, 'live')
  plant.record(PRESS, [{ tag: 'temperature', value: 71 }], T + 1000)
  await until(() => values(view).includes('71'))
  await first.api.close()
  await until(() => view.state === 'lost')
  assert.deepEqual(values(view), ['71 stale'])
  // Whoever looks only at twins sees it too.
  const last = changes.findLast((change) => change.kind === 'twin')
  assert.ok(last?.twin.tags.every(({ stale }) => stale))
  plant.record(PRESS, [{ tag: 'temperature', value: 72 }], T + 2000)
  const listen = { host: '127.0.0.1', port: first.port }
  await startServer(t, { hub: plant, tokens: TOKENS, listen })
  await until(() => values(view).includes('72'))
  const states = changes.flatMap((change) => (change.kind === 'connection' ? [change.state] : []))
  assert.deepEqual([states[0], states.includes('lost'), states.at(-1)], ['live', true, 'live'])
  view.close()
  assert.equal(view.state, 'closed')
  const heard = changes.length
  plant.record(PRESS, [{ tag: 'temperature', value: 73 }], T + 3000)
  await until(() => plant.listeners === 0)
  assert.equal(changes.length, heard)
})

test('live: a token that does not let in is told, and tried again until it does', async (t) => {
  const { url } = await startServer(t, { tokens: TOKENS })
  const { view, changes } = watch(t, url, 'a-wrong-token')
  await until(() =>
    changes.some((change) => change.kind === 'connection' && /names no caller we know/.test(change.reason)),
  )
  assert.equal(view.state, 'lost')
})

test('live: a hub that says nothing any more is lost, though the connection stands', async (t) => {
  const mute = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  t.after(() => mute.close())
  t.after(() => mute.clients.forEach((client) => client.terminate()))
  mute.once('connection', (socket) => socket.send(JSON.stringify({ type: 'left', paths: [] })))
  await until(() => mute.address() !== null)
  const { changes } = watch(t, `http://127.0.0.1:${(mute.address() as { port: number }).port}`)
  await until(() => changes.length >= 2)
  assert.deepEqual(changes.slice(0, 2), [
    { kind: 'connection', state: 'live', reason: 'connected' },
    { kind: 'connection', state: 'lost', reason: 'nothing was heard of the hub for 5000 ms' },
  ])
})

test('live: what does not fit a selection any more leaves', async (t) => {
  const { hub: plant, url } = await startServer(t)
  plant.record(PRESS, [{ tag: 'temperature', value: 90 }], T)
  const changes: LiveChange[] = []
  const view = connect({ url }).live({ where: 'temperature > 80' }, (change) => changes.push(change))
  t.after(() => view.close())
  await until(() => view.twins().length === 1)
  plant.record(PRESS, [{ tag: 'temperature', value: 70 }], T + 1000)
  await until(() => changes.some((change) => change.kind === 'left' && change.path === PRESS))
  assert.deepEqual(view.twins(), [])
})

function watch(t: TestContext, url: string, token = READER): { view: LiveView; changes: LiveChange[] } {
  const changes: LiveChange[] = []
  const view = connect({ url, token }).live(['acme/berlin/**'], (change) => changes.push(change))
  t.after(() => view.close())
  return { view, changes }
}

function values(view: LiveView): string[] {
  return view
    .twins()
    .flatMap(({ tags }) => tags.map(({ value, stale }) => `${JSON.stringify(value)}${stale ? ' stale' : ''}`))
}
