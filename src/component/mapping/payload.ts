import { Quality } from '../../model/quality.ts'
import { tagFault } from '../../model/path.ts'
import type { Reading, Value } from '../../model/reading.ts'
import type { Item } from '../source.ts'
import { Elements } from './elements.ts'
import { parseTime } from './timestamp.ts'
import { parseExactly, putOwn, toValue } from './value.ts'
import type { Fault, Notes } from './value.ts'

/** Most tags of one reading; a message with more is not one machine's. */
const MOST_TAGS = 10_000

/** Names of tags found good are remembered, up to this many. */
const MOST_NAMES = 10_000

/** Where the values of a payload belong, and how it is to be read. */
export interface Target {
  /** Where the payload came from: a topic, an URL's path. */
  readonly address: string
  /** Full path of the asset, checked by `parsePath`. */
  readonly asset: string
  /** Tag of a payload that is one value. */
  readonly tag: string
  /** Field of an object that holds the source time; undefined: only `timestamp_ms` and the `ts` of records are one. */
  readonly timestamp: string | undefined
  /** Fields that are left out. */
  readonly ignore: ReadonlySet<string>
  readonly names: TagNames
}

type JsonObject = { [name: string]: unknown }

/** A payload that is JSON: a message of MQTT, the body of a request, a line of NDJSON. */
export interface Source {
  readonly target: Target
  readonly payload: Uint8Array
  readonly text: string
  readonly receivedTime: number
}

