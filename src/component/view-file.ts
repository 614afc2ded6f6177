import { crc32 } from 'node:zlib'
import type { Json } from '../model/json-value.ts'
import { replaceFile } from '../system/disk.ts'
import type { Timer } from '../system/clock.ts'
import type { System } from '../system/system.ts'
import type { ViewPosition } from './view.ts'

export interface ViewFileOptions {
  /** Name of the view, as people read it: `alarms`. */
  readonly view: string
  /** Folder of the file; made where it is missing. */
  readonly directory: string
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
  /** How often it is written if something changed, in ms; default 10,000, and more rarely when it is large. */
  readonly everyMs?: number | undefined
  /** The parts of the file as the view is now; equal states give equal bytes. */
  readonly encode: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>
  /** Takes the content of a file into the view, which is empty; or says in a sentence what is wrong with it. */
  readonly restore: (bytes: Uint8Array) => string | undefined
}

const EVERY_MS = 10_000
/** A file is written with at most this much on average, so that a large one does not wear the disk out. */
const BYTES_PER_MS = 500

/**
 * The file in which a view keeps its state and its positions, in one atomic write. Without it, or when it is damaged, the
 * view is rebuilt from the log; a damaged one is set aside.
 */
export class ViewFile {
  readonly #options: ViewFileOptions
  #changed = false
  #saved: Promise<void> | undefined
  #timer: Timer | undefined
  #notBefore = 0
  #unsaved = false

  constructor(options: ViewFileOptions) {
    this.#options = options
  }

  /** Reads the file, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  async open(): Promise<void> {
    const { directory, system, everyMs = EVERY_MS } = this.#options
    await system.disk.makeDirectory(directory)
    await this.#load()
    this.#timer = system.clock.every(everyMs, () => void this.#tick())
  }

  /** Writes the file for the last time. The view must not run any more. */
  async close(): Promise<void> {
    this.#timer?.cancel()
    await this.#saved?.catch(() => {})
    this.#notBefore = 0
    await this.#tick()
  }

  /** The view is another one now than what the file holds. */
  changed(): void {
    this.#changed = true
  }

  /** Writes the view down as it is now. */
  save(): Promise<void> {
    this.#saved ??= this.#save().finally(() => {
      this.#saved = undefined
    })
    return this.#saved
  }

  async #tick(): Promise<void> {
    const { view, system } = this.#options
    if (!this.#changed || this.#saved !== undefined || system.clock.monotonic() < this.#notBefore) return
    try {
      await this.save()
      this.#unsaved = false
    } catch (error) {
      const message = `Cannot write the snapshot of the ${view}; the next one holds it, and so does the log`
      if (!this.#unsaved) system.logger.warn(message, { error })
      this.#unsaved = true
    }
  }

  async #save(): Promise<void> {
    const { encode, system } = this.#options
    this.#changed = false
    try {
      const parts = await encode()
      await replaceFile(system.disk, this.#path, parts)
      const bytes = parts.reduce((sum, part) => sum + part.length, 0)
      this.#notBefore = system.clock.monotonic() + bytes / BYTES_PER_MS
    } catch (error) {
      this.#changed = true
      throw error
    }
  }

  async #load(): Promise<void> {
    const { view, restore, system } = this.#options
    const { disk, logger } = system
    if (!(await disk.exists(this.#path))) return
    const fault = await disk
      .readFile(this.#path)
      .then(restore, (error: Error) => `it cannot be read (${error.message})`)
    if (fault === undefined) return
    const about = { code: 'SNAPSHOT_DAMAGED', file: this.#path, fault }
    logger.warn(`The snapshot of the ${view} is damaged; they are rebuilt from the log`, about)
    // Kept for whoever wants to know what happened to the disk; the next one takes its place.
    await disk.rename(this.#path, `${this.#path}.damaged`)
  }

  get #path(): string {
    return `${this.#options.directory}/${this.#options.view}.snapshot`
  }
}

/** In the order of their topics and partitions. */
export function sortedPositions(positions: Iterable<ViewPosition>): ViewPosition[] {
  return [...positions].sort((a, b) => {
    return a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  })
}

/** Objects as lines of JSON, with a checksum of all at the end. */
export function encodeLines(lines: readonly Json[]): Uint8Array[] {
  const body = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return [body, Buffer.from(`${JSON.stringify({ crc32: crc32(body), lines: lines.length })}\n`)]
}

/** The lines of such a file, or a sentence that says what is wrong with it. */
export function decodeLines(bytes: Uint8Array): readonly Json[] | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const trailerAt = buffer.lastIndexOf('\n', Math.max(0, buffer.length - 2)) + 1
  try {
    const trailer = JSON.parse(buffer.toString('utf8', trailerAt)) as { crc32?: unknown }
    const crc = crc32(buffer.subarray(0, trailerAt))
    if (trailer.crc32 !== crc) return `its checksum is ${crc}, want ${String(trailer.crc32)}`
    const text = buffer.toString('utf8', 0, trailerAt).trimEnd()
    return text.split('\n').map((line) => JSON.parse(line) as Json)
  } catch (error) {
    return `it is torn or not a snapshot (${(error as Error).message})`
  }
}
