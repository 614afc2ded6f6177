import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { startServer } from '../../test/api/server.ts'
import { MemoryHistory } from '../../test/historian/memory-history.ts'
import { HistoryError } from '../historian/history-error.ts'
import type { HistoryReader } from '../historian/history-reader.ts'
import { Catalogue } from '../model/catalogue.ts'
import type { TagDefinition } from '../model/definition.ts'
import type { Reading } from '../model/reading.ts'
import { systemClock, type Clock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { evolve, newTwin } from '../twins/twin.ts'
import { Twins } from '../twins/twins.ts'
import { MemoryHub } from './memory-hub.ts'
import { PastViews } from './past-views.ts'
import { Selection } from './selection.ts'

const SITE = 'acme/berlin'
const PRESS = `${SITE}/hall/press1`
const { signal } = new AbortController()

const TAGS: readonly (readonly [string, TagDefinition])[] = [
  ['x', { type: 'number', kind: 'gauge' }],
  ['on', { type: 'boolean', kind: 'gauge' }],
  ['state', { type: 'string', kind: 'state' }],
]

interface Plant {
  readonly past: PastViews
  readonly hub: MemoryHub
  readonly twins: Twins
  readonly history: MemoryHistory
}

/** Twins and history of the same readings. */
function plantOf(readings: readonly Reading[], withHistory = true, clock: Clock = systemClock): Plant {
  const catalogue = new Catalogue()
  const hub = new MemoryHub()
  for (const path of new Set([PRESS, ...readings.map(({ asset }) => asset)])) {
    catalogue.define({ path, model: 'press@1', tags: new Map(TAGS) })
    hub.record(path, [], 0)
  }
  const system = { clock: systemClock, disk: fileDisk, logger: silentLogger }
  const twins = new Twins({ directory: '/nowhere', catalogue, system })
  const history = new MemoryHistory()
  const entries = readings.map((reading, offset) => ({ offset, source: 's', reading }))
  twins.take({ topic: 't', partition: 0, entries, nextOffset: entries.length, skipped: 0 })
  for (const { asset, values, quality = {}, sourceTime, receivedTime } of readings)
    for (const [tag, value] of Object.entries(values))
      history.add(asset, tag, [sourceTime, value, quality[tag] ?? 0, receivedTime])
  const reader: HistoryReader | undefined = withHistory ? history : undefined
  const alarms = { standingAt: async (_query: unknown, at: number) => ({ alarms: [], total: 0, at }) }
  const options = { twins, catalogue, hub, alarms, clock, holds: () => false }
  return { past: new PastViews({ ...options, ...(reader && { history: reader }) }), hub, twins, history }
}

/** Readings as a machine sends them: late ones, repeated times, a clock that is now and then ahead, values that are gone. */
const stream = fc
  .array(
    fc.record({
      wait: fc.integer({ min: 1, max: 3 }),
      off: fc.integer({ min: -8, max: 4 }),
      tag: fc.constantFrom('x', 'on', 'state'),
      value: fc.integer({ min: 0, max: 2 }),
      status: fc.constantFrom(0, 0, 0, 0x40000000, 0x80000000),
    }),
    { minLength: 1, maxLength: 40 },
  )
  .map((items) => {
    let receivedTime = 1_000
    return items.map(({ wait, off, tag, value, status }): Reading => {
      receivedTime += wait
      const typed = status === 0x80000000 ? null : tag === 'x' ? value : tag === 'on' ? value > 0 : `s${value}`
      const quality = status === 0 ? {} : { quality: { [tag]: status } }
      return { asset: PRESS, sourceTime: receivedTime + off, receivedTime, values: { [tag]: typed }, ...quality }
    })
  })

/** What a twin has that takes the records whose source time is at or before a moment, and no others. */
function fresh(readings: readonly Reading[], at: number) {
  const twin = newTwin(PRESS)
  for (const reading of readings) if (reading.sourceTime <= at) evolve(twin, reading, 's', 0)
  return Object.fromEntries(
    [...twin.tags].map(([tag, { value, quality, sourceTime, receivedTime }]) => [
      tag,
      { value, quality, sourceTime, receivedTime },
    ]),
  )
}

async function shownAt({ past }: Plant, at: number) {
  const twin = await past.twin(PRESS, at, signal)
  const came = twin!.tags.filter(({ receivedTime }) => receivedTime > 0)
  return Object.fromEntries(
    came.map(({ tag, value, quality, sourceTime, receivedTime }) => [
      tag,
      { value, quality, sourceTime, receivedTime },
    ]),
  )
}

test('at any moment it is the twin that the records up to then make, to the value, the quality and the times', async () => {
  await fc.assert(
    fc.asyncProperty(
      stream,
      fc.array(fc.integer({ min: -2, max: 130 }), { minLength: 1, maxLength: 5 }),
      async (readings, after) => {
        const plant = plantOf(readings)
        for (const ms of after) assert.deepEqual(await shownAt(plant, 1_000 + ms), fresh(readings, 1_000 + ms))
      },
    ),
    { numRuns: 400 },
  )
})

test('without history what has not changed since is known, and the rest is said not to be', async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.integer({ min: -2, max: 130 }), async (readings, ms) => {
      const plant = plantOf(readings, false)
      const wanted = fresh(readings, 1_000 + ms)
      const shown = await shownAt(plant, 1_000 + ms)
      const { basis } = (await plant.past.twin(PRESS, 1_000 + ms, signal))!
      for (const tag of Object.keys(shown)) assert.deepEqual(shown[tag], wanted[tag])
      for (const tag of Object.keys(wanted)) assert.ok(tag in shown || basis.unknown.includes(tag), tag)
      assert.equal(basis.history, 0)
    }),
  )
})

