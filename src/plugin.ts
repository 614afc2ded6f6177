import type { UserProcessor } from './component/user-processor.ts'

/**
 * `millrace/plugin`: what somebody needs who writes a processor for their plant.
 *
 *     import { defineProcessor, z } from 'millrace/plugin'
 *
 *     export default defineProcessor({
 *       summary: 'Power from voltage and current',
 *       settings: z.strictObject({ factor: z.number().default(1) }),
 *       operator: ({ factor }) => ({
 *         create: () => null,
 *         take(_state, fact, context) { ... context.emit(...) },
 *       }),
 *     })
 */
export { z } from 'zod'
export type { AlarmTransition } from './model/alarm.ts'
export type { Event } from './model/event.ts'
export type { Reading, Value } from './model/reading.ts'
export type { Fact, Keyed, Operator, StepContext } from './component/topology.ts'
export type { UserProcessor } from './component/user-processor.ts'

/** A processor, typed: its operator takes the settings that its schema gives. */
export function defineProcessor<C = Record<string, never>, S = unknown>(
  processor: UserProcessor<C, S>,
): UserProcessor<C, S> {
  return processor
}
