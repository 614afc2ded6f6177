import type { RollupSources } from '../sql.ts'

/** What a process that answers one question in SQL is told, once. It may read every file that is named here. */
export interface SqlTask extends RollupSources {
  readonly sql: string
  /** Rows that are answered at most. */
  readonly limit: number
  /** What DuckDB may use, and the process altogether. */
  readonly memoryMegabytes: number
  readonly processMegabytes: number
  readonly samples: readonly string[]
  /** What is known of tags (`tags-file.ts`). */
  readonly tags: string
}

export interface SqlColumn {
  readonly name: string
  /** As DuckDB names it: `VARCHAR`, `DOUBLE`, `TIMESTAMP WITH TIME ZONE`. */
  readonly type: string
}

/** A value as JSON has it: times as ISO 8601, integers beyond 2^53 as texts. */
export type SqlValue = null | boolean | number | string | readonly SqlValue[] | { readonly [name: string]: SqlValue }

/** What it says: the columns, rows as they come, and the end. */
export type SqlMessage =
  | { readonly columns: readonly SqlColumn[] }
  | { readonly rows: readonly (readonly SqlValue[])[] }
  | { readonly end: { readonly more: boolean } }
  | { readonly fault: { readonly code: SqlFault; readonly message: string } }

/** `BAD_SQL`: DuckDB does not take it. `SQL_TOO_LARGE`: it does not fit into memory. */
export type SqlFault = 'BAD_SQL' | 'SQL_TOO_LARGE'
