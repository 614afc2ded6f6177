import { isElsewhere } from '../group/coordinator.ts'
import type { CommittedAnswer, Coordinator, JoinAnswer, JoinRequest, Seat, SyncAnswer } from '../group/coordinator.ts'
import type { Timing } from '../group/driver.ts'
import { transientError } from '../group/group-faults.ts'
import type { PartitionRef } from '../groups.ts'
import type { Position } from '../log.ts'
import { closedError } from '../refusals.ts'
import type { Address } from '../../system/net.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'
import { ANSWER_MS } from './cluster.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import {
  GROUP_API,
  readFindCoordinator,
  readGroupError,
  readJoinGroup,
  readLeaveGroup,
  readOffsetCommit,
  readOffsetFetch,
  readSyncGroup,
  writeFindCoordinator,
  writeHeartbeat,
  writeJoinGroup,
  writeLeaveGroup,
  writeOffsetCommit,
  writeOffsetFetch,
  writeSyncGroup,
} from './group-messages.ts'
import type { Api } from './messages.ts'

/** How much longer than the others' rebalance a join may take before its connection is not believed any more. */
const JOIN_GRACE_MS = 5_000

/**
 * The way to the broker that coordinates one group. A broker answers a connection in order, and a join waits at it for
 * the other members: so joins, heartbeats and offsets have a connection each.
 */
export class KafkaCoordinator implements Coordinator {
  readonly #cluster: Cluster
  readonly #group: string
  readonly #timing: Timing
  #route: Promise<Route> | undefined
  #closed = false

  constructor(cluster: Cluster, group: string, timing: Timing) {
    this.#cluster = cluster
    this.#group = group
    this.#timing = timing
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    return this.#ask(
      'joins',
      GROUP_API.joinGroup,
      this.#timing.rebalanceMs + JOIN_GRACE_MS,
      (to) => writeJoinGroup(to, this.#group, request),
      readJoinGroup,
      ({ error }) => error,
    )
  }

  sync(seat: Seat, assignments: ReadonlyMap<string, Uint8Array>): Promise<SyncAnswer> {
    return this.#ask(
      'joins',
      GROUP_API.syncGroup,
      this.#timing.rebalanceMs + JOIN_GRACE_MS,
      (to) => writeSyncGroup(to, this.#group, seat, assignments),
      readSyncGroup,
      ({ error }) => error,
    )
  }

  heartbeat(seat: Seat): Promise<number> {
    return this.#ask(
      'beats',
      GROUP_API.heartbeat,
      this.#timing.sessionMs / 2,
      (to) => writeHeartbeat(to, this.#group, seat),
      readGroupError,
      (error) => error,
    )
  }

  /** On the way of the heartbeats: on the other one, a join may be waiting. */
  leave(seat: Seat): Promise<number> {
    return this.#ask(
      'beats',
      GROUP_API.leaveGroup,
      ANSWER_MS,
      (to) => writeLeaveGroup(to, this.#group, seat),
      readLeaveGroup,
      (error) => error,
    )
  }

  commit(seat: Seat, positions: readonly Position[]): Promise<number> {
    return this.#ask(
      'offsets',
      GROUP_API.offsetCommit,
      ANSWER_MS,
      (to) => writeOffsetCommit(to, this.#group, seat, positions),
      readOffsetCommit,
      (error) => error,
    )
  }

  committed(partitions: readonly PartitionRef[]): Promise<CommittedAnswer> {
    return this.#ask(
      'offsets',
      GROUP_API.offsetFetch,
      ANSWER_MS,
      (to) => writeOffsetFetch(to, this.#group, partitions),
      readOffsetFetch,
      ({ error }) => error,
    )
  }

  close(): void {
    this.#closed = true
    void this.#route?.then(
      (route) => route.close(),
      () => {},
    )
  }

  async #ask<T>(
    way: Way,
    api: Api,
    timeoutMs: number,
    write: (to: Writer) => void,
    read: (from: Reader) => T,
    errorOf: (answer: T) => number,
  ): Promise<T> {
    const finding = this.#find()
    const route = await finding
    try {
      const answer = read(await (await route.connection(way)).request(api, timeoutMs, write))
      if (isElsewhere(errorOf(answer))) this.#forget(finding, route)
      return answer
    } catch (error) {
      this.#forget(finding, route)
      throw error
    }
  }

  #find(): Promise<Route> {
    if (this.#closed) return Promise.reject(closedError('ask the coordinator'))
    if (this.#route) return this.#route
    const finding = this.#lookUp()
    this.#route = finding
    finding.catch(() => this.#forget(finding))
    return finding
  }

  async #lookUp(): Promise<Route> {
    const connection = await this.#cluster.any()
    const body = await connection.request(GROUP_API.findCoordinator, ANSWER_MS, (to) =>
      writeFindCoordinator(to, this.#group),
    )
    const { error, host, port } = readFindCoordinator(body)
    if (error !== 0) throw transientError('find the coordinator', this.#group, error)
    const route = new Route(this.#cluster, { host, port })
    if (this.#closed) route.close()
    return route
  }

  /** Only the way that failed: by now somebody else may have found the right one. */
  #forget(finding: Promise<Route>, route?: Route): void {
    if (this.#route === finding) this.#route = undefined
    route?.close()
  }
}

type Way = 'joins' | 'beats' | 'offsets'

/** Connections to one coordinator, made as they are needed; where one breaks, all end. */
class Route {
  readonly #cluster: Cluster
  readonly #address: Address
  readonly #connections = new Map<Way, Promise<Connection>>()
  #closed = false

  constructor(cluster: Cluster, address: Address) {
    this.#cluster = cluster
    this.#address = address
  }

  connection(way: Way): Promise<Connection> {
    const known = this.#connections.get(way)
    if (known) return known
    const dialling = this.#dial()
    this.#connections.set(way, dialling)
    return dialling
  }

  close(): void {
    this.#closed = true
    for (const dialling of this.#connections.values()) {
      void dialling.then(
        (connection) => connection.close(),
        () => {},
      )
    }
  }

  async #dial(): Promise<Connection> {
    const connection = await this.#cluster.ownTo(this.#address)
    if (this.#closed) connection.close()
    return connection
  }
}
