import type { Changes, Taken } from '../topology/host.ts'
import type { PlacedFact } from '../topology/engine.ts'
import type { SavedKey } from '../topology/key-state.ts'

/** What goes into a cage: calls on the engine of a task. */
export type Call =
  | { readonly do: 'restore'; readonly keys: readonly SavedKey[]; readonly received: number }
  | { readonly do: 'take'; readonly facts: readonly PlacedFact[] }
  | { readonly do: 'advance'; readonly received: number }
  | { readonly do: 'changes' }
  | { readonly do: 'close' }

/** The first message. */
export interface Opening {
  readonly settings: unknown
}

export interface Request {
  readonly id: number
  readonly task: number
  readonly call: Call
}

/** What comes out: the result of a call, or what it threw; `rss` is the memory of the process, bytes. */
export interface Reply {
  readonly id: number
  readonly rss: number
  readonly result?: Taken | Changes
  readonly error?: string
}
