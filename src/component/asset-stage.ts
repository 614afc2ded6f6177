import { z } from 'zod'
import { durationField, severalField, tagField } from './fields.ts'
import { inOrderOperator } from './operators/in-order.ts'
import type { Intake, Operator, Step } from './topology.ts'

/** What processors that work on the tags of each asset have in common: which facts they take, and in which order. */

/** Config: whose facts. */
export const assetFields = {
  on: severalField.optional().describe('Patterns of assets below the site: "press-shop/**"; default: all'),
  of: severalField.optional().describe('Also takes the tags that these processors derive'),
}

/** Config: what comes late. */
export const orderFields = {
  late: durationField
    .prefault('0s')
    .describe('How far behind the newest of its asset a value may come; so long every value waits'),
  onLate: z
    .enum(['side', 'drop'])
    .default('side')
    .describe('What is later becomes an event reading.late (side), or is only counted (drop)'),
}

/** Config: something for each of several tags. */
export function perTag<T extends z.ZodType>(field: T, example: string) {
  return z.record(tagField, field).refine((tags) => Object.keys(tags).length > 0, {
    message: `Cannot do without tags: want e.g. ${example}`,
  })
}

/** What a stage takes of assets. */
export function assetIntake({
  on,
  of,
}: {
  readonly on?: readonly string[] | undefined
  readonly of?: readonly string[] | undefined
}): Intake[] {
  const assets = on === undefined ? {} : { on }
  const telemetry = { topic: 'telemetry' as const, ...assets }
  return of === undefined ? [telemetry] : [telemetry, { topic: 'derived', ...assets, of }]
}

/** The step that puts facts in order. */
export function orderStep(
  name: string,
  { late: lateMs, onLate }: { readonly late: number; readonly onLate: 'side' | 'drop' },
): Step {
  const operator = inOrderOperator({ name, lateMs, onLate }) as Operator
  return { name: 'order', does: 'in-order', with: { lateMs, onLate }, operator }
}
