/** One thing that is wrong with a config, where it is, and what to do. */
export interface Problem {
  readonly file: string
  /** From 1. */
  readonly line: number
  /** From 1, in UTF-16 code units. */
  readonly column: number
  /** Action, subject in quotes, colon, what is there, what is wanted. */
  readonly message: string
  /** What was probably meant. */
  readonly suggestion?: string
}

/** A config that cannot be used. It names everything that is wrong, not only the first thing. */
export class ConfigError extends Error {
  readonly code = 'BAD_CONFIG'
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    const inOrder = [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
    super(inOrder.map(formatProblem).join('\n'))
    this.name = 'ConfigError'
    this.problems = inOrder
  }
}

/** `plant.yaml:12:5: Cannot read "sources.cars": ...; did you mean "mqtt"?`, as compilers write it. */
export function formatProblem(problem: Problem): string {
  const meant = problem.suggestion === undefined ? '' : `; did you mean "${problem.suggestion}"?`
  return `${problem.file}:${problem.line}:${problem.column}: ${problem.message}${meant}`
}

/** The candidate that is nearest to what was written, where one is near enough to be a slip of the finger. */
export function nearest(written: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.max(1, Math.floor(written.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(written.toLowerCase(), candidate.toLowerCase())
    if (distance < least) {
      least = distance
      best = candidate
    }
  }
  return best
}

/** Edits (insert, delete, replace, swap of neighbours) from one text to the other: optimal string alignment. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8 || a.length > 64) return 99
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const replace = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let cost = Math.min(rows[i - 1]![j]! + 1, row[j - 1]! + 1, replace)
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      if (swapped) cost = Math.min(cost, rows[i - 2]![j - 2]! + 1)
      row.push(cost)
    }
    rows.push(row)
  }
  return rows[a.length]![b.length]!
}
