import type { Log, Position } from './log.ts'

/** Where in a topic to begin. `offsets`: by partition; a partition that is not named is not read. */
export type Where =
  | { readonly at: 'start' | 'end' }
  | { readonly at: 'time'; /** ms since the epoch, of the records' timestamps. */ readonly time: number }
  | { readonly at: 'offsets'; readonly offsets: ReadonlyMap<number, number> }

/**
 * The positions of a topic at a place. Offsets that lie outside the log are moved to its ends.
 * @throws as `Log.ends`
 */
export async function positionsAt(log: Log, topic: string, where: Where): Promise<readonly Position[]> {
  if (where.at === 'time') return log.offsetsAt(topic, where.time)
  const ends = await log.ends(topic)
  return ends.flatMap(({ partition, start, end }): Position[] => {
    if (where.at !== 'offsets') return [{ topic, partition, offset: where.at === 'start' ? start : end }]
    const offset = where.offsets.get(partition)
    return offset === undefined ? [] : [{ topic, partition, offset: Math.min(Math.max(offset, start), end) }]
  })
}