test('a state has been there since the first of its equals in order of time', async () => {
  const readings = ['a', 'a', 'b', 'b', 'b', 'a'].map((state, index): Reading => ({
    asset: PRESS,
    sourceTime: 1_000 + index * 100,
    receivedTime: 1_005 + index * 100,
    values: { state },
  }))
  const { past } = plantOf(readings)
  const sinceAt = async (at: number) =>
    (await past.twin(PRESS, at, signal))!.tags.find(({ tag }) => tag === 'state')!.since
  assert.deepEqual(await Promise.all([999, 1_000, 1_199, 1_250, 1_450, 1_500, 2_000].map(sinceAt)), [
    undefined,
    1_000,
    1_000,
    1_200,
    1_200,
    1_500,
    1_500,
  ])
})

test('what history has not any more is unknown, and not said to have never come', async () => {
  const { past, history } = plantOf([
    { asset: PRESS, sourceTime: 1_000, receivedTime: 1_000, values: { x: 1, on: true } },
    { asset: PRESS, sourceTime: 2_000, receivedTime: 2_000, values: { x: 2 } },
  ])
  const basisAt = async (at: number) => (await past.twin(PRESS, at, signal))!.basis
  assert.deepEqual((await basisAt(500)).unknown, ['x', 'on'])
  assert.equal((await basisAt(500)).historyFrom, 1_000)
  const { present, history: asked, unknown } = await basisAt(1_500)
  assert.deepEqual([present, asked, unknown], [1, 1, []])
  assert.ok(history.asked.calls > 0)
  assert.equal(await past.twin(`${SITE}/hall/none`, 1_500, signal), undefined)
})

test('a value that was old then is stale, by the age that it had', async () => {
  const { past } = plantOf([{ asset: PRESS, sourceTime: 1_000, receivedTime: 1_000, values: { x: 1 } }])
  const isStale = async (at: number) => (await past.twin(PRESS, at, signal))!.tags[0]!.stale
  assert.deepEqual([await isStale(61_000), await isStale(61_001)], [false, true])
})

/** Presses 1 to 40, or as many, each as hot as its number at 1 s, and ten hotter at 2 s. */
function hall(presses = 40, clock?: Clock): Plant {
  const readings = [0, 10].flatMap((more, index) =>
    Array.from({ length: presses }, (_, n): Reading => {
      const time = 1_000 + index * 1_000
      const asset = `${SITE}/hall/press${n + 1}`
      return { asset, sourceTime: time, receivedTime: time, values: { x: n + 1 + more } }
    }),
  )
  return plantOf(readings, true, clock)
}

test('lists and values are of then, page by page, and a condition looks at the values of then', async () => {
  const { past, hub } = hall()
  const selection = (where: string) => new Selection(hub, { match: 'hall/*', where })
  const hot = async (at: number) => (await past.assets({ limit: 100 }, at, selection('x > 38.0'), signal)).assets.length
  assert.deepEqual([await hot(1_500), await hot(2_500)], [2, 12])
  assert.deepEqual((await past.assets({ limit: 100 }, 500, selection('x > 38.0'), signal)).unknown, { assets: 40 })
  const found: unknown[] = []
  let after: string | undefined
  do {
    const page = await past.values(
      { on: 'hall/*', tags: ['x'], limit: 7, ...(after !== undefined && { after }) },
      1_500,
      signal,
    )
    found.push(...page.assets.map(({ values }) => values['x']))
    after = page.next
  } while (after !== undefined)
  assert.deepEqual(
    found,
    hub.paths({ limit: 100 }).map((path) => Number(/\d+$/.exec(path)![0])),
  )
})

