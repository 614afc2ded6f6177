import type { FastifyReply, FastifyRequest } from 'fastify'
import { HistoryError } from '../historian/history-error.ts'
import type { Desk, Route } from './desk.ts'
import { ApiError } from './errors.ts'
import { aggregatesCsv, chartCsv, joinCsv, samplesCsv } from './history-csv.ts'
import { HISTORY } from './history-limits.ts'
import type { HistoryPort, HistoryQuery } from './history-port.ts'
import { historyQuery, joinQuery } from './history-query.ts'
import { assetPath, badQuery, shown } from './query.ts'

/** The past: samples, aggregates, charts, joins (docs/history-queries.md). */
export const HISTORY_ROUTES: readonly Route[] = [
  { method: 'GET', url: '/api/v1/assets/*/history', need: 'read', handle: ofAsset },
  { method: 'GET', url: '/api/v1/history', need: 'read', handle: ofMany },
  { method: 'GET', url: '/api/v1/history/join', need: 'read', handle: join },
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

/** An answer, and how it looks as CSV. */
interface Shown {
  readonly view: object & { readonly next?: number }
  readonly csv: () => string
}

function shownAs<T extends object>(view: T, csv: (view: T) => string): Shown {
  return { view, csv: () => csv(view) }
}

/** Questions that are being answered, by the history that they go to. */
const running = new WeakMap<HistoryPort, number>()

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
  { history, clock }: Desk,
  reply: FastifyReply,
  ask: (history: HistoryPort, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (history === undefined) throw off()
  const before = running.get(history) ?? 0
  if (before >= HISTORY.queries) throw busy()
  running.set(history, before + 1)
  const stop = new AbortController()
  const late = clock.after(HISTORY.queryMs, () => stop.abort(tooSlow()))
  reply.raw.once('close', () => stop.abort(new Error('the client has gone')))
  try {
    return await ask(history, stop.signal)
  } catch (error) {
    throw reasonOf(error, stop.signal)
  } finally {
    late.cancel()
    running.set(history, running.get(history)! - 1)
  }
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

/** Why there is no answer; what a signal ended is told by the signal. */
function reasonOf(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted && signal.reason instanceof ApiError) return signal.reason
  if (!(error instanceof HistoryError)) return signal.aborted ? gone() : error
  if (error.code === 'HISTORY_TOO_LARGE') return new ApiError(400, error.code, error.message)
  return new ApiError(503, error.code, error.message, { 'retry-after': '1' })
}

function off(): ApiError {
  return new ApiError(404, 'HISTORY_OFF', 'Cannot show history: none is kept here, want a hub without "historian: off"')
}

function busy(): ApiError {
  const message = `Cannot ask history: ${HISTORY.queries} questions are being answered, want a retry in a moment`
  return new ApiError(503, 'TOO_BUSY', message, { 'retry-after': '1' })
}

function tooSlow(): ApiError {
  const message = `Cannot answer from history: it takes more than ${HISTORY.queryMs / 1000} s, want a shorter time or fewer tags`
  return new ApiError(503, 'HISTORY_TOO_SLOW', message)
}

/** Nobody hears it. */
function gone(): ApiError {
  return new ApiError(499, 'REQUEST_TIMEOUT', 'Cannot answer: the client has gone')
}
