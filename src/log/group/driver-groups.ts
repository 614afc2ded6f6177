import type { ConsumedBatch, ConsumeOptions, GroupOptions, Groups } from '../groups.ts'
import type { LogError, Position } from '../log.ts'
import type { Membership } from '../groups.ts'
import { Consumer } from './consumer.ts'
import type { GroupDriver } from './driver.ts'
import { transientError } from './group-faults.ts'
import { GroupMembership } from './membership.ts'

/** The least that Kafka allows by default (`group.min.session.timeout.ms`). */
const SESSION_MS = 6_000
/** How long a member waits for others that do not come back: they join from their heartbeat on, so never long. */
const REBALANCE_MS = 10_000
const PARTITIONS_AT_ONCE = 10_000

/** `Groups` for a driver. */
export class DriverGroups implements Groups {
  readonly #driver: GroupDriver
  readonly #open = new Set<{ fail(fault: LogError): Promise<void> }>()

  constructor(driver: GroupDriver) {
    this.#driver = driver
  }

  join(options: GroupOptions): Membership {
    const { group, protocol, about, assign, instanceId, signal } = options
    const sessionMs = options.sessionMs ?? SESSION_MS
    const timing = { sessionMs, rebalanceMs: Math.max(sessionMs, REBALANCE_MS) }
    const membership = new GroupMembership(this.#driver.coordinator(group, timing), this.#driver.system, {
      group,
      protocolType: protocol,
      protocols: [{ name: protocol, about, assign }],
      ...(instanceId !== undefined && { instanceId }),
      ...timing,
      signal,
    })
    this.#open.add(membership)
    signal.addEventListener('abort', () => this.#open.delete(membership), { once: true })
    return membership
  }

  async *consume(options: ConsumeOptions): AsyncGenerator<ConsumedBatch> {
    const consumer = new Consumer(this.#driver, options, options.sessionMs ?? SESSION_MS)
    this.#open.add(consumer)
    try {
      yield* consumer.run()
    } finally {
      this.#open.delete(consumer)
    }
  }

  async committed(group: string, topics: readonly string[]): Promise<readonly Position[]> {
    const counts = await this.#driver.partitions(topics)
    const refs = [...counts].flatMap(([topic, count]) =>
      Array.from({ length: Math.min(count, PARTITIONS_AT_ONCE) }, (_, partition) => ({ topic, partition })),
    )
    const coordinator = this.#driver.coordinator(group, { sessionMs: SESSION_MS, rebalanceMs: REBALANCE_MS })
    try {
      const { error, positions } = await coordinator.committed(refs)
      if (error !== 0) throw transientError('ask for positions', group, error)
      return positions
    } finally {
      coordinator.close()
    }
  }

  /** Ends every member and every reading with this error; resolves when they have left their groups. */
  async close(fault: LogError): Promise<void> {
    await Promise.all([...this.#open].map((one) => one.fail(fault)))
  }
}
