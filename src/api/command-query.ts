import type { Wish } from '../commands/decide.ts'
import type { Json } from '../model/json-value.ts'
import type { AuditQuery, CommandsQuery } from './command-views.ts'
import { badBody, jsonObject, refuseFields, type Fields } from './body.ts'
import { badQuery, pageSize, refuseOthers, shown } from './query.ts'

const PAGE = { most: 500, usual: 100 } as const
const TEXT = { asset: 1_024, command: 256, idempotencyKey: 256, comment: 2_000, on: 1_024, by: 256 } as const

/**
 * The body of `POST /api/v1/commands`.
 * @throws ApiError `BAD_BODY` naming the field
 */
export function commandRequest(body: unknown): { readonly wish: Wish; readonly dryRun: boolean } {
  const { asset, command, value, args, expected, idempotencyKey, comment, dryRun, ...others } = jsonObject(body)
  const fields = 'asset, command, value, args, expected, idempotencyKey, comment or dryRun'
  refuseFields(others, fields)
  if (args !== undefined && !Array.isArray(args)) throw badBody('args', `it is ${shown(args)}`, 'a list')
  if (dryRun !== undefined && typeof dryRun !== 'boolean')
    throw badBody('dryRun', `it is ${shown(dryRun)}`, 'true or false')
  return {
    wish: {
      asset: required('asset', asset, TEXT.asset).normalize('NFC'),
      command: required('command', command, TEXT.command),
      ...(value !== undefined && { value: value as Json }),
      ...(args !== undefined && { args: args as readonly Json[] }),
      ...(expected !== undefined && { expected: expected as Json }),
      ...(idempotencyKey !== undefined && { key: required('idempotencyKey', idempotencyKey, TEXT.idempotencyKey) }),
      ...(comment !== undefined && { comment: text('comment', comment, TEXT.comment) }),
    },
    dryRun: dryRun === true,
  }
}

/**
 * The body of `POST /api/v1/commands/{id}/approve`; none: agreed.
 * @throws ApiError `BAD_BODY` naming the field
 */
export function approval(body: unknown): { readonly agreed: boolean; readonly comment?: string } {
  const { agreed, comment, ...others } = isEmpty(body) ? ({} as Fields) : jsonObject(body)
  refuseFields(others, 'agreed or comment')
  if (agreed !== undefined && typeof agreed !== 'boolean')
    throw badBody('agreed', `it is ${shown(agreed)}`, 'true or false')
  return { agreed: agreed !== false, ...(comment !== undefined && { comment: text('comment', comment, TEXT.comment) }) }
}

/**
 * The query of `GET /api/v1/commands`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function commandsQuery(query: unknown): CommandsQuery {
  const { asset, on, state, limit, ...others } = query as Fields
  refuseOthers(others, 'asset, on, state or limit')
  const pattern = on ?? asset
  return {
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(pattern !== undefined && { on: parameter('asset', pattern, TEXT.on) }),
    ...(state !== undefined && { states: parameter('state', state, 200).split(',') }),
  }
}

/**
 * The query of `GET /api/v1/audit`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function auditQuery(query: unknown): AuditQuery {
  const { limit, before, asset, by, ...others } = query as Fields
  refuseOthers(others, 'limit, before, asset or by')
  return {
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(before !== undefined && { before: offset(before) }),
    ...(asset !== undefined && { on: parameter('asset', asset, TEXT.on) }),
    ...(by !== undefined && { by: parameter('by', by, TEXT.by) }),
  }
}

function offset(value: unknown): number {
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Number(value)
  throw badQuery('before', `it is ${shown(value)}`, 'the "next" of the page before')
}

function parameter(name: string, value: unknown, most: number): string {
  if (typeof value === 'string' && value !== '' && value.length <= most) return value.normalize('NFC')
  throw badQuery(name, `it is ${shown(value)}`, `a text of 1 to ${most} characters`)
}

function required(name: string, value: unknown, most: number): string {
  const found = text(name, value ?? null, most)
  if (found !== '') return found
  throw badBody(name, 'it is empty', 'a text')
}

function text(name: string, value: unknown, most: number): string {
  if (typeof value !== 'string' || !value.isWellFormed()) throw badBody(name, `it is ${shown(value)}`, 'a text')
  if (value.length > most) throw badBody(name, `it has ${value.length} characters`, `at most ${most}`)
  return value
}

function isEmpty(body: unknown): boolean {
  return body === undefined || (body as Uint8Array).length === 0
}
