import type { Known } from '../../src/commands/decide.ts'
import type { CommandAnswer, MachineCommand } from '../../src/component/source.ts'
import { Quality } from '../../src/model/quality.ts'
import type { Value } from '../../src/model/reading.ts'
import type { Random } from '../../src/system/random.ts'
import type { ManualClock } from '../mqtt/manual-clock.ts'

/** What a machine did, and how the world was when the hub sent it. */
export interface Execution {
  readonly id: string
  readonly value: number
  /** Monotonic ms of the world. */
  readonly at: number
  /** The interlock held, as the hub knew it: fresh and Good. */
  readonly wasSafe: boolean
  readonly wasWithRight: boolean
}

/** A machine that takes a setpoint, and keeps what it was told; some of what it says gets lost. */
export class SimMachine {
  readonly executed: Execution[] = []
  /** Values that somebody has read from it after a command, by id: what a confirmation may rest on. */
  readonly shown = new Map<string, Value[]>()
  readonly #clock: ManualClock
  readonly #random: Random
  #setpoint = 50
  #state = 'Idle'
  #stale = false
  readonly #twin = new Map<string, Known>()

  constructor(clock: ManualClock, random: Random) {
    this.#clock = clock
    this.#random = random
    this.#report()
  }

  known(tag: string): Known | undefined {
    const known = this.#twin.get(tag)
    return known && (tag === 'state' ? { ...known, stale: this.#stale } : known)
  }

  /** Whether the interlock holds on fresh Good values. */
  get isSafe(): boolean {
    const state = this.known('state')!
    return state.value !== 'Execute' && state.quality === 0 && !state.stale
  }

  /** Time passes: somebody turns a knob, it starts or stops, its connection comes and goes. */
  drift(): void {
    const dice = this.#random.next()
    if (dice < 0.1) this.#state = this.#state === 'Idle' ? 'Execute' : 'Idle'
    else if (dice < 0.15) this.#stale = !this.#stale
    else if (dice < 0.17) this.#setpoint = 20 + this.#random.integer(60)
    this.#report(dice > 0.17 && dice < 0.2 ? Quality.BadSensorFailure : 0)
  }

  /** Ends what hinders it, for the quiet at the end. */
  calm(): void {
    this.#state = 'Idle'
    this.#stale = false
    this.#report()
  }

  /** A command has come over the wire; `when`: how the world was when the hub handed it to its source. */
  take({ id, target }: MachineCommand, when: Pick<Execution, 'wasSafe' | 'wasWithRight'>): CommandAnswer | 'silence' {
    if (target.kind !== 'tag') return { kind: 'refused', code: 'BadMethodInvalid', reason: 'it has none' }
    const dice = this.#random.next()
    if (dice < 0.05) return { kind: 'not-sent', reason: 'no connection' }
    if (dice < 0.1) return { kind: 'refused', code: 'BadNotWritable', reason: 'locked' }
    if (dice < 0.15) return 'silence'
    this.executed.push({ id, value: target.value as number, at: this.#clock.monotonic(), ...when })
    const holds = this.#random.next() < 0.9
    if (holds) this.#setpoint = target.value as number
    if (dice < 0.3) return 'silence'
    if (dice < 0.6) return { kind: 'accepted', readBack: this.#show(id) }
    this.#clock.after(this.#random.integer(300), () => {
      this.#show(id)
      this.#report()
    })
    return { kind: 'accepted' }
  }

  #show(id: string): { value: Value; quality: number } {
    this.shown.set(id, [...(this.shown.get(id) ?? []), this.#setpoint])
    return { value: this.#setpoint, quality: 0 }
  }

  #report(quality = 0): void {
    const now = this.#clock.now()
    const times = { stale: false, sourceTime: now, receivedTime: now, heardAt: this.#clock.monotonic() }
    this.#twin.set('setpoint', { value: this.#setpoint, quality: 0, ...times })
    this.#twin.set('state', { value: this.#state, quality, ...times })
  }
}
