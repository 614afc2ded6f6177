import { GROUP_ERROR, isElsewhere } from '../group/coordinator.ts'
import type { CommittedAnswer, Coordinator, JoinAnswer, JoinRequest, Seat, SyncAnswer } from '../group/coordinator.ts'
import type { Timing } from '../group/driver.ts'
import { transientError } from '../group/group-faults.ts'
import type { PartitionRef } from '../groups.ts'
import { LogError } from '../log.ts'
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
import type { FoundCoordinator } from './group-messages.ts'
import type { Api } from './messages.ts'

/** How much longer than the others' rebalance a join may take before its connection is not believed any more. */
const JOIN_GRACE_MS = 5_000
/** How often others are asked who coordinates, while a request waits: of a broker that hangs the connections stay. */
const WATCH_MS = 2_000

/**
 * The way to the broker that coordinates one group. A broker answers a connection in order, and a join waits at it for
 * the other members: so joins, heartbeats and offsets have a connection each.
 */
export class KafkaCoordinator implements Coordinator {
  readonly #cluster: Cluster
  readonly #group: string
  readonly #timing: Timing
  #route: Route | undefined
  /** It must be asked again who coordinates: the answer may be the same. */
  #doubtful = false
  #finding: Promise<Route> | undefined
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
    this.#route?.close()
  }

  async #ask<T>(
    way: Way,
    api: Api,
    timeoutMs: number,
    write: (to: Writer) => void,
    read: (from: Reader) => T,
    errorOf: (answer: T) => number,
  ): Promise<T> {
    const route = await this.#find()
    const watch = this.#cluster.every(WATCH_MS, () => void this.#lookUpOnce().catch(() => {}))
    try {
      const answer = read(await route.request(way, api, timeoutMs, write))
      const error = errorOf(answer)
      // Whoever is still loading the group is the right one.
      if (isElsewhere(error) && error !== GROUP_ERROR.loading) this.#doubt(route)
      return answer
    } catch (error) {
      if (!route.closed) this.#cluster.suspect(route.address)
      this.#doubt(route)
      throw error
    } finally {
      watch.cancel()
    }
  }

  #find(): Promise<Route> {
    if (this.#closed) return Promise.reject(closedError('ask the coordinator'))
    if (this.#route && !this.#doubtful) return Promise.resolve(this.#route)
    return this.#lookUpOnce()
  }

  #lookUpOnce(): Promise<Route> {
    this.#finding ??= this.#lookUp().finally(() => {
      this.#finding = undefined
    })
    return this.#finding
  }

  /** Where the coordinator is another one, everything that waits at the one before ends. */
  async #lookUp(): Promise<Route> {
    const { error, ...address } = await this.#askWhere()
    if (error !== 0) throw transientError('find the coordinator', this.#group, error)
    if (this.#closed) throw closedError('ask the coordinator')
    this.#doubtful = false
    if (this.#route?.leadsTo(address)) return this.#route
    this.#route?.close()
    this.#route = new Route(this.#cluster, address)
    return this.#route
  }

  /** Only the way that is taken now: by then somebody else may have found the right one. */
  #doubt(route: Route): void {
    if (route === this.#route) this.#doubtful = true
  }

  async #askWhere(): Promise<FoundCoordinator> {
    return readFindCoordinator(
      await this.#cluster.ask(GROUP_API.findCoordinator, (to) => writeFindCoordinator(to, this.#group)),
    )
  }
}

type Way = 'joins' | 'beats' | 'offsets'

/**
 * Connections to one coordinator, made as they are needed. One that breaks does not break the others: a coordinator
 * whose copies are slow holds heartbeats back, and whoever then ended a join would make the whole group begin again.
 */
class Route {
  readonly address: Address
  readonly #cluster: Cluster
  readonly #connections = new Map<Way, Promise<Connection>>()
  /** Requests under way. */
  readonly #busy = new Map<Way, number>()
  readonly #ended = Promise.withResolvers<never>()
  #closed = false

  constructor(cluster: Cluster, address: Address) {
    this.#cluster = cluster
    this.address = address
  }

  get closed(): boolean {
    return this.#closed
  }

  leadsTo({ host, port }: Address): boolean {
    return host === this.address.host && port === this.address.port
  }

  async request(way: Way, api: Api, timeoutMs: number, write: (to: Writer) => void): Promise<Reader> {
    const connecting = this.#connection(way)
    this.#busy.set(way, (this.#busy.get(way) ?? 0) + 1)
    try {
      return await (await connecting).request(api, timeoutMs, write)
    } catch (error) {
      this.#drop(way, connecting)
      throw error
    } finally {
      this.#busy.set(way, this.#busy.get(way)! - 1)
    }
  }

  /** Ends all of them, also while they are being dialled. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const connecting of this.#connections.values()) hangUp(connecting)
    this.#ended.promise.catch(() => {})
    this.#ended.reject(endedError(this.address))
  }

  #connection(way: Way): Promise<Connection> {
    const known = this.#connections.get(way)
    if (known) return known
    const dialling = Promise.race([this.#dial(), this.#ended.promise])
    this.#connections.set(way, dialling)
    return dialling
  }

  /** What nobody waits on goes too: it may be as dead, and would be found out late. */
  #drop(failed: Way, connecting: Promise<Connection>): void {
    for (const [way, one] of this.#connections) {
      if (way === failed ? one !== connecting : (this.#busy.get(way) ?? 0) > 0) continue
      this.#connections.delete(way)
      hangUp(one)
    }
  }

  async #dial(): Promise<Connection> {
    const connection = await this.#cluster.ownTo(this.address)
    if (this.#closed) connection.close()
    return connection
  }
}

function hangUp(connecting: Promise<Connection>): void {
  void connecting.then(
    (connection) => connection.close(),
    () => {},
  )
}

function endedError({ host, port }: Address): LogError {
  const message = `Cannot ask the coordinator at "${host}:${port}": it was given up, want the one that coordinates now`
  return new LogError('LOG_UNAVAILABLE', message, { retriable: true })
}
