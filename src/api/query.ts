import { ModelError } from '../model/errors.ts'
import { parsePath, segmentFault } from '../model/path.ts'
import { ApiError } from './errors.ts'
import type { AssetQuery } from './hub-port.ts'
import type { RecordsQuery } from './log-port.ts'
import type { ValuesQuery } from './values-query.ts'

const PAGE = { most: 1_000, usual: 100 } as const
const VALUES = { most: 10_000, usual: 1_000, tags: 100 } as const
const RECORDS = { most: 500, usual: 50 } as const

/** Longest path of an asset, see `model/path.ts`. */
export const PATH_LENGTH = 1_024

/**
 * The query of `GET /api/v1/assets`: a page, and what is wanted of the assets in it; their words are looked at by
 * `Selection`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function assetQuery(query: unknown): AssetQuery & { readonly wanted: WantedAssets | undefined } {
  const { after, limit, under, match, model, where, at: _, ...others } = query as { readonly [name: string]: unknown }
  refuseOthers(others, 'after, limit, under, match, model, where or at')
  if (match !== undefined && under !== undefined) throw badQuery('under', 'there is "match" too', 'only one of them')
  const isWanted = [match, model, where].some((word) => word !== undefined)
  return {
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(after === undefined ? {} : { after: place('after', after) }),
    ...(under === undefined ? {} : { under: place('under', under) }),
    wanted: isWanted ? { match, model, where } : undefined,
  }
}

/** Words of a selection, not looked at yet. */
interface WantedAssets {
  readonly match: unknown
  readonly model: unknown
  readonly where: unknown
}

/**
 * The query of `GET /api/v1/values`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function valuesQuery(query: unknown): ValuesQuery {
  const { on, tags, after, limit, at: _, ...others } = query as { readonly [name: string]: unknown }
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badQuery(unknown, 'it is not a parameter here', 'on, tags, after, limit or at')
  if (typeof on !== 'string' || on === '' || on.length > PATH_LENGTH)
    throw badQuery('on', `it is ${shown(on ?? null)}`, 'a pattern of assets, as in fleet/*')
  const names = typeof tags === 'string' ? tags.split(',').filter((name) => name !== '') : []
  if (names.length === 0 || names.length > VALUES.tags)
    throw badQuery('tags', `it names ${names.length}`, `1 to ${VALUES.tags} tags, joined by commas`)
  return {
    on: on.normalize('NFC'),
    tags: names,
    limit: limit === undefined ? VALUES.usual : pageSize(limit, VALUES.most),
    ...(after === undefined ? {} : { after: place('after', after) }),
  }
}

/**
 * The path of an asset in a URL, decoded by the router.
 * @throws ApiError `BAD_PATH`
 */
export function assetPath(text: string): string {
  try {
    return parsePath(text)
  } catch (error) {
    if (error instanceof ModelError) throw new ApiError(400, error.code, error.message)
    throw error
  }
}

/**
 * The query of `GET /api/v1/topics/{name}/records`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function recordsQuery(query: unknown): RecordsQuery {
  const { at, time, back, partition, limit, ...others } = query as { readonly [name: string]: unknown }
  refuseOthers(others, 'at, time, back, partition or limit')
  if (at !== undefined && time !== undefined) throw badQuery('time', 'there is "at" too', 'only one of them')
  return {
    limit: limit === undefined ? RECORDS.usual : pageSize(limit, RECORDS.most),
    back: back !== undefined && flag('back', back),
    ...(at === undefined ? {} : { at: offsets(at) }),
    ...(time === undefined ? {} : { time: timeOf(time) }),
    ...(partition === undefined ? {} : { partition: wholeNumber('partition', partition) }),
  }
}

/** A parameter that nobody knows is a typing error, not nothing. */
export function refuseOthers(others: object, wanted: string): void {
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badQuery(unknown, 'it is not a parameter here', wanted)
}

export function flag(name: string, value: unknown): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw badQuery(name, `it is ${shown(value)}`, 'true or false')
}

/** `0:17,1:4`: an offset for each partition that is to be shown. */
function offsets(value: unknown): Map<number, number> {
  const parts = typeof value === 'string' && value.length <= 20_000 ? value.split(',') : []
  const pairs = parts.map((part) => /^(\d{1,6}):(\d{1,15})$/.exec(part))
  if (pairs.length > 0 && pairs.every((pair) => pair !== null)) {
    return new Map(pairs.map(([, partition, offset]) => [Number(partition), Number(offset)]))
  }
  throw badQuery('at', `it is ${shown(value)}`, 'partitions and offsets, as in 0:17,1:4')
}

/** ms since the epoch, or ISO 8601. */
export function timeOf(value: unknown, name = 'time'): number {
  const time =
    typeof value !== 'string' || value === '' ? NaN : /^\d{1,15}$/.test(value) ? Number(value) : Date.parse(value)
  if (Number.isFinite(time)) return time
  throw badQuery(name, `it is ${shown(value)}`, 'ms since the epoch, or a time as in 2026-01-31T08:00:00Z')
}

/**
 * The moment of `at`; undefined: now is meant.
 * @throws ApiError `BAD_QUERY`, also where it is yet to come
 */
export function momentOf(query: unknown, now: number): number | undefined {
  const { at } = query as { readonly at?: unknown }
  return at === undefined ? undefined : overBy('at', at, now)
}

/**
 * The two moments of `GET /api/v1/assets/{path}/compare`; without `b` it is now.
 * @throws ApiError `BAD_QUERY`
 */
export function momentsOf(query: unknown, now: number): { readonly a: number; readonly b: number } {
  const { a, b, ...others } = query as { readonly [name: string]: unknown }
  refuseOthers(others, 'a or b')
  return { a: overBy('a', a ?? null, now), b: b === undefined ? now : overBy('b', b, now) }
}

/** A moment that is over. */
function overBy(name: string, value: unknown, now: number): number {
  const time = timeOf(value, name)
  if (time <= now) return time
  throw badQuery(name, `it is ${Math.round(time - now)} ms ahead`, 'a moment that is over')
}

export function wholeNumber(name: string, value: unknown): number {
  if (typeof value === 'string' && /^\d{1,6}$/.test(value)) return Number(value)
  throw badQuery(name, `it is ${shown(value)}`, 'a whole number')
}

export function pageSize(value: unknown, most: number): number {
  const size = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : 0
  if (size >= 1 && size <= most) return size
  throw badQuery('limit', `it is ${shown(value)}`, `a whole number from 1 to ${most}`)
}

/** A path, or the beginning of one: `acme` alone is a place, though not an asset. */
function place(name: string, value: unknown): string {
  if (typeof value !== 'string') throw badQuery(name, `it is ${shown(value)}`, 'one path')
  if (value.length > PATH_LENGTH) throw badQuery(name, `it has ${value.length} characters`, `at most ${PATH_LENGTH}`)
  const path = value.normalize('NFC')
  const fault = path.split('/').map(segmentFault).find(Boolean)
  if (fault !== undefined) throw badQuery(name, fault, 'a path')
  return path
}

export function badQuery(name: string, actual: string, wanted: string): ApiError {
  const shown = JSON.stringify(name.slice(0, 80))
  return new ApiError(400, 'BAD_QUERY', `Cannot use query parameter ${shown}: ${actual}, want ${wanted}`)
}

export function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 80)
}
