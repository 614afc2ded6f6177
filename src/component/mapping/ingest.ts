import type { Item } from '../source.ts'
import { readEvents, type EventTarget } from './event-payload.ts'
import { readPayload, readTree, type Target } from './payload.ts'

/** Why a whole body cannot be taken; nothing of it is stored. */
interface IngestFault {
  /** HTTP status that says so (RFC 9110 clause 15.5). */
  readonly status: 400 | 413 | 415
  readonly code: string
  readonly message: string
}

export type Ingest = { readonly items: readonly Item[] } | { readonly fault: IngestFault }

const JSON_TYPE = /^application\/(?:json|[a-z0-9.+-]+\+json)$/
const LINES_TYPE = /^application\/(?:x-ndjson|ndjson|jsonl|x-jsonlines)$/

const decoder = new TextDecoder('utf-8', { fatal: true })

/** How the documents of a body are read. */
interface Reader {
  /** A body that is one JSON document, parsed. */
  tree(tree: unknown, text: string, payload: Uint8Array): readonly Item[]
  /** A line. */
  payload(payload: Uint8Array): readonly Item[]
}

/**
 * The items of a body posted for one asset; never throws. JSON is everything that `readPayload` understands, and NDJSON
 * the same on each line. A body that is not JSON as a whole is a fault; what is wrong with one record, or one line, of
 * several comes back as `rejected` with its own bytes. `mostRecords` bounds the records, or lines, of a body.
 */
export function readIngest(
  body: Uint8Array,
  contentType: string | undefined,
  target: Target,
  receivedTime: number,
  mostRecords: number,
): Ingest {
  return readBody(body, contentType, mostRecords, {
    tree: (tree, text, payload) => readTree(tree, { text, payload, receivedTime, target }),
    payload: (payload) => readPayload(payload, receivedTime, target),
  })
}

/** The same for events: everything that `readEvents` understands, one a document or line, or arrays of them. */
export function readEventBody(
  body: Uint8Array,
  contentType: string | undefined,
  target: EventTarget,
  receivedTime: number,
  mostRecords: number,
): Ingest {
  const payload = (bytes: Uint8Array) => readEvents(bytes, receivedTime, target)
  return readBody(body, contentType, mostRecords, { tree: (_tree, _text, bytes) => payload(bytes), payload })
}

function readBody(body: Uint8Array, contentType: string | undefined, mostRecords: number, reader: Reader): Ingest {
  const type = (contentType ?? '').split(';')[0]!.trim().toLowerCase()
  if (JSON_TYPE.test(type)) return readJson(body, mostRecords, reader)
  if (LINES_TYPE.test(type)) return readLines(body, mostRecords, reader)
  const given = contentType === undefined ? 'missing' : JSON.stringify(type.slice(0, 80))
  const message = `Cannot read body: content-type is ${given}, want application/json or application/x-ndjson`
  return { fault: { status: 415, code: 'BAD_CONTENT_TYPE', message } }
}

function readJson(payload: Uint8Array, mostRecords: number, reader: Reader): Ingest {
  let text: string
  let tree: unknown
  try {
    text = decoder.decode(payload)
    tree = JSON.parse(text)
  } catch (error) {
    const message = `Cannot read body: it is not JSON in UTF-8: ${(error as Error).message.slice(0, 200)}`
    return { fault: { status: 400, code: 'BAD_PAYLOAD', message } }
  }
  if (Array.isArray(tree)) {
    if (tree.length > mostRecords) return { fault: tooMany(tree.length, mostRecords) }
    // An empty list of records is nothing to store; as one value it would be an empty array.
    if (tree.length === 0) return { items: [] }
  }
  return { items: reader.tree(tree, text, payload) }
}

function readLines(body: Uint8Array, mostRecords: number, reader: Reader): Ingest {
  const lines = splitLines(body)
  if (lines.length > mostRecords) return { fault: tooMany(lines.length, mostRecords) }
  return { items: lines.flatMap((line) => reader.payload(line)) }
}

/** The lines that are not blank, without their ends. */
function splitLines(body: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (let start = 0; start < body.length;) {
    const newline = body.indexOf(0x0a, start)
    const end = newline === -1 ? body.length : newline
    const line = trimEnd(body.subarray(start, end))
    if (line.length > 0) lines.push(line)
    start = end + 1
  }
  return lines
}

function trimEnd(line: Uint8Array): Uint8Array {
  let end = line.length
  while (end > 0 && (line[end - 1] === 0x0d || line[end - 1] === 0x20 || line[end - 1] === 0x09)) end--
  return line.subarray(0, end)
}

function tooMany(count: number, most: number): IngestFault {
  const message = `Cannot take body: it has ${count} records, want at most ${most} in one request`
  return { status: 413, code: 'TOO_MANY_RECORDS', message }
}
