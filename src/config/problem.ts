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
