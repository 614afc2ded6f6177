import { StorageError } from '../storage/storage.ts'

/** Error codes of the Kafka protocol that this broker answers (kafka.apache.org/protocol, "Error Codes"). */
export const ERROR = {
  unknownServerError: -1,
  none: 0,
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  messageTooLarge: 10,
  offsetMetadataTooLarge: 12,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  invalidTopic: 17,
  invalidRequiredAcks: 21,
  illegalGeneration: 22,
  inconsistentGroupProtocol: 23,
  invalidGroupId: 24,
  unknownMemberId: 25,
  invalidSessionTimeout: 26,
  rebalanceInProgress: 27,
  invalidCommitOffsetSize: 28,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  invalidTimestamp: 32,
  unsupportedSaslMechanism: 33,
  illegalSaslState: 34,
  unsupportedVersion: 35,
  topicAlreadyExists: 36,
  invalidPartitions: 37,
  invalidReplicationFactor: 38,
  invalidReplicaAssignment: 39,
  invalidConfig: 40,
  invalidRequest: 42,
  unsupportedForMessageFormat: 43,
  policyViolation: 44,
  outOfOrderSequence: 45,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  transactionalIdNotAuthorized: 53,
  securityDisabled: 54,
  storageError: 56,
  saslAuthenticationFailed: 58,
  unknownProducerId: 59,
  nonEmptyGroup: 68,
  groupIdNotFound: 69,
  fetchSessionNotFound: 70,
  unknownLeaderEpoch: 75,
  unsupportedCompression: 76,
  memberIdRequired: 79,
  groupMaxSizeReached: 81,
  fencedInstanceId: 82,
  groupSubscribedToTopic: 86,
  invalidRecord: 87,
  unknownTopicId: 100,
  mismatchedEndpointType: 114,
} as const

export type ErrorCode = (typeof ERROR)[keyof typeof ERROR]

/** A refusal that goes down the wire: the code for the client, the sentence for the person. */
export interface Refusal {
  readonly error: ErrorCode
  readonly message: string
}

/** What a client is told of a fault of the storage. Both kinds of disk fault are retriable: appends resume by themselves. */
export function storageRefusal(fault: unknown): Refusal {
  // Anything else is our bug: the connection's error path logs it.
  if (!(fault instanceof StorageError)) throw fault
  return { error: STORAGE_ERRORS[fault.kind], message: fault.message }
}

const STORAGE_ERRORS: { readonly [kind in StorageError['kind']]: ErrorCode } = {
  full: ERROR.storageError,
  failed: ERROR.storageError,
  closed: ERROR.storageError,
  locked: ERROR.storageError,
  'too-large': ERROR.messageTooLarge,
  'out-of-range': ERROR.offsetOutOfRange,
}
