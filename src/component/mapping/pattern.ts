import { ModelError } from '../../model/errors.ts'

/** Longest topic of MQTT, in UTF-16 code units; a pattern is never longer [MQTT-4.7.3-3]. */
const LONGEST = 65_535

/** One segment of a pattern. A `rest` comes last. */
type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** `{name}`, or `+` without a name: exactly one segment. */
  | { readonly kind: 'one'; readonly name?: string }
  /** `{name...}`: one or more segments; `#`: none or more, as in MQTT. */
  | { readonly kind: 'rest'; readonly name?: string }

/** A topic pattern, read: `vehicles/sensor/data/{car}`. */
export interface Pattern {
  readonly text: string
  readonly segments: readonly Segment[]
}

/** What the named parts of a pattern matched; a `{name...}` keeps its slashes. */
export type Captures = ReadonlyMap<string, string>

/**
 * Reads a topic pattern: segments between slashes, each a literal, `{name}` (captures one segment), `{name...}`
 * (captures one or more, last only), `+` or `#` (as in MQTT, capturing nothing).
 * @throws ModelError `BAD_PATTERN` naming the segment and what was wanted.
 */
export function parsePattern(text: string): Pattern {
  if (text === '') throw fault(text, 'it is empty, want e.g. vehicles/{car}')
  if (text.length > LONGEST) throw fault(text, `it has ${text.length} characters, want at most ${LONGEST}`)
  if (!text.isWellFormed() || text.includes('\0')) throw fault(text, 'it has a NUL or a lone surrogate')
  const parts = text.split('/')
  const segments = parts.map((part) => parseSegment(text, part))
  const rest = segments.findIndex((segment) => segment.kind === 'rest')
  if (rest !== -1 && rest !== segments.length - 1) {
    throw fault(text, `"${parts[rest]}" takes all that follows, want it as the last segment`)
  }
  const names = captureNames(segments)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw fault(text, `capture "{${twice}}" is there twice, want a name for each`)
  return { text, segments }
}

function parseSegment(text: string, part: string): Segment {
  if (part === '+') return { kind: 'one' }
  if (part === '#') return { kind: 'rest' }
  const capture = /^\{([A-Za-z_][A-Za-z0-9_-]*)(\.\.\.)?\}$/.exec(part)
  if (capture) return { kind: capture[2] === undefined ? 'one' : 'rest', name: capture[1]! }
  if (/[+#]/.test(part)) throw fault(text, `segment "${part}" has a + or #, want it as a whole segment`)
  if (/[{}]/.test(part)) throw fault(text, `segment "${part}" has a brace, want {name} or {name...} as a whole segment`)
  return { kind: 'literal', text: part }
}

/** Names that a pattern captures, in order. */
export function captureNames(segments: Pattern['segments']): string[] {
  return segments.flatMap((segment) => (segment.kind !== 'literal' && segment.name !== undefined ? [segment.name] : []))
}

/** Names of the captures that may hold slashes. */
export function restName(pattern: Pattern): string | undefined {
  const last = pattern.segments.at(-1)
  return last?.kind === 'rest' ? last.name : undefined
}

/** Matches a topic, split at its slashes; undefined where it does not match. */
export function matchPattern(pattern: Pattern, topic: readonly string[]): Captures | undefined {
  const { segments } = pattern
  // A wildcard in the first place never matches `$SYS` and its like [MQTT-4.7.2-1].
  if (topic[0]!.startsWith('$') && segments[0]!.kind !== 'literal') return undefined
  const captures = new Map<string, string>()
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index]!
    if (segment.kind === 'rest') {
      if (segment.name === undefined) return captures
      if (index >= topic.length) return undefined
      return captures.set(segment.name, topic.slice(index).join('/'))
    }
    if (index >= topic.length) return undefined
    if (segment.kind === 'literal' && segment.text !== topic[index]) return undefined
    if (segment.kind === 'one' && segment.name !== undefined) captures.set(segment.name, topic[index]!)
  }
  return topic.length === segments.length ? captures : undefined
}

/** The MQTT topic filter that covers a pattern: what a client subscribes to. */
export function topicFilter(pattern: Pattern): string {
  return pattern.segments.map(filterSegment).join('/')
}

function filterSegment(segment: Segment): string {
  if (segment.kind === 'literal') return segment.text
  return segment.kind === 'one' ? '+' : '#'
}

function fault(text: string, what: string): ModelError {
  return new ModelError('BAD_PATTERN', `Cannot read topic pattern ${JSON.stringify(text.slice(0, 200))}: ${what}`)
}
