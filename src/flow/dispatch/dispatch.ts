import { decideAgain } from '../../commands/decide.ts'
import type { Commands } from '../../commands/commands.ts'
import { seen, situationOf, type Machines } from '../../commands/machines.ts'
import type { Person } from '../../commands/person.ts'
import { commandRecord } from '../../commands/requests.ts'
import { isSettled, type Tracked } from '../../commands/tracked.ts'
import { shownValue } from '../../commands/values.ts'
import type { Audit } from '../../component/audit.ts'
import type { CommandAnswer, MachineCommand } from '../../component/source.ts'
import { LogError, type Log } from '../../log/log.ts'
import type { Claimed, CommandAct, CommandEvent, Reason, Settled } from '../../model/command-event.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'
import { within } from '../../system/wait.ts'
import { endingOf, type Ending } from './confirm.ts'
import { Deadlines } from './deadlines.ts'

export interface DispatchOptions {
  readonly site: string
  readonly hub: string
  /** This run of this hub. */
  readonly run: string
  readonly commands: Commands
  readonly machines: Machines
  /** Who somebody is now, by name: rights may have been taken away since. Undefined: nobody we know. */
  readonly person: (name: string) => Person | undefined
  /** See `Ingest.command`. */
  readonly send: (source: string, command: MachineCommand, signal: AbortSignal) => Promise<CommandAnswer>
  readonly log: Pick<Log, 'append' | 'ends'>
  readonly audit: Audit
  /** Whether the view and the twins have caught up with the log. */
  readonly isReady: () => boolean
  /** Whether this hub is the one, among those that share the log, that does what is to be done once. */
  readonly leads: () => boolean
  readonly system: Pick<System, 'clock' | 'logger'>
  /** How a claim is made, and whether it is ours; for tests that make it wrongly on purpose. */
  readonly claim?: (claim: Claimed, deadline: number) => Promise<boolean>
}

/** How often it is looked for what is over, besides whenever a command changes. */
const LOOK_MS = 100
/** How long an end waits for its own step to be seen before the next command of the asset is looked at. */
const SEEN_MS = 1_000
/** Waits before what must be written is tried again, doubling. */
const AGAIN = { firstMs: 100, mostMs: 5_000 } as const
/** How long a hub that ends waits for what is on its way. */
const CLOSING_MS = 8_000
/** How long a hub that has claimed a command may be silent beyond the time that it has, before somebody else gives it up. */
const SILENT_MS = 5_000

/**
 * Brings commands from the log to the machines: each at most once. It claims a command in the log, durably, before anything is
 * sent; the first claim in the log counts, so of several hubs one sends. Then it looks whether there is time, decides again on
 * what is known at that very moment, and sends. Whatever happens after that, it never sends it again: without an answer the
 * end is `unknown`.
 */
export class Dispatch {
  readonly #options: DispatchOptions
  readonly #topic: string
  #deadlines: Deadlines | undefined
  /** What goes on: by asset a delivery, by id an ending. */
  readonly #busy = new Map<string, Promise<void>>()
  /** Claims of this run that are being worked on. */
  readonly #claims = new Set<string>()
  /** Commands that were handed to a source. */
  readonly #sent = new Set<string>()
  /** Since when an approval, or the end of a claim of another run, is waited for, monotonic ms. */
  readonly #seen = new Map<string, number>()
  #wake: (() => void) | undefined
  #number = 0

  constructor(options: DispatchOptions) {
    this.#options = options
    this.#topic = topicName(options.site, 'commands')
  }

  /** Looks where the log ends: what is there already was not taken by this run. Called before the view runs. */
  async open(): Promise<void> {
    const { log, commands, run, system } = this.#options
    const ends = await log.ends(this.#topic)
    const deadlines = new Deadlines({
      clock: system.clock,
      run,
      ends: new Map(ends.map(({ partition, end }) => [partition, end])),
    })
    this.#deadlines = deadlines
    commands.subscribe((command, event, place) => {
      deadlines.take(command, event, place)
      if (isSettled(command)) this.#forget(command)
      this.#wake?.()
    })
  }

  /** This run takes a command, or the approval of one; see `Deadlines.began`. */
  began(id: string, at: number): void {
    this.#deadlines?.began(id, at)
  }

  /** Works until the signal aborts and what is on its way has ended, or its time to end is over. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.system
    const wake = () => this.#wake?.()
    signal.addEventListener('abort', wake, { once: true })
    while (!signal.aborted) {
      if (this.#options.isReady()) this.#look(signal)
      await this.#next(clock)
    }
    await within(CLOSING_MS, Promise.all(this.#busy.values()), clock)
  }

  /** Something changed, or it is time to look again. */
  async #next(clock: System['clock']): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = clock.after(LOOK_MS, resolve)
    this.#wake = resolve
    await promise
    this.#wake = undefined
    timer.cancel()
  }

