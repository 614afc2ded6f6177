import type { StoredRecord } from '../log/log.ts'
import { textOf } from '../system/text.ts'

/**
 * Records of one partition as they cross to the store's thread: their bytes in one buffer, which is handed over and not
 * copied again. They are decoded there, so that the hub's own thread has no work with them.
 */
export interface PackedRecords {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** Where each record ends. */
  readonly ends: Uint32Array<ArrayBuffer>
  readonly offsets: Float64Array<ArrayBuffer>
  /** Names of sources, each from the record with this index on. */
  readonly sources: readonly (readonly [from: number, name: string])[]
}

export function packRecords(records: readonly StoredRecord[]): PackedRecords {
  const held = records.filter(({ value }) => value !== null)
  const size = held.reduce((sum, { value }) => sum + value!.length, 0)
  const bytes = new Uint8Array(size)
  const ends = new Uint32Array(held.length)
  const offsets = new Float64Array(held.length)
  const sources: [number, string][] = []
  let end = 0
  let named: Uint8Array | undefined
  for (const [i, { offset, value, headers }] of held.entries()) {
    bytes.set(value!, end)
    end += value!.length
    ends[i] = end
    offsets[i] = offset
    const source = sourceOf(headers)
    if (i > 0 && source === named) continue
    named = source
    sources.push([i, source === undefined ? '' : textOf(source)])
  }
  return { bytes, ends, offsets, sources }
}

/** Records of one source share the bytes of its name (`decodeRecords`). */
function sourceOf(headers: StoredRecord['headers']): Uint8Array | undefined {
  for (const [name, value] of headers) if (name === 'source') return value
  return undefined
}
