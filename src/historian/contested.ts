/** A stretch of time of which something holds samples: µs, `toUs` exclusive. */
export interface Stretch {
  readonly fromUs: number
  readonly toUs: number
}

const MINUTE_US = 60_000_000

/**
 * The whole minutes of which more than one of these may hold samples, as few stretches as can be. Of every other minute there
 * is one roll-up at most, which counts as it is stored.
 */
export function contestedMinutes(held: readonly Stretch[]): Stretch[] {
  const contested: { fromUs: number; toUs: number }[] = []
  let reached = -Infinity
  for (const { fromUs, toUs } of held.map(inMinutes).sort((a, b) => a.fromUs - b.fromUs)) {
    const until = Math.min(toUs, reached)
    const last = contested.at(-1)
    if (until > fromUs) {
      if (last && fromUs <= last.toUs) last.toUs = Math.max(last.toUs, until)
      else contested.push({ fromUs, toUs: until })
    }
    reached = Math.max(reached, toUs)
  }
  return contested
}

function inMinutes({ fromUs, toUs }: Stretch): Stretch {
  return { fromUs: Math.floor(fromUs / MINUTE_US) * MINUTE_US, toUs: Math.ceil(toUs / MINUTE_US) * MINUTE_US }
}
