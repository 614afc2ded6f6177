import { ModelError } from '../model/errors.ts'
import { parsePath, segmentFault } from '../model/path.ts'
import { ApiError } from './errors.ts'
import type { AssetQuery } from './hub-port.ts'

const PAGE = { most: 1_000, usual: 100 } as const

/** Longest path of an asset, see `model/path.ts`. */
const PATH_LENGTH = 1_024

/**
 * The query of `GET /api/v1/assets`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function assetQuery(query: unknown): AssetQuery {
  const { after, limit, under, ...others } = query as { readonly [name: string]: unknown }
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badQuery(unknown, 'it is not a parameter here', 'after, limit or under')
  return {
    limit: limit === undefined ? PAGE.usual : pageSize(limit),
    ...(after === undefined ? {} : { after: place('after', after) }),
    ...(under === undefined ? {} : { under: place('under', under) }),
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

function pageSize(value: unknown): number {
  const size = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : 0
  if (size >= 1 && size <= PAGE.most) return size
  throw badQuery('limit', `it is ${shown(value)}`, `a whole number from 1 to ${PAGE.most}`)
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

function badQuery(name: string, actual: string, wanted: string): ApiError {
  const shown = JSON.stringify(name.slice(0, 80))
  return new ApiError(400, 'BAD_QUERY', `Cannot use query parameter ${shown}: ${actual}, want ${wanted}`)
}

function shown(value: unknown): string {
  return JSON.stringify(value).slice(0, 80)
}
