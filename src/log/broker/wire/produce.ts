import { ATTRIBUTE, BATCH, MAGIC, batchFault, producedFault, readBatchHeader } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import type { Request, Services } from './api.ts'
import { ERROR, storageRefusal } from './protocol-error.ts'
import type { ErrorCode, Refusal } from './protocol-error.ts'
import { WireError } from '../../wire/reader.ts'
import type { Reader } from '../../wire/reader.ts'
import { keyRefusal, stampTime } from './topic-rules.ts'
import type { RecordRefusal } from './topic-rules.ts'
import { absence, isInternal } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

interface PartitionData {
  readonly index: number
  readonly records: Buffer | null
}

interface TopicData {
  readonly name: string
  readonly partitions: readonly PartitionData[]
}

interface Stored extends RecordRefusal {
  readonly index: number
  readonly baseOffset: number
  readonly startOffset: number
  /** The broker's time, where the topic asks for that; -1: the times are the producer's. */
  readonly appendTime: number
}

/** Characters. */
const MAX_QUOTED = 100

/**
 * Produce (0), v0 to v11. Every acknowledgement, also that of acks=1, leaves only when the batch is durable. v0 to v2
 * are advertised because librdkafka up to 2.8 sends uncompressed where they are missing (KAFKA-18659); the message
 * formats of their time are refused.
 */
export async function produce(services: Services, { version, body, answer, peer }: Request): Promise<Writer | null> {
  const transactionalId = version >= 3 ? body.nullableString() : null
  const acks = body.int16()
  body.int32() // timeout: an append ends with the disk, not with the clock
  const topics = body.array(readTopic)
  const refusal = requestRefusal(transactionalId, acks)
  // All appends are called before the first is awaited, in the order of the request: that is the order of the offsets.
  const pending = topics.map(async ({ name, partitions }) => {
    const forbidden = peer.session.principal.may('write', 'topic', name) ? undefined : refuseTopic(name)
    const stored = partitions.map(async (data) => {
      const why = refusal ?? forbidden
      return why ? refused(data.index, why) : store(services, name, data)
    })
    return { name, stored: await Promise.all(stored) }
  })
  const results = await Promise.all(pending)
  if (acks === 0) return silence(results.flatMap(({ stored }) => stored))
  answer.array(results, ({ name, stored }) => {
    answer.string(name)
    answer.array(stored, (one) => writeStored(one, version, answer))
    answer.tags()
  })
  if (version >= 1) answer.int32(0) // throttle time
  answer.tags()
  return answer
}

function readTopic(body: Reader): TopicData {
  const name = body.string()
  const partitions = body.array((reader) => {
    const data = { index: reader.int32(), records: reader.nullableBytes() }
    reader.tags()
    return data
  })
  body.tags()
  return { name, partitions }
}

function requestRefusal(transactionalId: string | null, acks: number): Refusal | undefined {
  if (transactionalId !== null) {
    const message = `Cannot store for transactional id ${quoted(transactionalId)}: the embedded log has no transactions`
    return { error: ERROR.transactionalIdNotAuthorized, message }
  }
  if (acks === 0 || acks === 1 || acks === -1) return undefined
  return { error: ERROR.invalidRequiredAcks, message: `Cannot store with acks=${acks}: want 0, 1 or -1` }
}

function refuseTopic(name: string): Refusal {
  return { error: ERROR.topicAuthorizationFailed, message: `Cannot store in ${quoted(name)}: not allowed` }
}

async function store(services: Services, topic: string, { index, records }: PartitionData): Promise<Stored> {
  const partition = services.storage.partition(topic, index)
  if (!partition) {
    const message = `Cannot store in ${quoted(topic)} partition ${index}: it is not there`
    return refused(index, { error: absence(services.storage, topic, index), message })
  }
  if (isInternal(topic)) {
    return refused(index, { error: ERROR.invalidTopic, message: `Cannot store in "${topic}": it is the broker's own` })
  }
  if (records === null || records.length === 0) {
    return refused(index, { error: ERROR.invalidRecord, message: 'Cannot store nothing: want one batch of records' })
  }
  const refusal = sizeRefusal(services, topic, records.length) ?? batchRefusal(records)
  if (refusal) return refused(index, refusal)
  const header = readBatchHeader(records)
  const { configs } = services.storage.topic(topic)!
  const keyless = keyRefusal(configs, header, records)
  if (keyless) return refused(index, keyless)
  const { startOffset } = partition
  try {
    const verdict = header.producerId < 0n ? ACCEPTED : partition.producers.check(header)
    if ('error' in verdict) return refused(index, sequenceRefusal(verdict.error, header))
    const appendTime = stampTime(configs, records, services.clock)
    const baseOffset = 'duplicate' in verdict ? verdict.duplicate : (await partition.append(records)).baseOffset
    return { index, error: ERROR.none, message: '', baseOffset, startOffset, appendTime }
  } catch (fault) {
    return refused(index, storageRefusal(fault))
  }
}

