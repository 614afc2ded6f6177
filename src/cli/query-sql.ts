import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { SqlView } from '../api/contract-history.ts'
import { askHub, pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { Rows, type RowFormat } from './rows.ts'
import { terminal } from './terminal.ts'

export interface SqlQueryOptions extends HubOptions {
  readonly sql: string
  readonly limit: number
  readonly format: RowFormat
  readonly json?: boolean
}

/** A question may take half a minute, and its process has to be started. */
const PATIENCE_MS = 40_000

/** Rows that the hub answers with at most. */
const MOST_ROWS = 100_000

/** Asks the running hub in SQL: the text itself, `@file`, or `-` for what comes in. */
export async function querySql({ sql, limit, format, json, ...where }: SqlQueryOptions): Promise<number> {
  const question = { sql: await sqlIn(sql), limit: Math.min(limit, MOST_ROWS) }
  const { columns, rows, more } = await askHub<SqlView>(await pageOf(where), '/api/v1/query', question, PATIENCE_MS)
  const writer = new Rows(json ? 'json' : format)
  for (const row of rows) writer.write(Object.fromEntries(columns.map(({ name }, at) => [name, row[at]])))
  writer.end()
  if (more) terminal.err(`Only the first ${rows.length.toLocaleString('en-US')} rows are shown: --limit takes more`)
  else if (rows.length === 0) terminal.err('No rows')
  return EXIT.ok
}

async function sqlIn(given: string): Promise<string> {
  if (given === '-') return text(process.stdin)
  return given.startsWith('@') ? readFile(given.slice(1), 'utf8') : given
}
