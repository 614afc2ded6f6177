import type { Fact, StepContext } from '../topology.ts'
import type { Cell } from './row.ts'

/** One side's fact in a join; plain JSON. */
export interface JoinRow {
  /** Event time, ms since the epoch. */
  readonly time: number
  /** What it is about: a path. */
  readonly asset: string
  readonly cells: readonly Cell[]
}

/** Which side or sides of a join a fact is, the right one first; none: it is not joined. */
export type SideOf = (fact: Fact, time: number) => readonly { readonly side: 'left' | 'right'; readonly row: JoinRow }[]

/** What a left row and what is known of the right become; undefined: nothing. */
export type Joined = (left: JoinRow, right: readonly Cell[], context: StepContext) => Fact | undefined
