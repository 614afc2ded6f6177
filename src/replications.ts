import type { ReplicationView } from './api/contract.ts'
import type { Plant, ReplicationConfig } from './config/plant.ts'
import { Replication, type ReplicationEnds, type ReplicationStatus } from './flow/replicate/replication.ts'
import { Turn } from './flow/replicate/turn.ts'
import type { Holder } from './ledger/book.ts'
import { connectLog } from './log/client/connect.ts'
import type { Log } from './log/log.ts'
import { topicName } from './model/path.ts'
import { kafkaOptions } from './plant-log.ts'
import type { System } from './system/system.ts'

export interface ReplicationsOptions {
  readonly plant: Plant
  /** The hub's own log. */
  readonly log: Log
  /** Who this hub is among those that share its log: each replication then runs on one of them. */
  readonly holder?: Holder
  readonly system: System
}

/** Most bytes that wait for the other end: with what is read ahead, all that a backlog takes of memory. */
const PENDING_BYTES = 4 * 1024 * 1024
/** How long the other end is dialled before the attempt counts as failed and its reason is shown. */
const PATIENCE_MS = 10_000

/** Starts every replication of a plant; the stack ends them, before the log does. Answers how they are. */
export function runReplications(options: ReplicationsOptions, stack: AsyncDisposableStack): () => ReplicationView[] {
  const { plant, log, holder, system } = options
  const stop = new AbortController()
  const running = plant.replications.map((config) => {
    const { topics, assets, tags, thin, catchUp, name, kafka } = config
    const scoped = { ...system, logger: system.logger.child({ replication: name }) }
    const replication = new Replication({
      rules: { name, site: plant.site, topics, assets, tags, thin, catchUp, ...copiesOf(config, plant) },
      connect: () => connect(config, log, scoped),
      home: log,
      system: scoped,
    })
    const group = topicName(plant.site, `replicate.${name}`)
    const turn = holder && new Turn({ log, group, holder, system: scoped })
    const ended = turn ? turn.run((signal) => replication.run(signal), stop.signal) : replication.run(stop.signal)
    const status = () => elsewhere(turn, holder) ?? replication.status()
    return { config, status, ended, address: addressesOf(kafka.brokers) }
  })
  stack.defer(async () => {
    stop.abort()
    await Promise.all(running.map(({ ended }) => ended))
  })
  return () => running.map(({ config, status, address }) => viewOf(config, address, status()))
}

/** Of a replication that another hub runs; undefined where it is this hub's. */
function elsewhere(turn: Turn | undefined, holder: Holder | undefined): ReplicationStatus | undefined {
  const other = turn?.holder
  if (other === undefined || other.run === holder?.run) return undefined
  const behind = { records: 0, bytes: 0, ms: 0 }
  const health = { state: 'stopped', reason: `Hub "${other.hub}" carries it`, since: turn!.since } as const
  return { health, epoch: 0, behind, recordsPerSecond: 0, bytesPerSecond: 0, lost: 0, topics: [] }
}

/** How topics are made that are missing in the target. */
function copiesOf({ direction, kafka }: ReplicationConfig, plant: Plant) {
  const target = direction === 'up' ? kafka : plant.log
  const { replication, minInSync } = target.kind === 'kafka' ? target : {}
  return {
    partitions: target.partitions,
    retention: target.retention,
    ...(replication !== undefined && { replication }),
    ...(minInSync !== undefined && { minInSync }),
  }
}

async function connect({ direction, kafka }: ReplicationConfig, log: Log, system: System): Promise<ReplicationEnds> {
  const other = await connectLog({
    ...kafkaOptions(kafka, system),
    patienceMs: PATIENCE_MS,
    maxPendingBytes: PENDING_BYTES,
    // What is once on its way is tried for ever, in its place: giving up would only mean to find out what arrived.
    deliveryMs: Infinity,
  })
  const close = () => other.close()
  return direction === 'up' ? { source: log, target: other, close } : { source: other, target: log, close }
}

function addressesOf(brokers: ReplicationConfig['kafka']['brokers']): string {
  return brokers.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
}

function viewOf(config: ReplicationConfig, address: string, status: ReplicationStatus): ReplicationView {
  const { health, behind, recordsPerSecond, bytesPerSecond, etaMs, epoch, lost, topics } = status
  return {
    name: config.name,
    direction: config.direction,
    address,
    state: health.state === 'stale' ? 'behind' : health.state,
    reason: health.reason,
    since: health.since,
    epoch,
    behind,
    recordsPerSecond,
    bytesPerSecond,
    ...(etaMs !== undefined && { etaMs }),
    lost,
    topics,
  }
}
