import type { System } from '../system/system.ts'
import { Lake, type LakeKind, type Named } from './lake.ts'
import { EMPTY, readManifest, writeManifest, type LakeFile, type Manifest } from './manifest.ts'

/** Files and generations of samples in memory that count together: what one query, or several that belong together, read. */
export interface Snapshot {
  readonly files: readonly LakeFile[]
  readonly generations: readonly number[]
}

/** A snapshot that is being read: what it names stays there until it is released. */
export interface Lease extends Disposable {
  readonly snapshot: Snapshot
}

interface Held {
  readonly snapshot: Snapshot
  users: number
  /** What may go once nobody reads this snapshot, or an older one, any more. */
  readonly after: (() => Promise<void>)[]
}

/**
 * The lake and what counts of it. A change takes effect with the manifest; what it took the place of is removed when no
 * reader needs it any more, and no manifest on disk names it.
 */
export class Archive {
  readonly lake: Lake
  readonly #system: Pick<System, 'disk' | 'logger'>
  #manifest: Manifest = EMPTY
  #written: Manifest | undefined
  #next = 1
  /** The newest one is last. */
  #held: Held[] = [{ snapshot: { files: [], generations: [] }, users: 0, after: [] }]
  /** Numbers of files that were placed and that no manifest came to name. */
  #placed: Named[] = []
  readonly #working = new Set<Promise<void>>()
  /** What is to be removed, once. */
  #gone: Gone[] = []

  constructor(directory: string, site: string, system: Pick<System, 'disk' | 'logger'>) {
    this.lake = new Lake(directory, site, system.disk)
    this.#system = system
  }

  get manifest(): Manifest {
    return this.#manifest
  }

  get directory(): string {
    return this.lake.directory
  }

  /** Reads the manifest, removes what does not count and finds files that are not as they should be. @throws a system error */
  async open(): Promise<void> {
    const { disk, logger } = this.#system
    await disk.makeDirectory(this.directory)
    const { manifest, faults } = await readManifest(disk, this.directory)
    for (const { file, fault } of faults) {
      logger.warn('A manifest of the lake is damaged', { code: 'LAKE_DAMAGED', file, fault })
      await disk.rename(file, `${file}.damaged`)
    }
    await this.lake.open()
    if (manifest === undefined) await this.#setAllAside()
    this.#manifest = manifest ?? EMPTY
    this.#written = manifest
    await this.#sweep()
    this.#publish([])
  }

  /** The number of a file to be made. Numbers are never used again, whatever becomes of the file. */
  nextNumber(): number {
    return this.#next++
  }

  /** A file that is in its place, and that the next manifest may not come to name. */
  placed({ day, number }: Named): void {
    this.#placed.push({ day, number })
  }

