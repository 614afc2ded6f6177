import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { before, test, after } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { assertSchema, assertShape } from './shapes.ts'
import { I3xClient, type Item } from './i3x-client.ts'
import { startPlant, type RunningPlant } from './plant.ts'
import { readEvents } from './events.ts'

/**
 * Every MUST of i3X 1.0 (CESMII, implementation guide), and streaming, asked of a running hub: the same things that the
 * public suite of the specification looks at, written by the guide. `I3X_URL` and `I3X_TOKEN` point it at another server.
 */

const NOBODY = 'no-element-has-this-id'

interface Namespace {
  readonly uri: string
}
interface Type {
  readonly elementId: string
  readonly namespaceUri: string
  readonly schema: object
}
interface RelationType extends Type {
  readonly reverseOf: string
}
interface Instance {
  readonly elementId: string
  readonly typeElementId: string
  readonly parentId: string | null
  readonly isComposition: boolean
  readonly isExtended: boolean
  readonly metadata?: { readonly relationships: { readonly [type: string]: string | string[] } }
}
interface Related {
  readonly sourceRelationship: string
  readonly object: Instance
}
interface Current {
  readonly value: unknown
  readonly quality: string
  readonly timestamp: string
  readonly components?: { readonly [elementId: string]: Current }
}
interface Batch {
  readonly sequenceNumber: number
  readonly updates: readonly (Current & { readonly elementId: string })[]
}

let plant: RunningPlant | undefined
let base = process.env['I3X_URL'] ?? ''
let i3x: I3xClient
let objects: Instance[] = []
let types: Type[] = []
let relations: RelationType[] = []

before(async () => {
  if (base === '') {
    plant = await startPlant()
    base = `${plant.page}/i3x/v1`
  }
  i3x = new I3xClient(base, process.env['I3X_TOKEN'])
  objects = await i3x.list<Instance>('/objects', 'instance')
  types = await i3x.list<Type>('/objecttypes', 'objectType')
  relations = await i3x.list<RelationType>('/relationshiptypes', 'relationshipType')
})

after(() => plant?.close())

test('info: open to everybody, with the version and what is offered', async () => {
  const answer = await fetch(`${base}/info`)
  assert.equal(answer.status, 200)
  const { success, result } = (await answer.json()) as { success: boolean; result: unknown }
  assert.equal(success, true)
  assertShape('info', result)
})

test('gzip where it is asked for, plain where it is not', async () => {
  const ask = async (encoding: string) => {
    const headers = {
      accept: 'application/json',
      'accept-encoding': encoding,
      authorization: `Bearer ${process.env['I3X_TOKEN'] ?? ''}`,
    }
    const answer = await new Promise<{ encoding: string | undefined; body: Buffer }>((resolve, reject) => {
      const sent = httpRequest(`${base}/namespaces`, { headers }, (response) => {
        buffer(response).then((body) => resolve({ encoding: response.headers['content-encoding'], body }), reject)
      })
      sent.on('error', reject).end()
    })
    return answer
  }
  for (const asked of ['gzip', 'deflate, gzip;q=0.5', 'br,gzip']) {
    const { encoding, body } = await ask(asked)
    assert.equal(encoding, 'gzip', asked)
    assert.equal(JSON.parse(gunzipSync(body).toString()).success, true)
  }
  for (const asked of ['identity', 'gzip;q=0', 'br']) {
    const { encoding, body } = await ask(asked)
    assert.equal(encoding, undefined, asked)
    assert.equal(JSON.parse(body.toString()).success, true)
  }
})

test('namespaces: at least one, each once', async () => {
  const found = await i3x.get<Namespace[]>('/namespaces', 'namespaces')
  assert.ok(found.length > 0)
  assert.equal(new Set(found.map(({ uri }) => uri)).size, found.length)
  const uris = new Set(found.map(({ uri }) => uri))
  for (const { elementId, namespaceUri } of [...types, ...relations]) assert.ok(uris.has(namespaceUri), elementId)
})

