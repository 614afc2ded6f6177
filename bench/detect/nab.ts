/**
 * The scoring of the Numenta Anomaly Benchmark (Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms",
 * ICMLA 2015): the earliest alarm in a window earns up to 1, the earlier the more; a window without costs; an alarm
 * outside costs, less when it is close behind a window. Rows count, not time.
 */
export interface NabProfile {
  readonly falsePositive: number
  readonly falseNegative: number
}

const NAB_STANDARD: NabProfile = { falsePositive: 0.11, falseNegative: 1 }
export const NAB_LOW_FALSE_POSITIVES: NabProfile = { falsePositive: 0.22, falseNegative: 1 }
export const NAB_LOW_FALSE_NEGATIVES: NabProfile = { falsePositive: 0.11, falseNegative: 2 }

/** First and last row of a window. */
export type Window = readonly [first: number, last: number]

export interface NabScore {
  /** 0: as if silent; 100: every window at its first row, nothing else. NaN where there is no window. */
  readonly normalised: number
  readonly falsePositives: number
  /** Per window what its earliest alarm earned; null: missed. */
  readonly windows: readonly (number | null)[]
}

/** Scores alarms, as rows in ascending order, in a file of so many rows. The first rows are not scored. */
export function scoreNab(
  rows: number,
  alarms: readonly number[],
  windows: readonly Window[],
  profile: NabProfile = NAB_STANDARD,
): NabScore {
  const scored = alarms.filter((row) => row >= Math.min(Math.floor(0.15 * rows), 750))
  const earned = windows.map(([first, last]) => {
    const hit = scored.find((row) => row >= first && row <= last)
    return hit === undefined ? null : sigmoid(-(last - hit + 1) / (last - first + 1)) / sigmoid(-1)
  })
  const outside = scored.filter((row) => !windows.some(([first, last]) => row >= first && row <= last))
  const penalty = outside.reduce((sum, row) => sum + penaltyAt(row, windows), 0)
  const missed = earned.filter((score) => score === null).length
  const raw =
    earned.reduce((sum: number, score) => sum + (score ?? 0), 0) -
    missed * profile.falseNegative +
    penalty * profile.falsePositive
  const silent = -windows.length * profile.falseNegative
  const normalised = windows.length === 0 ? Number.NaN : (100 * (raw - silent)) / (windows.length - silent)
  return { normalised, falsePositives: outside.length, windows: earned }
}

function penaltyAt(row: number, windows: readonly Window[]): number {
  const before = windows.findLast(([, last]) => last < row)
  return before === undefined ? -1 : Math.max(-1, sigmoid((row - before[1]) / (before[1] - before[0])))
}

function sigmoid(position: number): number {
  return 2 / (1 + Math.exp(5 * position)) - 1
}

/**
 * The scores of the same alarms at other times: shifted around the file by `copies` equal steps. What luck earns; a
 * score means something only beside it.
 */
export function scoreShifted(
  rows: number,
  alarms: readonly number[],
  windows: readonly Window[],
  copies: number,
): number[] {
  return Array.from({ length: copies - 1 }, (_, i) => {
    const by = Math.floor(((i + 1) * rows) / copies)
    const shifted = alarms.map((row) => (row + by) % rows).sort((a, b) => a - b)
    return scoreNab(rows, shifted, windows).normalised
  })
}

/** Windows given in time as rows: those whose time is within. */
export function windowRows(times: readonly number[], windows: readonly (readonly [number, number])[]): Window[] {
  return windows.map(([from, to]) => [
    times.findIndex((time) => time >= from && time <= to),
    times.findLastIndex((time) => time >= from && time <= to),
  ])
}
