import type { Fact, Intake, Stage } from '../../component/topology.ts'
import { keyOf } from '../../component/topology.ts'
import { pathMatcher } from '../../model/path-pattern.ts'

/** A fact as it comes from a topic: `by` is the processor that has said so, '' where it was none. */
export interface Arrival {
  readonly topic: Intake['topic']
  readonly fact: Fact
  readonly by: string
}

/** Tells which arrivals a stage takes. Whether a path matches is remembered: there are few of them, and many facts. */
export function intakeOf({ from }: Stage, processor: string, site: string): (arrival: Arrival) => boolean {
  const filters = from.map((intake) => ({ ...intake, matches: matcher(intake, site) }))
  return ({ topic, fact, by }) =>
    filters.some((filter) => {
      if (filter.topic !== topic) return false
      if (topic === 'keyed') return by === processor
      if (filter.of ? !filter.of.includes(by) : by === processor) return false
      return filter.matches(keyOf(fact))
    })
}

const MOST_REMEMBERED = 200_000

function matcher({ on }: Intake, site: string): (path: string) => boolean {
  if (on === undefined) return () => true
  const patterns = on.map((pattern) => pathMatcher(site, pattern))
  const known = new Map<string, boolean>()
  return (path) => {
    let answer = known.get(path)
    if (answer === undefined) {
      if (known.size >= MOST_REMEMBERED) known.clear()
      known.set(path, (answer = patterns.some((matches) => matches(path))))
    }
    return answer
  }
}