test('types: filtered by namespace, asked for by id, each a JSON Schema', async () => {
  for (const [path, all, shape] of [
    ['/objecttypes', types, 'objectType'],
    ['/relationshiptypes', relations, 'relationshipType'],
  ] as const) {
    for (const uri of new Set(all.map(({ namespaceUri }) => namespaceUri))) {
      const found = await i3x.list<Type>(`${path}?namespaceUri=${encodeURIComponent(uri)}`, shape)
      const wanted = all.filter(({ namespaceUri }) => namespaceUri === uri)
      assert.deepEqual(
        found.map(({ elementId }) => elementId),
        wanted.map(({ elementId }) => elementId),
      )
    }
    assert.deepEqual(await i3x.get(`${path}?namespaceUri=urn:nobody`, 'anything'), [])
    const ids = [
      ...all
        .slice(0, 3)
        .map(({ elementId }) => elementId)
        .reverse(),
      NOBODY,
    ]
    const results = await i3x.bulk(`${path}/query`, { elementIds: ids }, shape)
    assert.deepEqual(statuses(results), [200, 200, 200, 404])
  }
})

test('relationship types: every one has its reverse, and is the reverse of that', () => {
  const known = new Map(relations.map((one) => [one.elementId, one]))
  for (const { elementId, reverseOf } of relations) assert.equal(known.get(reverseOf)?.reverseOf, elementId)
  for (const wanted of ['HasParent', 'HasChildren', 'HasComponent', 'ComponentOf']) assert.ok(known.has(wanted))
})

test('objects: ids are unique and printable, each has a registered type, parents are there', async () => {
  const ids = [...objects, ...types, ...relations].map(({ elementId }) => elementId)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) {
    assert.equal(id, id.trim())
    assert.doesNotMatch(id, /\p{C}/u)
  }
  const known = new Set(types.map(({ elementId }) => elementId))
  const here = new Set(objects.map(({ elementId }) => elementId))
  for (const { elementId, typeElementId, parentId } of objects) {
    assert.ok(known.has(typeElementId), `${elementId} is of ${typeElementId}`)
    assert.ok(parentId === null || here.has(parentId), `${elementId} is in ${parentId}`)
  }
})

test('objects: roots, those of a type, with metadata, by id', async () => {
  const roots = await i3x.list<Instance>('/objects?root=true', 'instance')
  assert.ok(roots.length > 0)
  assert.deepEqual(
    roots.map(({ parentId }) => parentId),
    roots.map(() => null),
  )
  for (const type of new Set(objects.map(({ typeElementId }) => typeElementId))) {
    const found = await i3x.list<Instance>(`/objects?typeElementId=${encodeURIComponent(type)}`, 'instance')
    const wanted = objects.filter(({ typeElementId }) => typeElementId === type)
    assert.deepEqual(
      found.map(({ elementId }) => elementId),
      wanted.map(({ elementId }) => elementId),
    )
  }
  const described = await i3x.list<Instance>('/objects?includeMetadata=true', 'instance')
  assert.ok(described.every(({ metadata }) => metadata !== undefined))
  for (const { elementId, isExtended, metadata } of described)
    assert.equal('schemaExtensions' in metadata!, isExtended, elementId)
  const ids = [...objects.slice(0, 2).map(({ elementId }) => elementId), NOBODY]
  assert.deepEqual(statuses(await i3x.bulk('/objects/list', { elementIds: ids }, 'instance')), [200, 200, 404])
})

