import type { Reading } from '../../model/reading.ts'
import type { StepContext } from '../topology.ts'
import type { Figure } from './aggregates.ts'
import type { Scalar } from './row.ts'

/** What is said of the asset of a step at a time, as one reading. */
export function readingOf(figures: readonly Figure[], time: number, context: StepContext): Reading {
  const values: [string, Scalar | null][] = figures.map(({ name, value }) => [name, value])
  const poor = figures.filter(({ quality }) => quality !== 0)
  return {
    asset: context.key,
    sourceTime: time,
    receivedTime: context.received,
    values: Object.fromEntries(values),
    ...(poor.length === 0 ? {} : { quality: Object.fromEntries(poor.map(({ name, quality }) => [name, quality])) }),
  }
}
