import { GroupCoordinator } from '../../src/log/broker/groups/coordinator.ts'
import type { CommitOutcome } from '../../src/log/broker/groups/coordinator.ts'
import type { JoinAnswer, PartitionOffset } from '../../src/log/broker/groups/messages.ts'
import { DEFAULT_LIMITS } from '../../src/log/broker/wire/limits.ts'
import type { Limits } from '../../src/log/broker/wire/limits.ts'
import { OFFSETS_TOPIC, Topics } from '../../src/log/broker/wire/topics.ts'
import { decodeRecords } from '../../src/log/batch.ts'
import { createLogger } from '../../src/system/logger.ts'
import { seededRandom } from '../../src/system/random.ts'
import { makeBatch } from '../log/make-batch.ts'
import { MemoryStorage } from '../log/memory-storage.ts'
import type { MemoryPartition } from '../log/memory-storage.ts'
import { ManualClock } from '../mqtt/manual-clock.ts'
import { JOIN } from './bench.ts'

export const COMMIT: PartitionOffset = { topic: 't', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }

/** A clock whose wall time steps, and whose owner is held up at times. */
class UnsteadyClock extends ManualClock {
  #step = 0
  #skipped = 0

  override now(): number {
    return super.now() + this.#step + this.#skipped
  }

  override monotonic(): number {
    return super.monotonic() + this.#skipped
  }

  step(ms: number): void {
    this.#step += ms
  }

  /** Time in which no timer fires; then one tick. */
  stall(ms: number): void {
    this.#skipped += ms
    this.advance(100)
  }
}

interface Options {
  readonly limits?: Partial<Limits>
  readonly start?: boolean
  readonly partitions?: number
}

/** A coordinator on a storage in memory, with the topics `t` and `u`, which a test restarts. */
export class CoordinatorBench {
  readonly clock = new UnsteadyClock()
  readonly storage = new MemoryStorage()
  readonly log: string[] = []
  readonly #limits: Limits
  coordinator: GroupCoordinator

  static async open(options: Options = {}): Promise<CoordinatorBench> {
    const bench = new CoordinatorBench(options)
    const topic = { partitions: options.partitions ?? 2, configs: {} }
    await bench.storage.createTopic('t', topic)
    await bench.storage.createTopic('u', topic)
    if (options.start ?? true) await bench.coordinator.start()
    return bench
  }

  constructor({ limits }: Options) {
    this.#limits = { ...DEFAULT_LIMITS, firstJoinWaitMs: 1000, ...limits }
    this.coordinator = this.#make()
  }

  /** Where groups are written down. */
  get partition(): MemoryPartition {
    return this.storage.partition(OFFSETS_TOPIC, 0)!
  }

  async restart(): Promise<void> {
    this.coordinator.close()
    this.coordinator = this.#make()
    await this.coordinator.start()
  }

  /** Commits one offset, as a client without a group or as a member. */
  async commit(group: string, commit: Partial<PartitionOffset> = {}, member?: JoinAnswer): Promise<CommitOutcome> {
    const { memberId = '', generation = -1 } = member ?? {}
    const speaker = { memberId, generation, instanceId: null }
    const [outcome] = await this.coordinator.commit(group, speaker, [{ ...COMMIT, ...commit }])
    return outcome!
  }

  /** One member of group `g`, which reads a topic, in a stable generation. */
  async member(topic = 't'): Promise<JoinAnswer> {
    const subscription = Buffer.concat([Buffer.from([0, 1, 0, 0, 0, 1, 0, topic.length]), Buffer.from(topic)])
    const joining = this.coordinator.join({ ...JOIN, protocols: [{ name: 'range', metadata: subscription }] })
    this.clock.advance(1100)
    const joined = await joining
    const { memberId, generation } = joined
    const sync = { memberId, generation, instanceId: null, protocolType: null, protocol: null }
    await this.coordinator.sync({ ...sync, group: 'g', assignments: new Map([[memberId, Buffer.from('part')]]) })
    return joined
  }

  /** What each group has committed, where it has. */
  everything(): string[] {
    const committed = this.coordinator.list().flatMap(({ id }) =>
      this.coordinator.committedPartitions(id).map(({ topic, partition }) => {
        return JSON.stringify([id, topic, partition, this.coordinator.committed(id, topic, partition)])
      }),
    )
    return committed.toSorted((a, b) => (a < b ? -1 : 1))
  }

  /** Keeps the newest record of each key only, as a compaction may at any time. */
  compact(): void {
    if (!this.storage.topic(OFFSETS_TOPIC)) return
    const newest = new Map<string, Buffer>()
    for (const batch of this.partition.batches) {
      for (const { key, value, offset } of decodeRecords(batch)) {
        const text = Buffer.from(key!).toString('latin1')
        newest.delete(text)
        const record = { value, timestamp: 0, key: key as never }
        newest.set(text, makeBatch([record], { baseOffset: offset }))
      }
    }
    this.partition.batches.splice(0, Infinity, ...newest.values())
  }

  #make(): GroupCoordinator {
    const topics = new Topics(this.storage, this.#limits)
    const write = (line: string) => this.log.push(line)
    const logger = createLogger({ level: 'debug', format: 'text', now: () => 0, write })
    const { storage, clock } = this
    return new GroupCoordinator({ storage, topics, clock, random: seededRandom(1), logger, limits: this.#limits })
  }
}
