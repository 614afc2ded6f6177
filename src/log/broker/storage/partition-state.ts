import { replaceFile } from '../../../system/disk.ts'
import { decodeChecked, encodeChecked } from './checked-json.ts'
import { tell } from './place.ts'
import type { Place } from './place.ts'

/** In the directory of a partition, from the first time there is something to say. */
const STATE_FILE = 'state.json'

/** What of a partition cannot be read off its segments. */
export interface PartitionState {
  /** Records below were deleted, though they may still lie in a segment. */
  readonly logStart: number
  /** Offsets below were compacted: of every key there is one record at most. A cache; 0 is always right. */
  readonly compactedTo: number
  /** When the first of the tombstones that compaction has seen may go, ms since the epoch. */
  readonly tombstonesUntil?: number
}

const FRESH_STATE: PartitionState = { logStart: 0, compactedTo: 0 }

/** Damage is told: then records that had been deleted may be there again. */
export async function readState(place: Place): Promise<PartitionState> {
  const path = `${place.directory}/${STATE_FILE}`
  if (!(await place.disk.exists(path))) return FRESH_STATE
  try {
    const content = decodeChecked(await place.disk.readFile(path)) as StoredState | undefined
    if (content?.of === identity(place)) return content
  } catch {
    // Told below.
  }
  tell(place, path, { position: 0, end: 0, reason: 'state of the partition is damaged, deleted records may be back' })
  await place.disk.remove(path)
  return FRESH_STATE
}

/** Durable when it resolves; a crash leaves the old state or the new one. */
export async function writeState(place: Place, { logStart, compactedTo, tombstonesUntil }: PartitionState) {
  const content = {
    of: identity(place),
    logStart,
    compactedTo,
    ...(tombstonesUntil !== undefined && { tombstonesUntil }),
  }
  await replaceFile(place.disk, `${place.directory}/${STATE_FILE}`, encodeChecked(content))
}

type StoredState = PartitionState & { readonly of: string }

function identity({ topic, partition }: Place): string {
  return `${topic}-${partition}`
}
