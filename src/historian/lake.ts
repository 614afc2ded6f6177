import type { Disk } from '../system/disk.ts'
import type { LakeFile } from './manifest.ts'

const DAY_MS = 86_400_000

/** What is kept of samples, each with a folder of its own below the lake. */
const KINDS = { samples: 'telemetry', rollups: 'rollup-1m' } as const
export type LakeKind = keyof typeof KINDS

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

  path(kind: LakeKind, { day, number }: Pick<LakeFile, 'day' | 'number'>): string {
    return `${this.#folder(kind)}/date=${dateOf(day)}/${nameOf(number)}`
  }

  /** Where a file is made. */
  staged(kind: LakeKind, number: number): string {
    return `${this.directory}/staging/${KINDS[kind]}-${nameOf(number)}`
  }

  async open(): Promise<void> {
    await this.#disk.remove(`${this.directory}/staging`)
    await this.#disk.makeDirectory(`${this.directory}/staging`)
    for (const kind of ['samples', 'rollups'] as const) await this.#disk.makeDirectory(this.#folder(kind))
    for (const kind of Object.values(KINDS)) await this.#disk.syncDirectory(`${this.directory}/${kind}`)
    await this.#disk.syncDirectory(this.directory)
  }

  /** Puts what was staged under this number in its place, durably. Answers the bytes of both files. */
  async place(file: Pick<LakeFile, 'day' | 'number'>): Promise<{ bytes: number; rollupBytes: number }> {
    return { bytes: await this.#place('samples', file), rollupBytes: await this.#place('rollups', file) }
  }

  async #place(kind: LakeKind, file: Pick<LakeFile, 'day' | 'number'>): Promise<number> {
    const staged = this.staged(kind, file.number)
    const path = this.path(kind, file)
    const folder = path.slice(0, path.lastIndexOf('/'))
    const bytes = await this.#sync(staged)
    if (!(await this.#disk.exists(folder))) {
      await this.#disk.makeDirectory(folder)
      await this.#disk.syncDirectory(this.#folder(kind))
    }
    await this.#disk.rename(staged, path)
    await this.#disk.syncDirectory(folder)
    return bytes
  }

  async #sync(path: string): Promise<number> {
    const file = await this.#disk.open(path, 'append')
    try {
      await file.datasync()
      return await file.size()
    } finally {
      await file.close()
    }
  }

  /** Removes a file, and the folder of its day with the last one. */
  async remove(kind: LakeKind, file: Pick<LakeFile, 'day' | 'number'>): Promise<void> {
    const path = this.path(kind, file)
    const folder = path.slice(0, path.lastIndexOf('/'))
    await this.#disk.remove(path)
    if ((await this.#disk.list(folder)).length === 0) await this.#disk.remove(folder)
  }

  async removeStaged(number: number): Promise<void> {
    for (const kind of ['samples', 'rollups'] as const) await this.#disk.remove(this.staged(kind, number))
  }

  /** Moves a file out of the way, for whoever wants to know what happened to the disk; nothing where it is not there. */
  async setAside(kind: LakeKind, file: Pick<LakeFile, 'day' | 'number'>): Promise<void> {
    const path = this.path(kind, file)
    if (!(await this.#disk.exists(path))) return
    await this.#disk.makeDirectory(`${this.directory}/damaged`)
    await this.#disk.rename(path, `${this.directory}/damaged/${KINDS[kind]}-${dateOf(file.day)}-${nameOf(file.number)}`)
  }

  /** Our files that lie in the lake. */
  async *present(): AsyncIterable<{ kind: LakeKind; day: number; number: number }> {
    for (const kind of ['samples', 'rollups'] as const) {
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

  /** What is wrong with a file that is to have so many bytes; undefined where nothing is, at first sight. */
  async fault(kind: LakeKind, file: Pick<LakeFile, 'day' | 'number'>, bytes: number): Promise<string | undefined> {
    const path = this.path(kind, file)
    if (!(await this.#disk.exists(path))) return 'it is not there'
    const opened = await this.#disk.open(path, 'read')
    try {
      const size = await opened.size()
      return size === bytes ? undefined : `it has ${size} bytes, want ${bytes}`
    } finally {
      await opened.close()
    }
  }

  #folder(kind: LakeKind): string {
    return `${this.directory}/${KINDS[kind]}/site=${this.#site}`
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
