import { isBad, isGood } from './raw-value.ts'

/** How a tag's values are judged and what lies between them (OPC 10000-13 clause 4.2.1.2). */
export interface AggregateRules {
  /** Between two values the earlier one holds (SteppedInterpolation), instead of a line from one to the other. */
  readonly stepped: boolean
  /** Uncertain values are as useless as Bad ones. */
  readonly treatUncertainAsBad: boolean
  /** Percent of an interval that has to be Bad for the result to be Bad. */
  readonly percentDataBad: number
  /** Percent of an interval that has to be Good for the result to be Good. */
  readonly percentDataGood: number
  /** Beyond the last value the line through the last two goes on, instead of the last value. */
  readonly slopedExtrapolation: boolean
}

/** The defaults of the standard. */
export const STANDARD_RULES: AggregateRules = {
  stepped: false,
  treatUncertainAsBad: true,
  percentDataBad: 100,
  percentDataGood: 100,
  slopedExtrapolation: false,
}

/** Whether a stored value may be used: "Good" in the words of bounding values (clause 3.1.7). */
export function isUsable(raw: { readonly quality: number }, rules: AggregateRules): boolean {
  return rules.treatUncertainAsBad ? isGood(raw) : !isBad(raw)
}
