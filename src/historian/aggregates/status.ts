import { Quality } from '../../model/quality.ts'
import { isBad, isGood, type RawValue } from './raw-value.ts'
import type { Region } from './regions.ts'
import type { AggregateRules } from './rules.ts'

/** The code of a result by the time that is good and bad (OPC 10000-13 clause 5.4.3.2.1, PercentTime). */
export function codeByTime(regions: readonly Region[], rules: AggregateRules): number {
  const [all, good, bad] = [
    durationOf(regions, () => true),
    durationOf(
      regions,
      ({ severity }) => severity === 'good' || (severity === 'uncertain' && !rules.treatUncertainAsBad),
    ),
    durationOf(
      regions,
      ({ severity }) => severity === 'bad' || (severity === 'uncertain' && rules.treatUncertainAsBad),
    ),
  ]
  return codeOf(all, good, bad, rules)
}

/** The code of a result by the number of values that are good and bad (PercentValues). */
export function codeByValues(values: readonly RawValue[], rules: AggregateRules): number {
  const good = values.filter(isGood).length
  const bad = rules.treatUncertainAsBad ? values.length - good : values.filter(isBad).length
  return codeOf(values.length, good, bad, rules)
}

export function durationOf(regions: readonly Region[], counts: (region: Region) => boolean): number {
  return regions.reduce((sum, region) => (counts(region) ? sum + region.durationMs : sum), 0)
}

/** Without anything bad it is Good; Bad counts before Good where both limits are reached. */
function codeOf(all: number, good: number, bad: number, { percentDataBad, percentDataGood }: AggregateRules): number {
  if (all === 0) return Quality.Good
  if (bad > 0 && bad * 100 >= percentDataBad * all) return Quality.Bad
  return good * 100 >= percentDataGood * all ? Quality.Good : Quality.UncertainDataSubNormal
}
