import type { System } from '../../system/system.ts'
import type { Position } from '../log.ts'
import { GROUP_ERROR, isElsewhere } from './coordinator.ts'
import type { Coordinator } from './coordinator.ts'
import { fencedError, transientError } from './group-faults.ts'
import type { Held } from './held.ts'
import type { GroupMembership } from './membership.ts'

const PAUSE_MS = 100

interface Waiting {
  readonly held: Held
  readonly offset: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Writes down what is done, as the member that this is in the newest generation. Commits gather while one is under way. */
export class Commits {
  readonly #group: string
  readonly #coordinator: Coordinator
  readonly #membership: GroupMembership
  readonly #system: Pick<System, 'clock' | 'random'>
  #waiting: Waiting[] = []
  #running: Promise<void> | undefined

  constructor(
    group: string,
    coordinator: Coordinator,
    membership: GroupMembership,
    system: Pick<System, 'clock' | 'random'>,
  ) {
    this.#group = group
    this.#coordinator = coordinator
    this.#membership = membership
    this.#system = system
  }

  /** @throws LogError `GROUP_FENCED` where the partition went before it was written down. */
  commit(held: Held, offset: number): Promise<void> {
    if (held.committed >= offset) return Promise.resolve()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#waiting.push({ held, offset, resolve, reject })
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
    })
    return promise
  }

  /** Resolves when everything that was to be committed is, or cannot be. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running
  }

  async #run(): Promise<void> {
    await Promise.resolve() // what the same turn commits, goes together
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.filter((waiting) => !this.#fenced(waiting))
      this.#waiting = []
      if (batch.length > 0) await this.#settle(batch)
    }
  }

  async #settle(batch: readonly Waiting[]): Promise<void> {
    try {
      if (await this.#write(batch.map(({ held, offset }) => ({ ...held.ref, offset })))) {
        for (const { held, offset, resolve } of batch) {
          held.committed = Math.max(held.committed, offset)
          resolve()
        }
      } else {
        this.#waiting.unshift(...batch)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  /** Answers whether it is written; false: to be tried again, with what is still held by then. */
  async #write(positions: readonly Position[]): Promise<boolean> {
    const { seat } = this.#membership
    if (!seat) {
      await this.#membership.changed()
      return false
    }
    const error = await this.#coordinator.commit(seat, furthest(positions)).catch(() => GROUP_ERROR.notAvailable)
    if (error === GROUP_ERROR.none) return true
    const ours = error === GROUP_ERROR.unknownMember || error === GROUP_ERROR.fencedInstance
    const passing = error === GROUP_ERROR.rebalancing || error === GROUP_ERROR.illegalGeneration
    if (!isElsewhere(error) && !ours && !passing) throw transientError('commit', this.#group, error)
    // What has become of this member, its next heartbeat tells; until then what it holds is neither fenced nor safe.
    if (seat === this.#membership.seat) await this.#pause()
    return false
  }

  async #pause(): Promise<void> {
    await this.#system.clock.sleep(PAUSE_MS * (0.5 + this.#system.random.next() / 2))
  }

  #fenced({ held, reject }: Waiting): boolean {
    if (!held.gone) return false
    reject(fencedError(this.#group, held.ref.topic, held.ref.partition))
    return true
  }
}

function furthest(positions: readonly Position[]): Position[] {
  const found = new Map<string, Position>()
  for (const position of positions) {
    const key = `${position.topic}/${position.partition}`
    if ((found.get(key)?.offset ?? -1) < position.offset) found.set(key, position)
  }
  return [...found.values()]
}