test('a page asks history for all of its assets at once, and by halves where an answer would be too large', async () => {
  const { past, history } = hall(200)
  const hot = async () =>
    (await past.values({ on: 'hall/*', tags: ['x'], limit: 200 }, 1_500, signal)).assets.map(
      ({ values }) => values['x'],
    )
  const values = await hot()
  assert.deepEqual([values.length, history.asked.calls], [200, 1])
  const before = history.before.bind(history)
  const most: number[] = []
  history.before = async (query, stop) => {
    most.push(query.tags.size)
    if (query.tags.size > 60) throw new HistoryError('HISTORY_TOO_LARGE', 'out of memory')
    return before(query, stop)
  }
  assert.deepEqual(await hot(), values)
  assert.deepEqual(most, [200, 100, 50, 50, 100, 50, 50])
})

test('a page whose time is up ends and says where it goes on; while history is slow it asks for less at a time', async () => {
  let now = 0
  const { past, history } = hall(1_000, { ...systemClock, monotonic: () => now })
  const before = history.before.bind(history)
  const lots: number[] = []
  history.before = (query, stop) => {
    lots.push(query.tags.size)
    now += 2_000
    return before(query, stop)
  }
  const pages: number[] = []
  let after: string | undefined
  do {
    const page = await past.values(
      { on: 'hall/*', tags: ['x'], limit: 1_000, ...(after !== undefined && { after }) },
      1_500,
      signal,
    )
    pages.push(page.assets.length)
    after = page.next
  } while (after !== undefined)
  assert.deepEqual(pages, [448, 448, 104])
  assert.deepEqual(lots, [256, 128, 64, 256, 128, 64, 104])
})

test('two moments are told apart by what differs', async () => {
  const { past } = plantOf([
    { asset: PRESS, sourceTime: 1_000, receivedTime: 1_000, values: { x: 1, state: 'Idle' } },
    { asset: PRESS, sourceTime: 2_000, receivedTime: 2_000, values: { x: 4.5, state: 'Idle' } },
    { asset: PRESS, sourceTime: 2_500, receivedTime: 2_500, values: { on: true } },
  ])
  const view = (await past.compare(PRESS, 1_500, 3_000, signal))!
  assert.deepEqual(
    view.tags.map(({ tag, a, b, change }) => [tag, a.value, b.value, change]),
    [
      ['x', 1, 4.5, 3.5],
      ['on', null, true, undefined],
    ],
  )
  assert.equal(view.same, 1)
  assert.equal('sourceTime' in view.tags[1]!.a, false)
})

test('the routes of the past: a moment of one asset, of lists and of values, and what cannot be asked', async (t) => {
  const { past, hub } = hall()
  const { url } = await startServer(t, { hub, past })
  const get = async (path: string) => {
    const answer = await fetch(`${url}/api/v1${path}`)
    return [answer.status, await answer.json()] as [number, { [name: string]: unknown }]
  }
  const [, then] = await get(`/assets/${PRESS}?at=1970-01-01T00:00:01.500Z`)
  assert.deepEqual([then['at'], 'revision' in then], [1_500, false])
  const [, list] = await get('/assets?at=1500&match=hall/*&where=x>38.0')
  assert.equal((list['assets'] as unknown[]).length, 2)
  const [, values] = await get('/values?on=hall/press7&tags=x&at=2500')
  assert.deepEqual((values['assets'] as { values: unknown }[])[0]!.values, { x: 17 })
  assert.deepEqual((await get(`/values/${PRESS}?at=1500`))[1], { x: 1, on: null, state: null })
  const [, changes] = await get(`/assets/${PRESS}/compare?a=1500&b=2500`)
  assert.equal((changes['tags'] as { change: number }[])[0]!.change, 10)
  const ahead = Date.now() + 60_000
  const wrong: readonly (readonly [string, number, string])[] = [
    [`/assets/${PRESS}?at=${ahead}`, 400, 'BAD_QUERY'],
    [`/assets/${PRESS}?at=then`, 400, 'BAD_QUERY'],
    [`/assets/${PRESS}/compare`, 400, 'BAD_QUERY'],
    [`/assets/${PRESS}/compare?a=1500&b=${ahead}`, 400, 'BAD_QUERY'],
    [`/assets/${PRESS}/compare?a=1500&c=1`, 400, 'BAD_QUERY'],
    [`/assets/${SITE}/hall/none?at=1500`, 404, 'ASSET_NOT_FOUND'],
    [`/assets/${SITE}/hall/none/compare?a=1500`, 404, 'ASSET_NOT_FOUND'],
    ['/values?on=hall/*&tags=x&at=', 400, 'BAD_QUERY'],
  ]
  for (const [path, status, code] of wrong) {
    const [found, problem] = await get(path)
    assert.deepEqual([found, problem['code']], [status, code], path)
  }
})

test('a question that nobody waits for any more is ended', async () => {
  const { past } = hall()
  const stop = new AbortController()
  stop.abort(new Error('gone'))
  await assert.rejects(past.twin(PRESS, 1_500, stop.signal), /gone/)
  await assert.rejects(past.values({ on: 'hall/*', tags: ['x'], limit: 10 }, 1_500, stop.signal), /gone/)
})
