import type { CommandEvent, Requested } from '../model/command-event.ts'
import type { Value } from '../model/reading.ts'
import { begin, evolve, isSettled, type Tracked } from './tracked.ts'

/** What a tag is to be by the last command that wrote it. */
export interface Desired {
  readonly tag: string
  readonly value: Value
  readonly by: string
  readonly commandId: string
  /** When it was asked for. */
  readonly since: number
}

/** What is kept of one asset at least, and at most: ended commands. What is older is in the log. */
const KEPT = { least: 100, most: 1_000 } as const
/** Within this time of the newest request all are kept: their number is limited by rate. */
const RECENT_MS = 60_000

/** The commands of one asset: a function of its records in the order of the log, and of nothing else. */
export class AssetCommands {
  readonly asset: string
  /** In the order of the log. */
  readonly #byId = new Map<string, Tracked>()
  readonly #keys = new Map<string, string>()
  readonly #desired = new Map<string, Desired>()
  /** Ended commands among them. */
  #settled = 0
  /** How many were let go. */
  dropped = 0

  constructor(asset: string) {
    this.asset = asset
  }

  /** Takes the next step; answers the command that it changed, if it changed one. */
  take(event: CommandEvent, offset: number): Tracked | undefined {
    const before = this.#byId.get(event.id)
    if (event.kind === 'requested') return before === undefined ? this.#begin(event, offset) : undefined
    if (before === undefined) return undefined
    const after = evolve(before, event, offset)
    if (after === before) return undefined
    if (!isSettled(before) && isSettled(after)) this.#settled += 1
    this.#byId.set(event.id, after)
    return after
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Tracked | undefined {
    return this.#byId.get(id)
  }

  /** The command that was asked for with this key by this one. */
  byKey(by: string, key: string): Tracked | undefined {
    const id = this.#keys.get(keyOf(by, key))
    return id === undefined ? undefined : this.#byId.get(id)
  }

  /** In the order of the log. */
  all(): readonly Tracked[] {
    return [...this.#byId.values()]
  }

  /** Those that came before a command. */
  before(id: string): readonly Tracked[] {
    const all = this.all()
    const at = all.findIndex(({ request }) => request.id === id)
    return at < 0 ? all : all.slice(0, at)
  }

  desired(): readonly Desired[] {
    return [...this.#desired.values()].sort((a, b) => (a.tag < b.tag ? -1 : 1))
  }

  /** For a snapshot. */
  restore(commands: readonly Tracked[], desired: readonly Desired[], dropped: number): void {
    for (const command of commands) this.#add(command)
    for (const one of desired) this.#desired.set(one.tag, one)
    this.dropped = dropped
  }

  #begin(request: Requested, offset: number): Tracked {
    const same = request.key === undefined ? undefined : this.byKey(request.by, request.key)
    const command = begin(request, offset, same?.request.id)
    this.#add(command)
    const { act, by, id, time } = request
    if (act.kind === 'tag' && same === undefined)
      this.#desired.set(act.tag, { tag: act.tag, value: act.value, by, commandId: id, since: time })
    this.#letGo(time)
    return command
  }

  #add(command: Tracked): void {
    const { id, by, key } = command.request
    this.#byId.set(id, command)
    if (isSettled(command)) this.#settled += 1
    if (key !== undefined && !this.#keys.has(keyOf(by, key))) this.#keys.set(keyOf(by, key), id)
  }

  #letGo(now: number): void {
    if (this.#settled <= KEPT.least) return
    for (const [id, command] of this.#byId) {
      const isSurplus = this.#settled > KEPT.least && command.request.time <= now - RECENT_MS
      if (!isSurplus && this.#settled <= KEPT.most) return
      if (!isSettled(command) || this.#isDesired(command)) continue
      this.#byId.delete(id)
      this.#settled -= 1
      this.dropped += 1
      const { by, key } = command.request
      if (key !== undefined && this.#keys.get(keyOf(by, key)) === id) this.#keys.delete(keyOf(by, key))
    }
  }

  /** What a tag is to be says the last command that wrote it, however old. */
  #isDesired({ request: { id, act } }: Tracked): boolean {
    return act.kind === 'tag' && this.#desired.get(act.tag)?.commandId === id
  }
}

function keyOf(by: string, key: string): string {
  return `${by}\n${key}`
}
