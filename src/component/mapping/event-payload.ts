import { createHash } from 'node:crypto'
import { badEvent, checkedData, readCloudEvent, shown, typeFault, type CloudEvent } from '../../model/cloud-event.ts'
import { ModelError } from '../../model/errors.ts'
import { encodeEvent } from '../../model/event-record.ts'
import { parseExactJson } from '../../model/exact-json.ts'
import type { Json } from '../../model/json-value.ts'
import { parsePath } from '../../model/path.ts'
import { formatTime, parseRfc3339 } from '../../model/rfc3339.ts'
import type { Item } from '../source.ts'
import { Elements } from './elements.ts'
import { reject } from './payload.ts'
import { parseTime } from './timestamp.ts'

/** Kind of the topic of events. */
const EVENTS_TOPIC = 'events'

/** Where the events of a payload belong, and how it is to be read. */
export interface EventTarget {
  /** Where the payload came from: a topic, an URL's path. */
  readonly address: string
  /** Paths are below it, or begin with it. */
  readonly site: string
  /** Name of the source: that of events that do not say who says so. */
  readonly source: string
  /** The payload is the data of one event of this type; undefined: it says itself what happened. */
  readonly type?: string
  /** Full path of the asset of an event that names none; undefined: it must. */
  readonly asset?: string
  /** Field of the data that holds the time, where the payload is data. */
  readonly timestamp?: string
  /** Whether events of an asset, by its path below the site, are taken here; absent: all are. */
  readonly takes?: (path: string) => boolean
}

/** A payload that has been parsed. */
interface Payload {
  readonly target: EventTarget
  readonly receivedTime: number
}

type JsonObject = { readonly [name: string]: Json }

/** Fields of the short form. */
const SHORT: readonly string[] = ['type', 'asset', 'time', 'id', 'source', 'data']

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * The events of a JSON payload; never throws. One, or an array of them, each either a CloudEvent 1.0 in structured mode
 * (it has `specversion`) or the short form `{type, asset, time?, data?, id?, source?}`; where the target has a type, the
 * payload is the data of one event, unless it is a CloudEvent. What cannot be stored comes back as `rejected`.
 *
 * An event without an id gets one from what it says, so that a message that comes again is the same event: from source,
 * type, asset, data and its own time; where it has no time of its own, from when and where it came.
 */
export function readEvents(payload: Uint8Array, receivedTime: number, target: EventTarget): readonly Item[] {
  let text: string
  let tree: Json
  try {
    text = decoder.decode(payload)
    tree = parseExactJson(text)
  } catch (error) {
    const what = payload.length === 0 ? 'the payload is empty' : `the payload is not JSON: ${(error as Error).message}`
    return [reject(target.address, payload, receivedTime, 'BAD_PAYLOAD', what.slice(0, 300))]
  }
  if (!Array.isArray(tree) || target.type !== undefined) return [item(tree, { target, receivedTime }, () => payload)]
  const elements = new Elements(text)
  return (tree as readonly Json[]).map((one, index) =>
    item(one, { target, receivedTime }, () => elements.bytes(index), index),
  )
}

/** `index`: its place among the events of the payload. */
function item(json: Json, payload: Payload, bytes: () => Uint8Array, index?: number): Item {
  const { target, receivedTime } = payload
  try {
    const { event, extensions } = read(json, payload, index ?? 0)
    const record = encodeEvent(event, extensions)
    const value = Buffer.from(record.value)
    return { kind: 'raw', topic: EVENTS_TOPIC, key: record.key, payload: value, headers: record.headers, receivedTime }
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    const what = index === undefined ? error.message : `event ${index}: ${error.message}`
    return reject(target.address, bytes(), receivedTime, error.code, what)
  }
}

