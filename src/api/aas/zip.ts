import { crc32, deflateRawSync } from 'node:zlib'

/** A file in an archive. */
export interface ZipEntry {
  /** With slashes, relative. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** 1980-01-01, the first day that the format knows: an archive of the same content is the same bytes. */
const DOS_DATE = 0x0021

/** A ZIP archive (PKWARE APPNOTE 6.3.3), deflated, without ZIP64: below 4 GiB and 65,536 files. */
export function zip(entries: readonly ZipEntry[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, bytes } of entries) {
    const packed = deflateRawSync(bytes)
    const path = Buffer.from(name)
    const common = commonFields(bytes, packed, path)
    // 4.3.7 local file header
    const local = Buffer.concat([uint32(0x04034b50), uint16(20), common, uint16(0), path])
    // 4.3.12 central directory header: made by, then as the local one, then comment, disk, attributes, place
    const rest = [uint16(0), uint16(0), uint16(0), uint16(0), uint32(0), uint32(offset)]
    directory.push(Buffer.concat([uint32(0x02014b50), uint16(20), uint16(20), common, ...rest, path]))
    parts.push(local, packed)
    offset += local.length + packed.length
  }
  const central = Buffer.concat(directory)
  const count = uint16(entries.length)
  // 4.3.16 end of central directory
  const end = [
    uint32(0x06054b50),
    uint16(0),
    uint16(0),
    count,
    count,
    uint32(central.length),
    uint32(offset),
    uint16(0),
  ]
  return Buffer.concat([...parts, central, ...end])
}

/** Flags (names in UTF-8), method, time, date, checksum, sizes, length of the name. */
function commonFields(bytes: Uint8Array, packed: Buffer, path: Buffer): Buffer {
  const sizes = [uint32(crc32(bytes)), uint32(packed.length), uint32(bytes.length)]
  return Buffer.concat([uint16(0x0800), uint16(8), uint16(0), uint16(DOS_DATE), ...sizes, uint16(path.length)])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
