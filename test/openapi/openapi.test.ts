import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020, type AnySchema } from 'ajv/dist/2020.js'
import { ownRoutes } from '../../tools/openapi/document.ts'
import { OPERATIONS } from '../../tools/openapi/operations.ts'
import { Schemas } from '../../tools/openapi/schemas.ts'
import { startPlant, type RunningPlant } from '../i3x/plant.ts'
import { until } from '../until.ts'

/** The description of our own REST is true: of its form, of every route, and of what a running hub answers. */

interface OpenApi {
  readonly paths: { readonly [path: string]: { readonly [method: string]: Described } }
  readonly components: { readonly schemas: { readonly [name: string]: AnySchema } }
}
interface Described {
  readonly operationId: string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly responses: {
    readonly [status: string]: { readonly content: { readonly [type: string]: { schema: AnySchema } } }
  }
}

const PRESS = 'acme/berlin/hall/line1/press1'

let plant: RunningPlant
let document: OpenApi

before(async () => {
  document = JSON.parse(await readFile('src/api/openapi.json', 'utf8')) as OpenApi
  plant = await startPlant()
})

after(() => plant.close())

test('it is OpenAPI 3.1, and the hub serves it', async () => {
  const validator = new Validator()
  const { valid, errors } = await validator.validate({ ...document })
  assert.ok(valid, JSON.stringify(errors))
  assert.equal(validator.version, '3.1')
  assert.deepEqual(await (await fetch(`${plant.page}/api/v1/openapi.json`)).json(), document)
})

test('every route is described, and no other; each has a name of its own', () => {
  const routes = ownRoutes().map(({ method, path }) => `${method} ${path}`)
  assert.deepEqual(Object.keys(OPERATIONS).sort(), [...routes].sort())
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  assert.deepEqual(described.sort(), routes.sort())
  const names = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
  assert.equal(new Set(names).size, names.length)
})

/** What stands for `{path}`, `{name}` and `{id}`, by the beginning of the route; a path's slashes percent-encoded. */
const NAMES: { readonly [start: string]: string } = {
  '/api/v1/sources/': 'posts',
  '/api/v1/topics/': 'acme.berlin.telemetry',
  '/api/v1/commands/': 'nobody',
  '/api/v1/': encodeURIComponent(PRESS),
}

/** Queries with which a route answers one of its kinds. */
const QUERIES: { readonly [path: string]: readonly string[] } = {
  '/api/v1/assets': ['', 'where=temperature>70.0&model=press@1', 'limit=1', 'at=2026-01-31T08:00:00Z'],
  '/api/v1/assets/{path}': ['', 'at=2026-01-31T08:00:00Z'],
  '/api/v1/assets/{path}/compare': ['a=2026-01-31T08:00:00Z'],
  '/api/v1/assets/{path}/history': [
    '',
    'aggregate=Count&tags=temperature',
    'points=10&tags=temperature',
    'points=10&tags=temperature&method=lttb',
  ],
  '/api/v1/history': [
    'on=hall/line1/*&tags=temperature',
    'on=hall/line1/*&tags=temperature&aggregate=Count',
    'on=hall/line1/*&tags=temperature&points=10',
  ],
  '/api/v1/history/join': [`tags=${PRESS}:temperature`],
  '/api/v1/values': ['on=hall/line1/*&tags=temperature,state&limit=1'],
}

