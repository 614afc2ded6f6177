import type { HotDay, Undecodable } from './hot.ts'
import type { PackedRecords } from './packed.ts'
import type { Answer } from './answer.ts'
import type { Query } from './queries.ts'
import type { StoreSettings, Written } from './store.ts'

/** What the hub asks of the store's thread, and what that answers. */
export type Call =
  | { readonly kind: 'open'; readonly settings: StoreSettings }
  | {
      readonly kind: 'place'
      readonly id: number
      readonly epoch: number
      readonly topic: string
      readonly partition: number
    }
  | { readonly kind: 'append'; readonly place: number; readonly packed: PackedRecords }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'drop'; readonly generation: number }
  | {
      readonly kind: 'write'
      readonly generation: number
      readonly day: number
      readonly file: string
      readonly rollups: string
    }
  | { readonly kind: 'merge'; readonly files: readonly string[]; readonly file: string; readonly rollups: string }
  /** Samples in memory to a file that must not be there. */
  | { readonly kind: 'copy'; readonly generations: readonly number[]; readonly file: string }
  | { readonly kind: 'query'; readonly query: Query }

export interface Answers {
  readonly open: undefined
  readonly place: undefined
  readonly append: { readonly rows: number; readonly undecodable: readonly Undecodable[] }
  readonly rotate: { readonly generation: number; readonly days: readonly HotDay[] }
  readonly drop: undefined
  readonly write: Written
  readonly merge: Written
  readonly copy: undefined
  readonly query: Answer
}

/** To the thread: a call; that nobody waits for one any more; or that it is to end. */
export type ToThread =
  | { readonly id: number; readonly call: Call }
  | { readonly cancel: number }
  | { readonly close: true }

/** From the thread: what a call came to. */
export type FromThread =
  | { readonly id: number; readonly answer: Answers[Call['kind']] }
  | { readonly id: number; readonly error: string }
