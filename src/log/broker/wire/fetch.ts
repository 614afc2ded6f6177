import { aborted } from '../../../system/wait.ts'
import type { Partition } from '../storage/storage.ts'
import { LEADER_EPOCH } from './api.ts'
import type { Peer, Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode } from './protocol-error.ts'
import type { Reader } from '../../wire/reader.ts'
import { absence } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

interface WantedPartition {
  readonly index: number
  readonly leaderEpoch: number
  readonly offset: number
  readonly maxBytes: number
}

interface WantedTopic {
  readonly name: string
  readonly id: Buffer
  readonly partitions: readonly WantedPartition[]
}

interface Wanted {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly sessionId: number
  readonly topics: readonly WantedTopic[]
}

/** A partition that is read from; without `partition`, `error` says why it is not. */
interface Source {
  readonly wanted: WantedPartition
  readonly partition?: Partition
  readonly error: ErrorCode
}

interface Part {
  readonly source: Source
  readonly error: ErrorCode
  readonly records: Uint8Array
}

const NOTHING = new Uint8Array(0)
const NO_ID = Buffer.alloc(16)

/** Longest wait for data, whatever the client asks: an answer without records costs nothing, a forgotten wait does. */
const LONGEST_WAIT_MS = 60_000

/**
 * Fetch (1), v4 to v17: waits until there are `minBytes`, at most `maxWaitMs`. Sessions are declined (session id 0), so
 * every request names all its partitions. An answer holds at least one batch where there is one, however large.
 */
export async function fetch(services: Services, { version, body, answer, peer }: Request): Promise<Writer> {
  const wanted = readWanted(body, version)
  if (wanted.sessionId !== 0) return writeHead(answer, version, ERROR.fetchSessionNotFound, [])
  const topics = wanted.topics.map((topic) => ({ topic, sources: open(services, topic, version, peer) }))
  const sources = topics.flatMap((topic) => topic.sources)
  const maxBytes = Math.min(wanted.maxBytes, services.limits.maxFetchBytes, services.memory.answerBytes())
  const until = services.clock.monotonic() + Math.min(wanted.maxWaitMs, LONGEST_WAIT_MS)
  let parts = readAll(sources, maxBytes)
  while (!enough(parts, wanted.minBytes) && !peer.closed.aborted) {
    const left = until - services.clock.monotonic()
    if (left <= 0) break
    await waitForMore(services, sources, left, peer)
    parts = readAll(sources, maxBytes)
  }
  const bySource = new Map(parts.map((part) => [part.source, part]))
  return writeHead(answer, version, ERROR.none, topics, (source) => writePart(bySource.get(source)!, version, answer))
}

function readWanted(body: Reader, version: number): Wanted {
  if (version <= 14) body.int32() // replica id
  const maxWaitMs = body.int32()
  const minBytes = body.int32()
  const maxBytes = body.int32()
  body.int8() // isolation level: without transactions both read the same
  const sessionId = version >= 7 ? body.int32() : 0
  if (version >= 7) body.int32() // session epoch
  const topics = body.array((reader) => readTopic(reader, version))
  return { maxWaitMs, minBytes, maxBytes, sessionId, topics }
}

function readTopic(body: Reader, version: number): WantedTopic {
  const name = version <= 12 ? body.string() : ''
  const id = version >= 13 ? body.uuid() : NO_ID
  const partitions = body.array((reader) => readPartition(reader, version))
  body.tags()
  return { name, id, partitions }
}

function readPartition(body: Reader, version: number): WantedPartition {
  const index = body.int32()
  const leaderEpoch = version >= 9 ? body.int32() : -1
  const offset = body.int64()
  if (version >= 12) body.int32() // last fetched epoch
  if (version >= 5) body.int64() // log start offset of a follower
  const maxBytes = body.int32()
  body.tags()
  return { index, leaderEpoch, offset, maxBytes }
}

function open({ storage, topics }: Services, topic: WantedTopic, version: number, { session }: Peer): Source[] {
  const name = version <= 12 ? topic.name : topics.byId(topic.id)?.name
  return topic.partitions.map((wanted) => {
    if (name === undefined) return { wanted, error: ERROR.unknownTopicId }
    if (!session.principal.may('read', 'topic', name)) return { wanted, error: ERROR.topicAuthorizationFailed }
    const partition = storage.partition(name, wanted.index)
    if (!partition) return { wanted, error: absence(storage, name, wanted.index) }
    if (wanted.leaderEpoch > LEADER_EPOCH) return { wanted, error: ERROR.unknownLeaderEpoch }
    return { wanted, partition, error: ERROR.none }
  })
}

/**
 * Reads in the order of the request, until `maxBytes` are together. Only the first batch of all may be larger than that:
 * clients bound what they receive by what they ask for.
 */
function readAll(sources: readonly Source[], maxBytes: number): Part[] {
  let left = maxBytes
  let empty = true
  return sources.map((source) => {
    const nothing = { source, error: source.error, records: NOTHING }
    if (left <= 0 && !empty) return nothing
    const part = readOne(source, left)
    if (part.records.length > left && !empty) return nothing
    left -= part.records.length
    empty &&= part.records.length === 0
    return part
  })
}

function readOne(source: Source, left: number): Part {
  const { partition, wanted, error } = source
  if (!partition) return { source, error, records: NOTHING }
  try {
    const records = partition.read(wanted.offset, Math.max(0, Math.min(left, wanted.maxBytes)))
    return { source, error, records }
  } catch (fault) {
    return { source, error: storageRefusal(fault).error, records: NOTHING }
  }
}

/** A fault is answered at once, like data. */
function enough(parts: readonly Part[], minBytes: number): boolean {
  let bytes = 0
  for (const { error, records } of parts) {
    if (error !== ERROR.none) return true
    bytes += records.length
  }
  return bytes >= minBytes
}

async function waitForMore({ clock }: Services, sources: readonly Source[], ms: number, peer: Peer): Promise<void> {
  const over = new AbortController()
  const stop = () => over.abort()
  const timer = clock.after(ms, stop)
  peer.closed.addEventListener('abort', stop)
  try {
    await Promise.race([
      aborted(over.signal),
      ...sources.flatMap(({ partition }) =>
        partition ? [partition.waitBeyond(partition.durableOffset, over.signal)] : [],
      ),
    ])
  } finally {
    timer.cancel()
    peer.closed.removeEventListener('abort', stop)
    stop()
  }
}

function writeHead(
  answer: Writer,
  version: number,
  error: ErrorCode,
  topics: readonly { readonly topic: WantedTopic; readonly sources: readonly Source[] }[],
  writeSource: (source: Source) => void = () => {},
): Writer {
  answer.int32(0) // throttle time
  if (version >= 7) {
    answer.int16(error)
    answer.int32(0) // session id: declined
  }
  answer.array(topics, ({ topic, sources }) => {
    if (version <= 12) answer.string(topic.name)
    else answer.uuid(topic.id)
    answer.array(sources, writeSource)
    answer.tags()
  })
  answer.tags()
  return answer
}

function writePart({ source, error, records }: Part, version: number, answer: Writer): void {
  const end = source.partition?.durableOffset ?? -1
  answer.int32(source.wanted.index)
  answer.int16(error)
  answer.int64(end) // high watermark
  answer.int64(end) // last stable offset: there are no transactions
  if (version >= 5) answer.int64(source.partition?.startOffset ?? -1)
  answer.array<never>(null, () => {}) // aborted transactions
  if (version >= 11) answer.int32(-1) // preferred replica
  answer.records(records, true)
  answer.tags()
}
