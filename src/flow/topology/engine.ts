import { keyOf, timeOf, type Fact, type Stage, type Step, type StepContext } from '../../component/topology.ts'
import {
  firstTimer,
  newKey,
  keyOfText,
  keyText,
  nowOf,
  receivedAt,
  restoreKey,
  timerId,
  type KeyState,
  type KeyText,
  type SavedKey,
} from './key-state.ts'
import { Timers } from './timers.ts'

/** A fact, and where it lies in the log. */
export interface PlacedFact {
  readonly fact: Fact
  /** `acme.berlin.telemetry/3/1234`. */
  readonly cause: string
  /** The record's timestamp: when Millrace received it, ms since the epoch. */
  readonly received: number
}

/** A fact that was derived. */
export interface Output {
  readonly fact: Fact
  /** Topic, partition and offset of what led to it, the timer where it was one, and its number among what that led to. */
  readonly cause: string
  /** The received time that stands for it. */
  readonly received: number
}

/** A fact or a timer that a step could not take, or what came of it and cannot be written. */
export interface StepFault {
  /** The step, or its stage where it is not known which of them; '' for the state of a key. */
  readonly step: string
  readonly key: string
  readonly cause: string
  readonly error: unknown
}

/** What is being taken: a fact or a timer of a key. */
interface Current {
  readonly key: KeyState
  /** What is derived from it is numbered under this. */
  readonly cause: string
  /** The record that it began with. */
  readonly source: string
  readonly now: number
  readonly received: number
  /** When the record was received, by which the times of its facts are believed or not. */
  readonly told: number
  /** Of a timer: how many there were before it, each set by the last one and due in the same moment. */
  readonly chain?: number
  outputs: number
}

/** Ahead of when it was received by more than this, a time is that of a wrong clock. */
const AHEAD_MS = 60_000
/** Timers that set the next one for the same moment; beyond it they would do so for ever. */
const MOST_CHAINED = 1_000
/** What counts as the same moment. */
const MOMENT_MS = 1

/**
 * Runs the steps of one stage over the facts of one partition: synchronous, deterministic, no I/O. Facts are taken in the
 * order in which they are given; before each of them every timer fires that is due by then.
 */
export class StageEngine {
  readonly #steps: readonly Step[]
  readonly #contexts: readonly Context[]
  readonly #onFault: (fault: StepFault) => void
  readonly #keys = new Map<string, KeyState>()
  readonly #timers = new Timers()
  readonly #changed = new Set<string>()
  /** How far the partition has got: the highest received time. */
  #received = -Infinity
  /** The highest received time of a fact. */
  #stored = -Infinity
  #outputs: Output[] = []
  /** Keys that are let go and of which the changelog has a state. */
  readonly #gone = new Set<string>()
  /** What is being taken right now. */
  #current: Current = { key: newKey(''), cause: '', source: '', now: 0, received: 0, told: 0, outputs: 0 }

  constructor({ steps }: Pick<Stage, 'steps'>, onFault: (fault: StepFault) => void = rethrow) {
    this.#steps = steps
    this.#contexts = steps.map((_, index) => new Context(this, index))
    this.#onFault = onFault
  }

