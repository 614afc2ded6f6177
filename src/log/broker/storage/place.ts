import type { Clock } from '../../../system/clock.ts'
import type { Disk, DiskFile } from '../../../system/disk.ts'
import type { Logger } from '../../../system/logger.ts'
import type { IndexQueue } from './index-queue.ts'
import type { Hole } from './segment-scan.ts'
import type { Damage } from './storage.ts'
import type { TopicSettings } from './topic-settings.ts'

/** When an append counts as stored. */
export type SyncMode = { readonly mode: 'ack' } | { readonly mode: 'interval'; readonly intervalMs: number }

/** One partition's place on the disk, and what it is run with. */
export interface Place {
  readonly topic: string
  readonly partition: number
  readonly directory: string
  readonly disk: Disk
  readonly clock: Clock
  readonly logger: Logger
  readonly sync: SyncMode
  /** Where the indexes of active segments wait for their turn, those of all partitions. */
  readonly indexes: IndexQueue
  /** What its topic's configs say now. */
  readonly settings: () => TopicSettings
  /** Memory for the keys of one compaction, in bytes. */
  readonly compactionBytes?: number
  /** Told of every damage, also of that found while reading. */
  readonly onDamage: (damage: Damage) => void
}

const COPY_BYTES = 1024 * 1024

/** Copies damaged bytes to `<name>.damaged-<position>` and tells of them; answers the copy's path, if there could be one. */
export async function setAside(place: Place, path: string, file: DiskFile, hole: Hole): Promise<string | undefined> {
  const target = `${path}.damaged-${hole.position}`
  const copied = await copyRange(place.disk, file, hole, target).then(
    () => true,
    (error: unknown) => {
      place.logger.warn('Cannot set damaged bytes aside', { file: path, position: hole.position, error })
      return false
    },
  )
  tell(place, path, hole, copied ? target : undefined)
  return copied ? target : undefined
}

/** Reports damage. */
export function tell(place: Place, file: string, hole: Hole, setAside?: string): void {
  const { topic, partition, logger, onDamage } = place
  const { position, reason } = hole
  const damage = { topic, partition, file, position, bytes: hole.end - position, reason }
  logger.error('Damaged bytes in the log', { ...damage, setAside })
  onDamage(setAside === undefined ? damage : { ...damage, setAside })
}

async function copyRange(disk: Disk, from: DiskFile, hole: Hole, target: string): Promise<void> {
  await disk.remove(target)
  const copy = await disk.open(target, 'append')
  try {
    for (let position = hole.position; position < hole.end; position += COPY_BYTES) {
      const bytes = Buffer.alloc(Math.min(COPY_BYTES, hole.end - position))
      const count = await from.read(bytes, position)
      await copy.write([bytes.subarray(0, count)], position - hole.position)
    }
    await copy.datasync()
  } finally {
    await copy.close()
  }
  await disk.syncDirectory(target.slice(0, target.lastIndexOf('/')))
}
