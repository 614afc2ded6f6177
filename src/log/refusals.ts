import { LogError } from './log.ts'
import type { NewRecord } from './log.ts'

/** Largest record, in bytes of key, value and headers: a value of 1 MiB and what surrounds it. */
export const MAX_RECORD_BYTES = 1024 * 1024 + 64 * 1024

/** Bytes that may be handed over and not yet durable before `ready` waits; `append` itself refuses at twice this. */
export const MAX_PENDING_BYTES = 32 * 1024 * 1024

export function closedError(action: string): LogError {
  return new LogError('LOG_CLOSED', `Cannot ${action}: the log is closed, want it open`, { retriable: false })
}

export function unknownTopicError(action: string, topic: string): LogError {
  const message = `Cannot ${action} topic "${topic}": it is not known here, want it ensured first`
  return new LogError('TOPIC_UNKNOWN', message, { retriable: false })
}

export function mismatchError(topic: string, actual: number, wanted: number): LogError {
  const message = `Cannot use topic "${topic}": it has ${actual} partitions, want ${wanted}`
  return new LogError('TOPIC_MISMATCH', message, { retriable: false })
}

export function cleanupError(topic: string, actual: string, wanted: string): LogError {
  const message = `Cannot use topic "${topic}": its cleanup policy is ${actual}, want ${wanted}`
  return new LogError('TOPIC_MISMATCH', message, { retriable: false })
}

export function beyondEndError(topic: string, partition: number, offset: number, end: number): LogError {
  const message = `Cannot read "${topic}" partition ${partition} at offset ${offset}: it ends at ${end}, want a position up to there`
  return new LogError('OFFSET_BEYOND_END', message, { retriable: false })
}

export function overrunError(topic: string, pending: number, limit: number): LogError {
  const message = `Cannot append to "${topic}": ${pending} bytes wait to become durable, want fewer than ${limit} (await ready)`
  return new LogError('APPEND_OVERRUN', message, { retriable: true })
}

/** @throws LogError `RECORD_TOO_LARGE`, `BAD_TIMESTAMP`; before anything of the call was taken. */
export function checkRecords(topic: string, records: readonly NewRecord[], limit: number): void {
  for (const record of records) {
    if (!(Math.abs(record.timestamp) <= Number.MAX_SAFE_INTEGER)) throw timestampError(topic, record.timestamp)
    // A UTF-16 unit takes at most three bytes of UTF-8, so nearly every record passes without being measured.
    if (3 * (length(record.key) + length(record.value)) + 3 * headerLength(record) <= limit) continue
    const size = recordBytes(record)
    if (size > limit) throw tooLargeError(topic, size, limit)
  }
}

function timestampError(topic: string, timestamp: number): LogError {
  const message = `Cannot append record to "${topic}": its timestamp is ${timestamp}, want ms since the epoch`
  return new LogError('BAD_TIMESTAMP', message, { retriable: false })
}

function tooLargeError(topic: string, size: number, limit: number): LogError {
  const message = `Cannot append record to "${topic}": it has ${size} bytes, want at most ${limit}`
  return new LogError('RECORD_TOO_LARGE', message, { retriable: false })
}

/** Bytes of key, value and headers. */
export function recordBytes(record: NewRecord): number {
  let size = byteLength(record.key) + byteLength(record.value)
  for (const [name, value] of record.headers ?? []) size += byteLength(name) + byteLength(value)
  return size
}

function headerLength(record: NewRecord): number {
  let size = 0
  if (record.headers) for (const [name, value] of record.headers) size += name.length + value.length
  return size
}

function length(data: string | Uint8Array | null): number {
  return data === null ? 0 : data.length
}

function byteLength(data: string | Uint8Array | null): number {
  if (data === null) return 0
  return typeof data === 'string' ? Buffer.byteLength(data) : data.length
}
