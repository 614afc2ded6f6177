import { ApiError } from '../errors.ts'
import { badQuery, flag, pageSize, refuseOthers, shown } from '../query.ts'
import { isObject, textOf } from './json.ts'
import type { JsonValue } from '../contract.ts'
import type { Extent, Level, Modifiers } from './modifiers.ts'

/** Things on a page: IDTA-01002-3-0 leaves it to the server how many there are where nobody says. */
const PAGE = { most: 1_000, usual: 100 } as const

/** Things that one export may name. */
const MOST_IDS = 1_000

/** Longest identifier (IDTA-01001-3-0, Identifier). */
const ID_LENGTH = 2_000

type Query = { readonly [name: string]: unknown }

export interface Paging {
  readonly limit: number
  /** Where the page before ended: as we wrote it, or refused. */
  readonly cursor?: string
}

export interface ShellsQuery extends Paging {
  readonly idShort?: string
  /** All of these an asset has to have. */
  readonly assetIds: readonly { readonly name: string; readonly value: string }[]
}

export interface SubmodelsQuery extends Paging {
  readonly idShort?: string
  /** Value of a key of its semantic id. */
  readonly semanticId?: string
}

/** @throws ApiError `BAD_QUERY` naming the parameter; so do all of these */
export function shellsQuery(query: unknown): ShellsQuery {
  const { assetIds, idShort, limit, cursor, ...others } = query as Query
  refuseOthers(others, 'assetIds, idShort, limit or cursor')
  return {
    ...paging({ limit, cursor }),
    assetIds: textsOf('assetIds', assetIds).map((text) => specificAssetId(text)),
    ...(idShort !== undefined && { idShort: oneText('idShort', idShort) }),
  }
}

export function submodelsQuery(
  query: unknown,
  modifier: Modifier = 'normal',
): { readonly query: SubmodelsQuery; readonly modifiers: Modifiers } {
  const { semanticId, idShort, limit, cursor, ...others } = query as Query
  return {
    query: {
      ...paging({ limit, cursor }),
      ...(idShort !== undefined && { idShort: oneText('idShort', idShort) }),
      ...(semanticId !== undefined && { semanticId: semanticIdOf(semanticId) }),
    },
    modifiers: modifiersOf(others, modifier),
  }
}

/** How a thing is told: the ending of its address. */
export type Modifier = 'normal' | 'metadata' | 'value' | 'reference' | 'path'

export function pagingQuery(query: unknown, modifier?: Modifier): Paging & { readonly modifiers: Modifiers } {
  const { limit, cursor, ...others } = query as Query
  return { ...paging({ limit, cursor }), modifiers: modifiersOf(others, modifier) }
}

/** `level` and `extent`, as far as this form takes them (IDTA-01002-3-0, modifier constraints). */
export function modifiersOf(query: unknown, modifier?: Modifier): Modifiers {
  const { level, extent, ...others } = query as Query
  refuseOthers(others, 'one that this address takes')
  const levels = modifier === undefined ? [] : LEVELS[modifier]
  if (level !== undefined && !levels.includes(level as Level))
    throw badQuery('level', `it is ${shown(level)}`, levels.length > 0 ? levels.join(' or ') : 'it left out here')
  const extents = modifier === 'normal' || modifier === 'value' || modifier === 'path' ? EXTENTS : []
  if (extent !== undefined && !extents.includes(extent as Extent))
    throw badQuery('extent', `it is ${shown(extent)}`, extents.length > 0 ? extents.join(' or ') : 'it left out here')
  return {
    level: (level as Level | undefined) ?? 'deep',
    extent: (extent as Extent | undefined) ?? 'withoutBlobValue',
  }
}

const LEVELS: { readonly [modifier in Modifier]: readonly Level[] } = {
  normal: ['deep', 'core'],
  value: ['deep', 'core'],
  path: ['deep', 'core'],
  reference: ['core'],
  metadata: [],
}

const EXTENTS: readonly Extent[] = ['withBlobValue', 'withoutBlobValue']

export interface SerializationQuery {
  /** Undefined: all of them, where no submodels are named either. */
  readonly aasIds?: readonly string[]
  readonly submodelIds?: readonly string[]
  readonly includeConceptDescriptions: boolean
}

