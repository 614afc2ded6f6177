import type { Audit } from '../component/audit.ts'
import type { Log } from '../log/log.ts'
import type { CommandEvent, CommandState, Entrance, Reason, Requested } from '../model/command-event.ts'
import { decodeCommandEvent, encodeCommandEvent } from '../model/command-record.ts'
import type { Json } from '../model/json-value.ts'
import { topicName } from '../model/path.ts'
import type { System } from '../system/system.ts'
import type { Commands } from './commands.ts'
import { decide, hindrances, type Decision, type Wish } from './decide.ts'
import { seen, situationOf, type Machines } from './machines.ts'
import { lacks, type Person } from './person.ts'
import type { Tracked } from './tracked.ts'
import { isSame } from './values.ts'

export interface RequestsOptions {
  readonly site: string
  /** This run of this hub. */
  readonly run: string
  readonly commands: Commands
  readonly machines: Machines
  readonly log: Pick<Log, 'append'>
  readonly audit: Audit
  /** Why nothing can be decided yet: what is known is not up to date; undefined: all is well. */
  readonly notReady: () => string | undefined
  /** Told of each step with which the time of a command begins, before it is appended; monotonic ms. */
  readonly onReady: (id: string, at: number) => void
  readonly system: Pick<System, 'clock' | 'random'>
}

export type Answer = Accepted | Refused

interface Accepted {
  readonly kind: 'accepted'
  readonly id: string
  readonly state: CommandState
  /** It was asked for before, with the same key. */
  readonly repeated?: true
  /** It was only asked whether it would be allowed. */
  readonly dryRun?: true
}

export interface Refused {
  readonly kind: 'refused'
  readonly reasons: readonly Reason[]
}

export interface AskedHow {
  readonly via: Entrance
  readonly dryRun?: boolean
  /** How long it has waited already before it came here, ms; it counts. */
  readonly waitedMs?: number
}

/** How long an answer waits for its own step to be seen in the view, after it is durable. */
const SEEN_MS = 1_000

/** The one way in for commands, whichever door they come through: decided on what is known now, written down, durable. */
export class Requests {
  readonly #options: RequestsOptions
  readonly #topic: string
  /** What goes on with each asset: two who ask at the same moment are decided one after the other. */
  readonly #turns = new Map<string, Promise<unknown>>()

  constructor(options: RequestsOptions) {
    this.#options = options
    this.#topic = topicName(options.site, 'commands')
  }

  /** Decides about a wish; it is durable when this resolves with `accepted`. @throws LogError where it cannot be made so */
  request(wish: Wish, person: Person, how: AskedHow): Promise<Answer> {
    return this.#inTurn(wish.asset, () => this.#request(wish, person, how))
  }

  /** A second person agrees, or not. */
  approve(id: string, person: Person, agreed: boolean, via: Entrance, comment?: string): Promise<Answer> {
    const asset = this.#options.commands.get(id)?.request.asset ?? ''
    return this.#inTurn(asset, () => this.#approve(id, person, agreed, via, comment))
  }

  /** Why a write point cannot be used by this one right now; empty: it can, with a fitting value. */
  hindrances(asset: string, command: string, person: Person): readonly Reason[] {
    return hindrances(command, asset, this.#situation(asset, command, person))
  }

  async #request(wish: Wish, person: Person, how: AskedHow): Promise<Answer> {
    const { clock } = this.#options.system
    const notReady = this.#options.notReady()
    if (notReady !== undefined) return { kind: 'refused', reasons: [{ code: 'not-ready', message: notReady }] }
    const at = clock.monotonic() - (how.waitedMs ?? 0)
    const decision = decide(wish, this.#situation(wish.asset, wish.command, person))
    const known = wish.key === undefined ? undefined : this.#byKey(wish, person)
    if (known !== undefined && lacks(person, 'command', this.#options.site, wish.asset) === undefined)
      return repeated(known, wish, decision)
    if ('refused' in decision) return this.#refuse(wish, person, how, decision.refused)
    if (how.dryRun) return { kind: 'accepted', id: '', state: 'requested', dryRun: true }
    const event = this.#requested(wish, person, how, decision)
    const fault = recordFault(event)
    if (fault !== undefined) return this.#refuse(wish, person, how, [fault])
    await this.#audit('command.requested', person, how.via, wish.asset, { id: event.id, ...wishDetail(wish) })
    if (event.approveMs === undefined) this.#options.onReady(event.id, at)
    await this.#append(event)
    return { kind: 'accepted', id: event.id, state: this.#stateOf(event) }
  }

  async #approve(id: string, person: Person, agreed: boolean, via: Entrance, comment?: string): Promise<Answer> {
    const { commands, site, run, system } = this.#options
    const command = commands.get(id)
    if (command === undefined)
      return { kind: 'refused', reasons: [{ code: 'not-found', message: `There is no command "${id}"` }] }
    const { asset, by } = command.request
    const missing = agreed || person.name !== by ? lacks(person, 'approve', site, asset) : undefined
    const reasons = [
      ...(missing ? [missing] : []),
      ...(agreed && person.name === by
        ? [{ code: 'same-person', message: `"${by}" has asked for it, somebody else has to agree` }]
        : []),
      ...(command.state === 'waiting-approval'
        ? []
        : [{ code: 'not-waiting', message: `It is ${command.state}, want waiting-approval` }]),
    ]
    const detail = { id, agreed, ...(comment !== undefined && { comment }) }
    if (reasons.length > 0) {
      await this.#audit('command.approval-refused', person, via, asset, { ...detail, reasons: texts(reasons) })
      return { kind: 'refused', reasons }
    }
    await this.#audit(agreed ? 'command.approved' : 'command.declined', person, via, asset, detail)
    const step = { id, asset, time: system.clock.now(), run, by: person.name }
    if (agreed) {
      this.#options.onReady(id, system.clock.monotonic())
      await this.#append({ kind: 'approved', ...step, ...(comment !== undefined && { comment }) })
    } else {
      const message = `"${person.name}" declined${comment === undefined ? '' : `: ${comment}`}`
      await this.#append({ kind: 'settled', ...step, state: 'rejected', reasons: [{ code: 'declined', message }] })
    }
    return { kind: 'accepted', id, state: commands.get(id)?.state ?? command.state }
  }

  #situation(asset: string, command: string, person: Person) {
    const { site, machines, commands, system } = this.#options
    return situationOf(asset, command, { site, person, machines, earlier: commands.of(asset), now: system.clock.now() })
  }

  #byKey({ asset, key }: Wish, { name }: Person): Tracked | undefined {
    return this.#options.commands.asset(asset)?.byKey(name, key!)
  }

  #requested(
    { asset, command, key, comment }: Wish,
    { name }: Person,
    { via }: AskedHow,
    { act, expected }: Exclude<Decision, { readonly refused: unknown }>,
  ): Requested {
    const { machines, run, system } = this.#options
    const { ttlMs, confirmMs, tolerance, secondPerson, approveMs } = machines.point(asset, command)!.definition
    return {
      kind: 'requested',
      id: Buffer.from(system.random.bytes(12)).toString('hex'),
      asset,
      time: system.clock.now(),
      run,
      command,
      act,
      by: name,
      via,
      ttlMs,
      confirmMs,
      ...(expected !== undefined && { expected }),
      ...(key !== undefined && { key }),
      ...(comment !== undefined && { comment }),
      ...(tolerance !== undefined && { tolerance }),
      ...(secondPerson === true && { approveMs }),
    }
  }

