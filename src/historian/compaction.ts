import type { LakeFile, Span } from './manifest.ts'

/** Small files of a day that are put together as soon as there are so many, while the day goes on. */
const MOST_SMALL = 8
/** The same while more comes than can be stored. */
const MOST_WHILE_BUSY = 64

export interface MergeRules {
  readonly fileRows: number
  readonly isOver: (day: number) => boolean
  readonly isBusy: boolean
}

/**
 * Files of one day to be put together to one of at most `fileRows` samples, the oldest first; undefined where there is
 * nothing to do. A day that goes on is left alone until it has many small files; one that is over (`isOver`) is put
 * together as far as it goes.
 */
export function nextMerge(
  files: readonly LakeFile[],
  { fileRows, isOver, isBusy }: MergeRules,
): readonly LakeFile[] | undefined {
  const days = new Map<number, LakeFile[]>()
  for (const file of files) {
    if (file.bytes === undefined || file.rows > fileRows / 2) continue
    const ofDay = days.get(file.day)
    if (ofDay) ofDay.push(file)
    else days.set(file.day, [file])
  }
  for (const [day, small] of days) {
    if (small.length < (isBusy ? MOST_WHILE_BUSY : isOver(day) ? 2 : MOST_SMALL)) continue
    return firstRun(small, fileRows)
  }
  return undefined
}

function firstRun(small: LakeFile[], fileRows: number): LakeFile[] {
  const run: LakeFile[] = []
  let rows = 0
  for (const file of small.sort((a, b) => a.minUs - b.minUs || a.number - b.number)) {
    if (rows + file.rows > fileRows && run.length > 1) break
    run.push(file)
    rows += file.rows
  }
  return run
}

/** Spans of several files as one list: those that lie end to end become one. */
export function joinSpans(spans: readonly Span[]): Span[] {
  const sorted = [...spans].sort(
    (a, b) => a.epoch - b.epoch || compare(a.topic, b.topic) || a.partition - b.partition || a.from - b.from,
  )
  const joined: Span[] = []
  for (const span of sorted) {
    const last = joined.at(-1)
    const follows =
      last?.epoch === span.epoch &&
      last.topic === span.topic &&
      last.partition === span.partition &&
      last.to === span.from
    if (follows) joined[joined.length - 1] = { ...last, to: span.to }
    else joined.push(span)
  }
  return joined
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
