/** Why history cannot be read or kept now. `code` is one of the table in `docs/errors.md`. */
export class HistoryError extends Error {
  readonly code: 'HISTORY_UNAVAILABLE' | 'HISTORY_TOO_LARGE'

  constructor(code: HistoryError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HistoryError'
    this.code = code
  }
}
