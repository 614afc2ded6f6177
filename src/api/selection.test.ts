import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { LiveProbe, startServer } from '../../test/api/server.ts'
import type { AssetsView, LiveMessage, ProblemView } from './contract.ts'
import { API_LIMITS } from './limits.ts'
import { findAssets } from './find-assets.ts'
import { MemoryHub } from './memory-hub.ts'
import { Selection } from './selection.ts'
import { systemClock } from '../system/clock.ts'

const PLACE = 'acme/berlin/press-shop'

/** Presses 1 to `count`, each as hot as its number; every fifth one of line 2. */
function presses(count: number, hub = new MemoryHub()): MemoryHub {
  for (let n = 1; n <= count; n++) {
    hub.record(`${PLACE}/line${n % 5 === 0 ? 2 : 1}/press${n}`, [{ tag: 'temperature', value: n }], 1000)
  }
  return hub
}

const names = ({ assets }: AssetsView) => assets.map(({ path }) => path.slice(PLACE.length + 1))

test('assets are found by pattern, model and condition', async (t) => {
  const hub = presses(12)
  hub.record('acme/berlin/office', [{ tag: 'temperature', value: 21 }], 1000)
  const { url } = await startServer(t, { hub })
  const ask = async (query: object) => {
    const response = await fetch(`${url}/api/v1/assets?${String(new URLSearchParams({ ...query }))}`)
    return (await response.json()) as AssetsView
  }
  assert.deepEqual(names(await ask({ match: 'press-shop/line2/*' })), ['line2/press10', 'line2/press5'])
  assert.deepEqual(names(await ask({ match: 'press-shop/**', where: 'temperature > 10.0' })), [
    'line1/press11',
    'line1/press12',
  ])
  const page = await ask({ where: 'temperature >= 10', model: 'press@1', limit: 2 })
  assert.deepEqual(
    page.assets.map(({ path }) => path),
    ['acme/berlin/office', `${PLACE}/line1/press11`],
  )
  const rest = await ask({ where: 'temperature >= 10', model: 'press@1', limit: 2, after: page.next })
  assert.deepEqual(names(rest), ['line1/press12', 'line2/press10'])
})

test('what cannot be told is counted, and why it cannot', async (t) => {
  const hub = presses(2)
  hub.record(`${PLACE}/line1/press3`, [{ tag: 'temperature', value: 99, quality: 0x80000000 }], 1000)
  hub.record(`${PLACE}/line1/press4`, [{ tag: 'temperature', value: 'hot' }], 1000)
  hub.record(`${PLACE}/line1/press5`, [{ tag: 'pressure', value: 99 }], 1000)
  const { url } = await startServer(t, { hub })
  const answer = (await (await fetch(`${url}/api/v1/assets?where=temperature>1.5`)).json()) as AssetsView
  assert.deepEqual(names(answer), ['line1/press2'])
  assert.equal(answer.unknown?.assets, 3)
  assert.match(answer.unknown?.reason ?? '', /Cannot evaluate expression "temperature>1.5"/)
})

test('what cannot be asked is refused with what is wrong', async (t) => {
  const { url } = await startServer(t, { hub: presses(1) })
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ match: '' }, 'BAD_QUERY', /"match": it is ""/],
    [{ match: 'a', under: 'acme' }, 'BAD_QUERY', /"under": there is "match" too/],
    [{ model: 'pres@1' }, 'BAD_QUERY', /no asset is of "pres@1", want one of press@1; did you mean "press@1"\?/],
    [{ where: 'temperature >' }, 'BAD_EXPRESSION', /Cannot read expression "temperature >"/],
    [{ where: '1 + 1' }, 'BAD_EXPRESSION', /it yields int, want true or false/],
    [{ where: `temperature > ${'1'.repeat(3_000)}` }, 'BAD_EXPRESSION', /it has 3014 characters, want at most 2000/],
    [{ whre: 'x' }, 'BAD_QUERY', /"whre": it is not a parameter here/],
  ]
  for (const [query, code, message] of cases) {
    const response = await fetch(`${url}/api/v1/assets?${String(new URLSearchParams({ ...query }))}`)
    const problem = (await response.json()) as ProblemView
    assert.deepEqual([response.status, problem.code], [400, code], JSON.stringify(query))
    assert.match(problem.message, message)
  }
})

