import { AuditLog } from '../../src/audit/audit-log.ts'
import { AuditVerifier } from '../../src/audit/verify.ts'
import { Commands } from '../../src/commands/commands.ts'
import type { Machines } from '../../src/commands/machines.ts'
import type { Person } from '../../src/commands/person.ts'
import { commandRecord, Requests, type Answer } from '../../src/commands/requests.ts'
import { encodeSnapshot } from '../../src/commands/snapshot.ts'
import { isSettled, type Tracked } from '../../src/commands/tracked.ts'
import type { CommandAnswer, MachineCommand } from '../../src/component/source.ts'
import { sortedPositions } from '../../src/component/view-file.ts'
import { CommandDecoder } from '../../src/flow/command-entries.ts'
import { Dispatch, type DispatchOptions } from '../../src/flow/dispatch/dispatch.ts'
import { ViewRun } from '../../src/flow/views.ts'
import { LogError, type NewRecord } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import { MemoryStore } from '../../src/log/memory/memory-store.ts'
import { topicSpec } from '../../src/log/topics.ts'
import type { CommandDefinition } from '../../src/model/command.ts'
import type { TagDefinition } from '../../src/model/definition.ts'
import type { Clock } from '../../src/system/clock.ts'
import type { Disk } from '../../src/system/disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { seededRandom, type Random } from '../../src/system/random.ts'
import { ManualClock } from '../mqtt/manual-clock.ts'
import { recordsOf } from '../hub/processing.ts'
import { SimMachine } from './command-machine.ts'
import { MortalLog } from './mortal-log.ts'

const SITE = 'acme/berlin'
const COMMANDS = 'acme.berlin.commands'
const AUDIT = 'acme.berlin.audit'
const ASSETS = ['acme/berlin/line1/press1', 'acme/berlin/line1/press2', 'acme/berlin/line2/press3']
const ROUNDS = 60
/** After these everything is over: longer than any command may take. */
const QUIET_MS = 60_000
/** Calls of the log after which a hub dies, at most. */
const MOST_CALLS = 80
const TTL_MS = 1_500

const TIMES = { ttlMs: TTL_MS, confirmMs: 400, approveMs: 3_000 }
const POINTS: readonly CommandDefinition[] = [
  { name: 'setpoint', tag: 'setpoint', range: [20, 80], interlock: "state != 'Execute'", ...TIMES },
  { name: 'careful', tag: 'setpoint', range: [20, 80], interlock: "state != 'Execute'", secondPerson: true, ...TIMES },
]
const TAGS = new Map<string, TagDefinition>([
  ['setpoint', { type: 'number', kind: 'gauge' }],
  ['state', { type: 'string', kind: 'state' }],
])

/** Something in which the promise of at most once is broken on purpose; each must be found. */
export type Bug =
  | 'sends again without an answer'
  | 'sends, then commits'
  | 'gives what it finds in the log its whole time'

interface SimHub {
  readonly name: string
  readonly log: MortalLog
  readonly requests: Requests
  readonly commands: Commands
  backAt: number
}

/** What somebody was told when asking. */
interface Asked {
  readonly answer: Extract<Answer, { readonly kind: 'accepted' }>
  readonly by: string
}

/** One plant, a hub or two that share its log, three machines, one seed. */
export async function simulateCommands(seed: number, bug?: Bug) {
  const world = new World(seed, bug)
  await world.open()
  for (let round = 0; round < ROUNDS; round += 1) await world.round()
  await world.calm()
  return world.judge()
}

class World {
  readonly #bug: Bug | undefined
  readonly #seed: number
  readonly #random: Random
  readonly #manual = new ManualClock()
  /** Wall time is set from time to time, as NTP and people do. */
  #wallStep = 0
  readonly #clock: Clock
  readonly #store = new MemoryStore()
  readonly #outside: MemoryLog
  readonly #machines = new Map<string, SimMachine>()
  readonly #hubs = new Map<string, SimHub>()
  /** Hubs that believe to have the source; two for a while, when a lease is thought to be over too late. */
  #believers = new Set(['a'])
  readonly #revoked = new Set<string>()
  /** When a command, or its approval, began to be asked for, in the world's time: the oldest that it can be. */
  readonly #began = new Map<string, number>()
  readonly #asked: Asked[] = []
  readonly #keys = new Map<string, { readonly asset: string; readonly value: number }>()
  /** Every third world has one hub, which has its log for itself. */
  readonly #names: readonly string[]
  #runs = 0
  #kills = 0
  #calm = false