  /** Called before the first file is placed: files without any manifest are files whose manifest was lost. */
  async begin(): Promise<void> {
    if (this.#written === undefined) await this.commit({})
  }

  /**
   * Makes a change count, in one step on disk. `generations`: those in memory that count from now on; `after`: what may be
   * done once nobody reads the former snapshot any more.
   * @throws a system error; then it may count after a restart or not, and does not count until then
   */
  async commit(
    change: Partial<Manifest>,
    generations: () => readonly number[] = () => this.#newest.snapshot.generations,
    after: (() => Promise<void>)[] = [],
  ): Promise<void> {
    const before = this.#manifest
    const manifest = { ...before, ...change, next: this.#next }
    await writeManifest(this.#system.disk, this.directory, manifest, this.#written)
    this.#manifest = this.#written = manifest
    const named = new Set(manifest.files.map(({ number }) => number))
    const lost = this.#placed.filter(({ number }) => !named.has(number))
    this.#placed = []
    this.#gone.push(...goneFiles(before, manifest), ...lost.flatMap(bothKinds))
    this.#newest.after.push(...after)
    if (this.#gone.length > 0) this.#newest.after.push(await this.#removal())
    this.#publish(generations())
  }

  /**
   * Lets go of what no manifest is to name any more: not even the one before this one, which is replaced too. What cannot
   * be removed is removed the next time.
   */
  async tidy(): Promise<void> {
    if (this.#gone.length === 0) return
    this.#newest.after.push(await this.#removal())
    this.#publish(this.#newest.snapshot.generations)
  }

  async #removal(): Promise<() => Promise<void>> {
    const gone = this.#gone
    this.#gone = []
    try {
      await writeManifest(this.#system.disk, this.directory, this.#manifest, this.#manifest)
    } catch (error) {
      this.#keepGone(gone, error)
      return async () => {}
    }
    return async () => {
      for (const [i, { kind, file }] of gone.entries()) {
        try {
          await this.lake.remove(kind, file)
        } catch (error) {
          this.#keepGone(gone.slice(i), error)
          return
        }
      }
    }
  }

  #keepGone(gone: readonly Gone[], error: unknown): void {
    this.#gone.push(...gone)
    this.#system.logger.warn('Cannot remove what history does not need any more; it is tried again', { error })
  }

  /** Other generations in memory count from now on. */
  publish(generations: readonly number[], after: (() => Promise<void>)[] = []): void {
    this.#newest.after.push(...after)
    this.#publish(generations)
  }

  lease(): Lease {
    const held = this.#newest
    held.users += 1
    return {
      snapshot: held.snapshot,
      [Symbol.dispose]: () => {
        held.users -= 1
        this.#release()
      },
    }
  }

  get #newest(): Held {
    return this.#held.at(-1)!
  }

  #publish(generations: readonly number[]): void {
    this.#held.push({ snapshot: { files: this.#manifest.files, generations }, users: 0, after: [] })
    this.#release()
  }

  #release(): void {
    while (this.#held.length > 1 && this.#held[0]!.users === 0) {
      for (const work of this.#held.shift()!.after) {
        const done = work().finally(() => this.#working.delete(done))
        this.#working.add(done)
      }
    }
  }

  /** Resolves when what nobody reads any more is gone. */
  async settled(): Promise<void> {
    while (this.#working.size > 0) await Promise.all(this.#working)
  }

  /** Removes files that no manifest names: a crash came between their making and the manifest, or before their removal. */
  async #sweep(): Promise<void> {
    const named = new Map(this.#manifest.files.map((file) => [file.number, file]))
    this.#next = this.#manifest.next
    for await (const found of this.lake.present()) {
      this.#next = Math.max(this.#next, found.number + 1)
      const file = named.get(found.number)
      const counts = file?.day === found.day && (found.kind === 'rollups' || file.bytes !== undefined)
      if (!counts) await this.lake.remove(found.kind, found)
    }
  }

  /** Without a manifest nobody knows which files belong together. They are kept, out of the way. */
  async #setAllAside(): Promise<void> {
    let files = 0
    for await (const { kind, ...file } of this.lake.present()) {
      await this.lake.setAside(kind, file)
      files += 1
    }
    if (files === 0) return
    this.#system.logger.error(
      'No manifest of the lake is whole: its files are set aside, and made again from the log',
      {
        code: 'LAKE_DAMAGED',
        directory: `${this.directory}/damaged`,
        files,
      },
    )
  }
}

interface Gone {
  readonly kind: LakeKind
  readonly file: Named
}

function bothKinds(file: Named): Gone[] {
  return [
    { kind: 'samples', file },
    { kind: 'rollups', file },
  ]
}

/** Files that one manifest names and the next one does not. */
function goneFiles(before: Manifest, after: Manifest): Gone[] {
  const kept = new Map(after.files.map((file) => [file.number, file]))
  return before.files.flatMap((file): Gone[] => {
    const now = kept.get(file.number)
    const samples: Gone[] = file.bytes !== undefined && now?.bytes === undefined ? [{ kind: 'samples', file }] : []
    return now === undefined ? [...samples, { kind: 'rollups', file }] : samples
  })
}
