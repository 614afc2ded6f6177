/** One figure of a set, as the hub has reached it. */
export interface Figure {
  readonly set: string
  readonly metric: string
  readonly reached: number
  /** What is wanted: at least or at most so much; absent: only told. */
  readonly wanted?: { readonly least: number } | { readonly most: number }
  /** Alarms where there was nothing, or errors of another kind, in words. */
  readonly falseAlarms?: string
  /** From the hub's start to the last result. */
  readonly seconds: number
}

/** Whether it is as wanted; undefined where nothing is. */
export function isMet({ reached, wanted }: Figure): boolean | undefined {
  if (wanted === undefined) return undefined
  return 'least' in wanted ? reached >= wanted.least : reached <= wanted.most
}

/** A table in Markdown, as docs/benchmarks.md has it. */
export function tableOf(figures: readonly Figure[]): string[] {
  const rows = figures.map((figure) => {
    const { set, metric, reached, wanted, falseAlarms = '', seconds } = figure
    const limit = wanted === undefined ? '' : 'least' in wanted ? `>= ${wanted.least}` : `<= ${wanted.most}`
    const met = isMet(figure)
    return [
      set,
      metric,
      String(rounded(reached)),
      limit,
      met === undefined ? '' : met ? 'met' : 'not met',
      falseAlarms,
    ].concat(seconds.toFixed(0))
  })
  return [
    ['set', 'metric', 'reached', 'wanted', '', 'false alarms', 's'],
    ['---', '---', '---', '---', '---', '---', '---'],
    ...rows,
  ].map((cells) => `| ${cells.join(' | ')} |`)
}

function rounded(value: number): number {
  return Number(value.toFixed(Math.abs(value) < 2 ? 3 : 2))
}
