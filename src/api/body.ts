import { ApiError } from './errors.ts'

/** Fields of a body that is a JSON object. */
export type Fields = { readonly [name: string]: unknown }

/** @throws ApiError `BAD_BODY` */
export function jsonObject(body: unknown): Fields {
  try {
    const value: unknown = JSON.parse(Buffer.from((body as Uint8Array | undefined) ?? []).toString())
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  } catch {
    // Not JSON: said below.
  }
  throw new ApiError(400, 'BAD_BODY', 'Cannot read the body: it is not a JSON object, want one as docs/api.md shows')
}

/** A field that nobody knows is a typing error, not nothing. @throws ApiError `BAD_BODY` */
export function refuseFields(others: object, wanted: string): void {
  const unknown = Object.keys(others)[0]
  if (unknown !== undefined) throw badBody(unknown, 'it is not a field here', wanted)
}

export function badBody(name: string, actual: string, wanted: string): ApiError {
  const field = JSON.stringify(name.slice(0, 80))
  return new ApiError(400, 'BAD_BODY', `Cannot use field ${field}: ${actual}, want ${wanted}`)
}
