import type { BehaviourDefinition } from './behaviour.ts'
import type { CommandDefinition } from './command.ts'
import type { Json } from './json-value.ts'
import type { Value } from './reading.ts'
import type { Relation } from './relation.ts'

/** The type a tag's values have. `number` is a double; everything the record's JSON cannot tell apart is told here. */
export type TagType = 'boolean' | 'number' | 'int64' | 'string' | 'bytes' | 'array' | 'structure'

/** What a tag means over time: a gauge goes up and down, a counter only up (until it rolls over), a state is a name. */
type TagKind = 'gauge' | 'counter' | 'state'

/** A tag as its model declares it, or as Millrace first saw it. */
export interface TagDefinition {
  readonly type: TagType
  readonly kind: TagKind
  /** Unit as a UCUM code (`Cel`, `bar`, `mm/s`). */
  readonly unit?: string
  /** Lowest and highest value that makes sense, in `unit`; a value outside is stored as Uncertain. */
  readonly range?: readonly [low: number, high: number]
  /** Names of the states, in order; `packml` in a config file becomes the 17 states of PackML (ISA-TR88.00.02). */
  readonly states?: readonly string[]
  readonly description?: string
  /** Longest age in ms at which a value still counts as fresh. */
  readonly staleAfterMs?: number
}

/** A versioned type of machine: `press@1`. */
export interface Model {
  /** `name@version`. */
  readonly id: string
  readonly tags: ReadonlyMap<string, TagDefinition>
  /** Its write points, by name: nothing else of it may be written. */
  readonly commands: ReadonlyMap<string, CommandDefinition>
  /** How its machines go on by themselves; absent: nothing can be forecast of them. */
  readonly behaviour?: BehaviourDefinition
  /** What holds for all its machines: manufacturer, type of drive. */
  readonly meta?: Meta
}

/** What is known of a machine and does not change by itself: serial number, manufacturer, place. By name. */
export interface Meta {
  readonly [name: string]: Json
}

/** A machine: a path, the model it is an instance of (none: learned from what it sends), and its tags. */
export interface AssetDefinition {
  readonly path: string
  readonly model?: string
  readonly tags: ReadonlyMap<string, TagDefinition>
  /** Its model's and its own; absent: nothing is said of it here, and what was said before stands. */
  readonly meta?: Meta
  /** What it says of others; absent: as with `meta`. */
  readonly relations?: readonly Relation[]
}

/** The 17 states of PackML (ISA-TR88.00.02-2015, clause 5). */
export const PACKML_STATES = [
  'Clearing',
  'Stopped',
  'Starting',
  'Idle',
  'Suspended',
  'Execute',
  'Stopping',
  'Aborting',
  'Aborted',
  'Holding',
  'Held',
  'Unholding',
  'Suspending',
  'Unsuspending',
  'Resetting',
  'Completing',
  'Complete',
] as const

/** The definition of a tag no model declares, told from the first value it sent. */
export function inferDefinition(value: Value): TagDefinition {
  return { type: typeOf(value), kind: 'gauge' }
}

export function typeOf(value: Value): TagType {
  switch (typeof value) {
    case 'boolean':
    case 'number':
    case 'string':
      return typeof value as 'boolean' | 'number' | 'string'
    case 'bigint':
      return 'int64'
    default:
      if (value instanceof Uint8Array) return 'bytes'
      return Array.isArray(value) ? 'array' : 'structure'
  }
}
