import type { Lake, LakeKind } from './lake.ts'
import type { LakeFile } from './manifest.ts'

/** Bytes that one question waits for at most: a range of years is answered from files that are read whole by and by. */
const MOST_BYTES = 256 << 20

interface Entry {
  readonly kind: LakeKind
  readonly file: LakeFile
  /** Of the reading that is under way. */
  fault?: Promise<string | undefined>
}

/**
 * Files that were there when the hub started, as long as nobody has read them whole and found their checksums right. A bit
 * that flipped in a page of values is nothing that a reader of Parquet would notice: it would answer another value.
 */
export class Unproven {
  readonly #lake: Lake
  readonly #entries = new Map<string, Entry>()

  constructor(lake: Lake) {
    this.#lake = lake
  }

  add(kind: LakeKind, file: LakeFile): void {
    this.#entries.set(this.#lake.path(kind, file), { kind, file })
  }

  /** It was read whole, or counts no more. */
  delete(kind: LakeKind, file: LakeFile): void {
    this.#entries.delete(this.#lake.path(kind, file))
  }

  /** One of them; undefined: there is none. */
  get first(): LakeFile | undefined {
    const [entry] = this.#entries.values()
    return entry?.file
  }

  /** Reads those of these files whole that nobody has; answers paths of damaged ones. @throws the signal's reason */
  async prove(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
    const damaged: string[] = []
    let bytes = 0
    for (const path of this.#entries.size === 0 ? [] : paths) {
      const entry = this.#entries.get(path)
      if (entry === undefined) continue
      bytes += (entry.kind === 'samples' ? entry.file.bytes : entry.file.rollupBytes) ?? 0
      if (bytes > MOST_BYTES) break
      if ((await this.#faultOf(path, entry)) !== undefined) damaged.push(path)
      signal.throwIfAborted()
    }
    return damaged
  }

  async #faultOf(path: string, entry: Entry): Promise<string | undefined> {
    entry.fault ??= this.#lake.fault(entry.kind, entry.file, true)
    try {
      const fault = await entry.fault
      if (fault === undefined) this.#entries.delete(path)
      return fault
    } catch {
      // Whether it can be read at all is for the question to find out.
      delete entry.fault
      return undefined
    }
  }
}