test('relations: registered, told from both ends, filtered, and the way to the parent is among them', async () => {
  const reverse = new Map(relations.map(({ elementId, reverseOf }) => [elementId, reverseOf]))
  const ids = objects.map(({ elementId }) => elementId)
  const results = await i3x.bulk<Related[]>('/objects/related', { elementIds: ids }, 'related')
  const edges = results.flatMap(({ elementId, result }) =>
    result!.map(({ sourceRelationship, object }) => `${elementId} ${sourceRelationship} ${object.elementId}`),
  )
  assert.equal(new Set(edges).size, edges.length)
  const known = new Set(edges)
  for (const { elementId, result } of results) {
    for (const { sourceRelationship, object } of result!) {
      assert.ok(reverse.has(sourceRelationship), sourceRelationship)
      assert.ok(
        known.has(`${object.elementId} ${reverse.get(sourceRelationship)} ${elementId}`),
        `${elementId} ${sourceRelationship}`,
      )
    }
  }
  for (const { elementId, parentId, isComposition } of objects) {
    const has = (relation: string) => known.has(`${elementId} ${relation} ${parentId}`)
    assert.ok(parentId === null || has('HasParent') || has('ComponentOf'), elementId)
    assert.equal(
      isComposition,
      edges.some((edge) => edge.startsWith(`${elementId} HasComponent `)),
    )
  }
  const [first] = results.filter(({ result }) => result!.length > 0)
  const { sourceRelationship } = first!.result![0]!
  const body = { elementIds: [first!.elementId!], relationshipType: sourceRelationship }
  const [filtered] = await i3x.bulk<Related[]>('/objects/related', body, 'related')
  assert.ok(filtered!.result!.length > 0)
  assert.ok(filtered!.result!.every((edge) => edge.sourceRelationship === sourceRelationship))
  const described = await i3x.list<Instance>('/objects?includeMetadata=true', 'instance')
  const told = described.flatMap(({ elementId, metadata }) =>
    Object.entries(metadata!.relationships).flatMap(([type, to]) =>
      [to].flat().map((one) => `${elementId} ${type} ${one}`),
    ),
  )
  assert.deepEqual(told.sort(), edges.sort())
})

test('values: of their type, null where the quality says so, in the order of the ids', async () => {
  const ids = [...objects.map(({ elementId }) => elementId), NOBODY]
  const results = await i3x.bulk<Current>('/objects/value', { elementIds: ids }, 'current')
  assert.deepEqual(statuses(results), [...objects.map(() => 200), 404])
  const schemas = new Map(types.map(({ elementId, schema }) => [elementId, schema]))
  let checked = 0
  for (const [at, { elementId, typeElementId }] of objects.entries()) {
    const { value } = results[at]!.result!
    if (value === null) continue
    assertSchema(schemas.get(typeElementId)!, value, `${typeElementId}, as ${elementId} should be`)
    checked += 1
  }
  assert.ok(checked > 0)
})

test('values: components by their ids where they are asked for, as they are alone', async () => {
  const whole = objects.find(({ isComposition }) => isComposition)!
  const ask = async (maxDepth?: number) => {
    const body = { elementIds: [whole.elementId], ...(maxDepth !== undefined && { maxDepth }) }
    return (await i3x.bulk<Current>('/objects/value', body, 'current'))[0]!.result!
  }
  assert.equal((await ask()).components, undefined)
  assert.equal((await ask(1)).components, undefined)
  const { components } = await ask(0)
  const asked = { elementIds: [whole.elementId], relationshipType: 'HasComponent' }
  const [parts] = await i3x.bulk<Related[]>('/objects/related', asked, 'related')
  assert.deepEqual(Object.keys(components!).sort(), parts!.result!.map(({ object }) => object.elementId).sort())
  assert.deepEqual((await ask(2)).components, components)
})

test('history: values in the range, in order, or GoodNoData; unknown ids fail alone', async () => {
  const now = Date.now()
  const range = { startTime: new Date(now - 86_400_000).toISOString(), endTime: new Date(now + 1000).toISOString() }
  const ids = [...objects.slice(0, 20).map(({ elementId }) => elementId), NOBODY]
  const results = await i3x.bulk<{ values: Current[] }>('/objects/history', { elementIds: ids, ...range }, 'history')
  assert.equal(results.at(-1)!.responseDetail!.status, 404)
  for (const { result } of results.slice(0, -1)) {
    const times = result!.values.map(({ timestamp }) => Date.parse(timestamp))
    assert.ok(times.every((time) => time >= Date.parse(range.startTime) && time <= Date.parse(range.endTime)))
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b),
    )
  }
})

