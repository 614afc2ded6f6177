import type { Holder } from '../../ledger/book.ts'
import type { GroupMember, Membership } from '../../log/groups.ts'
import type { Log } from '../../log/log.ts'
import type { System } from '../../system/system.ts'
import { jsonBytes, jsonOf } from '../../system/json-bytes.ts'

export interface TurnOptions {
  /** The log that the hubs share. */
  readonly log: Log
  /** Group of all who take turns. */
  readonly group: string
  readonly holder: Holder
  readonly system: Pick<System, 'clock' | 'logger'>
  /** How long a hub may be silent before another one takes over, ms; default 6,000, Kafka's own lowest. */
  readonly sessionMs?: number
}

const AGAIN_MS = 5_000

/** What a hub tells the others. */
interface About extends Holder {
  /** It does the work right now. */
  readonly holds: boolean
}

/** Work that one of several hubs does at a time: whoever has it keeps it, until it leaves or dies. */
export class Turn {
  readonly #options: TurnOptions
  #turn: Holder | undefined
  #since: number
  /** The lease under which the work is done here. */
  #lost: AbortSignal | undefined
  #stop = new AbortController()
  #ended: Promise<void> = Promise.resolve()

  constructor(options: TurnOptions) {
    this.#options = options
    this.#since = options.system.clock.now()
  }

  /** Whose turn it is, as far as this hub has heard. */
  get holder(): Holder | undefined {
    return this.#turn
  }

  /** Since when, wall time in ms since the epoch. */
  get since(): number {
    return this.#since
  }

  /** Does the work whenever it is this hub's turn, until the signal aborts; the work ends when its own signal aborts. */
  async run(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { system, group } = this.#options
    while (!signal.aborted) {
      try {
        await this.#takePart(work, signal)
      } catch (error) {
        system.logger.warn('Cannot agree with other hubs on who replicates; it is tried again', { group, error })
      }
      await this.#end()
      await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
    }
  }

  async #takePart(work: (signal: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const { log, group, sessionMs, holder, system } = this.#options
    const left = new AbortController()
    // Whoever is next begins where the work has ended.
    const leave = () => void this.#end().then(() => left.abort())
    signal.addEventListener('abort', leave, { once: true })
    try {
      const membership = log.join({
        group,
        protocol: 'millrace',
        about: () => jsonBytes({ ...holder, holds: this.#lost?.aborted === false }),
        assign: (members) => assignTurn(members, group),
        ...(sessionMs !== undefined && { sessionMs }),
        signal: left.signal,
      })
      for await (const { assignment, lost } of membership.generations()) {
        const turn = jsonOf(assignment) as Holder | undefined
        if (turn?.run !== this.#turn?.run) this.#since = system.clock.now()
        this.#turn = turn
        const isMine = turn?.run === holder.run && !lost.aborted && !signal.aborted
        if (isMine && this.#lost === undefined) this.#begin(work, lost, membership)
      }
    } finally {
      signal.removeEventListener('abort', leave)
      left.abort()
    }
  }

  #begin(work: (signal: AbortSignal) => Promise<void>, lost: AbortSignal, membership: Membership): void {
    this.#lost = lost
    this.#stop = new AbortController()
    const ending = AbortSignal.any([lost, this.#stop.signal])
    this.#ended = work(ending).finally(() => {
      this.#lost = undefined
      // Now it can be given away, or back.
      membership.rejoin()
    })
  }

  #end(): Promise<void> {
    this.#stop.abort()
    return this.#ended
  }
}

/** Who has the work keeps it; else it goes to one whom the name of the group chooses, so not all work to the same. */
function assignTurn(members: readonly GroupMember[], group: string): ReadonlyMap<string, Uint8Array> {
  const hubs = members
    .flatMap(({ about }) => (jsonOf(about) as About | undefined) ?? [])
    .sort((a, b) => (a.run < b.run ? -1 : 1))
  const sum = Buffer.from(group).reduce((total, byte) => total + byte, 0)
  const chosen = hubs.find(({ holds }) => holds) ?? hubs[sum % hubs.length]
  const assignment = chosen === undefined ? new Uint8Array(0) : jsonBytes({ hub: chosen.hub, run: chosen.run })
  return new Map(members.map(({ id }) => [id, assignment]))
}
