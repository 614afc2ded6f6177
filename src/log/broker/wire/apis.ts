import { alterConfigs, incrementalAlterConfigs } from './alter-configs.ts'
import { apiVersions, apiVersionsUnsupported } from './api-versions.ts'
import type { Handler, Peer, Services } from './api.ts'
import { createPartitions } from './create-partitions.ts'
import { createTopics } from './create-topics.ts'
import { deleteGroups } from './delete-groups.ts'
import { deleteRecords } from './delete-records.ts'
import { deleteTopics } from './delete-topics.ts'
import { describeAcls } from './describe-acls.ts'
import { describeCluster } from './describe-cluster.ts'
import { describeConfigs } from './describe-configs.ts'
import { describeGroups } from './describe-groups.ts'
import { describeLogDirs } from './describe-log-dirs.ts'
import { describeProducers } from './describe-producers.ts'
import { fetch } from './fetch.ts'
import { findCoordinator } from './find-coordinator.ts'
import { heartbeat } from './heartbeat.ts'
import { initProducerId } from './init-producer-id.ts'
import { joinGroup } from './join-group.ts'
import { leaveGroup } from './leave-group.ts'
import { listGroups } from './list-groups.ts'
import { listOffsets } from './list-offsets.ts'
import { metadata } from './metadata.ts'
import { offsetCommit } from './offset-commit.ts'
import { offsetDelete } from './offset-delete.ts'
import { offsetFetch } from './offset-fetch.ts'
import { offsetForLeaderEpoch } from './offset-for-leader-epoch.ts'
import { produce } from './produce.ts'
import { rawToken, saslAuthenticate } from './sasl-authenticate.ts'
import { saslHandshake } from './sasl-handshake.ts'
import { syncGroup } from './sync-group.ts'
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
const SASL_HANDSHAKE = 17
const API_VERSIONS = 18
const SASL_AUTHENTICATE = 36

/** What is answered before a login, and while one is under way. */
const FOR_STRANGERS: readonly number[] = [SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE]

/** For an API that has no flexible version. */
const NEVER = 100

/** What is spoken here; the answer to ApiVersions. Numbers and versions: Kafka's message definitions. */
const APIS: readonly Api[] = [
  { key: PRODUCE, name: 'Produce', min: 0, max: 11, flexible: 9, handle: produce },
  { key: 1, name: 'Fetch', min: 4, max: 17, flexible: 12, handle: fetch },
  { key: 2, name: 'ListOffsets', min: 1, max: 11, flexible: 6, handle: listOffsets },
  { key: 3, name: 'Metadata', min: 0, max: 12, flexible: 9, handle: metadata },
  { key: 8, name: 'OffsetCommit', min: 2, max: 9, flexible: 8, handle: offsetCommit },
  { key: 9, name: 'OffsetFetch', min: 1, max: 9, flexible: 6, handle: offsetFetch },
  { key: 10, name: 'FindCoordinator', min: 0, max: 6, flexible: 3, handle: findCoordinator },
  { key: 11, name: 'JoinGroup', min: 0, max: 9, flexible: 6, handle: joinGroup },
  { key: 12, name: 'Heartbeat', min: 0, max: 4, flexible: 4, handle: heartbeat },
  { key: 13, name: 'LeaveGroup', min: 0, max: 5, flexible: 4, handle: leaveGroup },
  { key: 14, name: 'SyncGroup', min: 0, max: 5, flexible: 4, handle: syncGroup },
  { key: 15, name: 'DescribeGroups', min: 0, max: 6, flexible: 5, handle: describeGroups },
  { key: 16, name: 'ListGroups', min: 0, max: 5, flexible: 3, handle: listGroups },
  { key: SASL_HANDSHAKE, name: 'SaslHandshake', min: 0, max: 1, flexible: NEVER, handle: saslHandshake },
  {
    key: API_VERSIONS,
    name: 'ApiVersions',
    min: 0,
    max: 4,
    flexible: 3,
    handle: (services, request) => apiVersions(APIS, services, request),
  },
  { key: 19, name: 'CreateTopics', min: 2, max: 7, flexible: 5, handle: createTopics },
  { key: 20, name: 'DeleteTopics', min: 1, max: 6, flexible: 4, handle: deleteTopics },
  { key: 21, name: 'DeleteRecords', min: 0, max: 2, flexible: 2, handle: deleteRecords },
  { key: 22, name: 'InitProducerId', min: 0, max: 4, flexible: 2, handle: initProducerId },
  { key: 23, name: 'OffsetForLeaderEpoch', min: 2, max: 4, flexible: 4, handle: offsetForLeaderEpoch },
  { key: 29, name: 'DescribeAcls', min: 1, max: 3, flexible: 2, handle: describeAcls },
  { key: 32, name: 'DescribeConfigs', min: 1, max: 4, flexible: 4, handle: describeConfigs },
  { key: 33, name: 'AlterConfigs', min: 0, max: 2, flexible: 2, handle: alterConfigs },
  { key: 35, name: 'DescribeLogDirs', min: 1, max: 4, flexible: 2, handle: describeLogDirs },
  { key: SASL_AUTHENTICATE, name: 'SaslAuthenticate', min: 0, max: 2, flexible: 2, handle: saslAuthenticate },
  { key: 37, name: 'CreatePartitions', min: 0, max: 3, flexible: 2, handle: createPartitions },
  { key: 42, name: 'DeleteGroups', min: 0, max: 2, flexible: 2, handle: deleteGroups },
  { key: 44, name: 'IncrementalAlterConfigs', min: 0, max: 1, flexible: 1, handle: incrementalAlterConfigs },
  { key: 47, name: 'OffsetDelete', min: 0, max: 0, flexible: NEVER, handle: offsetDelete },
  { key: 60, name: 'DescribeCluster', min: 0, max: 2, flexible: 0, handle: describeCluster },
  { key: 61, name: 'DescribeProducers', min: 0, max: 0, flexible: 0, handle: describeProducers },
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
  if (peer.session.expectsRawToken) return rawToken(services, request, peer)
  const body = new Reader(request)
  const key = body.int16()
  const version = body.int16()
  const correlationId = body.int32()
  const api = BY_KEY.get(key)
  if (!api) throw new WireError(`Cannot answer request: unknown api key ${key} version ${version}`)
  const refusal = FOR_STRANGERS.includes(key) ? undefined : peer.session.refusal()
  if (refusal !== undefined) throw new WireError(`Cannot answer ${api.name}: ${refusal}`)
  const known = version >= api.min && version <= api.max
  if (!known && key !== API_VERSIONS) {
    throw new WireError(`Cannot answer ${api.name}: version is ${version}, want ${api.min} to ${api.max}`)
  }
  const answer = new Writer(known && version >= api.flexible, services.limits.maxAnswerBytes)
  answer.int32(correlationId)
  if (!known) return apiVersionsUnsupported(APIS, answer)
  // The header of an ApiVersions answer never has tagged fields: the client does not know our versions yet.
  if (key !== API_VERSIONS) answer.tags()
  const clientId = body.nullableString() ?? '' // in the old form in all versions of the header
  body.flexible = answer.flexible
  body.tags()
  return api.handle(services, { version, clientId, body, answer, peer })
}
