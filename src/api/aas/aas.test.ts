import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { codeOf, READER, startServer, TOKENS } from '../../../test/api/server.ts'
import { systemClock } from '../../system/clock.ts'
import type { Desk } from '../desk.ts'
import { environmentText } from './environment.ts'
import { idShortsOf } from './id-short.ts'
import { pathOfShell, placeOfSubmodel, shellId, submodelId } from './ids.ts'
import type { JsonObject } from './json.ts'
import { loadedAas } from './loaded.ts'
import { pageOfIds } from './page.ts'
import { Repository } from './repository.ts'
import { AAS_ROUTES } from './routes.ts'

const FILE = new URL('../../../test/aas/all-elements.json', import.meta.url)
const HALL = 'acme/berlin/hall'

/** Four machines, and a loaded shell after them. */
async function door(t: TestContext) {
  const all = JSON.parse(readFileSync(FILE, 'utf8')) as {
    readonly [name: string]: readonly ({ id: string } & JsonObject)[]
  }
  const loaded = { shells: all['assetAdministrationShells']!, submodels: all['submodels']!, concepts: [] }
  const { hub, url } = await startServer(t, { aas: [loaded] })
  for (const name of ['a', 'b c', 'ä%:', 'd'])
    hub.record(`${HALL}/${name}`, [{ tag: 'speed', value: 7, unit: 'm/s' }], 1000)
  const ask = (path: string) => fetch(`${url}/aas/api/v3.0${path}`)
  const get = async <T = Page>(path: string) => (await (await ask(path)).json()) as T
  return { hub, ask, get }
}

interface Page {
  readonly paging_metadata: { readonly cursor?: string }
  readonly result: readonly { readonly id: string; readonly idShort: string }[]
}

const encoded = (id: string) => Buffer.from(id).toString('base64url')

/** All pages of a listing. */
async function walk(get: <T>(path: string) => Promise<T>, path: string, limit: number): Promise<unknown[]> {
  const found: unknown[] = []
  let cursor = ''
  for (let page = 0; page < 100; page += 1) {
    const { result, paging_metadata } = await get<Page>(`${path}?limit=${limit}${cursor}`)
    found.push(...result)
    if (paging_metadata.cursor === undefined) return found
    assert.equal(result.length, limit)
    cursor = `&cursor=${paging_metadata.cursor}`
  }
  throw new Error('It never ends')
}

test('pages have everything once, in one order, whatever their size', async (t) => {
  const { get } = await door(t)
  for (const path of ['/shells', '/submodels', '/shells/$reference', '/submodels/$metadata', '/submodels/$path']) {
    const whole = await walk(get, path, 1000)
    assert.ok(whole.length >= 5, path)
    for (const limit of [1, 2, 3, 4]) assert.deepEqual(await walk(get, path, limit), whole, `${path} by ${limit}`)
  }
  const at = `/submodels/${encoded('https://example.org/submodel/1')}/submodel-elements`
  for (const form of ['', '/$value', '/$metadata', '/$reference', '/$path'])
    assert.deepEqual(await walk(get, at + form, 4), await walk(get, at + form, 1000), form)
})

test('a page goes on behind what has gone away since', async (t) => {
  const { get, ask } = await door(t)
  const gone = encoded(submodelId(`${HALL}/ab`, 'OperationalData'))
  const { result } = await get(`/submodels?limit=1&cursor=${gone}`)
  assert.equal(result[0]!.id, submodelId(`${HALL}/b c`, 'OperationalData'))
  assert.equal(await codeOf(await ask(`/submodels?cursor=${encoded('urn:other')}`)), 'BAD_QUERY')
})

test('ids lead back to the asset, whatever is in its name', async (t) => {
  const { get } = await door(t)
  for (const path of [`${HALL}/ä%:`, `${HALL}/b c`, 'acme/berlin/a/b/c']) {
    assert.equal(pathOfShell(shellId(path)), path)
    assert.deepEqual(placeOfSubmodel(submodelId(path, 'PredictiveMaintenance:a:b')), {
      path,
      name: 'PredictiveMaintenance:a:b',
    })
  }
  const id = shellId(`${HALL}/ä%:`)
  assert.equal((await get<{ id: string }>(`/shells/${encoded(id)}`)).id, id)
})

