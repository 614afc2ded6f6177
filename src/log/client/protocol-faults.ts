import { LogError } from '../log.ts'

/** Error codes of the Kafka protocol that mean something to this client (kafka.apache.org/protocol, "Error Codes"). */
export const KAFKA_ERROR = {
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopic: 3,
  messageTooLarge: 10,
  recordListTooLarge: 18,
  topicUnauthorized: 29,
  illegalSaslState: 34,
  topicExists: 36,
  invalidReplication: 38,
  invalidConfig: 40,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  storageError: 56,
  unknownProducer: 59,
} as const

/** The protocol's own list of what may be tried again, as far as it concerns these requests. */
const RETRIABLE: { readonly [code: number]: string } = {
  3: 'UNKNOWN_TOPIC_OR_PARTITION',
  5: 'LEADER_NOT_AVAILABLE',
  6: 'NOT_LEADER_OR_FOLLOWER',
  7: 'REQUEST_TIMED_OUT',
  8: 'BROKER_NOT_AVAILABLE',
  9: 'REPLICA_NOT_AVAILABLE',
  13: 'NETWORK_EXCEPTION',
  14: 'COORDINATOR_LOAD_IN_PROGRESS',
  15: 'COORDINATOR_NOT_AVAILABLE',
  16: 'NOT_COORDINATOR',
  19: 'NOT_ENOUGH_REPLICAS',
  20: 'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  41: 'NOT_CONTROLLER',
  56: 'KAFKA_STORAGE_ERROR',
  71: 'FETCH_SESSION_TOPIC_ID_ERROR',
  74: 'FENCED_LEADER_EPOCH',
  75: 'UNKNOWN_LEADER_EPOCH',
  78: 'OFFSET_NOT_AVAILABLE',
  89: 'THROTTLING_QUOTA_EXCEEDED',
}

/** Those that will not pass by themselves, for people. */
const LASTING: { readonly [code: number]: string } = {
  10: 'MESSAGE_TOO_LARGE',
  17: 'INVALID_TOPIC_EXCEPTION',
  29: 'TOPIC_AUTHORIZATION_FAILED',
  30: 'GROUP_AUTHORIZATION_FAILED',
  31: 'CLUSTER_AUTHORIZATION_FAILED',
  32: 'INVALID_TIMESTAMP',
  37: 'INVALID_PARTITIONS',
  38: 'INVALID_REPLICATION_FACTOR',
  40: 'INVALID_CONFIG',
  42: 'INVALID_REQUEST',
  44: 'POLICY_VIOLATION',
  87: 'INVALID_RECORD',
}

export function isRetriable(error: number): boolean {
  return error in RETRIABLE
}

/** The `LogError` for an error code that a broker answered to `action`, as in `append to "t" partition 0`. */
export function brokerError(action: string, error: number, detail?: string | null): LogError {
  const retriable = isRetriable(error)
  const name = RETRIABLE[error] ?? LASTING[error] ?? `error ${error}`
  const because = detail ? ` (${detail})` : ''
  const message = `Cannot ${action}: the log answered ${name}${because}, want none`
  return new LogError(logCode(error, retriable), message, { retriable })
}

function logCode(error: number, retriable: boolean): string {
  if (error === KAFKA_ERROR.storageError) return 'LOG_FULL'
  if (error === KAFKA_ERROR.messageTooLarge || error === KAFKA_ERROR.recordListTooLarge) return 'RECORD_TOO_LARGE'
  if (error === KAFKA_ERROR.corruptMessage) return 'CORRUPT_BATCH'
  return retriable ? 'LOG_UNAVAILABLE' : 'LOG_REFUSED'
}

/** Whether a broker will not have us, or we do not believe it: somebody has to mend that, and then it works again. */
export function isAccessFault(error: unknown): error is LogError {
  return error instanceof LogError && (error.code === 'LOG_NOT_AUTHENTICATED' || error.code === 'LOG_TLS_FAILED')
}

/** What the broker says may have been written by anybody: its length is bounded, and its control characters go. */
export function notAuthenticated(reason: string, cause?: unknown): LogError {
  const words = reason.replaceAll(/\p{Cc}/gu, ' ').slice(0, 500)
  const message = `Cannot log in to the log: ${words}`
  return new LogError('LOG_NOT_AUTHENTICATED', message, { retriable: false, cause })
}
