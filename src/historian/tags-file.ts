import type { Catalogue } from '../model/catalogue.ts'
import type { Disk } from '../system/disk.ts'

/** A file that is being read: it stays there until it is released. */
export interface TagsLease extends Disposable {
  readonly path: string
}

interface Written {
  readonly changes: number
  readonly path: string
  readonly whole: Promise<void>
  users: number
}

const ASSETS_A_WRITE = 500

/**
 * What is known of all tags, in a file for questions in SQL: asset, tag, type, kind, unit, model, as CSV (RFC 4180) without a
 * header, a missing cell without quotes. Handed over with each question, a million tags took it seconds; the file is made
 * when it is first wanted, and again only where definitions have changed.
 */
export class TagsFile {
  readonly #catalogue: Catalogue
  readonly #directory: string
  readonly #disk: Disk
  #newest: Written | undefined
  #made = 0

  constructor(catalogue: Catalogue, directory: string, disk: Disk) {
    this.#catalogue = catalogue
    this.#directory = directory
    this.#disk = disk
  }

  /** @throws a system error */
  async lease(): Promise<TagsLease> {
    const written = await this.#current()
    written.users += 1
    try {
      await written.whole
    } catch (error) {
      this.#forget(written)
      throw error
    }
    return {
      path: written.path,
      [Symbol.dispose]: () => {
        written.users -= 1
        this.#clean(written)
      },
    }
  }

  async #current(): Promise<Written> {
    const known = this.#newest
    // The store empties the folder when it starts again.
    if (known !== undefined && known.users === 0 && !(await this.#disk.exists(known.path))) this.#forget(known)
    const { changes } = this.#catalogue
    const newest = this.#newest
    if (newest?.changes === changes) return newest
    const path = `${this.#directory}/tags-${this.#made++}.csv`
    this.#newest = { changes, path, whole: this.#write(path), users: 0 }
    if (newest !== undefined) this.#clean(newest)
    return this.#newest
  }

  #forget(written: Written): void {
    if (this.#newest === written) this.#newest = undefined
  }

  #clean({ users, path }: Written): void {
    if (users === 0 && this.#newest?.path !== path) this.#disk.remove(path).catch(() => {})
  }

  async #write(path: string): Promise<void> {
    const file = await this.#disk.open(path, 'append')
    try {
      let at = 0
      let lines: string[] = []
      const write = async () => {
        const bytes = Buffer.from(lines.join(''))
        lines = []
        await file.write([bytes], at)
        at += bytes.length
      }
      let assets = 0
      for (const asset of this.#catalogue.paths()) {
        lines.push(...this.#linesOf(asset))
        if (++assets % ASSETS_A_WRITE === 0) await write()
      }
      await write()
    } finally {
      await file.close()
    }
  }

  #linesOf(path: string): string[] {
    const { model, tags } = this.#catalogue.asset(path)!
    return [...tags].map(
      ([tag, { type, kind, unit }]) => `${[path, tag, type, kind, unit, model].map(cell).join(',')}\n`,
    )
  }
}

function cell(text: string | undefined): string {
  return text === undefined ? '' : `"${text.replaceAll('"', '""')}"`
}
