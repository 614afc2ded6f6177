import type { LakeFile, Manifest } from './manifest.ts'

const DAY_MS = 86_400_000

/** Time goes on at most so much faster for retention than it does in truth. */
const MOST_AHEAD = 24

/**
 * Up to when retention believes that time has gone. It follows the wall clock, but never faster than 24 hours an hour of
 * running: a clock that jumps a year ahead takes a day of history with it in the hour in which somebody can set it right,
 * not all of it. A hub that was off for a month catches up in 30 hours, which costs disk and nothing else.
 */
export function retainedAt(before: number | undefined, wallMs: number, passedMs: number): number {
  if (before === undefined) return wallMs
  return Math.min(wallMs, before + passedMs * MOST_AHEAD)
}

export interface RetentionLimits {
  readonly retentionMs: number
  readonly rollupRetentionMs: number
}

/**
 * The files without what is past its time. That goes by the day of the source time, and by when it was received too: what
 * a machine with a wrong clock sends as of ten years ago is kept as long as anything else that comes today.
 */
export function retained(
  { files }: Pick<Manifest, 'files'>,
  now: number,
  { retentionMs, rollupRetentionMs }: RetentionLimits,
): readonly LakeFile[] {
  const isPast = (file: LakeFile, ms: number) =>
    (file.day + 1) * DAY_MS <= now - ms && file.maxReceivedUs / 1000 <= now - ms
  let changed = false
  const kept = files.flatMap((file): LakeFile[] => {
    const isSamplesPast = file.bytes === undefined || isPast(file, retentionMs)
    if (!isSamplesPast) return [file]
    if (isPast(file, Math.max(retentionMs, rollupRetentionMs))) {
      changed = true
      return []
    }
    if (file.bytes === undefined) return [file]
    changed = true
    const { bytes: _, crc: __, ...rest } = file
    return [rest]
  })
  return changed ? kept : files
}
