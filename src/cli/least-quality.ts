import type { Severity } from '../model/quality.ts'

const SEVERITIES: readonly Severity[] = ['good', 'uncertain', 'bad']

/** Whether a severity is no worse than the least that is wanted. */
export function isAtLeast(severity: Severity, least: Severity): boolean {
  return SEVERITIES.indexOf(severity) <= SEVERITIES.indexOf(least)
}
