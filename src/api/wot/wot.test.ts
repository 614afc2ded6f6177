import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, PRESS, READER, startServer, TOKENS } from '../../../test/api/server.ts'
import { until } from '../../../test/until.ts'
import { thingOf } from './thing.ts'

const OTHER = 'acme/berlin/press-shop/line1/press8'
const ID = `urn:millrace:asset:${PRESS}`
const at = (id: string) => `/api/v1/things/${encodeURIComponent(id)}`

interface Thing {
  readonly id: string
  readonly base: string
  readonly security: readonly string[]
  readonly securityDefinitions: { readonly [name: string]: { readonly scheme: string } }
  readonly properties: { readonly [name: string]: { readonly forms: readonly { readonly href: string }[] } }
}

test('a thing is described as this hub is: its tags, its address, its tokens', async (t) => {
  const { hub, url } = await startServer(t, { tokens: [...TOKENS] })
  hub.record(PRESS, [{ tag: 'temperature', value: 71.3, unit: 'Cel', range: [0, 120] }], 1000)
  const headers = { authorization: `Bearer ${READER}` }
  const answer = await fetch(`${url}${at(ID)}`, { headers })
  assert.equal(answer.headers.get('content-type'), 'application/td+json; charset=utf-8')
  const thing = (await answer.json()) as Thing
  assert.deepEqual(await (await fetch(`${url}/api/v1/assets/${PRESS}/td`, { headers })).json(), thing)
  assert.deepEqual([thing.id, thing.base, thing.security], [ID, `${url}/`, ['token']])
  assert.equal(thing.securityDefinitions['token']!.scheme, 'bearer')
  const { forms, ...temperature } = thing.properties['temperature']!
  assert.deepEqual(temperature, {
    title: 'temperature',
    type: 'number',
    unit: 'Cel',
    minimum: 0,
    maximum: 120,
    readOnly: true,
    observable: true,
  })
  // What the description points to is there.
  assert.equal(await (await fetch(new URL(forms[0]!.href, thing.base), { headers })).text(), '71.3')
  assert.equal((await fetch(new URL(forms[0]!.href, thing.base))).status, 401)
  const open = await startServer(t, { hub })
  const free = (await (await fetch(`${open.url}${at(PRESS)}`)).json()) as Thing
  assert.equal(free.securityDefinitions[free.security[0]!]!.scheme, 'nosec')
})

test('the directory has all things once, page by page', async (t) => {
  const { hub, url } = await startServer(t)
  for (const name of ['a', 'b c', 'd', 'e', 'f']) hub.record(`acme/berlin/hall/${name}`, [{ tag: 'x', value: 1 }], 1000)
  const directory = (await (await fetch(`${url}/.well-known/wot`)).json()) as Thing
  assert.match(directory.properties['things']!.forms[0]!.href, /^api\/v1\/things/)
  const found: string[] = []
  for (let next: string | undefined = '/api/v1/things?limit=2'; next !== undefined;) {
    const answer: Response = await fetch(`${url}${next}`)
    found.push(...((await answer.json()) as Thing[]).map(({ id }) => id))
    next = /^<(.*)>; rel="next"$/.exec(answer.headers.get('link') ?? '')?.[1]
  }
  assert.deepEqual(
    found,
    ['a', 'b%20c', 'd', 'e', 'f'].map((name) => `urn:millrace:asset:acme/berlin/hall/${name}`),
  )
})

test('a value that is not the present is not told as one', async (t) => {
  const { hub, url } = await startServer(t)
  const read = (name: string) => fetch(`${url}${at(ID)}/properties/${encodeURIComponent(name)}`)
  hub.record(
    PRESS,
    [
      { tag: 'a/b %', value: 'Execute' },
      { tag: 'bad', value: 1, quality: 0x808c0000 },
    ],
    1_000_000,
  )
  const fresh = await read('a/b %')
  assert.deepEqual([fresh.status, await fresh.text(), fresh.headers.get('x-quality')], [200, '"Execute"', 'Good'])
  assert.equal(await codeOf(await read('bad')), 'NO_PRESENT_VALUE')
  hub.age(PRESS)
  const stale = await read('a/b %')
  assert.deepEqual([stale.status, await codeOf(stale)], [503, 'NO_PRESENT_VALUE'])
  assert.equal((await read('none')).status, 404)
  assert.equal((await fetch(`${url}${at('urn:millrace:asset:acme/berlin/nobody')}`)).status, 404)
})