/** A source on its way to items. */
interface Message extends Source {
  readonly notes: Notes
  readonly items: Item[]
  /** The original bytes of each element of an array; cut out only when one of them is refused. */
  readonly elements: Elements
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The items of a JSON payload; never throws. Understood are
 * - an object of tags: one reading with all of them;
 * - one value (number, boolean, text, null, array of values): a reading of the target's tag;
 * - `{timestamp_ms, value}` and `{NAME, value}` with the source time's field NAME: the same with its source time;
 * - `{ts, values}`: an object of tags under `values`;
 * - an array with objects: each of them a reading of its own.
 * Nested objects and arrays become structures and arrays. JSON null, and a number beyond a double's range, become no
 * value with BadNoData and BadOutOfRange. Of two fields of one name the last one counts (ECMA-262 25.5.1). What cannot
 * be stored comes back as `rejected` with its original bytes, beside a reading of the rest.
 */
export function readPayload(payload: Uint8Array, receivedTime: number, target: Target): readonly Item[] {
  let text: string
  try {
    text = decoder.decode(payload)
  } catch {
    return [reject(target.address, payload, receivedTime, 'BAD_PAYLOAD', 'the payload is not UTF-8')]
  }
  let tree: unknown
  try {
    tree = JSON.parse(text)
  } catch (error) {
    const what = text === '' ? 'the payload is empty' : `the payload is not JSON: ${(error as Error).message}`
    return [reject(target.address, payload, receivedTime, 'BAD_PAYLOAD', what)]
  }
  return readTree(tree, { text, payload, receivedTime, target })
}

/** The items of a payload that has been parsed already; `tree` is used up. */
export function readTree(tree: unknown, source: Source): readonly Item[] {
  const items = read(tree, source, false)
  if (items !== undefined) return items
  const exact = parseExactly(source.text)
  if (exact === undefined) {
    return [
      reject(
        source.target.address,
        source.payload,
        source.receivedTime,
        'PAYLOAD_TOO_DEEP',
        'the payload is nested too deep',
      ),
    ]
  }
  return read(exact, source, true)!
}

/** Undefined where the tree has lost digits of an integer and has to be parsed exactly. */
function read(tree: unknown, source: Source, exact: boolean): Item[] | undefined {
  const { target, payload, text, receivedTime } = source
  const notes: Notes = { exact, inexact: false, fault: undefined }
  const message: Message = { target, payload, text, receivedTime, notes, items: [], elements: new Elements(text) }
  if (isObject(tree)) readObject(tree, message, undefined)
  else if (Array.isArray(tree) && tree.some(isObject)) readRecords(tree, message)
  else readSingle(tree, receivedTime, message, undefined)
  return notes.inexact ? undefined : message.items
}

function readRecords(records: readonly unknown[], message: Message): void {
  records.forEach((record, index) => {
    if (isObject(record)) readObject(record, message, index)
    else refuse(message, index, 'BAD_PAYLOAD', `it is ${JSON.stringify(record).slice(0, 40)}, want an object`)
  })
}

/** `element`: its place in the payload's array, where it is one of several. */
function readObject(object: JsonObject, message: Message, element: number | undefined): void {
  const { target, receivedTime } = message
  const nested = nestedTags(object, target)
  const field = timeField(object, target, nested !== undefined)
  const given = field === undefined ? null : object[field]
  const sourceTime = given === null ? receivedTime : parseTime(given)
  if (sourceTime === undefined) {
    const shown = JSON.stringify(given).slice(0, 60)
    refuse(message, element, 'BAD_TIMESTAMP', `source time "${field}" is ${shown}, want a number or ISO 8601`)
  } else if (nested !== undefined) {
    readTags(nested, undefined, sourceTime, message, element)
  } else if (isSingle(object, field)) {
    readSingle(object['value'], sourceTime, message, element)
  } else {
    readTags(object, field, sourceTime, message, element)
  }
}

/** The tags of `{ts, values}`. */
function nestedTags(object: JsonObject, target: Target): JsonObject | undefined {
  if (!Object.hasOwn(object, 'values')) return undefined
  const { values } = object
  if (!isObject(values)) return undefined
  return Object.keys(object).every((name) => name === 'values' || name === 'ts' || name === target.timestamp)
    ? values
    : undefined
}

/** The field that holds the source time. A missing one, or null, means that the machine does not say: received time. */
function timeField(object: JsonObject, target: Target, record: boolean): string | undefined {
  if (target.timestamp !== undefined && Object.hasOwn(object, target.timestamp)) return target.timestamp
  if (record) return Object.hasOwn(object, 'ts') ? 'ts' : undefined
  if (target.timestamp !== undefined) return undefined
  return typeof object['timestamp_ms'] === 'number' ? 'timestamp_ms' : undefined
}

/** Whether an object is one value, alone with its time. */
function isSingle(object: JsonObject, field: string | undefined): boolean {
  if (!Object.hasOwn(object, 'value')) return false
  for (const name in object) if (name !== 'value' && name !== field) return false
  return true
}

function readSingle(json: unknown, sourceTime: number, message: Message, element: number | undefined): void {
  const { target, notes } = message
  const value = toValue(json, notes, 1)
  if (value === undefined) {
    refuse(message, element, notes.fault!.code, `tag "${target.tag}": ${notes.fault!.what}`)
  } else {
    const quality = value === null ? { [target.tag]: absence(json) } : undefined
    hand(message, sourceTime, { [target.tag]: value }, quality)
  }
}

/** An object of tags: one reading of those that can be stored, and one refusal that names the first that cannot. */
function readTags(
  object: JsonObject,
  timeField: string | undefined,
  sourceTime: number,
  message: Message,
  element: number | undefined,
): void {
  const { target, notes } = message
  // Where nothing is left out, the parsed object itself becomes the values: a copy costs a tenth of all the work.
  const whole = timeField === undefined && target.ignore.size === 0
  const values = (whole ? object : {}) as { [tag: string]: Value | null }
  let quality: { [tag: string]: number } | undefined
  let refusal: Refusal | undefined
  let stored = 0
  for (const tag in object) {
    if (tag === timeField || target.ignore.has(tag)) continue
    const json = object[tag]
    const value = toValue(json, notes, 1)
    const fault = value === undefined ? notes.fault : target.names.fault(tag)
    if (value === undefined || fault !== undefined) {
      refusal = { first: refusal?.first ?? { ...fault!, tag }, count: (refusal?.count ?? 0) + 1 }
      if (whole) delete values[tag]
      continue
    }
    stored++
    if (value === null) putOwn((quality ??= {}), tag, absence(json))
    if (!whole || value !== json) putOwn(values, tag, value)
  }
  if (stored > MOST_TAGS) {
    refuse(message, element, 'TOO_MANY_TAGS', `it has ${stored} tags, want at most ${MOST_TAGS}`)
    return
  }
  if (stored > 0) hand(message, sourceTime, values, quality)
  if (refusal !== undefined) refuseTags(message, element, refusal)
  else if (stored === 0) handNothing(object, message, element)
}

/** Tags of one message that cannot be stored. */
interface Refusal {
  readonly first: { readonly code: string; readonly what: string; readonly tag: string }
  readonly count: number
}

function refuseTags(message: Message, element: number | undefined, { first, count }: Refusal): void {
  const others = count === 1 ? '' : `, and ${count - 1} more of its tags`
  refuse(message, element, first.code, `tag ${JSON.stringify(first.tag.slice(0, 60))}: ${first.what}${others}`)
}

function handNothing(object: JsonObject, message: Message, element: number | undefined): void {
  const { target, receivedTime } = message
  if (Object.keys(object).some((name) => target.ignore.has(name))) {
    const payload = originalBytes(message, element)
    message.items.push({ kind: 'dropped', policy: 'ignored', address: target.address, payload, receivedTime })
  } else {
    refuse(message, element, 'BAD_PAYLOAD', 'the object has no tags')
  }
}

function hand(message: Message, sourceTime: number, values: Reading['values'], quality: Reading['quality']): void {
  const { asset } = message.target
  const { receivedTime } = message
  const reading =
    quality === undefined
      ? { asset, sourceTime, receivedTime, values }
      : { asset, sourceTime, receivedTime, values, quality }
  message.items.push({ kind: 'reading', reading })
}

/** Why there is no value: JSON null says that there is none, anything else is a number too large for a double. */
function absence(json: unknown): number {
  return json === null ? Quality.BadNoData : Quality.BadOutOfRange
}

function refuse(message: Message, element: number | undefined, code: string, what: string): void {
  const { target, receivedTime } = message
  const where = element === undefined ? what : `record ${element}: ${what}`
  message.items.push(reject(target.address, originalBytes(message, element), receivedTime, code, where))
}

/** The bytes of the message, or of its element that is meant. */
function originalBytes(message: Message, element: number | undefined): Uint8Array {
  return element === undefined ? message.payload : message.elements.bytes(element)
}

/** An item that could not be mapped, with its reason in the words of all messages. */
export function reject(address: string, payload: Uint8Array, receivedTime: number, code: string, what: string): Item {
  const reason = `Cannot map ${JSON.stringify(address.slice(0, 200))}: ${what}`
  return { kind: 'rejected', address, payload, code, reason, receivedTime }
}

/** What is wrong with the names of tags; good ones are remembered, because the same few come again and again. */
export class TagNames {
  #good = new Set<string>()

  fault(tag: string): Fault | undefined {
    if (this.#good.has(tag)) return undefined
    const what = tagFault(tag)
    if (what !== undefined) return { code: 'BAD_TAG', what }
    if (this.#good.size >= MOST_NAMES) this.#good = new Set()
    this.#good.add(tag)
    return undefined
  }
}

function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