const ACCEPTED = { accept: true } as const

function sizeRefusal({ storage, limits }: Services, topic: string, bytes: number): Refusal | undefined {
  const most = Number(storage.topic(topic)?.configs['max.message.bytes'] ?? limits.maxBatchBytes)
  if (bytes <= most) return undefined
  return { error: ERROR.messageTooLarge, message: `Cannot store batch: it has ${bytes} bytes, want at most ${most}` }
}

/** Exactly one whole, undamaged batch of the only format there is (KIP-98). */
function batchRefusal(records: Buffer): Refusal | undefined {
  const magic = records[BATCH.magic]
  if (magic !== undefined && magic !== MAGIC) {
    return { error: ERROR.unsupportedForMessageFormat, message: `Cannot store batch: magic is ${magic}, want ${MAGIC}` }
  }
  if (records.length < BATCH.records) {
    return { error: ERROR.corruptMessage, message: `Cannot store batch: ${batchFault(records)}` }
  }
  const header = readBatchHeader(records)
  return headerRefusal(header, records.length) ?? faultRefusal(records, header)
}

function headerRefusal(header: BatchHeader, bytes: number): Refusal | undefined {
  if (header.compression === undefined) {
    return { error: ERROR.unsupportedCompression, message: 'Cannot store batch: unknown compression, want 0 to 4' }
  }
  if (header.size < bytes && header.size >= BATCH.records) {
    return { error: ERROR.invalidRecord, message: 'Cannot store batches: more than one, want exactly one a partition' }
  }
  if (header.logAppendTime) {
    return {
      error: ERROR.invalidTimestamp,
      message: 'Cannot store batch: timestamp type is LogAppendTime, want CreateTime',
    }
  }
  if ((header.attributes & ATTRIBUTE.deleteHorizon) !== 0) {
    return { error: ERROR.invalidRecord, message: 'Cannot store batch: its attributes say that compaction made it' }
  }
  if (header.transactional) {
    return { error: ERROR.invalidTransactionState, message: 'Cannot store batch: the embedded log has no transactions' }
  }
  const sequenced = header.producerId >= 0n
  if (sequenced && (header.producerEpoch < 0 || header.baseSequence < 0)) {
    return { error: ERROR.invalidRecord, message: 'Cannot store batch: producer id without epoch and sequence' }
  }
  return undefined
}

function faultRefusal(records: Buffer, header: BatchHeader): Refusal | undefined {
  const lie = producedFault(header)
  if (lie !== undefined) return { error: ERROR.invalidRecord, message: `Cannot store batch: ${lie}` }
  const fault = batchFault(records)
  return fault === undefined ? undefined : { error: ERROR.corruptMessage, message: `Cannot store batch: ${fault}` }
}

const SEQUENCE_ERRORS: { readonly [error: string]: ErrorCode } = {
  'out-of-order': ERROR.outOfOrderSequence,
  fenced: ERROR.invalidProducerEpoch,
}

function sequenceRefusal(error: string, { producerId, producerEpoch, baseSequence }: BatchHeader): Refusal {
  const message = `Cannot store batch: sequence ${baseSequence} of producer ${producerId} epoch ${producerEpoch} is ${error}`
  return { error: SEQUENCE_ERRORS[error] ?? ERROR.unknownServerError, message }
}

/** A name within a sentence. It is short there, because the sentence is sent for each partition of a request. */
function quoted(name: string): string {
  return name.length > MAX_QUOTED ? `"${name.slice(0, MAX_QUOTED)}..."` : `"${name}"`
}

function refused(index: number, refusal: RecordRefusal): Stored {
  return { index, ...refusal, baseOffset: -1, startOffset: -1, appendTime: -1 }
}

/** A client with acks=0 hears nothing; that its connection closes is how it learns of a fault, as with Kafka. */
function silence(stored: readonly Stored[]): null {
  const fault = stored.find(({ error }) => error !== ERROR.none)
  if (fault) throw new WireError(`Cannot store without acks: error ${fault.error}, ${fault.message}`)
  return null
}

function writeStored(stored: Stored, version: number, answer: Writer): void {
  answer.int32(stored.index)
  answer.int16(stored.error)
  answer.int64(stored.baseOffset)
  if (version >= 2) answer.int64(stored.appendTime)
  if (version >= 5) answer.int64(stored.startOffset)
  if (version >= 8) {
    answer.array(stored.record === undefined ? [] : [stored.record], (record) => {
      answer.int32(record)
      answer.message(stored.message)
      answer.tags()
    })
    answer.message(stored.error === ERROR.none ? null : stored.message)
  }
  answer.tags()
}
