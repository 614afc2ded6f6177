import type { Raw, Rejected } from '../component/source.ts'
import type { Header, NewRecord } from '../log/log.ts'
import type { Reading } from '../model/reading.ts'

/** Key and value of a record together, in bytes: Kafka's own default for a request, less what surrounds them. */
const MOST_BYTES = 1_048_576
/** What is kept of a message that no record can hold. */
const KEPT_BYTES = 65_536
const MOST_REASON = 1_000

const JSON_TYPE: Header = ['content-type', 'application/json']

/** What an item became that cannot be stored as data. */
export interface Refused {
  readonly address: string
  readonly payload: Uint8Array | string
  readonly code: string
  readonly reason: string
  readonly receivedTime: number
}

/** Builds the records of one source: the headers that all of them share are made once. */
export class RecordBuilder {
  readonly #source: Header
  /** Absent for the first epoch, which is that of a hub that shares its log with nobody. */
  readonly #epoch: Header | undefined

  constructor(source: string, epoch: number) {
    this.#source = ['source', source]
    this.#epoch = epoch > 1 ? ['epoch', String(epoch)] : undefined
  }

  reading(reading: Reading, text: string, seq: number): NewRecord {
    return {
      key: reading.asset,
      value: text,
      headers: this.#headers(seq, JSON_TYPE),
      timestamp: stamp(reading.receivedTime),
    }
  }

  raw({ key, payload, headers, receivedTime }: Raw, seq: number): NewRecord {
    const own = this.#rawHeaders(seq)
    const all = headers === undefined ? own : [...headers, ...own]
    return { key, value: payload, headers: all, timestamp: stamp(receivedTime) }
  }

  quarantined({ address, payload, code, reason, receivedTime }: Refused, seq: number): NewRecord {
    return {
      key: shorten(address, KEPT_BYTES / 4),
      value: isTooLarge(address, payload) ? payload.slice(0, KEPT_BYTES) : payload,
      headers: [...this.#rawHeaders(seq), ['code', code], ['reason', shorten(reason, MOST_REASON)]],
      timestamp: stamp(receivedTime),
    }
  }

  /** Written out, because this is done for every record. */
  #headers(seq: number, type: Header): readonly Header[] {
    const number: Header = ['seq', String(seq)]
    return this.#epoch === undefined ? [this.#source, number, type] : [this.#source, number, this.#epoch, type]
  }

  #rawHeaders(seq: number): readonly Header[] {
    const number: Header = ['seq', String(seq)]
    return this.#epoch === undefined ? [this.#source, number] : [this.#source, number, this.#epoch]
  }
}

/** Latest time a Date can hold; also far within what a record's timestamp can. */
const LAST_MS = 8.64e15

/** A record's timestamp: a time that is none must not make the log refuse the whole batch. */
function stamp(receivedTime: number): number {
  return receivedTime >= 0 && receivedTime <= LAST_MS ? receivedTime : 0
}

/** Whether no record can hold these; measured only where it might be so (a UTF-16 unit takes at most 3 bytes). */
export function isTooLarge(key: string, value: Uint8Array | string): boolean {
  const most = 3 * key.length + (typeof value === 'string' ? 3 * value.length : value.length)
  return most > MOST_BYTES && byteLength(key) + byteLength(value) > MOST_BYTES
}

export function tooLarge(item: Raw | Reading, size: number): Refused {
  const address = 'asset' in item ? item.asset : item.key
  return {
    address,
    payload: 'asset' in item ? readingText(item) : item.payload,
    code: 'RECORD_TOO_LARGE',
    reason: `Cannot store message of "${shorten(address, 200)}": it has ${size} bytes, want at most ${MOST_BYTES}; only its first ${KEPT_BYTES} are kept here`,
    receivedTime: item.receivedTime,
  }
}

export function refusedOf({ address, payload, code, reason, receivedTime }: Rejected): Refused {
  return { address, payload, code, reason, receivedTime }
}

/** An item that failed a check, as what goes to quarantine; its original bytes are gone, so it is the reading as JSON. */
export function faulty(reading: Reading, error: unknown): Refused {
  const { code, message } = error as { code?: string; message?: string }
  return {
    address: reading.asset,
    payload: readingText(reading),
    code: code ?? 'UNSTORABLE',
    reason: message ?? String(error),
    receivedTime: reading.receivedTime,
  }
}

/** A reading as text for people, whatever is wrong with it. */
function readingText(reading: Reading): string {
  try {
    return JSON.stringify(reading, (_name, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  } catch {
    // Nested too deep even for that: its place and times are all that can be said of it.
    return JSON.stringify({ ...reading, values: Object.keys(reading.values) })
  }
}

/** Bytes of an item's key and value, for people. */
export function byteLength(value: Uint8Array | string): number {
  return typeof value === 'string' ? Buffer.byteLength(value) : value.length
}

function shorten(text: string, length: number): string {
  return text.length > length ? text.slice(0, length) : text
}