test('finds shells and submodels by idShort, asset and meaning', async (t) => {
  const { get } = await door(t)
  const names = async (path: string) => (await get(path)).result.map(({ idShort }) => idShort)
  assert.deepEqual(await names('/shells?idShort=b_c'), ['b_c'])
  assert.deepEqual(await names('/submodels?idShort=OperationalData'), Array(4).fill('OperationalData'))
  const operational = encoded(JSON.stringify({ keys: [{ value: 'urn:millrace:submodel:OperationalData:1' }] }))
  assert.equal((await get(`/submodels?semanticId=${operational}`)).result.length, 4)
  assert.deepEqual(await names('/submodels?idShort=Nameplate'), [])
  const asset = (name: string, value: string) => `assetIds=${encoded(JSON.stringify({ name, value }))}`
  assert.deepEqual(await names(`/shells?${asset('path', `${HALL}/d`)}`), ['d'])
  assert.deepEqual(await names(`/shells?${asset('path', `${HALL}/d`)}&${asset('path', `${HALL}/a`)}`), [])
  assert.deepEqual(await names(`/shells?${asset('globalAssetId', 'https://example.org/asset/1')}`), ['Example'])
  const meaning = {
    type: 'ExternalReference',
    keys: [{ type: 'GlobalReference', value: 'https://example.org/semantics/all' }],
  }
  assert.deepEqual(await names(`/submodels?semanticId=${encoded(JSON.stringify(meaning))}`), ['AllElements'])
})

