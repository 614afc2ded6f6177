import type { ReasonView } from '../api/contract-commands.ts'

/**
 * Why something could not be had from a hub. `code` is one of docs/errors.md: the hub's own, or of these, where it did not
 * come to an answer: `HUB_UNREACHABLE` (no connection), `HUB_TOO_SLOW` (no answer in time), `HUB_NOT_UNDERSTOOD` (what
 * answered is no hub).
 */
export class ClientError extends Error {
  readonly code: string
  /** Whether the same thing may succeed when it is tried again unchanged. */
  readonly retry: boolean
  /** HTTP status; undefined: there was no answer. */
  readonly status: number | undefined
  /** How long the hub wants to be left alone before the next try. */
  readonly retryAfterMs: number | undefined
  /** Of a command that is refused: every reason. */
  readonly reasons: readonly ReasonView[]

  constructor(
    code: string,
    message: string,
    about: {
      readonly retry: boolean
      readonly status?: number
      readonly retryAfterMs?: number
      readonly reasons?: readonly ReasonView[]
      readonly cause?: unknown
    },
  ) {
    super(message, about.cause === undefined ? {} : { cause: about.cause })
    this.name = 'ClientError'
    this.code = code
    this.retry = about.retry
    this.status = about.status
    this.retryAfterMs = about.retryAfterMs
    this.reasons = about.reasons ?? []
  }
}

/** Statuses of answers that may be others the next time (RFC 9110 clause 15, RFC 6585). */
const PASSING = new Set([408, 425, 429, 502, 503, 504])

/** The problem that a hub has answered with. */
export async function problemOf(answer: Response): Promise<ClientError> {
  const { status } = answer
  const seconds = Number(answer.headers.get('retry-after') ?? NaN)
  const about = { status, retry: PASSING.has(status), ...(seconds >= 0 && { retryAfterMs: seconds * 1000 }) }
  try {
    const { code, message, reasons } = (await answer.json()) as { readonly [field: string]: unknown }
    if (typeof code === 'string' && typeof message === 'string') {
      return new ClientError(code, message, { ...about, ...(Array.isArray(reasons) && { reasons }) })
    }
  } catch {
    // Not JSON: said below.
  }
  return new ClientError(
    'HUB_NOT_UNDERSTOOD',
    `Cannot use the answer: status ${status} without a problem, want a hub`,
    about,
  )
}
