import type { System } from '../system/system.ts'
import type { Archive } from './archive.ts'
import { KINDS, type LakeKind } from './lake.ts'
import type { LakeFile } from './manifest.ts'
import { Unproven } from './unproven.ts'

/** A file that nobody complained about is read whole, to see whether it is still what it was, so often. */
const EACH_MS = 60_000
/** The same as long as there are files that were not read whole since the start. */
const EACH_UNPROVEN_MS = 1_000

interface Question {
  readonly files: readonly LakeFile[]
  readonly answer: (damaged: boolean) => void
}

/**
 * Looks for damage in the files of the lake: their sizes at the start, their whole content before a query reads them for
 * the first time, where one could not read them, before they are merged, and by turns. A damaged file is named, set aside,
 * and counts no more; it is made again by `repair`, from the log, or, where only its roll-ups are damaged, by `compact`,
 * from its samples.
 */
export class Inspection {
  readonly #archive: Archive
  readonly #system: Pick<System, 'clock' | 'logger'>
  /** Numbers of files whose roll-ups are to be made again. */
  readonly remake = new Set<number>()
  readonly #unproven: Unproven
  #questions: Question[] = []
  #next = 0
  #turn = 0

  constructor(archive: Archive, system: Pick<System, 'clock' | 'logger'>) {
    this.#archive = archive
    this.#system = system
    this.#unproven = new Unproven(archive.lake)
  }

  /** Looks at all files, not into them. */
  async look(): Promise<void> {
    await this.check(this.#archive.manifest.files, false)
    for (const file of this.#archive.manifest.files) {
      if (file.bytes !== undefined) this.#unproven.add('samples', file)
      if (!this.remake.has(file.number)) this.#unproven.add('rollups', file)
    }
  }

  /** Before files are read: answers paths of those that are damaged, and that `ask` is to tell of. @throws the signal's reason */
  prove(paths: readonly string[], signal: AbortSignal): Promise<string[]> {
    return this.#unproven.prove(paths, signal)
  }

  /** Resolves with whether any of these was damaged, or counts no more, or has no roll-ups at present, once `answer` has looked. */
  ask(files: readonly LakeFile[]): Promise<boolean> {
    return new Promise((answer) => this.#questions.push({ files, answer }))
  }

  /** Nobody looks any more. */
  end(): void {
    for (const { answer } of this.#questions) answer(false)
    this.#questions = []
  }

  /** Looks into what was asked for, and from time to time into another file. */
  async answer(): Promise<void> {
    const questions = this.#questions
    this.#questions = []
    for (const { files, answer } of questions) {
      const numbers = new Set(this.#archive.manifest.files.map(({ number }) => number))
      // Those that do not count any more, or not with their roll-ups, were found before, or merged.
      const isGone = files.some(({ number }) => !numbers.has(number) || this.remake.has(number))
      const isDamaged = await this.check(
        files.filter(({ number }) => numbers.has(number)),
        true,
      ).catch(() => false)
      answer(isDamaged || isGone)
    }
    await this.#takeTurn()
  }

  async #takeTurn(): Promise<void> {
    const now = this.#system.clock.monotonic()
    const { files } = this.#archive.manifest
    if (now < this.#next || files.length === 0) return
    const unproven = this.#unproven.first
    this.#next = now + (unproven === undefined ? EACH_MS : EACH_UNPROVEN_MS)
    if (unproven === undefined) this.#turn += 1
    const file = unproven ?? files[this.#turn % files.length]!
    try {
      // It may have been merged since.
      if (files.includes(file)) await this.check([file], true)
    } finally {
      // One that cannot be read at all is not to be in the way of all others.
      for (const kind of KINDS) this.#unproven.delete(kind, file)
    }
  }

  /**
   * Looks at files; those that are damaged do not count any more.
   * @returns whether any was
   */
  async check(files: readonly LakeFile[], thorough: boolean): Promise<boolean> {
    const damaged: LakeFile[] = []
    let isAny = false
    for (const file of files) {
      if (await this.#isDamaged('samples', file, thorough)) damaged.push(file)
      else if (!this.remake.has(file.number) && (await this.#isDamaged('rollups', file, thorough))) {
        // Without its samples there is nothing that it could be made of.
        if (file.bytes === undefined) damaged.push(file)
        else this.remake.add(file.number)
        isAny = true
      }
    }
    if (damaged.length === 0) return isAny
    const numbers = new Set(damaged.map(({ number }) => number))
    const { manifest } = this.#archive
    await this.#archive.commit({
      files: manifest.files.filter(({ number }) => !numbers.has(number)),
      damaged: [...manifest.damaged, ...damaged.filter(({ bytes }) => bytes !== undefined)],
    })
    return true
  }

  async #isDamaged(kind: LakeKind, file: LakeFile, thorough: boolean): Promise<boolean> {
    const { lake } = this.#archive
    const fault = await lake.fault(kind, file, thorough)
    if (fault === undefined) return false
    const where = { code: 'LAKE_DAMAGED', file: lake.path(kind, file), fault, samples: file.rows }
    this.#system.logger.error('A file of the lake is damaged; it is set aside and made again', where)
    await lake.setAside(kind, file)
    return true
  }
}
