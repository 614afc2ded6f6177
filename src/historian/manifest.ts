import { crc32 } from 'node:zlib'
import type { ViewPosition } from '../component/view.ts'
import { replaceFile, type Disk } from '../system/disk.ts'

/** Offsets of one partition, from `from` up to before `to`. */
export interface Span {
  /** Which log, where there was another one before: counted up when the log turns out to be a new one. */
  readonly epoch: number
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

/** One file of samples of one day, and the file of their roll-ups beside it. */
export interface LakeFile {
  /** Its name is this number; numbers only grow. */
  readonly number: number
  /** Days since the epoch, UTC, of the source times. */
  readonly day: number
  readonly rows: number
  readonly rollups: number
  readonly minUs: number
  readonly maxUs: number
  readonly maxReceivedUs: number
  /** Absent: the samples were removed by retention, and the roll-ups are still there. */
  readonly bytes?: number
  /** CRC-32 of the file. */
  readonly crc?: number
  readonly rollupBytes: number
  readonly rollupCrc: number
  /** Every record of these spans whose source time is of this day is in this file, and in no other. */
  readonly spans: readonly Span[]
}

/** Whether samples of a file may lie between two times, `to` exclusive. */
export function overlaps(
  { minUs, maxUs }: LakeFile,
  { fromUs = -Infinity, toUs = Infinity }: { readonly fromUs?: number; readonly toUs?: number },
): boolean {
  return minUs < toUs && maxUs >= fromUs
}

/**
 * What counts of a lake, and up to where of the log it goes: one file, replaced as a whole, so that samples and positions
 * change in one step. What it does not name does not count.
 */
export interface Manifest {
  readonly epoch: number
  /** The number of the next file. */
  readonly next: number
  /** Samples of every offset below these are in the files. */
  readonly positions: readonly ViewPosition[]
  readonly files: readonly LakeFile[]
  /** Up to when retention believes that time has gone, ms since the epoch; absent: it has not looked yet. */
  readonly retainedAt?: number
  /** Files that were found damaged, and are to be made again from the log. */
  readonly damaged: readonly LakeFile[]
}

export const EMPTY: Manifest = { epoch: 1, next: 1, positions: [], files: [], damaged: [] }

const VERSION = 1

/** The names of a manifest and of the one before it: should one be damaged, nothing of the files is lost with it. */
const NAMES = ['manifest.json', 'manifest.previous.json'] as const

/** Writes a manifest: the one that was, under its other name, and then the new one. */
export async function writeManifest(
  disk: Disk,
  directory: string,
  manifest: Manifest,
  previous: Manifest | undefined,
): Promise<void> {
  if (previous !== undefined) await replaceFile(disk, `${directory}/${NAMES[1]}`, encode(previous))
  await replaceFile(disk, `${directory}/${NAMES[0]}`, encode(manifest))
}

/** A manifest that was read, and what was wrong with those that could not be. */
export interface ReadManifest {
  readonly manifest: Manifest | undefined
  readonly faults: readonly { readonly file: string; readonly fault: string }[]
}

/** The newest one that is whole; undefined where there is none, or none is whole. @throws a system error */
export async function readManifest(disk: Disk, directory: string): Promise<ReadManifest> {
  const faults: { file: string; fault: string }[] = []
  for (const name of NAMES) {
    const file = `${directory}/${name}`
    if (!(await disk.exists(file))) continue
    const read = decode(await disk.readFile(file))
    if (typeof read !== 'string') return { manifest: read, faults }
    faults.push({ file, fault: read })
  }
  return { manifest: undefined, faults }
}

function encode(manifest: Manifest): Buffer {
  const body = JSON.stringify({ millrace: 'lake', version: VERSION, ...manifest })
  return Buffer.from(`${body}\n${JSON.stringify({ crc32: crc32(body) })}\n`)
}

/** The manifest, or a sentence that says what is wrong with it. */
function decode(bytes: Uint8Array): Manifest | string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString()
  const [body = '', trailer = ''] = text.split('\n')
  try {
    const { crc32: want } = JSON.parse(trailer) as { crc32?: unknown }
    const crc = crc32(body)
    if (crc !== want) return `its checksum is ${crc}, want ${String(want)}`
    const { millrace: _, version, ...manifest } = JSON.parse(body) as Manifest & { millrace: string; version: number }
    return version === VERSION ? manifest : `its version is ${version}, want ${VERSION}`
  } catch (error) {
    return `it is torn or not a manifest (${(error as Error).message})`
  }
}
