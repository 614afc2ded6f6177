import type { PartitionRef } from '../groups.ts'
import type { LogError, Position, ReadBatch } from '../log.ts'

/** A reading whose positions come and go while it runs. It ends when the signal that it was opened with aborts. */
export interface Reading {
  /** Called once. @throws as `Log.read` does. */
  batches(): AsyncIterable<ReadBatch>
  /** Reads these partitions too, from there. */
  add(positions: readonly Position[]): void
  /** Hands out nothing more of these partitions. */
  remove(partitions: readonly PartitionRef[]): void
  /** Ends the reading with an error, also while it waits. */
  fail(fault: LogError): void
}