  /** Of each asset the first command is worked on that waits for nobody; and all whose time is over end. */
  #look(signal: AbortSignal): void {
    const occupied = new Set<string>()
    for (const command of this.#options.commands.inFlight()) {
      const { asset } = command.request
      if (command.state === 'waiting-approval') this.#lookAtApproval(command)
      else if (command.state === 'requested' && this.#isOver(command)) this.#expire(command)
      else if (!occupied.has(asset)) {
        occupied.add(asset)
        if (command.state === 'dispatching') this.#lookAtClaim(command)
        else this.#deliver(command, signal)
      }
    }
  }

  #isOver(command: Tracked): boolean {
    return this.#options.system.clock.monotonic() >= this.#deadlines!.of(command)
  }

  #lookAtApproval(command: Tracked): void {
    const { clock } = this.#options.system
    const { id, time, approveMs = 0 } = command.request
    const since = this.#seenAt(id)
    // A wall clock that was set back is not to keep it waiting for ever.
    const isOver = clock.now() >= time + approveMs || clock.monotonic() >= since + approveMs
    if (!isOver || !this.#isOurs(command)) return
    this.#end(command, 'expired', [{ code: 'expired', message: 'Nobody has agreed in time' }])
  }

  #expire(command: Tracked): void {
    if (!this.#isOurs(command)) return
    const { ttlMs } = command.request
    const message = `It was not sent within ${ttlMs / 1000} s of the request, or the hub was not there`
    this.#end(command, 'expired', [{ code: 'expired', message }])
  }

  /** Whether this hub says that a command is over that nobody has claimed. Where two say it, the first one counts. */
  #isOurs(command: Tracked): boolean {
    const { run, leads } = this.#options
    return (command.ready?.run ?? command.request.run) === run || leads()
  }

  /** A claim without an end: of this run it is being worked on, unless the append that made it seemed to have failed. */
  #lookAtClaim(command: Tracked): void {
    const { run, hub, system } = this.#options
    const claim = command.claim!
    const { id, confirmMs, ttlMs } = command.request
    if (claim.run === run) {
      if (this.#claims.has(claim.token)) return
      if (this.#sent.has(id)) return this.#end(command, 'unknown', [lost('What became of it was not written down')])
      return this.#end(command, 'failed', [{ code: 'not-sent', message: 'It never left: its claim came too late' }])
    }
    // The hub of this name is this one: that run is over.
    if (claim.hub === hub) return this.#end(command, 'unknown', [lost(`Hub "${hub}" ended while it was on its way`)])
    const since = this.#seenAt(`${id} ${claim.token}`)
    const isOver = system.clock.monotonic() >= since + ttlMs + confirmMs + SILENT_MS
    if (isOver && (this.#source(command) !== undefined || this.#options.leads()))
      this.#end(command, 'unknown', [lost(`Hub "${claim.hub}" has not said how it ended`)])
  }

  /** When this hub has first looked at something, monotonic ms. */
  #seenAt(key: string): number {
    const since = this.#seen.get(key) ?? this.#options.system.clock.monotonic()
    this.#seen.set(key, since)
    return since
  }

  #deliver(command: Tracked, signal: AbortSignal): void {
    const { asset } = command.request
    if (this.#busy.has(asset) || signal.aborted) return
    const source = this.#source(command)
    if (source === undefined) return
    this.#work(asset, () => this.#delivery(command, source, signal))
  }

  async #delivery(command: Tracked, source: string, signal: AbortSignal): Promise<void> {
    const { hub, run, system, commands } = this.#options
    const { id, asset } = command.request
    const refused = this.#refusal(command)
    if (refused.length > 0) return this.#settle(command, { state: 'rejected', reasons: refused })
    const deadline = this.#deadlines!.of(command)
    const token = `${run}-${(this.#number += 1)}`
    const claim: Claimed = { kind: 'claimed', id, asset, time: system.clock.now(), run, hub, token, source }
    this.#claims.add(token)
    try {
      // Both are durable before anything is sent.
      const noted = this.#note('command.claimed', command, { source, hub })
      const [isOurs] = await Promise.all([(this.#options.claim ?? this.#claim)(claim, deadline), noted])
      if (!isOurs) return
      const now = commands.get(id) ?? command
      await this.#settle(now, await this.#sending(now, source, deadline, signal))
    } finally {
      this.#claims.delete(token)
    }
  }

  /** Claims a command; answers whether it is ours: the claim is durable, and it is the first one in the log. */
  readonly #claim = async (claim: Claimed, deadline: number): Promise<boolean> => {
    const { log, commands, system } = this.#options
    const appended = await log.append(this.#topic, [commandRecord(claim)])
    if (!(await seen(commands, this.#topic, appended, system.clock, deadline))) return false
    return commands.get(claim.id)?.claim?.token === claim.token
  }

  /** Everything is looked at once more, and in the same turn it is handed to its source: nothing changes in between. */
  async #sending(command: Tracked, source: string, deadline: number, signal: AbortSignal): Promise<Ending> {
    const { system, machines, send } = this.#options
    const { clock } = system
    const { id, asset, command: name, act } = command.request
    if (clock.monotonic() >= deadline) return late()
    const refused = this.#refusal(command)
    if (refused.length > 0) return { state: 'rejected', reasons: refused }
    const sentAt = clock.monotonic()
    this.#sent.add(id)
    const answer = await send(source, { id, asset, command: name, target: act, deadline }, signal)
    if (answer.kind === 'not-sent' && clock.monotonic() >= deadline) return late()
    const known = machines.known.bind(machines)
    return endingOf(command.request, answer, sentAt, { known, clock, signal })
  }

  /** Why it may not be sent now, though it was allowed when it was asked for. */
  #refusal({ request }: Tracked): readonly Reason[] {
    const { site, machines, commands, system, person } = this.#options
    const { id, asset, command, by } = request
    const who = person(by) ?? { name: by, can: [] }
    const earlier = commands.asset(asset)?.before(id) ?? []
    const parts = { site, person: who, machines, earlier, now: system.clock.now() }
    return decideAgain(request, situationOf(asset, command, parts))
  }

  #source({ request: { asset, act } }: Tracked): string | undefined {
    return this.#options.machines.reaching(asset, targetOfAct(act))
  }

  #end(command: Tracked, state: Settled['state'], reasons: readonly Reason[]): void {
    const { id } = command.request
    if (this.#busy.has(id)) return
    this.#work(id, () => this.#settle(command, { state, reasons }))
  }

  #work(key: string, work: () => Promise<void>): void {
    const { logger } = this.#options.system
    const done = work()
      .catch((error: unknown) => logger.warn('Cannot go on with a command; it is looked at again', { key, error }))
      .finally(() => {
        this.#busy.delete(key)
        this.#wake?.()
      })
    this.#busy.set(key, done)
  }

  /** Writes down how a command ended, for as long as it takes: only writing is tried again, never sending. */
  async #settle(command: Tracked, ending: Ending): Promise<void> {
    const { log, run, system, commands } = this.#options
    const { id, asset } = command.request
    const event: CommandEvent = { kind: 'settled', id, asset, time: system.clock.now(), run, ...ending }
    await this.#written(async () => {
      const appended = await log.append(this.#topic, [commandRecord(event)])
      await seen(commands, this.#topic, appended, system.clock, system.clock.monotonic() + SEEN_MS)
    })
    const { state, reasons, readBack } = ending
    const detail = {
      ...(reasons.length > 0 && { reasons: reasons.map(({ code, message }) => ({ code, message })) }),
      ...(readBack !== undefined && { readBack: shownValue(readBack) }),
    }
    await this.#written(() => this.#note(`command.${state}`, command, detail))
  }

  async #written(write: () => Promise<void>): Promise<void> {
    const { clock, logger } = this.#options.system
    for (let waitMs: number = AGAIN.firstMs; ; waitMs = Math.min(2 * waitMs, AGAIN.mostMs)) {
      try {
        return await write()
      } catch (error) {
        if (!(error instanceof LogError) || !error.retriable) throw error
        logger.warn('Cannot write down how a command ended; it is tried again', { error })
        await clock.sleep(waitMs)
      }
    }
  }

  #note(
    what: string,
    { request }: Tracked,
    detail: NonNullable<Parameters<Audit['write']>[0]['detail']>,
  ): Promise<void> {
    const { id, asset, by, via, command } = request
    return this.#options.audit.write({ what, by, via, asset, detail: { id, command, ...detail } })
  }

  #forget({ request: { id }, claim }: Tracked): void {
    this.#seen.delete(id)
    if (claim !== undefined) this.#seen.delete(`${id} ${claim.token}`)
    this.#sent.delete(id)
  }
}

function targetOfAct(act: CommandAct) {
  return act.kind === 'tag'
    ? ({ kind: 'tag', tag: act.tag } as const)
    : ({ kind: 'method', method: act.method } as const)
}

function late(): Ending {
  return { state: 'expired', reasons: [{ code: 'expired', message: 'Its time was over before it could leave' }] }
}

function lost(message: string): Reason {
  return { code: 'no-answer', message: `${message}: it may have been done` }
}
