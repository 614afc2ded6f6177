import type { SqlQuestion } from '../historian/history-sql.ts'
import { badBody, jsonObject, refuseFields } from './body.ts'
import { shown } from './query.ts'

const SQL = { length: 100_000, rows: 100_000, usual: 10_000 } as const

/**
 * The body of `POST /api/v1/query`.
 * @throws ApiError `BAD_BODY` naming the field
 */
export function sqlQuestion(body: unknown): SqlQuestion {
  const { sql, limit = SQL.usual, ...others } = jsonObject(body)
  refuseFields(others, 'sql or limit')
  if (typeof sql !== 'string' || sql.trim() === '' || sql.length > SQL.length)
    throw badBody('sql', `it is ${shown(sql ?? null)}`, `one SELECT of at most ${SQL.length} characters`)
  if (!Number.isSafeInteger(limit) || (limit as number) < 1 || (limit as number) > SQL.rows)
    throw badBody('limit', `it is ${shown(limit)}`, `a whole number from 1 to ${SQL.rows}`)
  return { sql, limit: limit as number }
}
