import type { Clock } from '../../../system/clock.ts'
import type { Address } from '../../../system/net.ts'
import type { Random } from '../../../system/random.ts'
import type { GroupCoordinator } from '../groups/coordinator.ts'
import type { Session } from '../access/session.ts'
import type { Storage } from '../storage/storage.ts'
import type { Limits } from './limits.ts'
import type { Memory } from './memory.ts'
import type { Reader } from '../../wire/reader.ts'
import type { Topics } from './topics.ts'
import type { Writer } from '../../wire/writer.ts'

/** What every handler works with. */
export interface Services {
  readonly storage: Storage
  readonly topics: Topics
  readonly groups: GroupCoordinator
  readonly clock: Clock
  readonly random: Random
  readonly limits: Limits
  readonly memory: Memory
}

/** One request, as its handler sees it. */
export interface Request {
  readonly version: number
  /** What the client calls itself; empty where it does not. */
  readonly clientId: string
  /** Stands at the first field of the body. */
  readonly body: Reader
  /** The response, its header already written. */
  readonly answer: Writer
  readonly peer: Peer
}

/** The client at the other end of the connection. */
export interface Peer {
  /** Where the client reaches us: what Metadata tells it. */
  readonly broker: Address
  /** The address that the client comes from. */
  readonly host: string
  /** Aborts when the connection closes: nobody is waiting any more. */
  readonly closed: AbortSignal
  /** Who it is. Handlers ask `session.principal.may(...)` before they touch a topic, a group or the broker. */
  readonly session: Session
  /** Closes the connection once the answer that is being written has left; the reason is for our own log. */
  refuse(reason: string): void
}

/**
 * Answers one request: with the response it has written, or with null where the protocol wants none (acks=0).
 * @throws WireError where the connection must close.
 */
export type Handler = (services: Services, request: Request) => Writer | null | Promise<Writer | null>

/** The one node of this cluster. */
export const NODE_ID = 0

/** What tools show as the cluster's id: it says what this is. */
export const CLUSTER_ID = 'millrace-single-node'

/** The leader epoch of every partition: there is one node, so leadership never moves. */
export const LEADER_EPOCH = 0

/** Kafka's `authorized operations`, where they were not asked for. */
export const OPERATIONS_UNKNOWN = -2147483648
