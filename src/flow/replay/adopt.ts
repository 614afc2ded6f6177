import type { Log, NewRecord } from '../../log/log.ts'
import { Changelog, type Mark } from '../topology/changelog.ts'
import { textOfKey } from '../topology/key-state.ts'
import { CAUSE_HEADER, headerText } from '../topology/facts.ts'
import { comparePoints, type Point } from '../topology/reorder.ts'
import type { StageTopics } from '../topology/stage-topics.ts'

export interface AdoptOptions {
  /** The plant's log, in which nobody runs the processor now, and the replay's, in which it has been stopped. */
  readonly plant: Log
  readonly replay: Log
  readonly topics: StageTopics
  readonly partition: number
  readonly partitions: number
  readonly now: () => number
  readonly signal: AbortSignal
}

/**
 * Puts the states of a replay in the place of those of the running version, for one stage and partition: whoever runs the
 * processor next goes on from where the replay ended, with what the new version knows. Answers how many keys there are.
 */
export async function adoptStates(options: AdoptOptions): Promise<number> {
  const { plant, replay, topics, partition, partitions, now, signal } = options
  const place = { topic: topics.state, partition, partitions, now }
  const from = await new Changelog({ ...place, log: replay }).restore(signal)
  const into = new Changelog({ ...place, log: plant })
  const before = await into.restore(signal)
  if (from.mark === undefined) return 0
  const kept = new Set(from.keys.map(({ key }) => key))
  await into.forget(before.keys.filter(({ key }) => !kept.has(key)))
  const mark: Mark = {
    ...from.mark,
    positions: await movedPositions(from.mark, options),
    ...(from.mark.order && { order: withoutOffset(from.mark.order) }),
    epoch: (before.mark?.epoch ?? 0) + 1,
    began: before.end,
    outputs: await outputEnds(plant, topics),
  }
  await into.write(from.keys.map(textOfKey), mark)
  return from.keys.length
}

async function outputEnds(log: Log, { outputs }: StageTopics): Promise<Mark['outputs']> {
  const ends = outputs.map(async (topic) => [topic, (await log.ends(topic)).map(({ end }) => end)] as const)
  return Object.fromEntries(await Promise.all(ends))
}

/** The plant's topics are the same; what the stage before has said lies elsewhere, and what was not taken of it is brought. */
async function movedPositions(
  mark: Mark,
  { plant, topics, partition, ...rest }: AdoptOptions,
): Promise<Mark['positions']> {
  const positions: { [topic: string]: number } = { ...mark.positions }
  for (const [topic, kind] of topics.reads) {
    if (kind !== 'keyed') continue
    const { end } = (await plant.ends(topic))[partition]!
    const waiting = await recordsFrom(topic, mark, { plant, topics, partition, ...rest })
    if (waiting.length > 0) await plant.append(topic, waiting)
    positions[topic] = end
  }
  return positions
}

async function recordsFrom(
  topic: string,
  mark: Mark,
  { replay, partition, signal }: AdoptOptions,
): Promise<NewRecord[]> {
  const offset = mark.positions[topic] ?? 0
  const { end } = (await replay.ends(topic))[partition]!
  const waiting: NewRecord[] = []
  if (offset >= end) return waiting
  for await (const { records } of replay.read([{ topic, partition, offset }], { signal, untilEnd: true })) {
    for (const { key, value, headers, timestamp, offset: at } of records) {
      const upstream = Number(headerText(headers, CAUSE_HEADER).split('/')[1] ?? 0)
      const point: Point = [timestamp, upstream, at]
      const isTaken = mark.order?.last !== undefined && comparePoints(point, mark.order.last) <= 0
      if (!isTaken) waiting.push({ key: copy(key), value: copy(value), headers, timestamp })
    }
  }
  return waiting
}

/** Views of fetched bytes do not outlive their batch. */
function copy(bytes: Uint8Array | null): Uint8Array | null {
  return bytes && Uint8Array.from(bytes)
}

/** Of facts of one time and origin, what is brought has other offsets, and none of it was taken. */
function withoutOffset({ reached, last }: NonNullable<Mark['order']>): NonNullable<Mark['order']> {
  return last === undefined ? { reached } : { reached, last: [last[0], last[1], -1] }
}
