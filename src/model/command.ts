import type { TagType } from './definition.ts'

/** What a command may write, or give to a method: values that a person can type and a machine can say back. */
export const COMMAND_TYPES = ['boolean', 'number', 'int64', 'string'] as const satisfies readonly TagType[]
type CommandType = (typeof COMMAND_TYPES)[number]

/** One argument of a method. */
interface CommandArgument {
  readonly name: string
  readonly type: CommandType
  /** Lowest and highest value; only of numbers. */
  readonly range?: readonly [low: number, high: number]
}

/** A declared write point of a model: nothing else may be written. */
export interface CommandDefinition {
  readonly name: string
  /** Writes this tag; confirmed by reading it back. Exactly one of `tag` and `method`. */
  readonly tag?: string
  /** Calls this method of the machine (an OPC UA method below the asset's object; the name of an MQTT command). */
  readonly method?: { readonly name: string; readonly args: readonly CommandArgument[] }
  /** Of the written value; absent: the tag's own range. */
  readonly range?: readonly [low: number, high: number]
  readonly oneOf?: readonly (string | number)[]
  /** CEL, as processors use it: true lets the command through. Judged on fresh Good values only. */
  readonly interlock?: string
  /** From the append of the request (or of its approval) to the moment at which it leaves. */
  readonly ttlMs: number
  /** How long the value is waited for that says it was done. */
  readonly confirmMs: number
  /** How far what is read back may be from what was written; only of numbers. */
  readonly tolerance?: number
  /** Most requests in a minute, of one asset and command; absent: no limit. */
  readonly perMinute?: number
  /** Another person, with right `approve`, has to agree first. */
  readonly secondPerson?: boolean
  /** How long that person may take. */
  readonly approveMs: number
  readonly description?: string
}
