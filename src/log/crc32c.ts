import { crc32c as native } from '@node-rs/crc32'

/** CRC-32C (Castagnoli, RFC 3720 B.4) of all these bytes: the checksum of RecordBatch v2. Unsigned. */
export function crc32c(bytes: Uint8Array): number {
  return native(bytes)
}
