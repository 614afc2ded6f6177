import { z } from 'zod'
import { behaviourFaults } from '../component/behaviour/behaviour.ts'
import { durationField } from '../component/fields.ts'
import type { BehaviourDefinition } from '../model/behaviour.ts'
import type { TagDefinition } from '../model/definition.ts'
import type { ConfigDocument } from './document.ts'
import type { Problem } from './problem.ts'

const nameField = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, 'want a letter, then letters, digits, ".", "_", "-"')

const lengthField = durationField.refine((ms) => ms > 0, { message: 'want a duration above 0' })

export const behaviourField = z
  .strictObject({
    step: lengthField.prefault('10s').describe('Length of a step; "dt" in equations, in seconds'),
    horizon: lengthField.prefault('8h').describe('How far a forecast goes, unless it is asked for otherwise'),
    tags: z
      .record(z.string(), z.string().min(1))
      .refine((tags) => Object.keys(tags).length > 0, {
        message: 'Cannot forecast without equations: want e.g. { energy: "energy + 8.0 * dt / 3600.0" }',
      })
      .describe('What each tag is a step later, in CEL over the tags of the step before and "dt"'),
    reaches: z
      .record(nameField, z.string().min(1))
      .default({})
      .describe('Conditions in CEL of which a forecast says when they come true, by name'),
    totals: z
      .record(nameField, z.string().min(1))
      .default({})
      .describe('Tags of which a forecast says by how much they grow, by name'),
  })
  .optional()
  .describe('How its machines go on by themselves: for forecasts, never stored as values')

type BehaviourFile = NonNullable<z.output<typeof behaviourField>>

/** The behaviour of a model; what does not fit its tags becomes a problem. */
export function readBehaviour(
  document: ConfigDocument,
  model: string,
  file: BehaviourFile,
  tags: ReadonlyMap<string, TagDefinition>,
  problems: Problem[],
): BehaviourDefinition {
  const behaviour: BehaviourDefinition = {
    stepMs: file.step,
    horizonMs: file.horizon,
    tags: new Map(Object.entries(file.tags)),
    reaches: new Map(Object.entries(file.reaches)),
    totals: new Map(Object.entries(file.totals)),
  }
  for (const { path, message, suggestion } of behaviourFaults(behaviour, tags))
    problems.push(document.problem(['models', model, 'behaviour', ...path], message, suggestion))
  return behaviour
}