test('a value comes with its quality and its time', async (t) => {
  const { get, ask, hub } = await door(t)
  const at = `/submodels/${encoded(submodelId(`${HALL}/a`, 'OperationalData'))}`
  const speed = {
    Value: 7,
    Quality: 'Good',
    SourceTime: '1970-01-01T00:00:01.000Z',
    ReceivedTime: '1970-01-01T00:00:01.000Z',
    IsStale: false,
  }
  assert.deepEqual(await get(`${at}/$value`), { speed })
  hub.age(`${HALL}/a`)
  assert.deepEqual(await get(`${at}/submodel-elements/speed/$value`), { ...speed, IsStale: true })
  const bare = await ask(`${at}/submodel-elements/speed.Value/$value`)
  assert.match(bare.headers.get('content-type')!, /^application\/json/)
  assert.equal(await bare.text(), '7')
  const element = await get<JsonObject>(`${at}/submodel-elements/speed.Value`)
  assert.match(JSON.stringify(element), /"unit":"m\/s","unitId":\{.*"http:\/\/unitsofmeasure\.org#m%2Fs"/)
})

test('what is asked wrongly is refused in the words of the standard', async (t) => {
  const { ask } = await door(t)
  const known = encoded(submodelId(`${HALL}/a`, 'OperationalData'))
  const refused: readonly (readonly [path: string, status: number, code: string])[] = [
    ['/shells?limit=0', 400, 'BAD_QUERY'],
    ['/shells?limit=5000', 400, 'BAD_QUERY'],
    ['/shells?cursor=%21', 400, 'BAD_QUERY'],
    ['/shells?nonsense=1', 400, 'BAD_QUERY'],
    ['/shells?assetIds=e30', 400, 'BAD_QUERY'],
    ['/shells/not-base64url=====', 400, 'BAD_QUERY'],
    [`/shells/${encoded('\u00ff').slice(0, 2)}`, 400, 'BAD_QUERY'],
    [`/shells/${encoded('urn:nobody')}`, 404, 'AAS_NOT_FOUND'],
    [`/shells/${encoded(shellId(`${HALL}/a`))}/asset-information/thumbnail`, 404, 'AAS_NOT_FOUND'],
    [`/submodels/${encoded('urn:millrace:submodel:%ff:x')}`, 404, 'AAS_NOT_FOUND'],
    [`/submodels/${known}?level=shallow`, 400, 'BAD_QUERY'],
    [`/submodels/${known}?extent=all`, 400, 'BAD_QUERY'],
    [`/submodels/${known}/$metadata?level=core`, 400, 'BAD_QUERY'],
    [`/submodels/${known}/$reference?level=deep`, 400, 'BAD_QUERY'],
    [`/submodels/${known}/submodel-elements/none`, 404, 'AAS_NOT_FOUND'],
    [`/submodels/${known}/submodel-elements/speed.Value/$path`, 400, 'BAD_QUERY'],
    [`/submodels/${known}/submodel-elements/speed/attachment`, 400, 'BAD_QUERY'],
    [`/shells/${encoded(shellId(`${HALL}/d`))}/submodels/${known}`, 404, 'AAS_NOT_FOUND'],
    [`/serialization?aasIds=${encoded('urn:nobody')}`, 404, 'AAS_NOT_FOUND'],
  ]
  for (const [path, status, code] of refused) {
    const answer = await ask(path)
    assert.equal(answer.status, status, path)
    const { messages } = (await answer.clone().json()) as { messages: { messageType: string; timestamp: string }[] }
    assert.equal(messages[0]!.messageType, 'Error')
    assert.match(messages[0]!.timestamp, /^\d{4}-.*Z$/)
    assert.equal(await codeOf(answer), code, path)
  }
})

test('an export has what is named, and says in which form', async (t) => {
  const { ask, get } = await door(t)
  const one = await get<{ [list: string]: { id: string }[] }>(`/serialization?aasIds=${encoded(shellId(`${HALL}/a`))}`)
  assert.deepEqual(Object.keys(one), ['assetAdministrationShells', 'submodels', 'conceptDescriptions'])
  assert.deepEqual(
    one['submodels']!.map(({ id }) => id),
    [submodelId(`${HALL}/a`, 'OperationalData')],
  )
  const all = await get<{ [list: string]: unknown[] }>('/serialization?includeConceptDescriptions=false')
  assert.deepEqual(
    [all['assetAdministrationShells']!.length, all['submodels']!.length, all['conceptDescriptions']],
    [5, 5, undefined],
  )
  assert.equal((await ask('/serialization')).headers.get('content-type'), 'application/json; charset=utf-8')
})

test('an export that no hub holds in memory is refused, and says how to ask for less', async (t) => {
  const { hub } = await door(t)
  const events = { events: async () => ({ events: [] }) }
  const desk = { hub, events, aas: loadedAas([]), clock: systemClock } as unknown as Desk
  const repository = new Repository(desk, 'http://hub/', new AbortController().signal)
  const query = { includeConceptDescriptions: true }
  const whole = await environmentText(repository, query)
  assert.equal(await environmentText(repository, query, { shells: 4, characters: whole.length }), whole)
  const wanted = /want some of them in "aasIds"$/
  const tooMuch = { status: 413, code: 'TOO_MUCH_TO_EXPORT', message: wanted }
  await assert.rejects(environmentText(repository, query, { shells: 3, characters: whole.length }), tooMuch)
  await assert.rejects(environmentText(repository, query, { shells: 4, characters: whole.length / 2 }), tooMuch)
})

test('a page that is large ends early, and the next goes on', async () => {
  async function* things() {
    for (let number = 0; number < 10; number += 1) yield { id: String(number), text: 'x'.repeat(3 << 20) }
  }
  const page = await pageOfIds(
    things(),
    100,
    () => true,
    (one) => one,
  )
  assert.deepEqual([page.result.length, page.paging_metadata.cursor], [3, encoded('2')])
})

test('every address is for reading, and only for those who may', async (t) => {
  assert.ok(AAS_ROUTES.every(({ method, need }) => method === 'GET' && need === 'read'))
  // 25 operations of the one profile and 23 of the other, of which they share serialization and description.
  assert.equal(AAS_ROUTES.length, 25 + 23 - 2)
  const { url } = await startServer(t, { tokens: [...TOKENS] })
  const answer = await fetch(`${url}/aas/api/v3.0/shells`)
  assert.equal(answer.status, 401)
  assert.equal(await codeOf(answer), 'UNAUTHENTICATED')
  const headers = { authorization: `Bearer ${READER}` }
  assert.equal((await fetch(`${url}/aas/api/v3.0/shells`, { headers })).status, 200)
})

test('an idShort is letters, digits and underscores, and the only one of its kind', () => {
  assert.deepEqual(idShortsOf(['motor.temp', 'motor_temp', 'MOTOR-TEMP', '3rd', 'größe', '']), [
    'motor_temp',
    'motor_temp_2',
    'MOTOR_TEMP_3',
    't_3rd',
    'gro__e',
    't_',
  ])
  const [long, longer] = idShortsOf(['x'.repeat(200), 'x'.repeat(201)])
  assert.deepEqual([long!.length, longer!.length], [128, 128])
  assert.notEqual(long, longer)
})
