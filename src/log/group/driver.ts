import type { System } from '../../system/system.ts'
import type { PartitionEnds, ReadOptions } from '../log.ts'
import type { Coordinator } from './coordinator.ts'
import type { Reading } from './reading.ts'

/** What a driver of the log gives so that groups work on it. */
export interface GroupDriver {
  readonly system: Pick<System, 'clock' | 'random'>
  /** The way to the coordinator of a group, of the caller's own: closed by the caller. */
  coordinator(group: string, timing: Timing): Coordinator
  /** How many partitions topics have, of those that exist; asked anew. */
  partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>>
  ends(topic: string): Promise<readonly PartitionEnds[]>
  reading(options: ReadOptions): Reading
}

/** How long what may take, ms. */
export interface Timing {
  readonly sessionMs: number
  readonly rebalanceMs: number
}
