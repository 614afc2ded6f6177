import type { Writer } from '../../src/log/wire/writer.ts'
import type { RawClient } from './raw-client.ts'

/** What a client was told about a batch that it sent. */
export interface Produced {
  readonly error: number
  readonly offset: number
}

export interface ProduceOptions {
  readonly topic?: string
  readonly partition?: number
  readonly acks?: number
  readonly version?: number
  readonly transactionalId?: string
}

/** The body of a Produce of one batch. */
export function produceBody(batch: Uint8Array, options: ProduceOptions = {}): (body: Writer) => void {
  const version = options.version ?? 9
  return (body) => {
    if (version >= 3) body.string(options.transactionalId ?? null)
    body.int16(options.acks ?? -1)
    body.int32(1000)
    body.array([options.topic ?? 't'], (topic) => {
      body.string(topic)
      body.array([options.partition ?? 0], (partition) => {
        body.int32(partition)
        body.records(batch)
        body.tags()
      })
      body.tags()
    })
    body.tags()
  }
}

export async function produce(client: RawClient, batch: Uint8Array, options: ProduceOptions = {}): Promise<Produced> {
  const version = options.version ?? 9
  const body = await client.request('produce', version, produceBody(batch, options))
  const [topic] = body.array(() => {
    body.string()
    return body.array(() => {
      body.int32()
      const produced = { error: body.int16(), offset: body.int64() }
      if (version >= 2) body.int64()
      if (version >= 5) body.int64()
      if (version >= 8) body.array(() => {})
      if (version >= 8) body.nullableString()
      body.tags()
      return produced
    })
  })
  return topic![0]!
}

export interface FetchOptions {
  readonly topic?: string
  readonly partition?: number
  readonly offset?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly sessionId?: number
}

export interface Fetched {
  readonly error: number
  readonly highWatermark: number
  readonly records: Buffer
}

/** The body of a Fetch (v12) of one partition. */
export function fetchBody(options: FetchOptions = {}): (body: Writer) => void {
  return (body) => {
    body.int32(-1)
    body.int32(options.maxWaitMs ?? 0)
    body.int32(options.minBytes ?? 1)
    body.int32(options.maxBytes ?? 2 ** 20)
    body.int8(0)
    body.int32(options.sessionId ?? 0)
    body.int32(-1)
    body.array([options.topic ?? 't'], (topic) => {
      body.string(topic)
      body.array([options.partition ?? 0], (partition) => {
        body.int32(partition)
        body.int32(-1)
        body.int64(options.offset ?? 0)
        body.int32(-1)
        body.int64(-1)
        body.int32(options.maxBytes ?? 2 ** 20)
        body.tags()
      })
      body.tags()
    })
    body.array([], () => {})
    body.string('')
    body.tags()
  }
}

/** Fetches from one partition; a fault of the whole answer (a session) comes without records. */
export async function fetch(client: RawClient, options: FetchOptions = {}): Promise<Fetched> {
  const body = await client.request('fetch', 12, fetchBody(options))
  body.int32()
  const fault = body.int16()
  body.int32()
  const [topic] = body.array(() => {
    body.string()
    const partitions = body.array(() => {
      body.int32()
      const error = body.int16()
      const highWatermark = body.int64()
      body.int64()
      body.int64()
      body.nullableArray(() => {})
      body.int32()
      const records = body.nullableBytes()!
      body.tags()
      return { error, highWatermark, records }
    })
    body.tags()
    return partitions
  })
  return topic?.[0] ?? { error: fault, highWatermark: -1, records: Buffer.alloc(0) }
}

export interface TopicRequest {
  readonly name: string
  readonly partitions?: number
  readonly replicas?: number
  readonly configs?: { readonly [name: string]: string | null }
}

/** Error and message of each topic that was to be created (v7). */
export async function createTopics(
  client: RawClient,
  topics: readonly TopicRequest[],
): Promise<{ error: number; message: string | null }[]> {
  const body = await client.request('createTopics', 7, (request) => {
    request.array(topics, ({ name, partitions, replicas, configs }) => {
      request.string(name)
      request.int32(partitions ?? 1)
      request.int16(replicas ?? 1)
      request.array([], () => {})
      request.array(Object.entries(configs ?? {}), ([key, value]) => {
        request.string(key)
        request.string(value)
        request.tags()
      })
      request.tags()
    })
    request.int32(1000)
    request.boolean(false)
    request.tags()
  })
  body.int32()
  return body.array(() => {
    body.string()
    body.uuid()
    const result = { error: body.int16(), message: body.nullableString() }
    body.int32()
    body.int16()
    body.nullableArray(() => {
      body.string()
      body.nullableString()
      body.boolean()
      body.int8()
      body.boolean()
      body.tags()
    })
    body.tags()
    return result
  })
}

/** Error, offset and time of one partition (v7). */
export async function listOffset(
  client: RawClient,
  timestamp: number,
  topic = 't',
  partition = 0,
): Promise<{ error: number; timestamp: number; offset: number }> {
  const body = await client.request('listOffsets', 7, (request) => {
    request.int32(-1)
    request.int8(0)
    request.array([topic], (name) => {
      request.string(name)
      request.array([partition], (index) => {
        request.int32(index)
        request.int32(-1)
        request.int64(timestamp)
        request.tags()
      })
      request.tags()
    })
    request.tags()
  })
  body.int32()
  const [found] = body.array(() => {
    body.string()
    return body.array(() => {
      body.int32()
      const answer = { error: body.int16(), timestamp: body.int64(), offset: body.int64() }
      body.int32()
      body.tags()
      return answer
    })
  })
  return found![0]!
}