test('changes of a value come as events, the newest only, and end with the server', async (t) => {
  const { hub, url, api } = await startServer(t, { limits: { liveFrameMs: 5 } })
  hub.record(PRESS, [{ tag: 'speed', value: 1 }], 1000)
  const headers = { accept: 'text/event-stream' }
  const answer = await fetch(`${url}${at(ID)}/properties/speed`, { headers })
  assert.equal(answer.headers.get('content-type'), 'text/event-stream')
  const events = eventsOf(answer)
  assert.deepEqual(await events.next(), { done: false, value: 'event: speed\nid: 1000\ndata: 1' })
  hub.record(PRESS, [{ tag: 'speed', value: 2 }], 2000)
  assert.deepEqual(await events.next(), { done: false, value: 'event: speed\nid: 2000\ndata: 2' })
  // Within one turn: nobody is told what is over already.
  for (let time = 3; time <= 100; time += 1) hub.record(PRESS, [{ tag: 'speed', value: time }], time * 1000)
  assert.deepEqual(await events.next(), { done: false, value: 'event: speed\nid: 100000\ndata: 100' })
  await api.close()
  assert.deepEqual(await events.next(), { done: true, value: undefined })
})

test('alarms of a thing come as events, and that they are over', async (t) => {
  const { hub, url, tell } = await startServer(t, { limits: { liveFrameMs: 5 } })
  hub.record(PRESS, [{ tag: 'speed', value: 1 }], 1000)
  assert.equal((await fetch(`${url}${at(ID)}/events/alarm`)).status, 406)
  const events = eventsOf(await fetch(`${url}${at(ID)}/events/alarm`, { headers: { accept: 'text/event-stream' } }))
  const raised = { alarm: 'hot', action: 'raise', priority: 'high', message: 'too hot', detail: {} } as const
  await tell({ ...raised, asset: OTHER, time: 1000 }, { ...raised, asset: PRESS, time: 2000 })
  const came = {
    asset: PRESS,
    alarm: 'hot',
    state: 'unacknowledged',
    priority: 'high',
    message: 'too hot',
    raisedAt: 2000,
  }
  assert.deepEqual(await events.next(), { done: false, value: `event: alarm\ndata: ${JSON.stringify(came)}` })
  await tell({ asset: PRESS, alarm: 'hot', action: 'acknowledge', by: 'anna', time: 3000 })
  const seen = { ...came, state: 'acknowledged' }
  assert.deepEqual(await events.next(), { done: false, value: `event: alarm\ndata: ${JSON.stringify(seen)}` })
  await tell({ asset: PRESS, alarm: 'hot', action: 'clear', time: 4000 })
  const over = { asset: PRESS, alarm: 'hot', state: 'normal' }
  assert.deepEqual(await events.next(), { done: false, value: `event: alarm\ndata: ${JSON.stringify(over)}` })
})

test('streams are counted', async (t) => {
  const { hub, url } = await startServer(t, { limits: { liveClients: 1, closeMs: 100 } })
  hub.record(PRESS, [{ tag: 'speed', value: 1 }], 1000)
  const open = () => fetch(`${url}${at(ID)}/properties/speed`, { headers: { accept: 'text/event-stream' } })
  const first = await open()
  assert.equal(await codeOf(await open()), 'TOO_MANY_LIVE_CLIENTS')
  await first.body!.cancel()
  // The place is free once the server has seen that the client went.
  await until(async () => {
    const again = await open()
    await (again.status === 200 ? again.body!.cancel() : again.text())
    return again.status === 200
  })
})

test('a command is an action with its own schema', () => {
  const twin = { path: PRESS, revision: 1, tags: [] }
  const actions = [
    {
      name: 'setpoint',
      description: 'Wanted temperature',
      value: { type: 'number', unit: 'Cel', range: [20, 80] as const },
    },
    { name: 'start', args: [{ name: 'speed', type: 'int64' }] },
  ]
  const thing = thingOf(twin, { base: 'http://x/', isGuarded: false, actions })
  const { setpoint, start } = thing['actions'] as {
    [name: string]: { input: { properties: object; required: string[] }; forms: unknown[] }
  }
  assert.deepEqual(setpoint!.input.required, ['asset', 'command', 'value'])
  assert.deepEqual((setpoint!.input.properties as { value: unknown }).value, {
    type: 'number',
    unit: 'Cel',
    minimum: 20,
    maximum: 80,
  })
  assert.deepEqual(setpoint!.forms, [{ op: 'invokeaction', href: 'api/v1/commands', contentType: 'application/json' }])
  assert.deepEqual(start!.input.required, ['asset', 'command', 'args'])
})

/** The events of a stream, without comments. */
async function* eventsOf(answer: Response): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of answer.body!) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const event = text.slice(0, end)
      text = text.slice(end + 2)
      if (!event.startsWith(':')) yield event
    }
  }
  return undefined
}
