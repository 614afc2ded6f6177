/** What happened to a tag within a stretch of time; null: it had no value that can be drawn. */
export interface ChartPoint {
  /** Begin, ms since the epoch. */
  readonly time: number
  readonly least: number | null
  readonly most: number | null
  /** The value at its end. */
  readonly last: number | null
  /** Some of it was bad. */
  readonly isBad: boolean
}

export interface ChartLine {
  readonly name: string
  readonly unit?: string
  /** It holds its value until the next one: a state, a setpoint. */
  readonly isStepped: boolean
  /** It was never measured: drawn dashed whichever line it is. */
  readonly isForecast?: true
  /** In the order of time. */
  readonly points: readonly ChartPoint[]
}

type Column = (number | null | undefined)[]

/** The lines as columns over the times of all of them; undefined where a line has no point of that time. */
export function alignedData(lines: readonly ChartLine[]): [number[], ...Column[]] {
  const times = [...new Set(lines.flatMap(({ points }) => points.map(({ time }) => time)))].sort((a, b) => a - b)
  const place = new Map(times.map((time, at) => [time, at]))
  const columns = lines.flatMap(({ points }) => {
    const [last, most, least] = [0, 1, 2].map((): Column => Array.from({ length: times.length }, () => undefined))
    for (const point of points) {
      const at = place.get(point.time)!
      last![at] = point.last
      most![at] = point.most
      least![at] = point.least
    }
    return [last!, most!, least!]
  })
  return [times, ...columns]
}

/** When a line was bad: from a bad point to the next good one. */
export function badSpans({ points }: ChartLine): readonly (readonly [from: number, to: number])[] {
  const spans: [number, number][] = []
  for (const [at, { time, isBad }] of points.entries()) {
    const next = points[at + 1]?.time ?? time
    const last = spans.at(-1)
    if (!isBad) continue
    if (last?.[1] === time) last[1] = next
    else spans.push([time, next])
  }
  return spans
}