  async #refuse(wish: Wish, person: Person, how: AskedHow, reasons: readonly Reason[]): Promise<Refused> {
    if (!how.dryRun) {
      const detail = { ...wishDetail(wish), reasons: texts(reasons) }
      await this.#audit('command.refused', person, how.via, wish.asset, detail)
    }
    return { kind: 'refused', reasons }
  }

  async #append(event: CommandEvent): Promise<void> {
    const { log, commands, system } = this.#options
    const appended = await log.append(this.#topic, [commandRecord(event)])
    await seen(commands, this.#topic, appended, system.clock, system.clock.monotonic() + SEEN_MS)
  }

  #audit(what: string, person: Person, via: Entrance, asset: string, detail: { readonly [name: string]: Json }) {
    const rights = { can: person.can, ...(person.areas && { areas: person.areas }) }
    return this.#options.audit.write({ what, by: person.name, via, asset, detail: { ...detail, rights } })
  }

  #stateOf({ id, approveMs }: Requested): CommandState {
    const state = approveMs === undefined ? 'requested' : 'waiting-approval'
    return this.#options.commands.get(id)?.state ?? state
  }

  async #inTurn<T>(asset: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(asset) ?? Promise.resolve()
    const turn = before.then(work)
    const settled = turn.catch(() => {})
    this.#turns.set(asset, settled)
    try {
      return await turn
    } finally {
      if (this.#turns.get(asset) === settled) this.#turns.delete(asset)
    }
  }
}

/** The record of a step. */
export function commandRecord(event: CommandEvent) {
  return {
    key: event.asset,
    value: encodeCommandEvent(event),
    headers: [['content-type', 'application/json']] as const,
    timestamp: Math.floor(event.time),
  }
}

/** The same wish with the same key is the same request, whatever has changed since; another one is a mistake. */
function repeated({ request, state }: Tracked, wish: Wish, decision: Decision): Answer {
  const isOther = wish.command !== request.command || ('act' in decision && !sameAct(decision.act, request.act))
  if (!isOther) return { kind: 'accepted', id: request.id, state, repeated: true }
  const message = `Key ${JSON.stringify(wish.key)} was used for command "${request.id}", which wants something else`
  return { kind: 'refused', reasons: [{ code: 'key', message }] }
}

function sameAct(one: Requested['act'], other: Requested['act']): boolean {
  if (one.kind === 'tag') return other.kind === 'tag' && one.tag === other.tag && isSame(one.value, other.value)
  if (other.kind === 'tag' || one.method !== other.method || one.args.length !== other.args.length) return false
  return one.args.every((value, index) => isSame(value, other.args[index]!))
}

/** What the log would not take back as a step is not written. */
function recordFault(event: CommandEvent): Reason | undefined {
  try {
    decodeCommandEvent(Buffer.from(encodeCommandEvent(event)))
    return undefined
  } catch (error) {
    return { code: 'type', message: (error as Error).message }
  }
}

function wishDetail({ command, value, args, expected, key, comment }: Wish): { readonly [name: string]: Json } {
  return {
    command: command.slice(0, 256),
    ...(value !== undefined && { value: shortened(value) }),
    ...(args !== undefined && { args: shortened(args) }),
    ...(expected !== undefined && { expected: shortened(expected) }),
    ...(key !== undefined && { key: key.slice(0, 256) }),
    ...(comment !== undefined && { comment: comment.slice(0, 2_000) }),
  }
}

/** What a refused request brings along may be anything. */
function shortened(json: Json): Json {
  const text = JSON.stringify(json)
  return text.length <= 4_096 ? json : `${text.slice(0, 4_093)}...`
}

function texts(reasons: readonly Reason[]): Json {
  return reasons.map(({ code, message }) => ({ code, message }))
}
