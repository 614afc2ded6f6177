import { crc32 } from 'node:zlib'
import type { Disk } from '../system/disk.ts'
import type { LakeFile } from './manifest.ts'

const DAY_MS = 86_400_000

/** Bytes that are read at a time. */
const CHUNK_BYTES = 1 << 20

/** What tells where a file is. */
export type Named = Pick<LakeFile, 'day' | 'number'>

interface Content {
  readonly bytes: number
  readonly crc: number
}

/** What is kept of samples, each with a folder of its own below the lake. */
const FOLDERS = { samples: 'telemetry', rollups: 'rollup-1m' } as const
export type LakeKind = keyof typeof FOLDERS
export const KINDS: readonly LakeKind[] = ['samples', 'rollups']

/** Our files by their names; others that people put there are left alone. */
const OWN_NAME = /^(\d{6,})\.parquet$/

/**
 * The folder of Parquet files (docs/history.md):
 *
 *     telemetry/site=acme.berlin/date=2026-11-30/000042.parquet     samples of one day of source time, UTC
 *     rollup-1m/site=acme.berlin/date=2026-11-30/000042.parquet     their roll-ups of a minute
 *     staging/                                                      files being made
 *     damaged/                                                      files that were set aside
 *
 * A file is made in `staging`, synced, renamed to its place, and its folder synced, before anybody is told of it.
 */
export class Lake {
  readonly directory: string
  readonly #disk: Disk
  readonly #site: string

  constructor(directory: string, site: string, disk: Disk) {
    this.directory = directory
    this.#disk = disk
    // As in the names of topics; what is no letter of a path is written as Hive does.
    this.#site = encodeURIComponent(site.replaceAll('/', '.'))
  }

  path(kind: LakeKind, { day, number }: Named): string {
    return `${this.#folder(kind)}/date=${dateOf(day)}/${nameOf(number)}`
  }

  /** Where a file is made. */
  staged(kind: LakeKind, number: number): string {
    return `${this.directory}/staging/${FOLDERS[kind]}-${nameOf(number)}`
  }

  async open(): Promise<void> {
    await this.#disk.remove(`${this.directory}/staging`)
    await this.#disk.makeDirectory(`${this.directory}/staging`)
    for (const kind of KINDS) await this.#disk.makeDirectory(this.#folder(kind))
    for (const kind of Object.values(FOLDERS)) await this.#disk.syncDirectory(`${this.directory}/${kind}`)
    await this.#disk.syncDirectory(this.directory)
  }

  /** Puts what was staged under this number in its place, durably. Answers what both files are to be. */
  async place(file: Named): Promise<Pick<LakeFile, 'bytes' | 'crc' | 'rollupBytes' | 'rollupCrc'>> {
    const samples = await this.#place('samples', file)
    const rollups = await this.#place('rollups', file)
    return { bytes: samples.bytes, crc: samples.crc, rollupBytes: rollups.bytes, rollupCrc: rollups.crc }
  }

  async #place(kind: LakeKind, file: Named): Promise<Content> {
    const staged = this.staged(kind, file.number)
    const path = this.path(kind, file)
    const folder = path.slice(0, path.lastIndexOf('/'))
    await this.#sync(staged)
    const content = await this.#content(staged)
    if (!(await this.#disk.exists(folder))) {
      await this.#disk.makeDirectory(folder)
      await this.#disk.syncDirectory(this.#folder(kind))
    }
    await this.#disk.rename(staged, path)
    await this.#disk.syncDirectory(folder)
    return content
  }

  async #sync(path: string): Promise<void> {
    const file = await this.#disk.open(path, 'append')
    try {
      await file.datasync()
    } finally {
      await file.close()
    }
  }

  async #content(path: string): Promise<Content> {
    const file = await this.#disk.open(path, 'read')
    try {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
      let bytes = 0
      let crc = 0
      for (let read = await file.read(chunk, 0); read > 0; read = await file.read(chunk, bytes)) {
        crc = crc32(chunk.subarray(0, read), crc)
        bytes += read
      }
      return { bytes, crc }
    } finally {
      await file.close()
    }
  }

  /** Removes a file, and the folder of its day with the last one. */
  async remove(kind: LakeKind, file: Named): Promise<void> {
    const path = this.path(kind, file)
    const folder = path.slice(0, path.lastIndexOf('/'))
    await this.#disk.remove(path)
    if ((await this.#disk.list(folder)).length === 0) await this.#disk.remove(folder)
  }

  async removeStaged(number: number): Promise<void> {
    for (const kind of KINDS) await this.#disk.remove(this.staged(kind, number))
  }

  /** Moves a file out of the way, for whoever wants to know what happened to the disk; nothing where it is not there. */
  async setAside(kind: LakeKind, file: Named): Promise<void> {
    const path = this.path(kind, file)
    if (!(await this.#disk.exists(path))) return
    await this.#disk.makeDirectory(`${this.directory}/damaged`)
    await this.#disk.rename(
      path,
      `${this.directory}/damaged/${FOLDERS[kind]}-${dateOf(file.day)}-${nameOf(file.number)}`,
    )
  }

  /** Our files that lie in the lake. */
  async *present(): AsyncIterable<{ kind: LakeKind; day: number; number: number }> {
    for (const kind of KINDS) {
      const folder = this.#folder(kind)
      for (const name of await this.#disk.list(folder)) {
        const day = dayOf(name)
        if (day === undefined) continue
        for (const file of await this.#disk.list(`${folder}/${name}`)) {
          const number = OWN_NAME.exec(file)?.[1]
          if (number !== undefined) yield { kind, day, number: Number(number) }
        }
      }
    }
  }

  /** What is wrong with a file; undefined where nothing is. `thorough`: its content is read, not just its size. */
  async fault(kind: LakeKind, file: LakeFile, thorough: boolean): Promise<string | undefined> {
    const path = this.path(kind, file)
    const want =
      kind === 'samples' ? { bytes: file.bytes, crc: file.crc } : { bytes: file.rollupBytes, crc: file.rollupCrc }
    if (want.bytes === undefined) return undefined
    if (!(await this.#disk.exists(path))) return 'it is not there'
    const bytes = await this.#size(path)
    if (bytes !== want.bytes) return `it has ${bytes} bytes, want ${want.bytes}`
    if (!thorough) return undefined
    const { crc } = await this.#content(path)
    return crc === want.crc ? undefined : `its checksum is ${crc}, want ${want.crc}`
  }

  async #size(path: string): Promise<number> {
    const file = await this.#disk.open(path, 'read')
    try {
      return await file.size()
    } finally {
      await file.close()
    }
  }

  #folder(kind: LakeKind): string {
    return `${this.directory}/${FOLDERS[kind]}/site=${this.#site}`
  }
}

/** `2026-11-30`; years beyond four digits as ISO 8601 expands them. */
function dateOf(day: number): string {
  const text = new Date(day * DAY_MS).toISOString()
  return text.slice(0, text.indexOf('T'))
}

function dayOf(folder: string): number | undefined {
  if (!folder.startsWith('date=')) return undefined
  const time = Date.parse(`${folder.slice('date='.length)}T00:00:00.000Z`)
  return Number.isNaN(time) ? undefined : time / DAY_MS
}

function nameOf(number: number): string {
  return `${String(number).padStart(6, '0')}.parquet`
}
