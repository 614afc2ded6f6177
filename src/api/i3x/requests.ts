import type { FastifyRequest } from 'fastify'
import { parseRfc3339 } from '../../model/rfc3339.ts'
import { ApiError } from '../errors.ts'
import { badQuery, shown } from '../query.ts'

/** Longest text of an id, in UTF-16 code units: that of a path and a tag with every byte of them percent-encoded. */
const TEXT_LENGTH = 16_384

/** The fields of a request's body, each read with what is wanted of it. Every method throws ApiError `BAD_BODY`. */
export class Body {
  readonly #fields: { readonly [name: string]: unknown }

  constructor(request: FastifyRequest) {
    this.#fields = jsonObject(request.body)
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (isText(value)) return value
    throw badBody(name, value, `a text of 1 to ${TEXT_LENGTH} characters`)
  }

  optionalText(name: string): string | undefined {
    return this.#isAbsent(name) ? undefined : this.text(name)
  }

  texts(name: string, most: number): readonly string[] {
    const value = this.#fields[name]
    if (Array.isArray(value) && value.length <= most && value.every(isText)) return value
    throw badBody(name, value, `a list of at most ${most} texts`)
  }

  flag(name: string): boolean {
    const value = this.#isAbsent(name) ? false : this.#fields[name]
    if (typeof value === 'boolean') return value
    throw badBody(name, value, 'true or false')
  }

  /** How deep a value is asked for: 1 (the default) is the element alone, 0 as deep as there is. */
  maxDepth(): number {
    const value = this.#isAbsent('maxDepth') ? 1 : this.#fields['maxDepth']
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw badBody('maxDepth', value, 'a whole number from 0')
  }

  /** What was received before: undefined where nothing is acknowledged, -1 for everything. */
  lastSequenceNumber(): number | undefined {
    if (this.#isAbsent('lastSequenceNumber')) return undefined
    const value = this.#fields['lastSequenceNumber']
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= -1) return value
    throw badBody('lastSequenceNumber', value, 'a whole number from 0, or -1')
  }

  /** ms since the epoch. */
  time(name: string): number {
    const value = this.#fields[name]
    const time = isText(value) ? parseRfc3339(value) : undefined
    if (time !== undefined) return time
    throw badBody(name, value, 'a time as in 2026-01-31T08:00:00Z')
  }

  /** Absent or null. */
  #isAbsent(name: string): boolean {
    return (this.#fields[name] ?? null) === null
  }
}

/** A parameter of the address; undefined where it is not there. @throws ApiError `BAD_QUERY` */
export function queryText(request: FastifyRequest, name: string): string | undefined {
  const value = (request.query as { readonly [name: string]: unknown })[name]
  if (value === undefined || isText(value)) return value
  throw badQuery(name, `it is ${shown(value)}`, 'one text')
}

/** @throws ApiError `BAD_QUERY` */
export function queryFlag(request: FastifyRequest, name: string): boolean {
  const text = queryText(request, name)?.toLowerCase()
  if (text === undefined || text === 'false' || text === '0') return false
  if (text === 'true' || text === '1') return true
  throw badQuery(name, `it is ${shown(text)}`, 'true or false')
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TEXT_LENGTH
}

function jsonObject(body: unknown): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from((body as Uint8Array | undefined) ?? []).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return value as { [name: string]: unknown }
  } catch {
    // Not JSON: said below.
  }
  throw new ApiError(400, 'BAD_BODY', 'Cannot read this body: want a JSON object')
}

function badBody(name: string, actual: unknown, wanted: string): ApiError {
  const there = actual === undefined ? 'it is not there' : `it is ${shown(actual)}`
  return new ApiError(400, 'BAD_BODY', `Cannot use field ${JSON.stringify(name)}: ${there}, want ${wanted}`)
}
