import { z } from 'zod'
import type { Json } from '../model/json-value.ts'
import type { Operator, Step } from './topology.ts'

/** A processor that somebody has written for their plant: everything about it in one object. */
export interface UserProcessor<C = unknown, S = unknown> {
  /** One sentence: what it derives. */
  readonly summary: string
  /** Type, defaults, validation and description of what `settings:` may hold; default: nothing. */
  readonly settings?: z.ZodType<C>
  /** Settings that work, for the docs; they are checked when it is loaded. */
  readonly example?: Json
  /** What it does with the facts of a key, by checked settings. Deterministic: see `Operator`. */
  operator(settings: C): Operator<S>
}

/** A module of ours that is caged because of the library it needs: it makes its steps itself. */
export interface CagedSteps<T = unknown> {
  /** @throws Error saying what is wrong */
  steps(settings: T): readonly Step[]
}

/** The steps of a module by its default export. @throws Error saying what is wrong */
export function openCaged(exported: unknown, settings: unknown): readonly Step[] {
  const own = exported as Partial<CagedSteps> | undefined
  if (typeof own?.steps === 'function') return own.steps(settings)
  return [{ name: 'code', does: 'code', with: null, operator: openUserProcessor(exported, settings as Json) }]
}

/** Checks a module's default export and settings, and makes the operator. @throws Error saying what is wrong */
function openUserProcessor(exported: unknown, settings: Json): Operator {
  const processor = exported as Partial<UserProcessor> | undefined
  if (typeof processor?.operator !== 'function' || typeof processor.summary !== 'string') {
    throw new Error('Cannot use processor: its default export is none, want defineProcessor({ summary, operator })')
  }
  const schema = processor.settings ?? z.strictObject({})
  if (processor.example !== undefined) check(schema, processor.example, 'example')
  const operator = processor.operator(check(schema, settings, 'settings'))
  if (typeof operator?.create !== 'function' || typeof operator.take !== 'function') {
    throw new Error('Cannot use processor: its operator has no create and take, want an Operator')
  }
  return operator
}

function check(schema: z.ZodType, value: Json, what: string): unknown {
  const checked = schema.safeParse(value, { reportInput: true })
  if (checked.success) return checked.data
  const [issue] = checked.error.issues
  const place = ['', ...(issue?.path ?? []).map(String)].join('.')
  throw new Error(`Cannot use processor: ${what}${place} is wrong (${issue?.message ?? 'unknown'})`)
}
