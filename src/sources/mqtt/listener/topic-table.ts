import { unmapped } from '../../../component/mapping/mapper.ts'
import type { Mapper } from '../../../component/mapping/mapper.ts'
import type { Item } from '../../../component/source.ts'
import { COMMAND_REPLY } from '../awaited-replies.ts'
import type { Principal } from './access.ts'
import { decodeText } from './field-reader.ts'
import { ProtocolFault, Reason } from './protocol.ts'
import { COMMAND_REQUEST } from './requesting.ts'
import { topicFault } from './topic-filter.ts'

/** What becomes of the messages that one principal publishes to one topic. */
export interface TopicEntry {
  readonly topic: string
  /** The topic as it came, in memory of its own. */
  readonly bytes: Buffer
  readonly principal: Principal
  /** False: it may not publish here. */
  readonly allowed: boolean
  /** Machines answer commands here: no data. */
  readonly isReply: boolean
  /** Clients ask for commands here: no data. */
  readonly isRequest: boolean
  items(payload: Buffer, receivedTime: number): readonly Item[]
  /** Next entry of the same hash; the table's own. */
  next: TopicEntry | undefined
}

/** Entries of one generation; two are kept. */
const GENERATION = 16_384

/** Longest topic that is remembered, and longest that is taken at all, in bytes. */
const LENGTHS = { remembered: 256, taken: 4096 } as const

/** Most entries of one hash: whoever makes topics collide only makes them forgotten. */
const LONGEST_CHAIN = 8

/**
 * Topics that were seen, found again by their bytes: no text is made of a topic twice. Bounded: when a generation is
 * full the one before it is forgotten, and what is still in use moves on.
 */
export class TopicTable {
  readonly #mapper: Mapper
  readonly #isReply: (topic: string) => boolean
  readonly #isRequest: (topic: string) => boolean
  #young = new Map<number, TopicEntry>()
  #old = new Map<number, TopicEntry>()
  #count = 0

  /** `isReply`: whether machines answer commands on a topic; `isRequest`: whether clients ask for some there. */
  constructor(
    mapper: Mapper,
    isReply: (topic: string) => boolean = () => false,
    isRequest: (topic: string) => boolean = () => false,
  ) {
    this.#mapper = mapper
    this.#isRequest = isRequest
    this.#isReply = isReply
  }

  /** @throws ProtocolFault where the bytes are not a topic name. */
  find(bytes: Buffer, start: number, end: number, principal: Principal): TopicEntry {
    if (end - start > LENGTHS.taken) {
      throw new ProtocolFault(Reason.TopicNameInvalid, `the topic has ${end - start} bytes, want ${LENGTHS.taken}`)
    }
    if (end - start > LENGTHS.remembered) return this.#make(Buffer.from(bytes.subarray(start, end)), principal)
    const hash = hashOf(bytes, start, end)
    const young = findIn(this.#young.get(hash), bytes, start, end, principal)
    if (young !== undefined) return young
    const entry =
      findIn(this.#old.get(hash), bytes, start, end, principal) ??
      this.#make(Buffer.from(bytes.subarray(start, end)), principal)
    this.#keep(hash, entry)
    return entry
  }

  #keep(hash: number, entry: TopicEntry): void {
    if (this.#count >= GENERATION) {
      this.#old = this.#young
      this.#young = new Map()
      this.#count = 0
    }
    const first = this.#young.get(hash)
    entry.next = chainLength(first) < LONGEST_CHAIN ? first : undefined
    this.#young.set(hash, entry)
    this.#count++
  }

  #make(bytes: Buffer, principal: Principal): TopicEntry {
    const topic = decodeText(bytes)
    const fault = topicFault(topic)
    if (fault !== undefined) throw new ProtocolFault(Reason.TopicNameInvalid, `the topic ${fault}`)
    const allowed = principal.mayPublish(topic)
    const isReply = allowed && this.#isReply(topic)
    const isRequest = allowed && this.#isRequest(topic)
    const items = this.#fate(topic, allowed, isReply, isRequest)
    return { topic, bytes, principal, allowed, isReply, isRequest, items, next: undefined }
  }

  #fate(topic: string, allowed: boolean, isReply: boolean, isRequest: boolean): TopicEntry['items'] {
    if (!allowed || isReply || isRequest) {
      const policy = !allowed ? 'not-authorised' : isReply ? COMMAND_REPLY : COMMAND_REQUEST
      return (payload, receivedTime) => [{ kind: 'dropped', policy, address: topic, payload, receivedTime }]
    }
    const resolved = this.#mapper.resolve(topic)
    if (resolved === undefined) return (payload, receivedTime) => [unmapped(topic, payload, receivedTime)]
    return (payload, receivedTime) => resolved.map(payload, receivedTime)
  }
}

function chainLength(first: TopicEntry | undefined): number {
  let length = 0
  for (let entry = first; entry !== undefined; entry = entry.next) length++
  return length
}

function findIn(
  first: TopicEntry | undefined,
  bytes: Buffer,
  start: number,
  end: number,
  principal: Principal,
): TopicEntry | undefined {
  let entry = first
  while (entry !== undefined && !(entry.principal === principal && isTopic(entry, bytes, start, end))) {
    entry = entry.next
  }
  return entry
}

/** Whether these bytes are the entry's topic; from the end, where topics of one fleet differ. */
export function isTopic(entry: TopicEntry, bytes: Buffer, start: number, end: number): boolean {
  const topic = entry.bytes
  if (topic.length !== end - start) return false
  for (let index = topic.length - 1; index >= 0; index--) {
    if (topic[index] !== bytes[start + index]) return false
  }
  return true
}

/** FNV-1a, 32 bits. */
function hashOf(bytes: Buffer, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let index = start; index < end; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193)
  return hash
}
