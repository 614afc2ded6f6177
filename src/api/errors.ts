/**
 * A request that is refused, or a server that cannot start. `code` is one of the table in `docs/errors.md`; the
 * answer is a `ProblemView` with this status.
 */
export class ApiError extends Error {
  readonly code: string
  /** HTTP status of the answer. */
  readonly status: number
  /** Extra headers of the answer: `allow`, `retry-after`, `www-authenticate`. */
  readonly headers: { readonly [name: string]: string }

  constructor(status: number, code: string, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message)
    this.name = 'ApiError'
    this.status = status
    this.code = code
    this.headers = headers
  }
}
