/** Why history cannot be read or kept now. `code` is one of the table in `docs/errors.md`. */
export class HistoryError extends Error {
  readonly code: 'HISTORY_UNAVAILABLE' | 'HISTORY_TOO_LARGE'
  /** Paths of files that were being read. */
  readonly files: readonly string[]

  constructor(code: HistoryError['code'], message: string, { files = [], ...options }: HistoryErrorOptions = {}) {
    super(message, options)
    this.name = 'HistoryError'
    this.code = code
    this.files = files
  }
}

interface HistoryErrorOptions extends ErrorOptions {
  readonly files?: readonly string[]
}
