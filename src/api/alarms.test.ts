import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LiveProbe, PRESS, startServer, WRITER, TOKENS, READER } from '../../test/api/server.ts'
import type { AlarmTransition } from '../model/alarm.ts'
import type {
  AlarmCommandView,
  AlarmFiguresView,
  AlarmGroupView,
  AlarmJournalView,
  AlarmsView,
  ProblemView,
} from './contract.ts'

const OVEN = 'acme/berlin/hall2/oven1'

function raise(asset: string, alarm: string, more: Partial<AlarmTransition> = {}): AlarmTransition {
  return { asset, alarm, action: 'raise', time: Date.now(), priority: 'high', message: 'too hot', ...more }
}

async function get<T>(url: string, path: string): Promise<T> {
  const answer = await fetch(url + path)
  assert.equal(answer.status, 200, path)
  return (await answer.json()) as T
}

async function command(url: string, body: unknown, token?: string) {
  const answer = await fetch(`${url}/api/v1/alarms/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as AlarmCommandView & ProblemView }
}

const HOT = { asset: PRESS, alarm: 'hot' }

test('what stood at a moment, and what cannot be asked', async (t) => {
  const { url, tell } = await startServer(t)
  await tell(raise(PRESS, 'hot', { time: 1000 }))
  const between = Date.now()
  while (Date.now() <= between + 1) await new Promise((resolve) => setTimeout(resolve, 1))
  await tell({ ...raise(PRESS, 'hot'), action: 'clear' }, raise(OVEN, 'door'))
  const at = (time: string) => get<AlarmsView & { groups: AlarmGroupView[] }>(url, time)
  const then = await at(`/api/v1/alarms?at=${between}`)
  assert.deepEqual(
    then.alarms.map(({ asset, state }) => [asset, state]),
    [[PRESS, 'unacknowledged']],
  )
  assert.deepEqual([then.at, then.total], [between, 1])
  assert.equal((await at(`/api/v1/alarms?at=${new Date(between - 60_000).toISOString()}`)).total, 0)
  assert.deepEqual(
    (await at(`/api/v1/alarms/groups?at=${between}`)).groups.map(({ newest }) => newest.asset),
    [PRESS],
  )
  for (const wrong of [`at=${Date.now() + 60_000}`, 'at=yesterday', 'at='])
    assert.equal((await fetch(`${url}/api/v1/alarms?${wrong}`)).status, 400, wrong)
})

test('standing alarms by pattern, state, priority and page; groups of them', async (t) => {
  const { url, tell } = await startServer(t)
  await tell(
    raise(PRESS, 'hot', { time: 1000, detail: { values: { temperature: 97 } } }),
    raise(OVEN, 'hot', { time: 2000, priority: 'low' }),
    raise('acme/berlin/hall2/oven2', 'hot', { time: 3000, priority: 'medium' }),
    raise(OVEN, 'door', { time: 1500, priority: 'critical' }),
  )
  const names = async (query: string) => {
    const { alarms, total } = await get<AlarmsView>(url, `/api/v1/alarms${query}`)
    return [total, ...alarms.map(({ asset, alarm }) => `${asset.split('/').at(-1)} ${alarm}`)]
  }
  assert.deepEqual(await names(''), [4, 'oven1 door', 'press7 hot', 'oven2 hot', 'oven1 hot'])
  assert.deepEqual(await names('?limit=1&skip=1'), [4, 'press7 hot'])
  assert.deepEqual(await names('?on=hall2/*&alarm=hot'), [2, 'oven2 hot', 'oven1 hot'])
  assert.deepEqual(await names('?priority=high,critical'), [2, 'oven1 door', 'press7 hot'])
  assert.deepEqual(await names('?state=shelved'), [0])
  const { groups } = await get<{ groups: AlarmGroupView[] }>(url, '/api/v1/alarms/groups')
  assert.deepEqual(
    groups.map(({ alarm, place, count, priority }) => [alarm, place, count, priority]),
    [
      ['door', 'acme/berlin/hall2', 1, 'critical'],
      ['hot', 'acme/berlin/press-shop/line1', 1, 'high'],
      ['hot', 'acme/berlin/hall2', 2, 'medium'],
    ],
  )
  for (const query of ['?x=1', '?state=gone', '?limit=501', '?priority=', '?on=', '?skip=-1']) {
    const answer = await fetch(`${url}/api/v1/alarms${query}`)
    assert.deepEqual([answer.status, ((await answer.json()) as ProblemView).code], [400, 'BAD_QUERY'], query)
  }
})

test('the life of an alarm by commands: each is in the log with who did it, and seen at once', async (t) => {
  const { url, tell, memory } = await startServer(t, { tokens: [...TOKENS] })
  await tell(raise(PRESS, 'hot'))
  assert.equal((await command(url, { action: 'acknowledge', alarms: [HOT] }, READER)).status, 403)
  const seen = await command(url, { action: 'acknowledge', alarms: [HOT], comment: 'on my way' }, WRITER)
  assert.equal(seen.status, 200)
  assert.deepEqual(seen.body.refused, [])
  const [after] = seen.body.alarms
  assert.deepEqual([after!.state, after!.acknowledgedBy, after!.comments.length], ['acknowledged', 'line-pc', 1])
  const [end] = await memory.ends('acme.berlin.alarms')
  assert.equal(end!.end, 2)
  const again = await command(url, { action: 'acknowledge', alarms: [HOT] }, WRITER)
  assert.equal(again.status, 409)
  assert.deepEqual(again.body, {
    code: 'ALARM_REFUSED',
    message: `Cannot acknowledge alarm "hot" of "${PRESS}": it is acknowledged, want it unacknowledged`,
  })
  const until = Date.now() + 60_000
  const shelved = await command(url, { action: 'shelve', alarms: [HOT], until, comment: 'sensor is loose' }, WRITER)
  assert.deepEqual([shelved.body.alarms[0]!.state, shelved.body.alarms[0]!.shelvedUntil], ['shelved', until])
  const tooLong = await command(url, { action: 'shelve', alarms: [HOT], until: until + 86_400_000 }, WRITER)
  assert.match(tooLong.body.message, /want at most 86400000$/)
  for (const action of ['unshelve', 'suppress', 'unsuppress', 'remove-from-service', 'return-to-service'] as const) {
    assert.equal((await command(url, { action, alarms: [HOT] }, WRITER)).status, 200, action)
  }
  assert.equal((await command(url, { action: 'comment', alarms: [HOT], comment: 'ok' }, WRITER)).status, 200)
  assert.equal((await command(url, { action: 'reset', alarms: [HOT] }, WRITER)).body.code, 'ALARM_REFUSED')
  const headers = { authorization: `Bearer ${READER}` }
  const answer = await fetch(`${url}/api/v1/alarms/journal?limit=3`, { headers })
  const journal = (await answer.json()) as AlarmJournalView
  assert.deepEqual(
    journal.entries.map(({ action, by }) => [action, by]),
    [
      ['comment', 'line-pc'],
      ['return-to-service', 'line-pc'],
      ['remove-from-service', 'line-pc'],
    ],
  )
  const older = await fetch(`${url}/api/v1/alarms/journal?limit=3&after=${journal.next}`, { headers })
  assert.equal(((await older.json()) as AlarmJournalView).entries[0]!.action, 'unsuppress')
})

test('one command for many: what refuses is told, the rest is done; without a token it is "local"', async (t) => {
  const { url, tell } = await startServer(t)
  await tell(raise(PRESS, 'hot'), raise(OVEN, 'hot'))
  assert.equal((await command(url, { action: 'acknowledge', alarms: [HOT] })).status, 200)
  const both = await command(url, { action: 'acknowledge', alarms: [HOT, { asset: OVEN, alarm: 'hot' }] })
  assert.equal(both.status, 200)
  assert.deepEqual(both.body.refused, [{ ...HOT, reason: 'it is acknowledged, want it unacknowledged' }])
  assert.deepEqual([both.body.alarms.length, both.body.alarms[0]!.acknowledgedBy], [1, 'local'])
})

const BODIES: readonly (readonly [unknown, number, string])[] = [
  ['no JSON', 400, 'BAD_BODY'],
  [[], 400, 'BAD_BODY'],
  [{ action: 'raise', alarms: [HOT] }, 400, 'BAD_BODY'],
  [{ action: 'acknowledge' }, 400, 'BAD_BODY'],
  [{ action: 'acknowledge', alarms: [] }, 400, 'BAD_BODY'],
  [{ action: 'acknowledge', alarms: [HOT], now: true }, 400, 'BAD_BODY'],
  [{ action: 'acknowledge', alarms: [{ asset: PRESS }] }, 400, 'BAD_BODY'],
  [{ action: 'shelve', alarms: [HOT], until: 'soon' }, 400, 'BAD_BODY'],
  [{ action: 'comment', alarms: [HOT], comment: 'x'.repeat(2001) }, 400, 'BAD_BODY'],
  [{ action: 'comment', alarms: [HOT], comment: '\ud800' }, 400, 'BAD_BODY'],
  [{ action: 'comment', alarms: [HOT] }, 409, 'ALARM_REFUSED'],
  [{ action: 'shelve', alarms: [HOT] }, 409, 'ALARM_REFUSED'],
  [{ action: 'acknowledge', alarms: [{ asset: '__proto__', alarm: 'x' }] }, 404, 'ALARM_NOT_FOUND'],
]

test('commands that are none', async (t) => {
  const { url, hub, tell, memory } = await startServer(t)
  await tell(raise(PRESS, 'hot'))
  for (const [body, status, code] of BODIES) {
    const answer = await command(url, body)
    assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(body))
  }
  hub.view = { ...hub.view, log: { ...hub.view.log, state: 'failed', reason: 'The disk is full' } }
  assert.equal((await command(url, { action: 'acknowledge', alarms: [HOT] })).body.code, 'NOT_STORED')
  const [end] = await memory.ends('acme.berlin.alarms')
  assert.equal(end!.end, 1)
})

test('figures of a stretch of time, and the bounds of what may be asked', async (t) => {
  const { url, tell } = await startServer(t)
  await tell(...Array.from({ length: 12 }, (_, press) => raise(`acme/berlin/line1/press${press}`, 'hot')))
  const figures = await get<AlarmFiguresView>(url, `/api/v1/alarms/figures?to=${Date.now() + 60_000}`)
  assert.deepEqual([figures.alarms, figures.standing, figures.priorities.high], [12, 12, 12])
  assert.equal(figures.floods.length, 1)
  for (const query of ['?from=5&to=4', '?from=0', '?x=1', '?from=soon']) {
    assert.equal((await fetch(`${url}/api/v1/alarms/figures${query}`)).status, 400, query)
  }
})

test('the live stream tells of alarms at once, and again after a change', async (t) => {
  const { port, tell } = await startServer(t)
  const live = await new LiveProbe(port).open({ assets: [] })
  t.after(() => live.socket.close())
  await live.find((message) => message.type === 'alarms' && message.alarms.standing === 0)
  await tell(...Array.from({ length: 12 }, (_, press) => raise(`acme/berlin/line1/press${press}`, 'hot')))
  const told = await live.find((message) => message.type === 'alarms' && message.alarms.standing === 12)
  assert.ok(told.type === 'alarms')
  assert.deepEqual(told.alarms.unacknowledged, { low: 0, medium: 0, high: 12, critical: 0 })
  await live.find((message) => message.type === 'alarms' && message.alarms.isFlood)
})
