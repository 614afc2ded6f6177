import { Bell } from '../../component/bell.ts'
import type { Log, Position, ReadBatch, StoredRecord } from '../../log/log.ts'
import type { Clock } from '../../system/clock.ts'
import { within } from '../../system/wait.ts'

/** Records of one partition of one topic, in order. */
export interface Run {
  readonly topic: string
  readonly records: readonly StoredRecord[]
  /** Where to go on once they are taken. */
  readonly nextOffset: number
}

export interface MergeOptions {
  readonly log: Log
  /** One of each topic. */
  readonly positions: readonly Position[]
  readonly signal: AbortSignal
  readonly clock: Clock
  /** Ends when every topic has got to where it ended at the start. */
  readonly untilEnd?: boolean
}

/** Most bytes of one topic that are fetched at a time. */
const FETCH_BYTES = 256 * 1024
/** Records of a topic that become objects at a time. */
const LOT = 500
/** How long a record waits for an earlier one of another topic that may still be on its way, ms. */
const WAIT_MS = 100

/** A topic, with what was read ahead of it. */
interface Lane {
  readonly topic: string
  batch: ReadBatch | undefined
  at: number
  ended: boolean
  /** Where the topic ended when the merge began: up to there the next record is worth any wait. */
  readonly end: number
  position: number
  readonly iterator: AsyncIterator<ReadBatch>
  pulling: Promise<void> | undefined
  /** The read that is under way has failed: who waits for it hears why. */
  failed: boolean
  /** Rings when a lane has been read on, or cannot be; it is that of all lanes. */
  readonly bell: Bell
}

/**
 * Reads one partition of several topics as one: in order of the records' timestamps, by the heads of the topics, and of two
 * equal ones by the order of the topics. So a past that is read again comes in the same order. At the end of the log
 * a record waits a moment for earlier ones of topics that are silent.
 */
export async function* mergeTopics(options: MergeOptions): AsyncGenerator<Run> {
  const lanes = await openLanes(options)
  if (lanes.length === 1) yield* single(lanes[0]!)
  else yield* merged(lanes, options)
}

async function* merged(lanes: readonly Lane[], options: MergeOptions): AsyncGenerator<Run> {
  while (!lanes.every((lane) => lane.ended && !hasHead(lane))) {
    await Promise.all(lanes.filter(isWanted).map(pull))
    const first = firstLane(lanes)
    const silent = lanes.filter((lane) => !hasHead(lane) && !lane.ended)
    if (first === undefined) await oneCame(silent)
    if (first === undefined || (silent.length > 0 && (await moreMayCome(first, silent, options)))) continue
    yield takeRun(first, lanes, options.clock.now() - WAIT_MS)
  }
}

async function openLanes({ log, positions, signal, untilEnd = false }: MergeOptions): Promise<Lane[]> {
  const bell = new Bell()
  return Promise.all(
    positions.map(async (position): Promise<Lane> => {
      const { topic, partition, offset } = position
      const { end } = (await log.ends(topic))[partition]!
      const read = log.read([position], { signal, untilEnd, maxBytes: FETCH_BYTES, lotRecords: LOT })
      const iterator = read[Symbol.asyncIterator]()
      const empty = { batch: undefined, at: 0, ended: false, pulling: undefined, failed: false }
      return { ...empty, topic, end, position: offset, iterator, bell }
    }),
  )
}

async function* single(lane: Lane): AsyncGenerator<Run> {
  for (await pull(lane); !lane.ended; await pull(lane)) {
    const { records, nextOffset } = lane.batch!
    lane.batch = undefined
    yield { topic: lane.topic, records, nextOffset }
  }
}

/** Whether what comes next in a lane was there when the merge began. */
function isWanted(lane: Lane): boolean {
  return !hasHead(lane) && !lane.ended && lane.position < lane.end
}

/** Reads a lane on; a read that is under way is shared. */
function pull(lane: Lane): Promise<void> {
  if (lane.pulling !== undefined) return lane.pulling
  const pulling = (lane.pulling = pullNext(lane))
  const fail = () => {
    lane.failed = true
    lane.bell.ring()
  }
  pulling.then(() => lane.bell.ring(), fail)
  return pulling
}

/**
 * Resolves when one of them has been read on, or cannot be. They are not raced: a topic may be silent for days, and others
 * come many times a second, of which each race would leave something behind.
 */
function oneCame(lanes: readonly Lane[]): Promise<void> {
  const failed = lanes.find((lane) => lane.failed)
  if (failed !== undefined) return pull(failed)
  for (const lane of lanes) void pull(lane)
  return lanes[0]!.bell.wait()
}

async function pullNext(lane: Lane): Promise<void> {
  const { value, done } = await lane.iterator.next()
  lane.pulling = undefined
  if (done === true) {
    lane.ended = true
    return
  }
  lane.batch = value
  lane.at = 0
  lane.position = value.nextOffset
}

function hasHead({ batch, at }: Lane): boolean {
  return batch !== undefined && at < batch.records.length
}

function headTime({ batch, at }: Lane): number {
  return batch!.records[at]!.timestamp
}

/** The lane with the earliest head; the first of those. */
function firstLane(lanes: readonly Lane[]): Lane | undefined {
  let first: Lane | undefined
  for (const lane of lanes) {
    if (hasHead(lane) && (first === undefined || headTime(lane) < headTime(first))) first = lane
  }
  return first
}

/** Whether something has come of a silent topic while the earliest record was still young. */
async function moreMayCome(first: Lane, silent: readonly Lane[], { clock }: MergeOptions): Promise<boolean> {
  const waitMs = headTime(first) + WAIT_MS - clock.now()
  if (waitMs <= 0) return false
  return within(Math.min(waitMs, WAIT_MS), oneCame(silent), clock)
}

/** The records of a lane that come before the heads of all others; nothing earlier than `settled` is still on its way. */
function takeRun(lane: Lane, lanes: readonly Lane[], settled: number): Run {
  const { topic, batch } = lane
  const { records, nextOffset } = batch!
  const index = lanes.indexOf(lane)
  const from = lane.at
  lane.at += 1
  while (lane.at < records.length && isNext(lane, index, lanes, settled)) lane.at += 1
  const next = lane.at < records.length ? records[lane.at]!.offset : nextOffset
  return { topic, records: records.slice(from, lane.at), nextOffset: next }
}

function isNext(lane: Lane, index: number, lanes: readonly Lane[], settled: number): boolean {
  const time = headTime(lane)
  return lanes.every((other, at) => {
    if (other === lane || other.ended) return true
    if (!hasHead(other)) return other.position >= other.end && time <= settled
    return at < index ? time < headTime(other) : time <= headTime(other)
  })
}