test('page by page, however little a page may look at, everything that fits comes once', () => {
  const hub = presses(230)
  const all = hub.paths({ limit: 1_000 })
  const wanted = fc.record({ least: fc.integer({ min: 0, max: 240 }), limit: fc.integer({ min: 1, max: 50 }) })
  fc.assert(
    fc.property(wanted, ({ least, limit }) => {
      const where = `temperature >= ${least}`
      const selection = new Selection(hub, { match: 'press-shop/*/*', where })
      const found: string[] = []
      let after: string | undefined
      do {
        const query = { limit, ...(after !== undefined && { after }) }
        const bounds = { clock: systemClock, limits: { findAssets: 1, findMs: 0 } }
        const page = findAssets(hub, selection, query, bounds)
        assert.ok(page.assets.length <= limit)
        found.push(...page.assets.map(({ path }) => path))
        after = page.next
      } while (after !== undefined)
      assert.deepEqual(
        found,
        all.filter((path) => Number(/\d+$/.exec(path)![0]) >= least),
      )
    }),
  )
})

/** Where each message of a probe puts an asset: in, or out of, what the client was told. */
function shownBy(messages: readonly LiveMessage[]): string[] {
  const shown = new Set<string>()
  for (const message of messages) {
    if (message.type === 'twins') for (const { path } of message.twins) shown.add(path)
    if (message.type === 'left') for (const path of message.paths) shown.delete(path)
  }
  return [...shown].map((path) => path.slice(PLACE.length + 1)).sort()
}

test('a live selection tells what fits, and what does not fit any more', async (t) => {
  const { hub, port } = await startServer(t, { hub: presses(9), limits: { liveFrameMs: 5, liveSelectionItems: 2 } })
  const probe = await new LiveProbe(port).open({
    assets: [],
    selections: [{ match: 'press-shop/line1/*', model: 'press@1', where: 'temperature >= 8' }],
  })
  await probe.find(() => shownBy(probe.messages).length === 2)
  assert.deepEqual(shownBy(probe.messages), ['line1/press8', 'line1/press9'])
  hub.record(`${PLACE}/line1/press8`, [{ tag: 'temperature', value: 7 }], 2000)
  hub.record(`${PLACE}/line1/press1`, [{ tag: 'temperature', value: 80 }], 2000)
  hub.record(`${PLACE}/line2/press5`, [{ tag: 'temperature', value: 80 }], 2000)
  await probe.find(() => shownBy(probe.messages).includes('line1/press1'))
  await probe.find((message) => message.type === 'left')
  assert.deepEqual(shownBy(probe.messages), ['line1/press1', 'line1/press9'])
  assert.ok(!probe.messages.some((message) => message.type === 'twins' && message.twins.some(isOfLine2)))
  probe.socket.close()
})

const isOfLine2 = ({ path }: { readonly path: string }) => path.includes('line2')

test('a thousand changes of an asset are one look at it', async (t) => {
  const { hub, port } = await startServer(t, { hub: presses(1) })
  const probe = await new LiveProbe(port).open({ assets: [], selections: [{ where: 'temperature >= 0' }] })
  await probe.find((message) => message.type === 'twins')
  for (let n = 0; n < 1000; n++) hub.record(`${PLACE}/line1/press1`, [{ tag: 'temperature', value: n }], 2000)
  await probe.find((message) => message.type === 'twins' && message.twins[0]!.tags[0]!.value === 999)
  assert.equal(probe.messages.filter((message) => message.type === 'twins').length, 2)
  probe.socket.close()
})

test('a selection that cannot be used ends the stream with the reason', async (t) => {
  const { port } = await startServer(t, { hub: presses(1) })
  const many = Array.from({ length: API_LIMITS.liveSelections + 1 }, () => ({}))
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [[{ where: 'temperature >' }], /Cannot read expression/],
    [[{ model: 'x@1' }], /no asset is of "x@1"/],
    [[{ mtch: '**' }], /it has other words, want match, model or where/],
    [many, /want at most 8 selections/],
    ['**', /want at most 8 selections/],
  ]
  for (const [selections, reason] of cases) {
    const probe = await new LiveProbe(port).open({ assets: [], selections })
    const [code, why] = (await once(probe.socket, 'close')) as [number, Buffer]
    assert.equal(code, 1008)
    assert.match(why.toString(), reason)
  }
})
