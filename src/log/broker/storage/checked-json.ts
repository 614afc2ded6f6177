import { crc32c } from '../../crc32c.ts'

/** JSON after a line with its CRC-32C: a file that is whole, or known not to be. */
export function encodeChecked(value: unknown): Uint8Array {
  const json = Buffer.from(JSON.stringify(value))
  return Buffer.concat([Buffer.from(`${checksum(json)}\n`), json])
}

/** What `encodeChecked` was given; undefined where the bytes are not its answer any more. */
export function decodeChecked(bytes: Uint8Array): unknown {
  const json = bytes.subarray(9)
  if (Buffer.from(bytes.subarray(0, 9)).toString('latin1') !== `${checksum(json)}\n`) return undefined
  return JSON.parse(Buffer.from(json).toString('utf8'))
}

function checksum(bytes: Uint8Array): string {
  return crc32c(bytes).toString(16).padStart(8, '0')
}
