import type { CommandPlace } from '../../commands/commands.ts'
import { isSettled, type Tracked } from '../../commands/tracked.ts'
import type { CommandEvent } from '../../model/command-event.ts'
import type { Clock } from '../../system/clock.ts'

export interface DeadlinesOptions {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** This run of this hub. */
  readonly run: string
  /** Where each partition of the log ended before this run took its first request. */
  readonly ends: ReadonlyMap<number, number>
}

/** How far another hub's clock may be ahead before its times say nothing here. */
const AHEAD_MS = 1_000

/**
 * Until when each command may leave, in monotonic ms of this process.
 *
 * What this run took itself is measured by the monotonic clock alone, from before it was appended. What another hub took is
 * as old as the wall clock says, and never younger than since it was read here. What was in the log before this run began is
 * over: how long the hub was away cannot be measured by a clock that stood still, and a wall clock may have been set.
 */
export class Deadlines {
  readonly #options: DeadlinesOptions
  readonly #since = new Map<string, number>()

  constructor(options: DeadlinesOptions) {
    this.#options = options
  }

  /** This run takes a command, or the approval of one, and is about to append it. */
  began(id: string, at: number): void {
    this.#since.set(id, at)
  }

  /** Listens to the view: the time of a command that another hub took begins when it is read, or before. */
  take(command: Tracked, event: CommandEvent, { partition, offset }: CommandPlace): void {
    const { clock, run, ends } = this.#options
    if (isSettled(command)) return void this.#since.delete(event.id)
    if (command.ready?.offset !== offset || event.run === run) return
    const isOld = offset < (ends.get(partition) ?? 0)
    const age = clock.now() - event.time
    if (isOld || age < -AHEAD_MS) return
    this.#since.set(event.id, clock.monotonic() - Math.max(0, age))
  }

  /** Monotonic ms; minus infinity: its time is over. */
  of({ request: { id, ttlMs } }: Tracked): number {
    const since = this.#since.get(id)
    return since === undefined ? -Infinity : since + ttlMs
  }
}
