import type { Value } from './reading.ts'

/** How a command can end. `unknown`: it left, or may have, and nobody knows whether it was done. */
export const COMMAND_ENDS = ['confirmed', 'rejected', 'expired', 'failed', 'unknown'] as const
export type CommandEnd = (typeof COMMAND_ENDS)[number]

export type CommandState = 'waiting-approval' | 'requested' | 'dispatching' | CommandEnd

/** Ways in which a person or a program asks. */
export const ENTRANCES = ['rest', 'kafka', 'mqtt'] as const
export type Entrance = (typeof ENTRANCES)[number]

/** What is to be done at the machine, with its values. */
export type CommandAct =
  | { readonly kind: 'tag'; readonly tag: string; readonly value: Value }
  | { readonly kind: 'method'; readonly method: string; readonly args: readonly Value[] }

/** Why not; `code` is one of `REASONS` in `commands/decide.ts`. */
export interface Reason {
  readonly code: string
  readonly message: string
}

/** One step of a command; the topic `commands` holds nothing else, and the state of a command is the fold of its steps. */
export type CommandEvent = Requested | Approved | Claimed | Settled

interface Step {
  /** Of the command. */
  readonly id: string
  /** Full path; the key of the record, so that all commands of a machine are in one order. */
  readonly asset: string
  /** Wall time of the hub that wrote it, ms since the epoch. */
  readonly time: number
}

/** Somebody asked, and it was allowed at that moment. */
export interface Requested extends Step {
  readonly kind: 'requested'
  /** Name of the write point in the model. */
  readonly command: string
  readonly act: CommandAct
  /** What the tag has to be at this moment and when it is sent; null: no value. */
  readonly expected?: Value | null
  /** Of whoever asked: the same one again is the same request. */
  readonly key?: string
  readonly comment?: string
  readonly by: string
  readonly via: Entrance
  readonly ttlMs: number
  readonly confirmMs: number
  readonly tolerance?: number
  /** A second person has to agree within this time; absent: nobody has to. */
  readonly approveMs?: number
  /** The run of the hub that took it. */
  readonly run: string
}

/** A second person agreed. */
interface Approved extends Step {
  readonly kind: 'approved'
  readonly by: string
  readonly comment?: string
  readonly run: string
}

/** A hub is about to send it. The first claim in the log counts; it is never claimed again. */
export interface Claimed extends Step {
  readonly kind: 'claimed'
  readonly hub: string
  readonly run: string
  /** Of this one attempt to claim. */
  readonly token: string
  /** The source that it goes through. */
  readonly source: string
}

/** It ended. */
export interface Settled extends Step {
  readonly kind: 'settled'
  readonly state: CommandEnd
  readonly reasons: readonly Reason[]
  /** What the machine said that the value is. */
  readonly readBack?: Value | null
  /** What a method gave back. */
  readonly results?: readonly (Value | null)[]
  /** Who did it, for what a person ended. */
  readonly by?: string
  /** The run of the hub that says so. */
  readonly run: string
}
