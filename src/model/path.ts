import { ModelError } from './errors.ts'

/** Levels an asset's path may have: `enterprise/site` at the least (ISA-95, IEC 62264-1 clause 5.3). */
const LEVELS = { min: 2, max: 12 } as const

/** Longest segment, in UTF-16 code units, and longest path; both keep a Kafka key and an MQTT topic valid. */
const LENGTHS = { segment: 128, path: 1024 } as const

/** Longest name of a tag, in UTF-16 code units. */
export const TAG_LENGTH = LENGTHS.segment

// `+ # / \0` are wildcards and separators of MQTT and of our own patterns; control characters are never names.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[+#/\u0000-\u001f\u007f]/

/**
 * Checks and normalises the path of an asset: `enterprise/site/area/line/cell`, 2 to 12 segments, Unicode NFC,
 * no `+ # /` and no control characters within a segment.
 * @throws ModelError `BAD_PATH` naming the segment and what was wanted.
 */
export function parsePath(text: string): string {
  const path = text.isWellFormed() ? text.normalize('NFC') : text
  const fault = pathFault(path)
  if (fault) throw new ModelError('BAD_PATH', `Cannot use path ${JSON.stringify(shorten(text))}: ${fault}`)
  return path
}

/** What is wrong with an (already NFC) path, or undefined where it is a good one. */
function pathFault(path: string): string | undefined {
  if (path.length > LENGTHS.path) return `it has ${path.length} characters, want at most ${LENGTHS.path}`
  const segments = path.split('/')
  if (segments.length < LEVELS.min || segments.length > LEVELS.max) {
    return `it has ${segments.length} segments, want ${LEVELS.min} to ${LEVELS.max}`
  }
  for (const segment of segments) {
    const fault = segmentFault(segment)
    if (fault) return fault
  }
  return undefined
}

/** What is wrong with one segment of a path, or undefined where it is a good one. */
export function segmentFault(segment: string): string | undefined {
  if (segment === '') return 'it has an empty segment, want a name between slashes'
  if (segment === '.' || segment === '..') return `segment "${segment}" would leave its place, want a name`
  if (segment.length > LENGTHS.segment)
    return `a segment has ${segment.length} characters, want at most ${LENGTHS.segment}`
  if (!segment.isWellFormed()) return 'a segment has a lone surrogate, want well-formed Unicode'
  if (FORBIDDEN.test(segment)) return `segment ${JSON.stringify(segment)} has one of + # / or a control character`
  return undefined
}

/** What is wrong with a tag's name inside an asset (`motor.temperature`), or undefined where it is a good one. */
export function tagFault(tag: string): string | undefined {
  if (tag === '') return 'the name of a tag is empty'
  if (tag.length > TAG_LENGTH) return `the name of a tag has ${tag.length} characters, want at most ${TAG_LENGTH}`
  if (!tag.isWellFormed()) return 'the name of a tag has a lone surrogate, want well-formed Unicode'
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(tag)) return `tag ${JSON.stringify(tag)} has a control character`
  return undefined
}

/** Joins a site (`acme/berlin`) and a path below it. */
export function under(site: string, path: string): string {
  return parsePath(`${site}/${path}`)
}

/** The topic of a kind at a site: slashes of the site become dots (`acme.berlin.telemetry`). */
export function topicName(site: string, kind: string): string {
  return `${site.replaceAll('/', '.')}.${kind}`
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text
}
