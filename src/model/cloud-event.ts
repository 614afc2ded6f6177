import { ModelError } from './errors.ts'
import type { Event } from './event.ts'
import { isDeeperThan } from './exact-json.ts'
import type { Json } from './json-value.ts'
import { parseRfc3339 } from './rfc3339.ts'

/** Longest text of each attribute, in UTF-16 code units. */
const LONGEST = { id: 256, type: 128, source: 512, extension: 256 } as const

/** Deepest nesting of an event's data: what a record of the log holds of a value too. */
const DEEPEST = 64

/** Most attributes of others that an event carries along. */
const MOST_EXTENSIONS = 16

// No control characters and no blanks: types and ids are names.
// eslint-disable-next-line no-control-regex
const NAME = /^[^\u0000-\u0020\u007f]+$/

/** Attributes that an `Event` has fields for (CloudEvents 1.0.2 clause 3), or that say how its data is written. */
const KNOWN: readonly string[] = [
  'specversion',
  'id',
  'type',
  'source',
  'subject',
  'time',
  'datacontenttype',
  'data',
  'data_base64',
]

/** The attributes of a CloudEvent, as a record's headers or a JSON object have them, and its data. */
export interface Attributes {
  readonly [name: string]: unknown
  readonly data?: unknown
}

/** An event as others say it, with what they said besides. */
export interface CloudEvent {
  readonly event: Event
  /** Extension attributes and `dataschema`, by name: they travel on with the event. */
  readonly extensions: { readonly [name: string]: string }
}

/** What a CloudEvent does not say itself. */
export interface Reception {
  readonly receivedTime: number
  /** The full path of the asset that a subject names; it is undefined where there is none. @throws ModelError */
  readonly assetOf: (subject: string | undefined) => string
}

/**
 * Reads a CloudEvent 1.0 from its attributes: those that are required are there and texts, `time` is RFC 3339 (the
 * received time where it is missing), and the subject names an asset.
 * @throws ModelError `BAD_EVENT` naming the attribute and what was wanted, `BAD_PATH`.
 */
export function readCloudEvent(attributes: Attributes, { receivedTime, assetOf }: Reception): CloudEvent {
  const version = attributes['specversion']
  if (version !== '1.0') throw badEvent(`"specversion" is ${shown(version)}, want "1.0"`)
  const event = {
    id: textAttribute(attributes, 'id', LONGEST.id),
    type: typeOf(attributes),
    asset: assetOf(subjectOf(attributes)),
    time: timeOf(attributes['time'], receivedTime),
    receivedTime,
    source: textAttribute(attributes, 'source', LONGEST.source),
    data: dataOf(attributes),
  }
  return { event, extensions: extensionsOf(attributes) }
}

/** What is wrong with a type of events, or undefined where it is a good one. */
export function typeFault(type: string): string | undefined {
  if (type.length > LONGEST.type) return `"type" has ${type.length} characters, want at most ${LONGEST.type}`
  if (!NAME.test(type) || !type.isWellFormed()) return `"type" is ${shown(type)}, want a name, e.g. "order.started"`
  return undefined
}

/** @throws ModelError `BAD_EVENT` where data is nested too deep to be kept. */
export function checkedData(data: unknown): Json {
  const json = (data ?? null) as Json
  if (isDeeperThan(json, DEEPEST)) throw badEvent(`"data" is nested more than ${DEEPEST} levels deep`)
  return json
}

export function badEvent(fault: string): ModelError {
  return new ModelError('BAD_EVENT', `Cannot read event: ${fault}`)
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value).slice(0, 60)
}

function typeOf(attributes: Attributes): string {
  const type = textAttribute(attributes, 'type', LONGEST.type)
  const fault = typeFault(type)
  if (fault !== undefined) throw badEvent(fault)
  return type
}

function textAttribute(attributes: Attributes, name: string, longest: number): string {
  const value = attributes[name]
  if (typeof value !== 'string' || value === '') throw badEvent(`"${name}" is ${shown(value)}, want a text`)
  if (value.length > longest) throw badEvent(`"${name}" has ${value.length} characters, want at most ${longest}`)
  if (!value.isWellFormed()) throw badEvent(`"${name}" has a lone surrogate, want well-formed Unicode`)
  return value
}

function subjectOf({ subject }: Attributes): string | undefined {
  if (subject === undefined || subject === null) return undefined
  if (typeof subject !== 'string') throw badEvent(`"subject" is ${shown(subject)}, want the path of an asset`)
  return subject
}

function timeOf(given: unknown, receivedTime: number): number {
  if (given === undefined || given === null) return receivedTime
  const time = typeof given === 'string' ? parseRfc3339(given) : undefined
  if (time === undefined) throw badEvent(`"time" is ${shown(given)}, want RFC 3339, e.g. "2025-11-30T08:15:00Z"`)
  return time
}

function dataOf(attributes: Attributes): Json {
  if (attributes['data_base64'] !== undefined) throw badEvent('"data_base64" is there, want "data" as JSON')
  return checkedData(attributes.data)
}

function extensionsOf(attributes: Attributes): { [name: string]: string } {
  const others = Object.entries(attributes).filter(([name]) => !KNOWN.includes(name))
  if (others.length > MOST_EXTENSIONS) throw badEvent(`it has ${others.length} extensions, want ${MOST_EXTENSIONS}`)
  return Object.fromEntries(
    others.map(([name, value]) => {
      // CloudEvents 1.0.2 clause 3.1: lower-case letters and digits.
      if (!/^[a-z0-9]{1,64}$/.test(name))
        throw badEvent(`attribute ${shown(name)} is none of CloudEvents, want a-z, 0-9`)
      const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value
      if (typeof text !== 'string' || text.length > LONGEST.extension || !text.isWellFormed()) {
        throw badEvent(`"${name}" is ${shown(value)}, want a text of at most ${LONGEST.extension} characters`)
      }
      return [name, text]
    }),
  )
}
