import type { FastifyReply } from 'fastify'
import { HistoryError } from '../historian/history-error.ts'
import { SqlError } from '../historian/sql-cage/sql-error.ts'
import type { Desk } from './desk.ts'
import { ApiError } from './errors.ts'
import type { ApiLimits } from './limits.ts'

/** Questions that are being answered, by what they go to. */
const running = new WeakMap<object, number>()

/**
 * Asks something that may take a while: for as long as somebody waits, no longer than a question may take, and no more of
 * them at a time than there may be. `whom`: the port that is asked.
 * @throws ApiError saying why there is no answer
 */
export async function bounded<T>(
  whom: object,
  { clock, limits, reply }: Pick<Desk, 'clock' | 'limits'> & { readonly reply: FastifyReply },
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const before = running.get(whom) ?? 0
  if (before >= limits.historyQuestions) throw busy(limits)
  running.set(whom, before + 1)
  const stop = new AbortController()
  const late = clock.after(limits.historyMs, () => stop.abort(tooSlow(limits)))
  reply.raw.once('close', () => stop.abort(new Error('the client has gone')))
  try {
    return await ask(stop.signal)
  } catch (error) {
    throw reasonOf(error, stop.signal)
  } finally {
    late.cancel()
    running.set(whom, running.get(whom)! - 1)
  }
}

const SQL_STATUS = { BAD_SQL: 400, SQL_TOO_LARGE: 400, SQL_TIMEOUT: 503, SQL_FAILED: 503 } as const

/** Why there is no answer; what a signal ended is told by the signal. */
function reasonOf(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted && signal.reason instanceof ApiError) return signal.reason
  if (error instanceof SqlError) return new ApiError(SQL_STATUS[error.code], error.code, error.message)
  if (!(error instanceof HistoryError)) return signal.aborted ? gone() : error
  if (error.code === 'HISTORY_TOO_LARGE') return new ApiError(400, error.code, error.message)
  return new ApiError(503, error.code, error.message, { 'retry-after': '1' })
}

/** There is no history to ask. */
export function historyOff(): ApiError {
  return new ApiError(404, 'HISTORY_OFF', 'Cannot show history: none is kept here, want a hub without "historian: off"')
}

function busy({ historyQuestions }: ApiLimits): ApiError {
  const message = `Cannot ask history: ${historyQuestions} questions are being answered, want a retry in a moment`
  return new ApiError(503, 'TOO_BUSY', message, { 'retry-after': '1' })
}

function tooSlow({ historyMs }: ApiLimits): ApiError {
  const message = `Cannot answer from history: it takes more than ${historyMs} ms, want a shorter time or fewer tags`
  return new ApiError(503, 'HISTORY_TOO_SLOW', message)
}

/** Nobody hears it. */
function gone(): ApiError {
  return new ApiError(499, 'REQUEST_TIMEOUT', 'Cannot answer: the client has gone')
}
