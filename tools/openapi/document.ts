import { readdirSync, readFileSync } from 'node:fs'
import { AAS_ROUTES } from '../../src/api/aas/routes.ts'
import type { Route } from '../../src/api/desk.ts'
import { I3X_ROUTES } from '../../src/api/i3x/routes.ts'
import { MCP_ROUTES } from '../../src/api/mcp/routes.ts'
import { ROUTES } from '../../src/api/routes.ts'
import { WOT_ROUTES } from '../../src/api/wot/routes.ts'
import { EVENTS, PREFIX as INGEST } from '../../src/sources/http/source.ts'
import { VERSION } from '../../src/version.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { Schemas, type Schema } from './schemas.ts'

/**
 * The OpenAPI 3.1 description of our own REST, made from the table of routes, the types of the contract, and the table of
 * docs/api.md. `npm run docs` writes it; the hub serves it at `GET /api/v1/openapi.json`.
 */
export function renderOpenApi(): string {
  const schemas = new Schemas(contract())
  const summaries = summariesOf(readFileSync('docs/api.md', 'utf8'))
  const paths: { [path: string]: { [method: string]: Schema } } = {}
  for (const { method, path, need } of ownRoutes()) {
    const route = `${method} ${path}`
    const operation = OPERATIONS[route]
    if (operation === undefined) throw new Error(`Cannot describe "${route}": it is not in tools/openapi/operations.ts`)
    const summary = summaries.get(route)
    if (summary === undefined) throw new Error(`Cannot describe "${route}": it is not in the table of docs/api.md`)
    paths[path] ??= {}
    paths[path][method.toLowerCase()] = {
      summary,
      operationId: nameOf(route),
      ...describe(path, operation, need, schemas),
    }
  }
  const problem = schemas.of('ProblemView')
  const document = {
    openapi: '3.1.1',
    info: { title: 'Millrace', version: VERSION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      responses: { problem: refused(problem) },
      schemas: schemas.components(),
    },
  }
  return `${JSON.stringify(document, undefined, 1)}\n`
}

/** Our own routes; those of standards are described by the standards. */
export function ownRoutes(): { readonly method: string; readonly path: string; readonly need: Route['need'] }[] {
  const others = new Set<Route>([...AAS_ROUTES, ...I3X_ROUTES, ...MCP_ROUTES, ...WOT_ROUTES])
  const own = ROUTES.filter((route) => !others.has(route) && !route.fallback)
  return [
    ...own.map(({ method, url, need }) => ({ method, path: pathOf(url), need })),
    // What sources mount.
    { method: 'POST', path: `${INGEST}/{path}`, need: 'write' },
    { method: 'POST', path: EVENTS, need: 'write' },
  ]
}

function pathOf(url: string): string {
  return url.replace('*', '{path}').replaceAll(/:(\w+)/g, '{$1}')
}

function describe(path: string, operation: Operation, need: Route['need'], schemas: Schemas): Schema {
  const { query = {}, body, answer, statuses = [200], refusal, also } = operation
  const isText = answer === 'text/plain'
  const content = isText ? { 'text/plain': { schema: { type: 'string' } } } : json(schemas.of(answer))
  const all = { ...content, ...(also !== undefined && { [also]: { schema: { type: 'string' } } }) }
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!)),
    ...Object.entries(query).map(([name, { description, schema, isRequired }]) => ({
      name,
      in: 'query',
      description,
      ...(isRequired && { required: true }),
      schema,
    })),
  ]
  return {
    ...(need === 'open' ? { security: [] } : { description: `Needs right \`${need}\`.` }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: true, content: json(schemas.of(body)) } }),
    responses: {
      ...Object.fromEntries(statuses.map((status) => [status, { description: meaning(status), content: all }])),
      default: refusal === undefined ? { $ref: '#/components/responses/problem' } : refused(schemas.of(refusal)),
    },
  }
}

function meaning(status: number): string {
  if (status === 426) return 'It wants a WebSocket'
  return status === 202 ? 'It is stored and will be done' : 'What was asked for'
}

function refused(schema: Schema): Schema {
  return { description: REFUSED, content: json(schema) }
}

const REFUSED = 'It was refused, or could not be done'

function pathParameter(name: string): Schema {
  const description =
    name === 'path' ? 'Path of an asset, with the site; its slashes may be percent-encoded.' : undefined
  return { name, in: 'path', required: true, ...(description && { description }), schema: { type: 'string' } }
}

function json(schema: Schema): { readonly [type: string]: Schema } {
  return { 'application/json': { schema } }
}

/** `getAssetsByPathHistory`: another one for each route. */
function nameOf(route: string): string {
  const [method, path] = route.split(' ') as [string, string]
  const words = path.replace('/api/v1', '').split('/').filter(Boolean)
  const named = words.map((word) =>
    word.startsWith('{') ? `By${capital(word.slice(1, -1))}` : capital(word.replace('.json', '')),
  )
  return `${method.toLowerCase()}${named.join('')}`
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}

/** What the table of docs/api.md says of each route. */
function summariesOf(page: string): Map<string, string> {
  const rows = page.matchAll(/^\| (`(?:GET|POST) .+?) \| [^|]+ \| (.+) \|$/gm)
  return new Map(
    [...rows].flatMap(([, routes, what]) =>
      [...routes!.matchAll(/`([^`]+)`/g)].map(([, route]): [string, string] => [route!, capital(what!)]),
    ),
  )
}

function contract(): { readonly file: string; readonly text: string }[] {
  const folder = 'src/api'
  const files = readdirSync(folder).filter((name) => /^contract.*\.ts$/.test(name))
  return files.sort().map((file) => ({ file, text: readFileSync(`${folder}/${file}`, 'utf8') }))
}
