import { badEvent, readCloudEvent, shown, type Attributes } from './cloud-event.ts'
import type { Event } from './event.ts'
import { parseExactJson } from './exact-json.ts'
import { parsePath } from './path.ts'
import { formatTime } from './rfc3339.ts'

/** The record of an event, as the log takes it. */
export interface EventRecord {
  readonly key: string
  readonly value: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Received time: a wrong clock never drives retention. */
  readonly timestamp: number
}

/**
 * An event as its record: a CloudEvent in the binary mode of the Kafka binding (CloudEvents 1.0.2, Kafka Protocol Binding
 * clause 3.2). Attributes are headers (`ce_id`, `ce_type`, ...), the value is the data as JSON, the key is the asset.
 */
export function encodeEvent(event: Event, extensions: { readonly [name: string]: string } = {}): EventRecord {
  const { id, type, asset, time, receivedTime, source, data } = event
  return {
    key: asset,
    value: JSON.stringify(data),
    headers: [
      ['ce_specversion', '1.0'],
      ['ce_id', id],
      ['ce_source', source],
      ['ce_type', type],
      ['ce_subject', asset],
      ['ce_time', formatTime(time)],
      ...Object.entries(extensions).map(([name, value]) => [`ce_${name}`, value] as const),
      ['content-type', 'application/json'],
    ],
    timestamp: receivedTime,
  }
}

/** A record that may hold an event. */
export interface StoredEvent {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [name: string, value: Uint8Array])[]
  readonly timestamp: number
}

/**
 * The event of a record, in binary mode or in structured mode (`content-type: application/cloudevents+json`), whoever wrote
 * it. The asset is the subject, or the key where there is none; the received time is the record's timestamp.
 * @throws ModelError `BAD_EVENT`, `BAD_PATH` where the record is no event.
 */
export function decodeEvent(record: StoredEvent): Event {
  const { value, headers, timestamp } = record
  const contentType = textOf(headers.findLast(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null)
  const media = (contentType ?? '').split(';')[0]!.trim().toLowerCase()
  const attributes = media.startsWith('application/cloudevents') ? structured(media, value) : binary(media, record)
  const assetOf = (subject: string | undefined) => parsePath(subject ?? textOf(record.key) ?? '')
  return readCloudEvent(attributes, { receivedTime: timestamp, assetOf }).event
}

function structured(media: string, value: Uint8Array | null): Attributes {
  if (media !== 'application/cloudevents+json') {
    throw badEvent(`content-type is "${media}", want application/cloudevents+json or application/json`)
  }
  const json = parse(value)
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw badEvent(`the value is ${shown(json)}, want an object`)
  }
  return json as Attributes
}

function binary(media: string, { value, headers }: StoredEvent): Attributes {
  if (media !== '' && media !== 'application/json' && !media.endsWith('+json')) {
    throw badEvent(`content-type is "${media}", want application/json`)
  }
  const attributes = headers.flatMap(([name, bytes]) =>
    name.toLowerCase().startsWith('ce_') ? [[name.slice(3).toLowerCase(), textOf(bytes)] as const] : [],
  )
  if (attributes.length === 0) throw badEvent('it has no "ce_" headers, want those of a CloudEvent')
  return { ...Object.fromEntries(attributes), data: value === null ? null : parse(value) }
}

function parse(value: Uint8Array | null) {
  try {
    return parseExactJson(textOf(value) ?? '')
  } catch (cause) {
    throw badEvent(`the value is not JSON (${(cause as Error).message.slice(0, 200)})`)
  }
}

function textOf(bytes: Uint8Array | null): string | undefined {
  return bytes === null ? undefined : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
}
