import { numberText } from './format.ts'

/** What people call the kinds of time (docs/processors/oee.md). */
const CATEGORY_WORDS: { readonly [category: string]: string } = {
  running: 'Running',
  'micro-stop': 'Short stop',
  breakdown: 'Breakdown',
  setup: 'Set-up',
  waiting: 'Waiting',
  break: 'Break',
  unknown: 'Unknown',
  'planned-stop': 'Planned stop',
  unplanned: 'No shift',
  'reduced-speed': 'Reduced speed',
  scrap: 'Scrap',
  rework: 'Rework',
}

export function categoryText(category: string): string {
  return CATEGORY_WORDS[category] ?? category
}

/** A step of the waterfall: the time that is left. */
const STEP_WORDS: { readonly [step: string]: string } = {
  calendar: 'Calendar time',
  planned: 'Planned',
  busy: 'Planned busy',
  known: 'Known',
  running: 'Running',
  'at-speed': 'At full speed',
  good: 'Good parts',
}

export function stepText(step: string): string {
  return STEP_WORDS[step] ?? step
}

const FLAG_WORDS: { readonly [flag: string]: string } = {
  'effectiveness-above-1': 'Faster than the ideal cycle: the ideal cycle is too long',
  'good-above-produced': 'More good parts than parts were counted',
  'no-ideal-cycle': 'The ideal cycle of some of it is not known',
  'quality-not-measured': 'Bad parts are not counted',
  'quantity-not-measured': 'Parts are not counted',
  'made-in-unknown-time': 'Parts were counted over unknown time; they are in none of the figures',
  'made-outside-plan': 'Parts were made outside the plan; they are in none of the figures',
  'counter-rollover': 'A counter rolled over',
  'counter-reset': 'A counter was reset',
  'counter-set-back': 'A counter was set back',
}

/** Unknown time is shown as a figure of its own. */
export function flagTexts(flags: readonly string[]): string[] {
  return flags.flatMap((flag) => FLAG_WORDS[flag] ?? [])
}

/** `83.3 %`; a dash where there is no figure. */
export function percentText(ratio: number | null): string {
  return ratio === null ? '–' : `${numberText(ratio * 100, 1)} %`
}

/** A length of time in its two largest units: `1 h 12 min`, `4.5 s`. */
export function lengthText(ms: number): string {
  const seconds = Math.abs(ms) / 1000
  const sign = ms < 0 ? '\u2212' : ''
  if (seconds < 60) return `${sign}${numberText(seconds, seconds < 10 && seconds > 0 ? 1 : 0)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${sign}${two(minutes, 'min', Math.floor(seconds % 60), 's')}`
  const hours = Math.floor(minutes / 60)
  return `${sign}${two(hours, 'h', minutes % 60, 'min')}`
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`
}

/** Where a reading lies in the log, of `acme.berlin.telemetry/3/1234`; undefined: the text says no place. */
export function placeOfCause(
  cause: string,
): { readonly topic: string; readonly at: string; readonly partition: string } | undefined {
  const match = /^([^/]+)\/(\d+)\/(\d+)/.exec(cause)
  if (match === null) return undefined
  const [, topic, partition, offset] = match as unknown as [string, string, string, string]
  return { topic, at: `${partition}:${offset}`, partition }
}