/** @throws ModelError where it is no event, or one that is not taken here. */
function read(json: Json, payload: Payload, index: number): CloudEvent {
  const { target, receivedTime } = payload
  const assetOf = (given: string | undefined) => assetIn(target, given)
  if (isObject(json) && Object.hasOwn(json, 'specversion')) {
    const cloud = readCloudEvent(json, { receivedTime, assetOf })
    storable(cloud.event.time)
    return cloud
  }
  if (target.type !== undefined) return data(json, target.type, payload, index)
  if (!isObject(json)) throw badEvent(`it is ${shown(json)}, want an object`)
  return short(json, payload, index)
}

/** The payload is the data. */
function data(json: Json, type: string, payload: Payload, index: number): CloudEvent {
  const { timestamp } = payload.target
  const given =
    timestamp !== undefined && isObject(json) && Object.hasOwn(json, timestamp) ? json[timestamp] : undefined
  return complete({ type, asset: undefined, time: given ?? undefined, data: json }, payload, index)
}

function short(json: JsonObject, payload: Payload, index: number): CloudEvent {
  const strange = Object.keys(json).find((name) => !SHORT.includes(name))
  if (strange !== undefined) throw badEvent(`field ${shown(strange)} is not known, want ${SHORT.join(', ')}`)
  const { type, asset, time, id, source } = json
  if (typeof type !== 'string') throw badEvent(`"type" is ${shown(type)}, want a name, e.g. "order.started"`)
  if (asset !== undefined && typeof asset !== 'string') throw badEvent(`"asset" is ${shown(asset)}, want a path`)
  for (const [name, given] of [
    ['id', id],
    ['source', source],
  ] as const) {
    if (given !== undefined && (typeof given !== 'string' || given === '')) {
      throw badEvent(`"${name}" is ${shown(given)}, want a text`)
    }
  }
  return complete(
    { type, asset, time: time ?? undefined, data: json['data'] ?? null, id, source } as Given,
    payload,
    index,
  )
}

interface Given {
  readonly type: string
  readonly asset: string | undefined
  readonly time: Json | undefined
  readonly data: Json
  readonly id?: string | undefined
  readonly source?: string | undefined
}

/** An event of what was given, through the same checks as a CloudEvent. */
function complete(given: Given, { target, receivedTime }: Payload, index: number): CloudEvent {
  const fault = typeFault(given.type)
  if (fault !== undefined) throw badEvent(fault)
  const time = given.time === undefined ? receivedTime : parseTime(given.time)
  if (time === undefined) throw badEvent(`its time is ${shown(given.time)}, want a number or ISO 8601`)
  storable(time)
  const { type } = given
  const source = given.source ?? target.source
  const asset = assetIn(target, given.asset)
  const json = checkedData(given.data)
  const id = given.id ?? idOf([source, type, asset, json], given.time === undefined ? [receivedTime, index] : [time])
  const attributes = { specversion: '1.0', id, type, source, time: formatTime(time), data: json }
  return readCloudEvent(attributes, { receivedTime, assetOf: () => asset })
}

/** Enough of a digest that no two events of a plant ever share one by chance. */
function idOf(what: readonly Json[], when: readonly number[]): string {
  return createHash('sha256')
    .update(JSON.stringify([what, when]))
    .digest('base64url')
    .slice(0, 22)
}

/** @throws ModelError `BAD_PATH`, `PATH_NOT_TAKEN`, `BAD_EVENT`. */
function assetIn({ site, asset, takes }: EventTarget, given: string | undefined): string {
  if (given === undefined && asset === undefined) throw badEvent('it names no asset, want "asset" or "subject"')
  const path = given === undefined ? asset! : parsePath(given.startsWith(`${site}/`) ? given : `${site}/${given}`)
  if (takes === undefined || takes(path.slice(site.length + 1))) return path
  const message = `Cannot take event of ${JSON.stringify(path)}: no source takes it, want one whose assets do`
  throw new ModelError('PATH_NOT_TAKEN', message)
}

/** RFC 3339 has years of four digits. */
function storable(time: number): void {
  if (parseRfc3339(formatTime(time)) === undefined) throw badEvent(`its time is ${time}, want a year up to 9999`)
}

function isObject(json: Json): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}