export function serializationQuery(query: unknown): SerializationQuery {
  const { aasIds, submodelIds, includeConceptDescriptions: concepts, ...others } = query as Query
  refuseOthers(others, 'aasIds, submodelIds or includeConceptDescriptions')
  return {
    ...(aasIds !== undefined && { aasIds: textsOf('aasIds', aasIds).map((text) => identifier('aasIds', text)) }),
    ...(submodelIds !== undefined && {
      submodelIds: textsOf('submodelIds', submodelIds).map((text) => identifier('submodelIds', text)),
    }),
    includeConceptDescriptions: concepts === undefined || flag('includeConceptDescriptions', lowerCase(concepts)),
  }
}

/** Some clients write booleans as their language does. */
function lowerCase(value: unknown): unknown {
  return typeof value === 'string' ? value.toLowerCase() : value
}

/**
 * An identifier out of an address, where it is base64url-encoded UTF-8.
 * @throws ApiError `BAD_QUERY`
 */
export function identifier(name: string, text: string): string {
  const decoded = fromBase64Url(text)
  if (decoded !== undefined && decoded !== '' && decoded.length <= ID_LENGTH) return decoded
  throw badQuery(name, `it is ${shown(text)}`, 'an identifier in base64url')
}

/** A place in a listing, as nobody else has to understand it. */
export function cursorText(place: string): string {
  return Buffer.from(place).toString('base64url')
}

function paging({ limit, cursor }: { readonly limit: unknown; readonly cursor: unknown }): Paging {
  return {
    limit: limit === undefined ? PAGE.usual : pageSize(limit, PAGE.most),
    ...(cursor !== undefined && { cursor: placeOf(cursor) }),
  }
}

function placeOf(cursor: unknown): string {
  const place = typeof cursor === 'string' ? fromBase64Url(cursor) : undefined
  if (place !== undefined && place !== '') return place
  throw badQuery('cursor', `it is ${shown(cursor)}`, 'one that an answer had')
}

function fromBase64Url(text: string): string | undefined {
  const plain = text.replace(/={1,2}$/, '')
  if (!/^[\w-]+$/.test(plain) || text.length > 4 * ID_LENGTH || plain.length % 4 === 1) return undefined
  if (text !== plain && text.length % 4 !== 0) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(plain, 'base64url'))
  } catch {
    return undefined
  }
}

function specificAssetId(text: string): { readonly name: string; readonly value: string } {
  const json = jsonIn(text)
  const name = isObject(json) ? textOf(json, 'name') : undefined
  const value = isObject(json) ? textOf(json, 'value') : undefined
  if (name !== undefined && value !== undefined) return { name, value }
  throw badQuery('assetIds', `it is ${shown(text)}`, 'objects with name and value, each in base64url')
}

/** A reference in base64url (IDTA-01002-3-0), or, as many clients send it, the bare value of its key. */
function semanticIdOf(value: unknown): string {
  const text = oneText('semanticId', value)
  const json = jsonIn(text)
  if (json === undefined) return text
  const keys = isObject(json) && Array.isArray(json['keys']) ? (json['keys'] as readonly JsonValue[]) : []
  const last = keys.at(-1)
  const wanted = isObject(last) ? textOf(last, 'value') : undefined
  if (wanted !== undefined) return wanted
  throw badQuery('semanticId', `it is ${shown(value)}`, 'a reference in base64url')
}

function jsonIn(text: string): JsonValue | undefined {
  const decoded = fromBase64Url(text)
  if (decoded === undefined) return undefined
  try {
    return JSON.parse(decoded) as JsonValue
  } catch {
    return undefined
  }
}

/** A parameter that may be there several times, or once with commas. */
function textsOf(name: string, value: unknown): readonly string[] {
  const texts = (value === undefined ? [] : Array.isArray(value) ? value : [value]) as readonly unknown[]
  const all = texts.flatMap((one) => (typeof one === 'string' ? one.split(',') : []))
  if (all.length <= MOST_IDS) return all
  throw badQuery(name, `it names ${all.length}`, `at most ${MOST_IDS}`)
}

function oneText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= ID_LENGTH) return value
  throw badQuery(name, `it is ${shown(value)}`, 'one text')
}

export function notFound(what: string, id: string): ApiError {
  const message = `Cannot find ${what} ${JSON.stringify(id.slice(0, 200))}: there is none, want one of a listing`
  return new ApiError(404, 'AAS_NOT_FOUND', message)
}
