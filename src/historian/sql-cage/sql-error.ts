import type { SqlFault } from './messages.ts'

/** Why a question in SQL has no answer. `code` is one of the table in `docs/errors.md`. */
export class SqlError extends Error {
  readonly code: SqlFault | 'SQL_TIMEOUT' | 'SQL_FAILED'

  constructor(code: SqlError['code'], reason: string) {
    super(`Cannot answer in SQL: ${reason}`)
    this.name = 'SqlError'
    this.code = code
  }
}
