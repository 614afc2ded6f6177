import { CALCULATED, withCode } from './info-bits.ts'
import { regionsOf, type Region } from './regions.ts'
import type { Aggregate } from './result.ts'
import { startOf } from './slice.ts'
import { codeByTime, durationOf } from './status.ts'

type Counts = (region: Region) => boolean

const isGood: Counts = ({ severity }) => severity === 'good'
const isBad: Counts = ({ severity }) => severity === 'bad'

/** How long the value was 0, while Good: ms (OPC 10000-13 clause 5.4.3.22). */
export const durationInStateZero = inState((region) => isGood(region) && region.startValue === 0)

/** How long the value was something else, while Good: ms (clause 5.4.3.23). */
export const durationInStateNonZero = inState((region) => isGood(region) && region.startValue !== 0)

/** How long the value was Good: ms (clause 5.4.3.31). */
export const durationGood = inQuality(isGood, false)

/** How long the value was Bad, or there was none: ms (clause 5.4.3.32). */
export const durationBad = inQuality(isBad, false)

/** The same in percent of the time there are data for (clause 5.4.3.33). */
export const percentGood = inQuality(isGood, true)

/** The same in percent (clause 5.4.3.34). What is neither is Uncertain. */
export const percentBad = inQuality(isBad, true)

/** A state holds until it changes, so these are stepped whatever the tag is. */
function inState(counts: Counts): Aggregate {
  return (slice, rules) => {
    const regions = regionsOf(slice, rules, true)
    const quality = withCode(CALCULATED, codeByTime(regions, rules))
    return { time: startOf(slice), value: durationOf(regions, counts), quality }
  }
}

/** The result is Good even of a time that is all Bad: it is known how long that was. */
function inQuality(counts: Counts, percent: boolean): Aggregate {
  return (slice, rules) => {
    const regions = regionsOf(slice, rules, true)
    const part = durationOf(regions, counts)
    const value = percent ? (part / durationOf(regions, () => true)) * 100 : part
    return { time: startOf(slice), value, quality: CALCULATED }
  }
}
