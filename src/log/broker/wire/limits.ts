const MIB = 1024 * 1024

/** Bounds of what clients may ask of the broker. */
export interface Limits {
  /** Largest request; a larger size prefix closes the connection before anything is allocated. */
  readonly maxRequestBytes: number
  /** Largest batch, where the topic sets no `max.message.bytes`. */
  readonly maxBatchBytes: number
  /** Most bytes of records in one answer to a fetch, whatever the client asks (but always one batch). */
  readonly maxFetchBytes: number
  /** Size of a segment file, where the topic sets no `segment.bytes`. */
  readonly segmentBytes: number
  readonly maxConnections: number
  /** Partitions of all topics together. */
  readonly maxPartitions: number
  /** Partitions of a topic whose creator does not say how many. */
  readonly defaultPartitions: number
  /** Whether a topic that is asked for and missing is created, where the client agrees (as Kafka by default). */
  readonly autoCreateTopics: boolean
  /** Produce requests of one connection that are being stored at once. */
  readonly maxInFlight: number
  /** Their bytes: with more, the connection is not read until some are durable. */
  readonly maxInFlightBytes: number
  /** Bytes of requests of all connections together: with more, those that have much under way are not read. */
  readonly maxRequestsBytes: number
  /** Bytes of answers, of all connections together, that clients have not taken: with more, answers get short. */
  readonly maxUnsentBytes: number
  /** Bytes of one answer, besides records: with more, its connection is closed. */
  readonly maxAnswerBytes: number
  /** Connections that have not logged in: all together, and those from one address. */
  readonly maxStrangers: number
  readonly maxStrangersOfAddress: number
  /** How long a client may take to log in. */
  readonly loginMs: number
  /** Largest request before the login. */
  readonly maxLoginBytes: number
  /** A request must arrive within this time, and beyond it at `minRequestRate`. */
  readonly requestMs: number
  /** Bytes per second. */
  readonly minRequestRate: number
  /** A connection on which nothing happens for this long is closed. */
  readonly idleMs: number
  /** A client that has not taken all of its answers for this long, nor sent anything, is closed. */
  readonly stalledMs: number
  /** Shortest and longest session that a member of a group may ask for. */
  readonly minSessionMs: number
  readonly maxSessionMs: number
  /** How long the first generation of a group waits for more members: each that comes begins the wait again. */
  readonly firstJoinWaitMs: number
  /** Members of one group. */
  readonly maxGroupMembers: number
  readonly maxGroups: number
  /** About as many bytes as groups, their members and the offsets they commit may take, all together. */
  readonly maxGroupsBytes: number
  /** Characters of what a consumer may write down beside an offset. */
  readonly maxOffsetMetadata: number
  /** How long a group without members keeps what it has committed. */
  readonly offsetsRetentionMs: number
}

export const DEFAULT_LIMITS: Limits = {
  maxRequestBytes: 100 * MIB,
  maxBatchBytes: 8 * MIB,
  maxFetchBytes: 8 * MIB,
  segmentBytes: 128 * MIB,
  maxConnections: 1000,
  maxPartitions: 2000,
  defaultPartitions: 4,
  autoCreateTopics: true,
  maxInFlight: 128,
  maxInFlightBytes: 16 * MIB,
  maxRequestsBytes: 192 * MIB,
  maxUnsentBytes: 64 * MIB,
  maxAnswerBytes: 64 * MIB,
  maxStrangers: 200,
  maxStrangersOfAddress: 50,
  loginMs: 10_000,
  maxLoginBytes: 64 * 1024,
  requestMs: 30_000,
  minRequestRate: 64 * 1024,
  idleMs: 600_000,
  stalledMs: 120_000,
  minSessionMs: 6000,
  maxSessionMs: 1_800_000,
  firstJoinWaitMs: 500,
  maxGroupMembers: 1000,
  maxGroups: 10_000,
  maxGroupsBytes: 64 * MIB,
  maxOffsetMetadata: 4096,
  offsetsRetentionMs: 7 * 24 * 3_600_000,
}

/** Topic configs whose default is one of the broker's limits. */
export function configDefaults(limits: Limits): { readonly [name: string]: string } {
  return { 'max.message.bytes': String(limits.maxBatchBytes), 'segment.bytes': String(limits.segmentBytes) }
}
