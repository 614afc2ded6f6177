import type { Request, Services } from './api.ts'
import { ERROR } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Writer } from '../../wire/writer.ts'

/** The versions of one API that are spoken here. */
export interface VersionRange {
  readonly key: number
  readonly min: number
  readonly max: number
}

/** ApiVersions (18), v0 to v4: what is spoken here. */
export function apiVersions(ranges: readonly VersionRange[], _: Services, { version, body, answer }: Request): Writer {
  if (version >= 3) {
    body.string() // the client's software, and below its version
    body.string()
    body.tags()
  }
  return writeRanges(ranges, ERROR.none, version, answer)
}

/**
 * The answer to an ApiVersions of a version from the future: always in the form of v0, so that the client can read
 * it and ask again (KIP-511).
 */
export function apiVersionsUnsupported(ranges: readonly VersionRange[], answer: Writer): Writer {
  return writeRanges(ranges, ERROR.unsupportedVersion, 0, answer)
}

function writeRanges(ranges: readonly VersionRange[], error: ErrorCode, version: number, answer: Writer): Writer {
  answer.int16(error)
  answer.array(ranges, ({ key, min, max }) => {
    answer.int16(key)
    answer.int16(min)
    answer.int16(max)
    answer.tags()
  })
  if (version >= 1) answer.int32(0) // throttle time
  answer.tags()
  return answer
}
