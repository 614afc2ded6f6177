import type { ViewPosition } from '../component/view.ts'
import type { Archive } from './archive.ts'
import type { Answers } from './calls.ts'
import { joinSpans, nextMerge } from './compaction.ts'
import type { Engine } from './engine.ts'
import type { Inspection } from './inspection.ts'
import type { LakeFile, Span } from './manifest.ts'

/** A generation of samples in memory that takes nothing more, and is to become files. */
export interface Frozen {
  readonly epoch: number
  readonly generation: number
  readonly days: Answers['rotate']['days']
  readonly positions: readonly ViewPosition[]
  readonly spans: readonly Span[]
}

/**
 * Makes a generation files, one of each day, and lets them count together with the positions up to which they go: in one
 * step, so that each sample counts once. What fails half-way can be done again from the start.
 * @throws a system error, or HistoryError
 */
export async function seal(
  archive: Archive,
  engine: Engine,
  frozen: Frozen,
  generations: () => readonly number[],
): Promise<void> {
  await archive.begin()
  const files: LakeFile[] = []
  for (const { day, rows } of frozen.days) {
    const file = await make(archive, day, frozen.spans, ({ file, rollups }) =>
      engine.call({ kind: 'write', generation: frozen.generation, day, file, rollups }),
    )
    if (file.rows !== rows)
      throw new Error(`Cannot seal a day of history: its file has ${file.rows} samples, want ${rows}`)
    files.push(file)
  }
  // A store that has failed in the meantime has nothing to be dropped.
  const drop = () => engine.call({ kind: 'drop', generation: frozen.generation }).catch(() => undefined)
  const { epoch, positions } = frozen
  await archive.commit({ epoch, positions, files: [...archive.manifest.files, ...files] }, generations, [drop])
}

export interface Merging {
  readonly fileRows: number
  readonly isOver: (day: number) => boolean
  /** There is no room in memory: only what cannot wait is merged. */
  readonly isBusy: boolean
  readonly inspection: Inspection
}

/**
 * Puts small files of one day together, if there are enough of them, or makes roll-ups again that were damaged.
 * @returns whether there may be more to do
 * @throws a system error, or HistoryError
 */
export async function compact(archive: Archive, engine: () => Promise<Engine>, merging: Merging): Promise<boolean> {
  const { files } = archive.manifest
  const { inspection } = merging
  const again = files.find(({ number }) => inspection.remake.has(number))
  const merged = again ? [again] : nextMerge(files, merging)
  if (merged === undefined) return false
  // Damage that nobody has noticed is not to be carried on, nor into new roll-ups.
  if (await inspection.check(merged, true)) return true
  const started = await engine()
  const rows = merged.reduce((sum, file) => sum + file.rows, 0)
  const spans = joinSpans(merged.flatMap(({ spans }) => spans))
  const inputs = merged.map((file) => archive.lake.path('samples', file))
  const made = await make(archive, merged[0]!.day, spans, ({ file, rollups }) =>
    started.call({ kind: 'merge', files: inputs, file, rollups }),
  )
  if (made.rows !== rows)
    throw new Error(`Cannot put files together: the new one has ${made.rows} samples, want ${rows}`)
  const numbers = new Set(merged.map(({ number }) => number))
  // Others may have been added or removed in the meantime; of these, none.
  const others = archive.manifest.files.filter(({ number }) => !numbers.has(number))
  await archive.commit({ files: [...others, made] })
  for (const number of numbers) inspection.remake.delete(number)
  return true
}

type Write = (staged: { readonly file: string; readonly rollups: string }) => Promise<Answers['write']>

/** Makes one file and its roll-ups, and puts them in their place. */
export async function make(archive: Archive, day: number, spans: readonly Span[], write: Write): Promise<LakeFile> {
  const number = archive.nextNumber()
  const { lake } = archive
  try {
    const written = await write({ file: lake.staged('samples', number), rollups: lake.staged('rollups', number) })
    archive.placed({ day, number })
    return { number, day, ...written, ...(await lake.place({ day, number })), spans }
  } catch (error) {
    // A disk that is full is to have its room again.
    await lake.removeStaged(number).catch(() => {})
    throw error
  }
}