  constructor(seed: number, bug: Bug | undefined) {
    this.#seed = seed
    this.#bug = bug
    this.#random = seededRandom(seed)
    this.#names = seed % 3 === 0 ? ['a'] : ['a', 'b']
    const manual = this.#manual
    this.#clock = {
      now: () => manual.now() + this.#wallStep,
      monotonic: () => manual.monotonic(),
      sleep: (ms) => manual.sleep(ms),
      after: (ms, fn) => manual.after(ms, fn),
      every: (ms, fn) => manual.every(ms, fn),
    }
    this.#outside = new MemoryLog({ clock: this.#clock, store: this.#store })
    for (const asset of ASSETS) this.#machines.set(asset, new SimMachine(manual, this.#random))
  }

  async open(): Promise<void> {
    await this.#outside.ensure([topicSpec(SITE, 'commands', 2), topicSpec(SITE, 'audit', 1)])
    for (const name of this.#names) await this.#start(name, this.#mortal())
    await this.#pass(50)
  }

  async round(): Promise<void> {
    const random = this.#random
    for (const machine of this.#machines.values()) machine.drift()
    if (random.next() < 0.05) this.#wallStep = (random.integer(3) - 1) * 3_600_000
    if (random.next() < 0.1) this.#moveSource()
    if (random.next() < 0.1) this.#revoke()
    for (let count = random.integer(5); count > 0; count -= 1) this.#somebodyAsks()
    if (random.next() < 0.3) this.#somebodyApproves()
    await this.#pass(10 + random.integer(250))
    await this.#watch()
  }

  /** Nobody dies any more, nothing is asked; what is on its way ends. */
  async calm(): Promise<void> {
    this.#calm = true
    this.#revoked.clear()
    for (const machine of this.#machines.values()) machine.calm()
    for (const hub of this.#hubs.values()) if (hub.log.isDead) hub.backAt = 0
    await this.#watch()
    for (const name of this.#names) await this.#start(name, Infinity)
    this.#believers = new Set(['a'])
    for (let left = QUIET_MS; left > 0; left -= 1_000) await this.#pass(1_000, 100)
  }

  /** Everything that must be so, of everything that was. */
  async judge() {
    const rebuilt = await this.#rebuilt()
    const faults = [
      ...[...this.#machines.values()].flatMap((machine) => this.#faultsOf(machine, rebuilt)),
      ...this.#asked.flatMap(({ answer }) => unsettled(answer.id, rebuilt)),
      ...[...this.#hubs.values()].flatMap(({ name, commands }) =>
        snapshotText(commands) === snapshotText(rebuilt) ? [] : [`hub ${name} knows something else than the log`],
      ),
      ...(await this.#auditFaults()),
    ]
    const all = [...rebuilt.assets()].flatMap((one) => one.all())
    const states: { [state: string]: number } = {}
    for (const { state } of all) states[state] = (states[state] ?? 0) + 1
    const executed = [...this.#machines.values()].reduce((sum, machine) => sum + machine.executed.length, 0)
    return { faults, states, kills: this.#kills, executed, trace: snapshotText(rebuilt) }
  }

  #faultsOf({ executed, shown }: SimMachine, rebuilt: Commands): string[] {
    const seen = new Set<string>()
    const faults: string[] = []
    for (const { id, value, at, wasSafe, wasWithRight } of executed) {
      const command = rebuilt.get(id)
      const latest = (this.#began.get(id) ?? -Infinity) + TTL_MS
      if (seen.has(id)) faults.push(`${id} was executed twice`)
      if (at >= latest) faults.push(`${id} was executed ${at - latest} ms after its time`)
      if (!wasSafe) faults.push(`${id} was executed against the interlock`)
      if (!wasWithRight) faults.push(`${id} was executed without a right`)
      if (value < 20 || value > 80) faults.push(`${id} was executed out of range`)
      if (command === undefined) faults.push(`${id} was executed and is not in the log`)
      else faults.push(...lies(command))
      seen.add(id)
    }
    for (const command of [...rebuilt.assets()].flatMap((one) => one.all())) {
      const { id, act } = command.request
      if (command.state !== 'confirmed' || this.#machineOf(command) !== executed) continue
      if (!seen.has(id)) faults.push(`${id} is confirmed and was never executed`)
      if (act.kind === 'tag' && !(shown.get(id) ?? []).includes(act.value) && !this.#reportedLater(command))
        faults.push(`${id} is confirmed and nobody has seen it`)
    }
    return faults
  }

  #machineOf({ request: { asset } }: Tracked) {
    return this.#machines.get(asset)!.executed
  }

  /** A report that came by itself after it was sent confirms it too. */
  #reportedLater({ outcome, request: { act } }: Tracked): boolean {
    return act.kind === 'tag' && outcome?.readBack === act.value
  }

  async #auditFaults(): Promise<string[]> {
    const verifier = new AuditVerifier()
    const claimed = new Set<string>()
    for (const { offset, value } of await recordsOf(this.#outside, AUDIT)) {
      verifier.take(offset, value)
      const { what, detail } = JSON.parse(Buffer.from(value!).toString()) as { what: string; detail: { id: string } }
      if (what === 'command.claimed') claimed.add(detail.id)
    }
    const { broken } = verifier.verdict()
    const executed = [...this.#machines.values()].flatMap((machine) => machine.executed)
    return [
      ...(broken === undefined ? [] : [`the audit is broken at ${broken.offset}: ${broken.reason}`]),
      ...executed.flatMap(({ id }) => (claimed.has(id) ? [] : [`${id} was sent and the audit knows nothing`])),
    ]
  }

  async #rebuilt(): Promise<Commands> {
    const system = this.#system(1)
    const commands = new Commands({ directory: '/nowhere', system })
    const decoder = new CommandDecoder(system)
    for (const { partition, end } of await this.#outside.ends(COMMANDS)) {
      const { signal } = new AbortController()
      const positions = [{ topic: COMMANDS, partition, offset: 0 }]
      for await (const { records, nextOffset } of this.#outside.read(positions, { signal, untilEnd: true }))
        commands.take({
          topic: COMMANDS,
          partition,
          entries: decoder.decode(COMMANDS, partition, records),
          nextOffset,
          skipped: 0,
        })
      if (end === 0) commands.take({ topic: COMMANDS, partition, entries: [], nextOffset: 0, skipped: 0 })
    }
    return commands
  }

  async #start(name: string, calls: number): Promise<void> {
    const before = this.#hubs.get(name)
    before?.log.die()
    const run = `${name}-${(this.#runs += 1)}`
    const system = this.#system(this.#runs)
    const log = new FlakyLog(
      { clock: this.#clock, store: this.#store, random: system.random, calls },
      () => !this.#calm,
    )
    const commands = new Commands({ directory: '/nowhere', system })
    const view = new ViewRun(commands, { log, topics: [COMMANDS], decoder: new CommandDecoder(system), system })
    const audit = new AuditLog({ site: SITE, chain: `${name}/${run}`, log, directory: '/nowhere', system })
    const machines = this.#machinesOf(name, log)
    const { signal } = new AbortController()
    const parts = { site: SITE, run, commands, machines, log, audit, system }
    const dispatch = new Dispatch({
      ...parts,
      hub: name,
      person: (who) => this.#person(who),
      send: this.#sender(log),
      isReady: () => view.caughtUp,
      leads: () => [...this.#hubs.values()].find((hub) => !hub.log.isDead)?.name === name,
      ...this.#broken(log),
    })
    const requests = new Requests({
      ...parts,
      notReady: () => (view.caughtUp ? undefined : 'reading'),
      onReady: (id, at) => {
        this.#began.set(id, this.#manual.monotonic())
        dispatch.began(id, at)
      },
    })
    this.#hubs.set(name, { name, log, requests, commands, backAt: Infinity })
    if (this.#bug === 'gives what it finds in the log its whole time')
      commands.subscribe(({ request: { id } }) => dispatch.began(id, this.#clock.monotonic()))
    void (async () => {
      await audit.open()
      await dispatch.open()
      void view.run(signal)
      await dispatch.run(signal)
    })().catch(() => {})
  }

  #machinesOf(hub: string, log: MortalLog): Machines {
    return {
      isShared: this.#names.length > 1,
      point: (_asset, command) => {
        const definition = POINTS.find(({ name }) => name === command)
        return definition && { definition, tags: TAGS }
      },
      points: () => POINTS,
      known: (asset, tag) => this.#machines.get(asset)!.known(tag),
      reaching: () => (this.#believers.has(hub) && !log.isDead ? 'line' : undefined),
    }
  }

  #sender(log: MortalLog): DispatchOptions['send'] {
    const send = async (command: MachineCommand): Promise<CommandAnswer> => {
      if (log.isDead) return new Promise(() => {})
      const machine = this.#machines.get(command.asset)!
      const when = { wasSafe: machine.isSafe, wasWithRight: this.#can(this.#asker(command.id)) }
      if (this.#random.next() < 0.05) log.die()
      const wait = this.#random.integer(4) * 40
      if (wait > 100) await this.#clock.sleep(wait - 100)
      if (log.isDead && this.#random.next() < 0.5) return new Promise(() => {})
      if (this.#clock.monotonic() >= command.deadline) return { kind: 'not-sent', reason: 'late' }
      const answer = machine.take(command, when)
      await this.#clock.sleep(wait)
      return answer === 'silence' ? { kind: 'unknown', reason: 'no answer' } : answer
    }
    if (this.#bug !== 'sends again without an answer') return (_source, command) => send(command)
    return async (_source, command) => {
      const answer = await send(command)
      return answer.kind === 'unknown' ? send(command) : answer
    }
  }

  #broken(log: MortalLog): Partial<DispatchOptions> {
    if (this.#bug === 'sends, then commits') {
      return {
        claim: async (claim) => {
          this.#clock.after(300, () => void log.append(COMMANDS, [commandRecord(claim)]).catch(() => {}))
          return true
        },
      }
    }
    return {}
  }

  #person(name: string): Person | undefined {
    if (this.#revoked.has(name)) return undefined
    if (name === 'ann') return { name, can: ['read', 'command'] }
    if (name === 'bob') return { name, can: ['read', 'command', 'approve'] }
    if (name === 'eve') return { name, can: ['command', 'approve'], areas: ['line2/**'] }
    return name === 'max' ? { name, can: ['read', 'write'] } : undefined
  }

  #can(name: string | undefined): boolean {
    return name !== undefined && !this.#revoked.has(name)
  }

  #asker(id: string): string | undefined {
    for (const { commands } of this.#hubs.values()) {
      const command = commands.get(id)
      if (command === undefined) continue
      const { by, asset } = command.request
      return by === 'max' || (by === 'eve' && !asset.includes('/line2/')) ? undefined : by
    }
    return undefined
  }

  #somebodyAsks(): void {
    const random = this.#random
    const hub = this.#living()
    if (hub === undefined) return
    const by = ['ann', 'bob', 'eve', 'max'][random.integer(4)]!
    const known = random.next() < 0.3 ? [...this.#keys][random.integer(Math.max(1, this.#keys.size))] : undefined
    const asset = known?.[1].asset ?? ASSETS[random.integer(ASSETS.length)]!
    const value = known?.[1].value ?? 10 + random.integer(80)
    const key = known?.[0] ?? (random.next() < 0.5 ? `k${this.#keys.size}` : undefined)
    if (key !== undefined) this.#keys.set(key, { asset, value })
    const command = random.next() < 0.7 ? 'setpoint' : 'careful'
    const expected = random.next() < 0.3 ? (this.#machines.get(asset)!.known('setpoint')!.value as number) : undefined
    const person = this.#person(by)
    if (person === undefined) return
    const wish = {
      asset,
      command,
      value,
      ...(expected !== undefined && { expected }),
      ...(key !== undefined && { key }),
    }
    void hub.requests.request(wish, person, { via: 'rest' }).then(
      (answer) => answer.kind === 'accepted' && this.#asked.push({ answer, by }),
      () => {},
    )
  }

  #somebodyApproves(): void {
    const hub = this.#living()
    const waiting = hub?.commands.inFlight().find(({ state }) => state === 'waiting-approval')
    const person = this.#person(['ann', 'bob', 'eve'][this.#random.integer(3)]!)
    if (hub === undefined || waiting === undefined || person === undefined) return
    void hub.requests.approve(waiting.request.id, person, this.#random.next() < 0.8, 'rest').catch(() => {})
  }

  #living(): SimHub | undefined {
    const living = [...this.#hubs.values()].filter(({ log }) => !log.isDead)
    return living[this.#random.integer(Math.max(1, living.length))]
  }

  #moveSource(): void {
    const dice = this.#random.next()
    if (this.#names.length === 1) return
    if (dice < 0.4) this.#believers = new Set(['a'])
    else if (dice < 0.8) this.#believers = new Set(['b'])
    // A hub that was frozen and does not know that its lease is over.
    else this.#believers = new Set(['a', 'b'])
  }

  #revoke(): void {
    const name = ['ann', 'bob', 'eve'][this.#random.integer(3)]!
    if (!this.#revoked.delete(name)) this.#revoked.add(name)
  }

  /** The dead come back after a while, as another run, and the other one gets the source meanwhile. */
  async #watch(): Promise<void> {
    for (const hub of this.#names.map((name) => this.#hubs.get(name)!)) {
      if (!hub.log.isDead) continue
      if (hub.backAt === Infinity) {
        this.#kills += 1
        hub.backAt = this.#manual.monotonic() + this.#random.integer(2_000)
        if (this.#random.next() < 0.5 && this.#names.length > 1)
          this.#believers = new Set([hub.name === 'a' ? 'b' : 'a'])
      }
      if (this.#manual.monotonic() >= hub.backAt) await this.#start(hub.name, this.#mortal())
    }
  }

  #mortal(): number {
    return 1 + this.#random.integer(MOST_CALLS)
  }

  #system(number: number) {
    // Nothing of the disk is used: views are not opened, and rebuilt from the log each time.
    const disk = { makeDirectory: async () => {} } as unknown as Disk
    const random = seededRandom(this.#seed * 1_000 + number)
    return { clock: this.#clock, random, disk, logger: silentLogger, metrics: new Metrics() }
  }

  async #pass(ms: number, step = 20): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.#manual.advance(Math.min(left, step))
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
}

/** A log whose answers get lost, and which stores something twice. */
class FlakyLog extends MortalLog {
  readonly #dice: Random
  readonly #isFlaky: () => boolean

  constructor(parts: ConstructorParameters<typeof MortalLog>[0], isFlaky: () => boolean) {
    super(parts)
    this.#dice = parts.random
    this.#isFlaky = isFlaky
  }

  override async append(topic: string, records: readonly NewRecord[]) {
    const dice = this.#isFlaky() ? this.#dice.next() : 1
    const lost = () => new LogError('LOG_UNAVAILABLE', 'the answer was lost', { retriable: true })
    if (dice < 0.03) throw lost()
    const appended = await super.append(topic, records)
    if (dice < 0.06) throw lost()
    // The audit is kept by idempotent producers; a step of a command may come twice for other reasons too.
    if (dice < 0.09 && topic === COMMANDS) await super.append(topic, records)
    return appended
  }
}

/** Ends that say that nothing was done, of something that was. */
function lies({ request: { id }, state }: Tracked): string[] {
  return state === 'expired' || state === 'rejected' ? [`${id} is ${state} and was executed`] : []
}

function unsettled(id: string, commands: Commands): string[] {
  const command = commands.get(id)
  if (command === undefined) return [`${id} was accepted and is not in the log`]
  return isSettled(command) ? [] : [`${id} has not ended: ${command.state}`]
}

function snapshotText(commands: Commands): string {
  const assets = [...commands.assets()].sort((a, b) => (a.asset < b.asset ? -1 : 1))
  const positions = sortedPositions(commands.positions()).filter(({ offset }) => offset > 0)
  return Buffer.concat(encodeSnapshot({ positions, assets })).toString()
}
