import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { LiveProbe, PRESS, READER, startServer, TOKENS } from '../../test/api/server.ts'
import type { LiveMessage, TwinView } from './contract.ts'
import type { MemoryTag } from './memory-hub.ts'
import { until } from '../../test/until.ts'

const OTHER = 'acme/berlin/press-shop/line1/press8'

function twinsIn(messages: readonly LiveMessage[]): TwinView[] {
  return messages.flatMap((message) => (message.type === 'twins' ? message.twins : []))
}

function valueOf(twin: TwinView): unknown {
  return twin.tags[0]?.value
}

test('tells the present first, then what changes, of the assets asked for and no other', async (t) => {
  const { hub, port } = await startServer(t)
  hub.record(PRESS, [{ tag: 'temperature', value: 70 }], 1000)
  hub.record(OTHER, [{ tag: 'temperature', value: 20 }], 1000)
  const probe = await new LiveProbe(port).open({ assets: [PRESS] })
  await probe.find((message) => message.type === 'twins' && valueOf(message.twins[0]!) === 70)
  hub.record(OTHER, [{ tag: 'temperature', value: 21 }], 2000)
  hub.record(PRESS, [{ tag: 'temperature', value: 71 }], 2000)
  await probe.find((message) => message.type === 'twins' && valueOf(message.twins[0]!) === 71)
  assert.deepEqual([...new Set(twinsIn(probe.messages).map((twin) => twin.path))], [PRESS])
  assert.deepEqual(
    probe.messages.slice(0, 2).map((message) => message.type),
    ['hub', 'sources'],
  )
  probe.socket.close()
})

test('a thousand changes between two frames are one value, the latest', async (t) => {
  const { hub, port } = await startServer(t)
  hub.record(PRESS, [{ tag: 'n', value: -1 }], 1000)
  const probe = await new LiveProbe(port).open({ assets: ['acme/**'] })
  await probe.find((message) => message.type === 'twins')
  // One synchronous burst: no frame can come in between.
  for (let n = 0; n < 1000; n += 1) hub.record(PRESS, [{ tag: 'n', value: n }], 1000)
  await probe.find((message) => message.type === 'twins' && valueOf(message.twins[0]!) === 999)
  assert.deepEqual(twinsIn(probe.messages).map(valueOf), [-1, 999])
  probe.socket.close()
})

test('summaries come for a whole place, in frames of bounded size', async (t) => {
  const { hub, port } = await startServer(t, { limits: { liveFrameItems: 10, liveFrameMs: 5 } })
  for (let n = 0; n < 35; n += 1) hub.record(`acme/berlin/hall/m${n}`, [{ tag: 'x', value: n }], 1000)
  hub.record('acme/berlin2/hall/m', [{ tag: 'x', value: 1 }], 1000)
  const probe = await new LiveProbe(port).open({ assets: [], summaries: ['acme/berlin/**'] })
  const frames = () => probe.messages.filter((message) => message.type === 'assets')
  await probe.find(() => frames().flatMap((message) => message.assets).length >= 35)
  assert.deepEqual(
    frames().map((message) => message.assets.length),
    [10, 10, 10, 5],
  )
  assert.ok(frames().every((frame) => frame.assets.every((asset) => asset.path.startsWith('acme/berlin/'))))
  probe.socket.close()
})

test('a new request replaces the one before', async (t) => {
  const { hub, port } = await startServer(t, { limits: { liveFrameMs: 5 } })
  hub.record(PRESS, [{ tag: 'x', value: 1 }], 1000)
  hub.record(OTHER, [{ tag: 'x', value: 1 }], 1000)
  const probe = await new LiveProbe(port).open({ assets: [PRESS] })
  await probe.find((message) => message.type === 'twins')
  probe.socket.send(JSON.stringify({ assets: [OTHER] }))
  await probe.find((message) => message.type === 'twins' && message.twins[0]!.path === OTHER)
  const before = probe.messages.length
  hub.record(PRESS, [{ tag: 'x', value: 2 }], 1000)
  hub.record(OTHER, [{ tag: 'x', value: 2 }], 1000)
  await probe.find((message) => message.type === 'twins' && valueOf(message.twins[0]!) === 2)
  assert.deepEqual(
    twinsIn(probe.messages.slice(before)).map((twin) => twin.path),
    [OTHER],
  )
  probe.socket.close()
})

test('a value that turns stale is told, though nothing was recorded', async (t) => {
  const { hub, port } = await startServer(t, { limits: { liveFrameMs: 5 } })
  hub.record(PRESS, [{ tag: 'x', value: 1 }], 1000)
  hub.record(OTHER, [{ tag: 'x', value: 1 }], 1000)
  const probe = await new LiveProbe(port).open({ assets: [PRESS], summaries: ['acme/berlin/**'] })
  await probe.find((message) => message.type === 'assets')
  // Ageing shows against what was seen before, so let the watch see both fresh once.
  await probe.find(() => probe.messages.filter((message) => message.type === 'hub').length > 2)
  assert.ok(twinsIn(probe.messages).every((twin) => !twin.tags[0]!.stale))
  hub.age(PRESS)
  hub.age(OTHER)
  await probe.find((message) => message.type === 'twins' && message.twins[0]!.tags[0]!.stale)
  const tells = (message: LiveMessage, path: string) =>
    message.type === 'assets' && message.assets.some((asset) => asset.path === path && asset.stale)
  await probe.find((message) => tells(message, PRESS))
  await probe.find((message) => tells(message, OTHER))
  probe.socket.close()
})

