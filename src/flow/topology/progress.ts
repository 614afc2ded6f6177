import type { NewRecord, StoredRecord } from '../../log/log.ts'
import { keyIn } from './changelog.ts'
import { headerText, PROCESSOR_HEADER } from './facts.ts'

/** A record of a topic of keyed facts that says how far a task of the stage before is: `<partition>/<received time>`. */
const REACHED_HEADER = 'reached'

export interface Progress {
  /** Partition of the task. */
  readonly from: number
  /** Whatever it says after this was received at this time or later, ms. */
  readonly reached: number
}

/** The same progress for every partition of the next stage. */
export function progressRecords({ from, reached }: Progress, processor: string, partitions: number): NewRecord[] {
  const value = JSON.stringify({ from, reached })
  return Array.from({ length: partitions }, (_, partition) => ({
    key: keyIn(partition, partitions),
    value,
    headers: [
      [PROCESSOR_HEADER, processor],
      [REACHED_HEADER, `${from}/${reached}`],
    ],
    timestamp: reached,
  }))
}

/** The progress that a record tells, if it does. */
export function progressOf({ headers }: Pick<StoredRecord, 'headers'>): Progress | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(headerText(headers, REACHED_HEADER))
  return match === null ? undefined : { from: Number(match[1]), reached: Number(match[2]) }
}