  take({ fact, cause, received: told }: PlacedFact): void {
    // A record that lies behind a younger one was late in being stored: what it leads to is said no earlier than the rest.
    const received = (this.#stored = Math.max(this.#stored, told))
    this.advance(received)
    const key = this.#key(keyOf(fact))
    const time = believed(timeOf(fact), told)
    this.#fireUpTo(key, time, -Infinity)
    if (time >= key.time) {
      key.time = time
      key.received = this.#received
    }
    const now = nowOf(key, this.#received)
    this.#current = { key, cause, source: cause, now, received, told, outputs: 0 }
    this.#attempt(0, () => this.#pass(0, fact, time))
    this.#fireUpTo(key, now, received)
    this.#end(key)
  }

  /** Time has passed, up to a received time: fires what is due by then, in the order in which it is due. */
  advance(received: number): void {
    if (received <= this.#received) return
    for (let next = this.#timers.next(received); next !== undefined; next = this.#timers.next(received)) {
      const key = this.#keys.get(next.key)
      if (key === undefined) continue
      this.#received = Math.max(this.#received, next.due)
      // Of times with fine fractions the sums may not come out even; the timer that was due would be due for ever.
      const first = firstTimer(key)
      const isDue = first !== undefined && receivedAt(key, first.at) <= next.due
      this.#fireUpTo(key, Math.max(nowOf(key, next.due), isDue ? first.at : -Infinity), -Infinity)
      this.#end(key)
    }
    this.#received = received
  }

  /** How far the partition has got. */
  get received(): number {
    return this.#received
  }

  /** What has been derived since the last call, in order. */
  drain(): readonly Output[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  /** The keys whose state has changed since the last call, in order of their names. */
  changes(): SavedKey[] {
    return this.save().map(keyOfText)
  }

  /** The same as JSON. A key whose state cannot be kept is let go: it begins anew, and that is a fault. */
  save(): KeyText[] {
    const saved: KeyText[] = []
    for (const name of this.#changed) {
      const key = this.#keys.get(name)
      const text = key && this.#textOf(key)
      if (text === undefined) continue
      key!.isKept = true
      saved.push({ key: name, text })
    }
    for (const key of this.#gone) saved.push({ key, text: null })
    this.#changed.clear()
    this.#gone.clear()
    return saved.sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  #textOf(key: KeyState): string | undefined {
    try {
      return keyText(key, this.#steps)
    } catch (error) {
      this.#letGo(key)
      this.#timers.schedule(key.key, Infinity)
      this.#onFault({ step: '', key: key.key, cause: '', error })
      return undefined
    }
  }

  /** Puts saved keys in place, before anything is taken. `received`: how far the partition had got. */
  restore(keys: Iterable<SavedKey>, received: number): void {
    this.#received = received
    // The next stage may have been told that nothing comes from before it.
    this.#stored = received
    for (const { key, state } of keys) {
      if (state === null) continue
      try {
        const restored = restoreKey(key, state, this.#steps)
        this.#keys.set(key, restored)
        const first = firstTimer(restored)
        if (first) this.#timers.schedule(key, receivedAt(restored, first.at))
      } catch (error) {
        // An operator that cannot read what an older one has written: the key begins anew.
        this.#onFault({ step: '', key, cause: '', error })
      }
    }
  }

  get keys(): number {
    return this.#keys.size
  }

  /** For the contexts: hands a fact on from a step. */
  pass(step: number, fact: Fact): void {
    this.#pass(step + 1, fact, believed(timeOf(fact), this.#current.told))
  }

  /** For the contexts: hands a fact to the log. */
  put(fact: Fact): void {
    const current = this.#current
    this.#outputs.push({ fact, cause: `${current.cause}/${current.outputs++}`, received: current.received })
  }

  /** For the contexts. */
  setTimer(step: number, name: string, at: number): void {
    if (!Number.isFinite(at))
      throw new RangeError(`Cannot set timer "${name}": its time is ${at}, want ms since the epoch`)
    const { key, source, now, chain } = this.#current
    const timer = { step, name, at, cause: source }
    // Only what a timer sets can go round in circles.
    if (chain === undefined || at >= now + MOMENT_MS) return void key.timers.set(timerId(step, name), timer)
    if (chain >= MOST_CHAINED) {
      throw new RangeError(
        `Cannot set timer "${name}": ${chain} were due at ${now}, each set by the last, want a later time`,
      )
    }
    key.timers.set(timerId(step, name), { ...timer, chain: chain + 1 })
  }

  /** For the contexts. */
  clearTimer(step: number, name: string): void {
    this.#current.key.timers.delete(timerId(step, name))
  }

  #pass(index: number, fact: Fact, time: number): void {
    const step = this.#steps[index]
    if (step === undefined) return this.put(fact)
    const { key } = this.#current
    const state = (key.states[index] ??= step.operator.create(key.key))
    step.operator.take(state, fact, this.#contexts[index]!.at(time, this.#current))
  }

  /**
   * Fires a key's timers up to a time of its own, in order; each at the time for which it was set. `from`: what they lead to
   * is said no earlier.
   */
  #fireUpTo(key: KeyState, now: number, from: number): void {
    if (key.timers.size === 0) return
    for (let timer = firstTimer(key); timer !== undefined && timer.at <= now; timer = firstTimer(key)) {
      const { step, name, at, cause: source, chain = 0 } = timer
      const { operator, name: stepName } = this.#steps[step]!
      key.timers.delete(timerId(step, name))
      const cause = `${source}/${stepName}.${name}@${at}`
      // A machine that sends its past in one go does not make it tomorrow.
      const received = Math.max(from, Math.min(receivedAt(key, at), this.#received))
      this.#current = { key, cause, source, now: at, received, told: Math.max(received, at), chain, outputs: 0 }
      const state = (key.states[step] ??= operator.create(key.key))
      this.#attempt(step, () => operator.due?.(state, name, this.#contexts[step]!.at(at, this.#current)))
    }
  }

  /** What throws has emitted nothing. */
  #attempt(step: number, work: () => void): void {
    const before = this.#outputs.length
    try {
      work()
    } catch (error) {
      this.#outputs.length = before
      const { key, source } = this.#current
      this.#onFault({ step: this.#steps[step]?.name ?? '', key: key.key, cause: source, error })
    }
  }

  #end(key: KeyState): void {
    if (key.timers.size === 0 && this.#isIdle(key)) {
      this.#letGo(key)
    } else {
      this.#changed.add(key.key)
    }
    const first = key.timers.size === 0 ? undefined : firstTimer(key)
    this.#timers.schedule(key.key, first === undefined ? Infinity : receivedAt(key, first.at))
  }

  #letGo(key: KeyState): void {
    this.#keys.delete(key.key)
    if (key.isKept) this.#gone.add(key.key)
  }

  #isIdle({ states }: KeyState): boolean {
    return this.#steps.every(({ operator }, index) => {
      return !operator.save || states[index] === undefined || operator.isIdle?.(states[index]) === true
    })
  }

  #key(name: string): KeyState {
    let key = this.#keys.get(name)
    if (key === undefined) {
      key = newKey(name)
      // A key that comes again before it was told that it had gone is simply another state of it.
      key.isKept = this.#gone.delete(name)
      this.#keys.set(name, key)
    }
    return key
  }
}

/** One for each step, used again for every fact: a step is never entered twice at a time. */
class Context implements StepContext {
  key = ''
  time = 0
  now = 0
  received = 0
  cause = ''
  readonly #engine: StageEngine
  readonly #step: number

  constructor(engine: StageEngine, step: number) {
    this.#engine = engine
    this.#step = step
  }

  at(time: number, { key, now, source, received }: Current): this {
    this.key = key.key
    this.time = time
    this.now = now
    this.cause = source
    this.received = received
    return this
  }

  emit(fact: Fact): void {
    this.#engine.pass(this.#step, fact)
  }

  emitAside(fact: Fact): void {
    this.#engine.put(fact)
  }

  setTimer(timer: string, at: number): void {
    this.#engine.setTimer(this.#step, timer, at)
  }

  clearTimer(timer: string): void {
    this.#engine.clearTimer(this.#step, timer)
  }
}

/** The event time of a fact, or when it was received where its clock is wrong. */
export function believed(time: number, received: number): number {
  return time > received + AHEAD_MS ? received : time
}

function rethrow({ error }: StepFault): void {
  throw error
}
