import { apiVersions, apiVersionsUnsupported } from './api-versions.ts'
import type { Handler, Peer, Services } from './api.ts'
import { createTopics } from './create-topics.ts'
import { describeConfigs } from './describe-configs.ts'
import { fetch } from './fetch.ts'
import { findCoordinator } from './find-coordinator.ts'
import { initProducerId } from './init-producer-id.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { produce } from './produce.ts'
import { Reader, WireError } from '../../wire/reader.ts'
import { Writer } from '../../wire/writer.ts'

interface Api {
  readonly key: number
  readonly name: string
  readonly min: number
  readonly max: number
  /** First flexible version (KIP-482). */
  readonly flexible: number
  readonly handle: Handler
}

const PRODUCE = 0
const API_VERSIONS = 18

/** What is spoken here; the answer to ApiVersions. Numbers and versions: Kafka's message definitions. */
const APIS: readonly Api[] = [
  { key: PRODUCE, name: 'Produce', min: 0, max: 11, flexible: 9, handle: produce },
  { key: 1, name: 'Fetch', min: 4, max: 17, flexible: 12, handle: fetch },
  { key: 2, name: 'ListOffsets', min: 1, max: 7, flexible: 6, handle: listOffsets },
  { key: 3, name: 'Metadata', min: 0, max: 12, flexible: 9, handle: metadata },
  { key: 10, name: 'FindCoordinator', min: 0, max: 4, flexible: 3, handle: findCoordinator },
  {
    key: API_VERSIONS,
    name: 'ApiVersions',
    min: 0,
    max: 4,
    flexible: 3,
    handle: (services, request) => apiVersions(APIS, services, request),
  },
  { key: 19, name: 'CreateTopics', min: 2, max: 7, flexible: 5, handle: createTopics },
  { key: 22, name: 'InitProducerId', min: 0, max: 4, flexible: 2, handle: initProducerId },
  { key: 32, name: 'DescribeConfigs', min: 1, max: 4, flexible: 4, handle: describeConfigs },
]

const BY_KEY = new Map(APIS.map((api) => [api.key, api]))

/** Whether a request may run while others of its connection do: their order is kept by the storage. */
export function overlaps(request: Buffer): boolean {
  return request.length >= 2 && request.readInt16BE(0) === PRODUCE
}

/**
 * Runs one request: its header, then the handler of its API.
 * @throws WireError where the connection must close, as Kafka closes it: malformed, unknown API or version.
 */
export function dispatch(services: Services, request: Buffer, peer: Peer): ReturnType<Handler> {
  const body = new Reader(request)
  const key = body.int16()
  const version = body.int16()
  const correlationId = body.int32()
  const api = BY_KEY.get(key)
  if (!api) throw new WireError(`Cannot answer request: unknown api key ${key} version ${version}`)
  const known = version >= api.min && version <= api.max
  if (!known && key !== API_VERSIONS) {
    throw new WireError(`Cannot answer ${api.name}: version is ${version}, want ${api.min} to ${api.max}`)
  }
  const answer = new Writer(known && version >= api.flexible)
  answer.int32(correlationId)
  if (!known) return apiVersionsUnsupported(APIS, answer)
  // The header of an ApiVersions answer never has tagged fields: the client does not know our versions yet.
  if (key !== API_VERSIONS) answer.tags()
  body.nullableString() // client id: in the old form in all versions of the header
  body.flexible = answer.flexible
  body.tags()
  return api.handle(services, { version, body, answer, peer })
}
