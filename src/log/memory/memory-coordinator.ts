import type { Clock } from '../../system/clock.ts'
import type { Coordinator, JoinAnswer, JoinRequest, Seat, SyncAnswer, CommittedAnswer } from '../group/coordinator.ts'
import type { Timing } from '../group/driver.ts'
import type { PartitionRef } from '../groups.ts'
import { LogError } from '../log.ts'
import type { Position } from '../log.ts'
import type { MemoryGroup } from './memory-groups.ts'

export interface MemoryWire {
  readonly clock: Pick<Clock, 'after'>
  /** Whether what is sent now arrives nowhere. */
  readonly hangs: () => boolean
}

/** The wire between one log and the groups of its store: it can be cut, so that a test sees a coordinator that hangs. */
export class MemoryCoordinator implements Coordinator {
  readonly #group: MemoryGroup
  readonly #timing: Timing
  readonly #wire: MemoryWire
  readonly #waiting = new Set<(error: LogError) => void>()

  constructor(group: MemoryGroup, timing: Timing, wire: MemoryWire) {
    this.#group = group
    this.#timing = timing
    this.#wire = wire
  }

  join(request: JoinRequest): Promise<JoinAnswer> {
    return this.#send(() => this.#group.join(request), this.#timing.rebalanceMs * 2)
  }

  sync(seat: Seat, assignments: ReadonlyMap<string, Uint8Array>): Promise<SyncAnswer> {
    return this.#send(() => this.#group.sync(seat, assignments), this.#timing.rebalanceMs * 2)
  }

  heartbeat(seat: Seat): Promise<number> {
    return this.#send(() => this.#group.heartbeat(seat))
  }

  leave(seat: Seat): Promise<number> {
    return this.#send(() => this.#group.leave(seat))
  }

  commit(seat: Seat, positions: readonly Position[]): Promise<number> {
    return this.#send(() => this.#group.commit(seat, positions))
  }

  committed(partitions: readonly PartitionRef[]): Promise<CommittedAnswer> {
    return this.#send(() => {
      const found = partitions.map(({ topic, partition }) => this.#group.committed.get(`${topic}/${partition}`))
      return { error: 0, positions: found.filter((position) => position !== undefined) }
    })
  }

  close(): void {
    for (const reject of this.#waiting) reject(unanswered())
    this.#waiting.clear()
  }

  /** As over a wire: never answered before the caller goes on, and not at all while the wire is cut. */
  async #send<T>(request: () => T | Promise<T>, waitMs = this.#timing.sessionMs / 2): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const timer = this.#wire.clock.after(waitMs, () => this.close())
    this.#waiting.add(reject)
    try {
      await Promise.resolve()
      if (!this.#wire.hangs()) void this.#deliver(request, resolve)
      return await promise
    } finally {
      timer.cancel()
      this.#waiting.delete(reject)
    }
  }

  async #deliver<T>(request: () => T | Promise<T>, resolve: (answer: T) => void): Promise<void> {
    const answer = await request()
    if (!this.#wire.hangs()) resolve(answer)
  }
}

function unanswered(): LogError {
  return new LogError('LOG_UNAVAILABLE', 'Cannot ask the coordinator: it does not answer, want an answer', {
    retriable: true,
  })
}