test('subscription: made, listed, of its client only', async () => {
  const { clientId, subscriptionId } = await subscribe()
  const listed = { clientId, subscriptionIds: [subscriptionId, NOBODY] }
  assert.deepEqual(statuses(await i3x.bulk('/subscriptions/list', listed, 'subscription')), [200, 404])
  for (const [path, body] of [
    ['/subscriptions', { displayName: 'x' }],
    ['/subscriptions/list', { subscriptionIds: [subscriptionId] }],
    ['/subscriptions/delete', { subscriptionIds: [subscriptionId] }],
    ['/subscriptions/register', { subscriptionId, elementIds: [] }],
    ['/subscriptions/unregister', { subscriptionId, elementIds: [] }],
    ['/subscriptions/sync', { subscriptionId }],
    ['/subscriptions/stream', { subscriptionId }],
  ] as const) {
    assert.equal(await refusal(path, body), 400, `${path} without clientId`)
  }
  const foreign = { clientId: 'another-client', subscriptionId }
  for (const path of ['/sync', '/stream']) assert.equal(await refusal(`/subscriptions${path}`, foreign), 404)
  for (const path of ['/register', '/unregister'])
    assert.equal(await refusal(`/subscriptions${path}`, { ...foreign, elementIds: [] }), 404)
  const others = { clientId: 'another-client', subscriptionIds: [subscriptionId] }
  for (const path of ['/list', '/delete'])
    assert.deepEqual(statuses(await i3x.bulk(`/subscriptions${path}`, others, 'anything')), [404])
  assert.deepEqual((await i3x.post<Batch[]>('/subscriptions/sync', { clientId, subscriptionId }, 'batches')).length, 0)
})

test('subscription: what is registered comes at once; again is no fault; an unknown id fails alone', async () => {
  const { clientId, subscriptionId } = await subscribe()
  const ids = valued(2)
  const own = { clientId, subscriptionId }
  assert.deepEqual(
    statuses(await i3x.bulk('/subscriptions/register', { ...own, elementIds: ids }, 'nothing')),
    [200, 200],
  )
  const again = { ...own, elementIds: [ids[0]!, NOBODY] }
  assert.deepEqual(statuses(await i3x.bulk('/subscriptions/register', again, 'nothing')), [200, 404])
  const [batch] = await i3x.post<Batch[]>('/subscriptions/sync', own, 'batches')
  for (const id of ids) assert.ok(batch!.updates.some(({ elementId }) => elementId === id))
  const detail = await i3x.bulk<{ monitoredObjects: { elementId: string }[] }>(
    '/subscriptions/list',
    { clientId, subscriptionIds: [subscriptionId] },
    'subscription',
  )
  assert.deepEqual(
    detail[0]!.result!.monitoredObjects.map(({ elementId }) => elementId),
    ids,
  )
  const off = { ...own, elementIds: [ids[0]!, NOBODY] }
  assert.deepEqual(statuses(await i3x.bulk('/subscriptions/unregister', off, 'nothing')), [200, 404])
})

test('sync: the same until it is acknowledged; -1 acknowledges everything; a wrong number nothing', async () => {
  const { clientId, subscriptionId } = await subscribe()
  const own = { clientId, subscriptionId }
  const [one, two] = valued(2) as [string, string]
  const sync = (lastSequenceNumber?: number) =>
    i3x.post<Batch[]>(
      '/subscriptions/sync',
      { ...own, ...(lastSequenceNumber !== undefined && { lastSequenceNumber }) },
      'batches',
    )
  await i3x.bulk('/subscriptions/register', { ...own, elementIds: [one] }, 'nothing')
  const first = await sync()
  assert.deepEqual(
    first.map(({ sequenceNumber }) => sequenceNumber),
    [1],
  )
  assert.deepEqual((await sync())[0], first[0])
  for (const wrong of [99_999_999, -2, 1.5]) {
    assert.equal(await refusal('/subscriptions/sync', { ...own, lastSequenceNumber: wrong }), 400, String(wrong))
  }
  assert.deepEqual((await sync())[0], first[0])
  await i3x.bulk('/subscriptions/register', { ...own, elementIds: [two] }, 'nothing')
  const both = await sync()
  const numbers = both.map(({ sequenceNumber }) => sequenceNumber)
  assert.ok(both.length >= 2 && numbers.every((number, at) => at === 0 || number > numbers[at - 1]!))
  const rest = await sync(1)
  assert.ok(rest.length > 0 && rest.every(({ sequenceNumber }) => sequenceNumber > 1))
  const most = Math.max(...rest.map(({ sequenceNumber }) => sequenceNumber))
  const cleared = [...(await sync(-1)), ...(await sync())]
  assert.ok(cleared.every(({ sequenceNumber }) => sequenceNumber > most))
})