test('what a running hub answers is what it says, field by field', async () => {
  const event = { type: 'order.started', asset: 'hall/line1', data: { order: 'A-1' } }
  const headers = { 'content-type': 'application/json' }
  const posted = await fetch(`${plant.page}/api/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) })
  assertAnswer(document.paths['/api/v1/events']!['post']!, posted.status, await posted.json(), 'POST /api/v1/events')
  await until(async () => (await (await fetch(`${plant.page}/api/v1/events`)).text()).includes('order.started'))
  let good = 0
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (get === undefined || path === '/metrics') continue
    for (const query of QUERIES[path] ?? ['']) {
      const answer = await fetch(`${plant.page}${addressOf(path)}?${query}`)
      assertAnswer(get, answer.status, await answer.json(), `GET ${path}?${query}`)
      if (answer.status === 200) good += 1
    }
  }
  assert.ok(good >= 30, `only ${good} answered`)
})

test('a field that the contract does not have would be seen', () => {
  const { get } = document.paths['/api/v1/models']!
  const models = [{ id: 'press@1', tags: [], surprise: 1 }]
  assert.throws(() => assertAnswer(get!, 200, { models }, 'planted'), /surprise|additional properties/)
})

test('each route takes the parameters that are described, and no other', async () => {
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (get === undefined) continue
    const described = (get.parameters ?? []).flatMap((parameter) => (parameter.in === 'query' ? [parameter.name] : []))
    const ask = async (query: string) => (await fetch(`${plant.page}${addressOf(path)}?${query}`)).text()
    const bases = QUERIES[path] ?? ['']
    for (const name of described) {
      const answers = await Promise.all(bases.map((base) => ask(`${base}&${name}=x`)))
      assert.ok(!answers.every((answer) => UNKNOWN.test(answer)), `${path}?${name}`)
    }
    for (const base of bases) {
      const [, wanted] = UNKNOWN.exec(await ask(`${base}&nobody=x`)) ?? []
      const named = (wanted ?? '').replaceAll(/\\"/g, '').match(/[A-Za-z]+/g) ?? []
      assert.deepEqual(
        named.filter((word) => !described.includes(word) && !WORDS.has(word)),
        [],
        path,
      )
    }
  }
})

/** The refusal of a parameter that nobody knows, and what is wanted. */
const UNKNOWN = /it is not a parameter here, want ([^}]*)/
const WORDS = new Set(['or', 'and', 'with', 'what', 'these', 'take'])

test('types that have no schema are refused by name, not described wrongly', () => {
  const schemas = (text: string) => new Schemas([{ file: 'planted', text }])
  assert.throws(() => schemas('').of('Nobody'), /Cannot describe type "Nobody"/)
  assert.throws(() => schemas('interface A { x: () => void }').of('A'), /no schema is known for TSFunctionType/)
  assert.throws(() => schemas('type A = B extends string ? 1 : 2').of('A'), /no schema is known for TSConditionalType/)
})

test('unions, tuples, maps, what is left out and what is added become what they are', () => {
  const schemas = new Schemas([
    {
      file: 'planted',
      text: `
        type Level = 'low' | 'high'
        /** A thing. */
        interface Base { readonly a: number; readonly b?: string | null }
        interface More extends Omit<Base, 'b'> { readonly levels: { readonly [level in Level]: number } }
        type Pair = readonly [time: number, ...rest: string[]]
        type Either = Base & ({ readonly kind: 'x' } | { readonly kind: 'y'; readonly of: Base['a'] })`,
    },
  ])
  for (const name of ['Base', 'More', 'Pair', 'Either']) schemas.of(name)
  const levels = {
    type: 'object',
    properties: { low: { type: 'number' }, high: { type: 'number' } },
    required: ['low', 'high'],
  }
  const a = { type: 'number' }
  const b = { type: ['string', 'null'] }
  const other = { a, b, kind: { const: 'y' }, of: { type: 'number' } }
  assert.deepEqual(schemas.components(), {
    Base: { description: 'A thing.', type: 'object', properties: { a, b }, required: ['a'] },
    Either: {
      anyOf: [
        { type: 'object', properties: { a, b, kind: { const: 'x' } }, required: ['a', 'kind'] },
        { type: 'object', properties: other, required: ['a', 'kind', 'of'] },
      ],
    },
    Level: { enum: ['low', 'high'] },
    More: { type: 'object', properties: { a, levels }, required: ['a', 'levels'] },
    Pair: { type: 'array', prefixItems: [{ type: 'number' }], items: { type: 'string' }, minItems: 1 },
  })
})

function addressOf(path: string): string {
  const start = Object.keys(NAMES).find((one) => path.startsWith(one)) ?? ''
  return path.replace(/\{\w+\}/, NAMES[start] ?? '')
}

/** Fails where an answer is not of the described type, or has a field that it does not name. */
function assertAnswer({ responses }: Described, status: number, body: unknown, name: string): void {
  const response = responses[String(status)]
  const schema = response?.content['application/json']?.schema ?? { $ref: '#/components/schemas/ProblemView' }
  const own = JSON.stringify(closed(schema)).replaceAll('"#/components', '"contract#/components')
  const validate = (ajv ??= ajvOf()).compile(JSON.parse(own) as AnySchema)
  assert.ok(
    validate(body),
    `${name}: ${status} ${JSON.stringify(validate.errors)} in ${JSON.stringify(body).slice(0, 400)}`,
  )
}

let ajv: Ajv2020 | undefined

function ajvOf(): Ajv2020 {
  const components = { schemas: closed(document.components.schemas) }
  return new Ajv2020({ strict: false }).addSchema({ $id: 'contract', components })
}

/** The same schemas, that take no field which they do not name. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== 'object' || schema === null) return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  const isObject = (schema as { type?: unknown }).type === 'object' && 'properties' in schema
  return isObject && !('additionalProperties' in schema) ? { ...inner, additionalProperties: false } : inner
}
