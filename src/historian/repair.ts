import type { Log, StoredRecord } from '../log/log.ts'
import type { System } from '../system/system.ts'
import type { Archive } from './archive.ts'
import type { Engine } from './engine.ts'
import type { LakeFile, Span } from './manifest.ts'
import { packRecords } from './packed.ts'
import { make } from './sealing.ts'

export interface RepairOptions {
  readonly log: Pick<Log, 'ends' | 'read'>
  readonly start: () => Engine
  readonly spillDirectory: string
  readonly memoryMegabytes: number
  readonly threads: number
  readonly sealRows: number
  readonly system: Pick<System, 'clock' | 'logger'>
}

/** The log is given so long to answer with the next records. */
const STALL_MS = 10_000

/**
 * Makes one damaged file again: its records are read from the log once more, as far as the log still has them, into a store
 * of their own, and the samples of its day become files.
 * @returns whether there was one
 * @throws LogError, a system error, or HistoryError; then it is done again from the start
 */
export async function repair(archive: Archive, options: RepairOptions, signal: AbortSignal): Promise<boolean> {
  const [file] = archive.manifest.damaged
  if (file === undefined) return false
  const { logger } = options.system
  const engine = options.start()
  try {
    const { memoryMegabytes, threads } = options
    // Below the folder that the store itself empties.
    const spillDirectory = `${options.spillDirectory}/repair`
    await engine.call({ kind: 'open', settings: { memoryMegabytes, threads, spillDirectory } })
    const made = await new Remaking(archive, options, engine, file).run(signal)
    const rows = made.reduce((sum, { rows }) => sum + rows, 0)
    const { manifest } = archive
    await archive.commit({
      files: [...manifest.files, ...made],
      damaged: manifest.damaged.filter(({ number }) => number !== file.number),
    })
    const where = { file: archive.lake.path('samples', file), samples: rows, lost: file.rows - rows }
    if (rows === file.rows) logger.warn('A damaged file of the lake was made again from the log', where)
    else
      logger.error('A damaged file of the lake was made again as far as the log still had it', {
        code: 'LAKE_DAMAGED',
        ...where,
      })
    return true
  } finally {
    await engine.close()
  }
}

/** One file on its way back. */
class Remaking {
  readonly #archive: Archive
  readonly #options: RepairOptions
  readonly #engine: Engine
  readonly #file: LakeFile
  readonly #made: LakeFile[] = []
  #spans: Span[] = []
  #rows = 0

  constructor(archive: Archive, options: RepairOptions, engine: Engine, file: LakeFile) {
    this.#archive = archive
    this.#options = options
    this.#engine = engine
    this.#file = file
  }

  async run(signal: AbortSignal): Promise<LakeFile[]> {
    for (const [place, span] of this.#file.spans.entries()) {
      // Offsets of a log that is not there any more are other records in this one.
      if (span.epoch !== this.#archive.manifest.epoch) continue
      await this.#engine.call({ kind: 'place', id: place, ...span })
      await this.#read(place, span, signal)
    }
    await this.#seal()
    return this.#made
  }

  async #read(place: number, span: Span, signal: AbortSignal): Promise<void> {
    const { topic, partition } = span
    const ends = (await this.#options.log.ends(topic)).find((end) => end.partition === partition)
    const last = Math.min(span.to, ends?.end ?? 0)
    let from = Math.max(span.from, ends?.start ?? 0)
    if (from >= last) return
    const stalled = new Stall(this.#options.system.clock, signal)
    for await (const batch of this.#options.log.read([{ topic, partition, offset: from }], {
      signal: stalled.signal,
    })) {
      stalled.moved()
      await this.#take(
        place,
        batch.records.filter(({ offset }) => offset < last),
      )
      const to = Math.min(batch.nextOffset, last)
      this.#spans.push({ ...span, from, to })
      from = to
      if (this.#rows >= this.#options.sealRows) await this.#seal()
      if (from >= last) break
    }
    stalled.end()
    signal.throwIfAborted()
    if (from < last) throw new Error(`Cannot read ${topic} again: the log does not answer`)
  }

  async #take(place: number, records: readonly StoredRecord[]): Promise<void> {
    if (records.length === 0) return
    const { rows } = await this.#engine.call({ kind: 'append', place, packed: packRecords(records) })
    this.#rows += rows
  }

  async #seal(): Promise<void> {
    const { day } = this.#file
    const { generation, days } = await this.#engine.call({ kind: 'rotate' })
    if (days.some((own) => own.day === day)) {
      const write = (staged: { file: string; rollups: string }) =>
        this.#engine.call({ kind: 'write', generation, day, ...staged })
      this.#made.push(await make(this.#archive, day, this.#spans, write))
    }
    await this.#engine.call({ kind: 'drop', generation })
    this.#rows = 0
    this.#spans = []
  }
}

/** A signal that aborts when nothing has moved for too long. */
class Stall {
  readonly #clock: System['clock']
  readonly #stop = new AbortController()
  readonly signal: AbortSignal
  #timer: { cancel(): void }

  constructor(clock: System['clock'], signal: AbortSignal) {
    this.#clock = clock
    this.signal = AbortSignal.any([signal, this.#stop.signal])
    this.#timer = this.#arm()
  }

  moved(): void {
    this.#timer.cancel()
    this.#timer = this.#arm()
  }

  end(): void {
    this.#timer.cancel()
  }

  #arm() {
    return this.#clock.after(STALL_MS, () => this.#stop.abort())
  }
}
