/** Counts of rows, as the leaderboard of SKAB has them: pooled over files. */
export interface RowCounts {
  truePositives: number
  falsePositives: number
  falseNegatives: number
  trueNegatives: number
}

export interface RowScore {
  readonly f1: number
  /** Share of normal rows that are flagged, and of anomalous rows that are not. */
  readonly falseAlarmRate: number
  readonly missedRate: number
}

export function noRows(): RowCounts {
  return { truePositives: 0, falsePositives: 0, falseNegatives: 0, trueNegatives: 0 }
}

/** Adds the rows from `from` on. */
export function countRows(
  counts: RowCounts,
  flags: readonly boolean[],
  labels: readonly boolean[],
  from: number,
): void {
  for (let row = from; row < labels.length; row++) {
    if (flags[row]!) counts[labels[row]! ? 'truePositives' : 'falsePositives'] += 1
    else counts[labels[row]! ? 'falseNegatives' : 'trueNegatives'] += 1
  }
}

export function scoreRows(counts: RowCounts): RowScore {
  const { truePositives, falsePositives, falseNegatives, trueNegatives } = counts
  return {
    f1: truePositives / (truePositives + (falsePositives + falseNegatives) / 2),
    falseAlarmRate: falsePositives / (falsePositives + trueNegatives),
    missedRate: falseNegatives / (truePositives + falseNegatives),
  }
}

/**
 * The fairer reading. In nearly every file the anomaly lies at the same rows, so that a clock wins. Each file is run
 * twice instead: ended five rows before its anomaly, and with some rows cut out behind the training part and an end at
 * random, at least 100 rows into the anomaly. Answers the rows that stay; `random` gives numbers in 0..1.
 */
export function fairCuts(labels: readonly boolean[], training: number, random: () => number): number[][] {
  const begin = labels.indexOf(true)
  const rows = labels.map((_, row) => row)
  const cut = Math.floor(random() * Math.min(151, Math.max(1, begin - training)))
  const least = Math.min(labels.length, begin + 100)
  const end = least + Math.floor(random() * (labels.length - least + 1))
  return [rows.slice(0, begin - 5), [...rows.slice(0, training), ...rows.slice(training + cut, end)]]
}
