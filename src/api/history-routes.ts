import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Desk, Route } from './desk.ts'
import { aggregatesCsv, chartCsv, joinCsv, samplesCsv } from './history-csv.ts'
import type { HistoryPort, HistoryQuery } from './history-port.ts'
import { historyQuery, joinQuery } from './history-query.ts'
import { assetPath, badQuery, shown } from './query.ts'
import { bounded, historyOff } from './questions.ts'
import { sqlQuestion } from './sql-query.ts'

/** The past: samples, aggregates, charts, joins (docs/history-queries.md). */
export const HISTORY_ROUTES: readonly Route[] = [
  { method: 'GET', url: '/api/v1/assets/*/history', need: 'read', handle: ofAsset },
  { method: 'GET', url: '/api/v1/history', need: 'read', handle: ofMany },
  { method: 'GET', url: '/api/v1/history/join', need: 'read', handle: join },
  { method: 'POST', url: '/api/v1/query', need: 'read', handle: sql },
]

function ofAsset(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const asset = assetPath((request.params as { readonly '*': string })['*'])
  return answer(desk, request, reply, historyQuery(request.query, desk.clock.now(), asset))
}

function ofMany(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  return answer(desk, request, reply, historyQuery(request.query, desk.clock.now()))
}

function answer(desk: Desk, request: FastifyRequest, reply: FastifyReply, query: HistoryQuery) {
  return asked(desk, request, reply, async (history, signal) => {
    if (query.kind === 'samples') return shownAs(await history.samples(query, signal), samplesCsv)
    if (query.kind === 'chart') return shownAs(await history.chart(query, signal), chartCsv)
    return shownAs(await history.aggregates(query, signal), aggregatesCsv)
  })
}

function join(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const query = joinQuery(request.query, desk.clock.now())
  return asked(desk, request, reply, async (history, signal) => shownAs(await history.join(query, signal), joinCsv))
}

function sql(desk: Desk, request: FastifyRequest, reply: FastifyReply) {
  const question = sqlQuestion(request.body)
  return askHistory(desk, reply, (history, signal) => history.sql(question, signal))
}

/** An answer, and how it looks as CSV. */
interface Shown {
  readonly view: object & { readonly next?: number }
  readonly csv: () => string
}

function shownAs<T extends object>(view: T, csv: (view: T) => string): Shown {
  return { view, csv: () => csv(view) }
}

/** Asks history, and answers as JSON or CSV. */
async function asked(
  desk: Desk,
  request: FastifyRequest,
  reply: FastifyReply,
  ask: (history: HistoryPort, signal: AbortSignal) => Promise<Shown>,
) {
  const isCsv = wantsCsv(request)
  const { view, csv } = await askHistory(desk, reply, ask)
  if (!isCsv) return view
  if (view.next !== undefined) reply.header('link', nextLink(request, view.next))
  return reply.type('text/csv; charset=utf-8').send(csv())
}

/**
 * Asks history, for as long as somebody waits for the answer and no longer than a question may take.
 * @throws ApiError why there is no answer
 */
export async function askHistory<T>(
  { history, clock, limits }: Desk,
  reply: FastifyReply,
  ask: (history: HistoryPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (history === undefined) throw historyOff()
  return bounded(history, { clock, limits, reply }, (signal) => ask(history, signal))
}

function wantsCsv({ query, headers }: FastifyRequest): boolean {
  const { format } = query as { readonly format?: unknown }
  if (format === undefined) return /\btext\/csv\b/.test(headers.accept ?? '')
  if (format === 'csv' || format === 'json') return format === 'csv'
  throw badQuery('format', `it is ${shown(format)}`, 'csv or json')
}

/** Where the next page is (RFC 8288). */
function nextLink({ url }: FastifyRequest, next: number): string {
  const address = new URL(url, 'http://hub')
  address.searchParams.set('from', String(next))
  return `<${address.pathname}${address.search}>; rel="next"`
}