test('stream: what waited comes first, then what changes; a second stream ends the first cleanly; no sync beside it', async () => {
  const { clientId, subscriptionId } = await subscribe()
  const own = { clientId, subscriptionId }
  await i3x.bulk('/subscriptions/register', { ...own, elementIds: valued(1) }, 'nothing')
  const open = () => i3x.raw('POST', '/subscriptions/stream', own, { accept: 'text/event-stream' })
  const first = await open()
  assert.equal(first.status, 200)
  assert.match(first.headers.get('content-type')!, /^text\/event-stream/)
  const events = readEvents(first)
  const { value } = await events.next()
  assertShape('updates', value)
  assert.equal((value as { elementId: string }[])[0]!.elementId, valued(1)[0])
  assert.equal(await refusal('/subscriptions/sync', own), 400)
  const second = await open()
  assert.equal(second.status, 200)
  // The first ends without an error, whatever it still gets before.
  for (let next = await events.next(); !next.done; next = await events.next()) assertShape('updates', next.value)
  await second.body!.cancel()
})

test('deleted: gone for every route', async () => {
  const { clientId, subscriptionId } = await subscribe()
  const ids = { clientId, subscriptionIds: [subscriptionId] }
  assert.deepEqual(statuses(await i3x.bulk('/subscriptions/delete', ids, 'nothing')), [200])
  assert.deepEqual(statuses(await i3x.bulk('/subscriptions/delete', ids, 'nothing')), [404])
  for (const path of ['/sync', '/stream'])
    assert.equal(await refusal(`/subscriptions${path}`, { clientId, subscriptionId }), 404)
})

test('what is not offered is 501, and what is malformed 400, in the standard envelope', async () => {
  const { capabilities } = await i3x.get<{ capabilities: { update: { current: boolean; history: boolean } } }>(
    '/info',
    'info',
  )
  for (const [path, isOffered] of [
    ['/objects/value', capabilities.update.current],
    ['/objects/history', capabilities.update.history],
  ] as const) {
    if (!isOffered) assert.equal(await refusal(path, { updates: [] }, 'PUT'), 501)
  }
  for (const [path, body] of [
    ['/objects/list', {}],
    ['/objects/value', { elementIds: 'a' }],
    ['/objects/value', { elementIds: [7] }],
    ['/objects/value', { elementIds: [], maxDepth: -1 }],
    ['/objects/history', { elementIds: [] }],
    ['/objects/history', { elementIds: [], startTime: 'yesterday', endTime: 'today' }],
    ['/objecttypes/query', []],
  ] as const) {
    assert.equal(await refusal(path, body), 400, `${path} ${JSON.stringify(body)}`)
  }
  assert.equal(await refusal('/objects/nothing', {}), 404)
  assert.equal(await refusal('/namespaces', {}), 405)
})

/** A status of each entry: 200, or what its problem says. */
function statuses(results: readonly Item<unknown>[]): number[] {
  return results.map(({ success, responseDetail }) => (success ? 200 : responseDetail!.status))
}

async function subscribe(): Promise<{ clientId: string; subscriptionId: string }> {
  const clientId = `conformance-${crypto.randomUUID()}`
  return i3x.post('/subscriptions', { clientId, displayName: 'conformance' }, 'created')
}

/** Leaves of the address space: each has a value of its own. */
function valued(count: number): string[] {
  return objects
    .filter(({ elementId }) => elementId.includes('#'))
    .slice(0, count)
    .map(({ elementId }) => elementId)
}

/** The status of an answer that is a problem in the standard's envelope. */
async function refusal(path: string, body: unknown, method = 'POST'): Promise<number> {
  const answer = await i3x.raw(method, path, body)
  const problem = (await answer.json()) as { responseDetail: { status: number } }
  assertShape('problem', problem)
  assert.equal(problem.responseDetail.status, answer.status)
  return answer.status
}
