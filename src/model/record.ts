import type { Catalogue } from './catalogue.ts'
import type { TagDefinition } from './definition.ts'
import { ModelError } from './errors.ts'
import { Quality } from './quality.ts'
import type { Reading, Value } from './reading.ts'
import { scanRecord } from './record-scan.ts'
import { decodeNested, fromBase64, numberText, valueText } from './value-text.ts'

/**
 * A reading as the JSON text of its record (docs/architecture.md, "The record"):
 *
 *     {"asset":"acme/berlin/line1/press7","ts":1732287000123,"recv":1732287000131,
 *      "values":{"temperature":71.3},"texts":{"state":"Execute"},"status":{"pressure":2157772800},"server":1732287000125}
 *
 * `values` holds numbers, booleans as 0 and 1, and int64 within 2^53; `texts` holds strings, int64 beyond 2^53 as
 * digits, bytes as base64, arrays and structures as JSON; `status` only what is not Good. A tag without a value is
 * only in `status`: NaN and infinities become BadOutOfRange unless they came as Bad, null becomes BadNoData unless it
 * came with a status. The text is built by hand: this is the hot path of everything that is stored.
 * @throws ModelError `BAD_TIME` where a time is not finite, `VALUE_TOO_DEEP`.
 */
export function encodeRecord(reading: Reading): string {
  const { asset, sourceTime, receivedTime, serverTime, values, quality } = reading
  if (!Number.isFinite(sourceTime) || !Number.isFinite(receivedTime)) throw badTime(reading)
  let numbers = ''
  let texts = ''
  let status = ''
  for (const tag of Object.keys(values)) {
    const value = values[tag]!
    if (typeof value === 'number') {
      if (Number.isFinite(value)) numbers += quoted(tag) + numberText(value)
      else if (!hasStatus(quality, tag)) status += quoted(tag) + Quality.BadOutOfRange
    } else if (value === null) {
      if (!hasStatus(quality, tag)) status += quoted(tag) + Quality.BadNoData
    } else {
      const integer = smallInteger(value)
      if (integer === undefined) texts += quoted(tag) + JSON.stringify(valueText(value))
      else numbers += quoted(tag) + integer
    }
  }
  if (quality !== undefined) status = withStatuses(status, values, quality)
  return (
    `{"asset":${quotedAsset(asset)},"ts":${timeText(sourceTime)},"recv":${timeText(receivedTime)}` +
    `,"values":{${numbers.slice(1)}}` +
    (texts === '' ? '' : `,"texts":{${texts.slice(1)}}`) +
    (status === '' ? '' : `,"status":{${status.slice(1)}}`) +
    (serverTime === undefined || !Number.isFinite(serverTime) ? '}' : `,"server":${numberText(serverTime)}}`)
  )
}

/**
 * The reading of a record. `definitions` tells booleans, int64, bytes, arrays and structures back; a tag without a
 * definition is a number or a string, and a value that does not have the shape of its type stays what it is.
 * @throws ModelError `BAD_RECORD` where the bytes are not a record.
 */
export function decodeRecord(bytes: Uint8Array, definitions: Pick<Catalogue, 'tags'>): Reading {
  const record: RecordShape = scanRecord(bytes) ?? parse(bytes)
  const types = definitions.tags(record.asset)
  const values = record.values as { [tag: string]: Value | null }
  if (types !== undefined) typeNumbers(values, types)
  if (record.texts !== undefined) addTexts(values, record.texts, types)
  if (record.status !== undefined) addAbsent(values, record.status)
  return reading(record, values)
}

interface RecordShape {
  readonly asset: string
  readonly ts: number
  readonly recv: number
  readonly values: { [tag: string]: number }
  readonly texts?: { readonly [tag: string]: string }
  readonly status?: { readonly [tag: string]: number }
  readonly server?: number
}

type Definitions = ReadonlyMap<string, TagDefinition>

/** Names as JSON, tags between a comma and a colon; names repeat for ever, so they are quoted once. Emptied when full. */
const QUOTED_TAGS = new Map<string, string>()
const QUOTED_ASSETS = new Map<string, string>()
const MOST_QUOTED = 50_000

function quoted(tag: string): string {
  return QUOTED_TAGS.get(tag) ?? remember(QUOTED_TAGS, tag, `,${JSON.stringify(tag)}:`)
}

function quotedAsset(asset: string): string {
  return QUOTED_ASSETS.get(asset) ?? remember(QUOTED_ASSETS, asset, JSON.stringify(asset))
}

function remember(cache: Map<string, string>, name: string, text: string): string {
  if (cache.size >= MOST_QUOTED) cache.clear()
  cache.set(name, text)
  return text
}

/** The seconds of the last time and their text: times of one batch share them, and a small number prints 7 times faster. */
const lastSeconds = { value: NaN, text: '' }

/** A time as JSON; whole ms after 2001 take the short way. */
function timeText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const rest = ms - seconds * 1000
  if (seconds < 1e9 || seconds >= 1e10 || !Number.isInteger(rest)) return numberText(ms)
  if (seconds !== lastSeconds.value) {
    lastSeconds.value = seconds
    lastSeconds.text = String(seconds)
  }
  return lastSeconds.text + (rest < 10 ? '00' : rest < 100 ? '0' : '') + rest
}

function hasStatus(quality: Reading['quality'], tag: string): boolean {
  return quality !== undefined && Object.hasOwn(quality, tag)
}

function smallInteger(value: Value): string | undefined {
  if (typeof value === 'boolean') return value ? '1' : '0'
  if (typeof value !== 'bigint') return undefined
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? String(value) : undefined
}