test('one more stale tag of an asset that is stale already is told too', async (t) => {
  const { hub, port } = await startServer(t, { limits: { liveFrameMs: 5 } })
  hub.record(
    PRESS,
    [
      { tag: 'a', value: 1 },
      { tag: 'b', value: 1 },
    ],
    1000,
  )
  hub.age(PRESS, 'a')
  const probe = await new LiveProbe(port).open({ assets: [PRESS] })
  await probe.find((message) => message.type === 'twins' && message.twins[0]!.tags[0]!.stale)
  await probe.find(() => probe.messages.filter((message) => message.type === 'hub').length > 2)
  hub.age(PRESS, 'b')
  await probe.find((message) => message.type === 'twins' && message.twins[0]!.tags[1]!.stale)
  probe.socket.close()
})

/** Frames of twins in about a second in which an asset changes as often as it can. */
async function framesOf(t: TestContext, more: readonly MemoryTag[]): Promise<{ frames: number; seconds: number }> {
  const { hub, port } = await startServer(t)
  hub.record(PRESS, [{ tag: 'n', value: 0 }, ...more], 1000)
  const probe = await new LiveProbe(port).open({ assets: [PRESS] })
  await probe.find((message) => message.type === 'twins')
  const start = performance.now()
  for (let n = 1; performance.now() - start < 1000; n += 1) {
    hub.record(PRESS, [{ tag: 'n', value: n }], 1000)
    await new Promise(setImmediate)
  }
  const seconds = (performance.now() - start) / 1000
  const frames = twinsIn(probe.messages).length
  probe.socket.close()
  return { frames, seconds }
}

test('at most fifty small frames a second, and ten large ones, however often a value changes', async (t) => {
  const small = await framesOf(t, [])
  assert.ok(small.frames > 1 && small.frames <= 50 * small.seconds + 2, JSON.stringify(small))
  const large = await framesOf(t, [{ tag: 'text', value: 'x'.repeat(400_000) }])
  assert.ok(large.frames > 1 && large.frames <= 10 * large.seconds + 2, JSON.stringify(large))
})

test('a browser that does not read gets frames skipped, costs no memory, and the present when it reads again', async (t) => {
  const limits = { liveFrameMs: 5, liveBufferedBytes: 64 << 10 }
  const { hub, port } = await startServer(t, { limits })
  hub.record(
    PRESS,
    [
      { tag: 'n', value: 0 },
      { tag: 'text', value: 'x'.repeat(1 << 20) },
    ],
    1000,
  )
  const probe = await new LiveProbe(port).open({ assets: [PRESS] })
  await probe.find((message) => message.type === 'twins')
  probe.socket.pause()
  // Far more than the buffers of both ends hold: 200 changes of 1 MB, with time for a frame after each.
  for (let n = 1; n <= 200; n += 1) {
    hub.record(PRESS, [{ tag: 'n', value: n }], 1000)
    await new Promise((resolve) => setTimeout(resolve, 6))
  }
  probe.socket.resume()
  await probe.find((message) => message.type === 'twins' && valueOf(message.twins[0]!) === 200)
  const frames = twinsIn(probe.messages).length
  assert.ok(frames < 40, `${frames} frames were queued`)
  probe.socket.close()
})

test('a client that does not answer a ping is closed, and nothing is watched when nobody looks', async (t) => {
  const { hub, port } = await startServer(t, { limits: { livePingMs: 50 } })
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `GET /api/v1/live HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  await once(socket, 'data')
  assert.equal(hub.listeners, 1)
  socket.resume()
  await once(socket, 'close')
  // Our end sees the close a turn of the event loop before or after the client's.
  await until(() => hub.listeners === 0)
})

test('more clients than there may be are refused with a reason', async (t) => {
  const { port } = await startServer(t, { limits: { liveClients: 1 } })
  const first = await new LiveProbe(port).open({ assets: [] })
  const second = new LiveProbe(port)
  const [error] = (await once(second.socket, 'error')) as [Error]
  assert.match(error.message, /503/)
  first.socket.close()
})

test('a live stream ends with the session that opened it, and with the hub', async (t) => {
  const limits = { livePingMs: 30 }
  const { url, port, api } = await startServer(t, { tokens: TOKENS, limits })
  const headers = { 'content-type': 'application/json', origin: url }
  const body = JSON.stringify({ token: READER })
  const answer = await fetch(`${url}/api/v1/login`, { method: 'POST', headers, body })
  const cookie = answer.headers.get('set-cookie')!.split(';', 1)[0]!
  const withSession = await new LiveProbe(port, { cookie, origin: url }).open({ assets: [] })
  const withToken = await new LiveProbe(port, { authorization: `Bearer ${READER}` }).open({ assets: [] })
  await withSession.find((message) => message.type === 'hub')
  const ended = once(withSession.socket, 'close')
  await fetch(`${url}/api/v1/logout`, { method: 'POST', headers: { ...headers, cookie }, body: '{}' })
  assert.equal((await ended)[0], 4401)
  const stopped = once(withToken.socket, 'close')
  await api.close()
  assert.equal((await stopped)[0], 1001)
})