/** Adds the reading's own statuses; those that its values demand are there already where it gave none. */
function withStatuses(status: string, values: Reading['values'], quality: NonNullable<Reading['quality']>): string {
  let all = status
  for (const tag of Object.keys(quality)) {
    const code = statusOf(Object.hasOwn(values, tag) ? values[tag]! : null, quality[tag]! >>> 0)
    if (code !== 0) all += quoted(tag) + code
  }
  return all
}

function statusOf(value: Value | null, code: number): number {
  if (value === null) return code === 0 ? Quality.BadNoData : code
  if (typeof value !== 'number' || Number.isFinite(value)) return code
  return code >= Quality.Bad ? code : Quality.BadOutOfRange
}

function parse(bytes: Uint8Array): RecordShape {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = buffer.toString()
  let record: unknown
  try {
    record = JSON.parse(text)
  } catch (cause) {
    throw badRecord(`not JSON (${(cause as Error).message})`)
  }
  const fault = shapeFault(record)
  if (fault !== undefined) throw badRecord(fault)
  return record as RecordShape
}

/** What makes parsed JSON not a record; it may come from anybody who can write to the topic. */
function shapeFault(parsed: unknown): string | undefined {
  if (!isObject(parsed)) return 'not an object'
  const record = parsed as { readonly [name in keyof RecordShape]?: unknown }
  if (typeof record.asset !== 'string') return '"asset" is not a text'
  if (typeof record.ts !== 'number' || typeof record.recv !== 'number') return '"ts" or "recv" is not a number'
  if (record.server !== undefined && typeof record.server !== 'number') return '"server" is not a number'
  if (!isObject(record.values) || !areAll(record.values, 'number')) return '"values" is not an object of numbers'
  if (record.texts !== undefined && !(isObject(record.texts) && areAll(record.texts, 'string')))
    return '"texts" is not an object of texts'
  if (record.status !== undefined && !(isObject(record.status) && areAll(record.status, 'number')))
    return '"status" is not an object of numbers'
  return undefined
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isStructure(value: Value | null | undefined): value is { readonly [name: string]: Value | null } {
  return isObject(value)
}

function areAll(object: { readonly [name: string]: unknown }, type: 'number' | 'string'): boolean {
  // What JSON.parse made has only own names, so `for in` is safe here, and twice as fast as Object.keys.
  for (const name in object) if (typeof object[name] !== type) return false
  return true
}

/** A value that was decoded before its tag's definition was known, as it would have been decoded with it. */
export function typedValue(value: Value | null, definition: TagDefinition): Value | null {
  if (typeof value === 'string') return typedText(value, definition)
  if (typeof value !== 'number') return value
  const { type } = definition
  if (type === 'boolean' && (value === 0 || value === 1)) return value === 1
  return type === 'int64' && Number.isInteger(value) ? BigInt(value) : value
}

/** Booleans and int64 in place of their numbers. Each name is an own one already, so even `__proto__` is just a name. */
function typeNumbers(values: { [tag: string]: Value | null }, types: Definitions): void {
  for (const tag in values) {
    const type = types.get(tag)?.type
    if (type === undefined || type === 'number') continue
    const value = values[tag] as number
    if (type === 'boolean' && (value === 0 || value === 1)) values[tag] = value === 1
    else if (type === 'int64' && Number.isInteger(value)) values[tag] = BigInt(value)
  }
}

function addTexts(
  values: { [tag: string]: Value | null },
  texts: { readonly [tag: string]: string },
  types: Definitions | undefined,
): void {
  for (const tag in texts) setOwn(values, tag, typedText(texts[tag]!, types?.get(tag)))
}

function typedText(text: string, definition: TagDefinition | undefined): Value {
  switch (definition?.type) {
    case 'int64':
      return /^-?\d+$/.test(text) ? BigInt(text) : text
    case 'bytes':
      return fromBase64(text) ?? text
    case 'array': {
      const value = decodeNested(text)
      return Array.isArray(value) ? (value as Value) : text
    }
    case 'structure': {
      const value = decodeNested(text)
      return isStructure(value) ? value : text
    }
    default:
      return text
  }
}

/** A tag that has a status and nothing else has no value. */
function addAbsent(values: { [tag: string]: Value | null }, status: { readonly [tag: string]: number }): void {
  for (const tag in status) if (!Object.hasOwn(values, tag)) setOwn(values, tag, null)
}

function setOwn<T>(object: { [name: string]: T }, name: string, value: T): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
  } else {
    object[name] = value
  }
}

function reading(record: RecordShape, values: Reading['values']): Reading {
  const { asset, ts, recv, status, server } = record
  if (status === undefined) {
    return server === undefined
      ? { asset, sourceTime: ts, receivedTime: recv, values }
      : { asset, sourceTime: ts, serverTime: server, receivedTime: recv, values }
  }
  return server === undefined
    ? { asset, sourceTime: ts, receivedTime: recv, values, quality: status }
    : { asset, sourceTime: ts, serverTime: server, receivedTime: recv, values, quality: status }
}

function badTime(reading: Reading): ModelError {
  const { asset, sourceTime, receivedTime } = reading
  return new ModelError(
    'BAD_TIME',
    `Cannot encode reading of "${asset}": its times are ${sourceTime} and ${receivedTime}, want ms since the epoch`,
  )
}

function badRecord(fault: string): ModelError {
  return new ModelError('BAD_RECORD', `Cannot decode record: ${fault}, want a record of docs/architecture.md`)
}
