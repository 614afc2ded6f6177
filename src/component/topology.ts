import type { AlarmTransition } from '../model/alarm.ts'
import type { Event } from '../model/event.ts'
import type { Json } from '../model/json-value.ts'
import type { Reading } from '../model/reading.ts'

/**
 * A topology is what a processor does, as plain data: which facts it takes, through which steps they go, in how many
 * stages. It can be printed, compared and checked without being run, and it runs in two drivers: over the log
 * (`flow/topology`) and synchronously over facts that are handed to it (`testing.ts`).
 */
export interface Topology {
  /** Name of the processor in the config. */
  readonly name: string
  /** Its own topic, `product-<name>`, for its facts of kind `product`; absent: it has none. */
  readonly product?: { readonly keepMs: number }
  /** One after the other; a stage is fed by the log and by the `keyed` facts of the stage before it. */
  readonly stages: readonly Stage[]
}

/** Steps that share a key. Facts of one key are taken in order, those of different keys are independent. */
export interface Stage {
  readonly name: string
  readonly from: readonly Intake[]
  /**
   * When `keyed` facts are taken. `in-order` (default): once every partition of the stage before is past their time, in the
   * order of when they were received, so that the outputs are the same however often and wherever it runs; a second or two
   * later. `as-they-come`: at once, for what is more useful soon than exact.
   */
  readonly order?: 'in-order' | 'as-they-come'
  /**
   * How often the states of its keys are written to the log, at most; ms, default 1,000. Longer where states are large: less is
   * written, more is read again after a crash, and stages that take `keyed` facts in order wait so long for this one.
   */
  readonly saveEveryMs?: number
  /** In order: what a step emits goes to the next one, and what the last one emits goes to the log. */
  readonly steps: readonly Step[]
}

/** Facts that a stage takes. */
export interface Intake {
  /** Kind of topic; `keyed` are the facts that the stage before has given a key of its own. */
  readonly topic: 'telemetry' | 'derived' | 'events' | 'alarms' | 'keyed'
  /** Patterns of paths of assets (`press-shop/**`), below the site; absent: all. Not for `keyed`. */
  readonly on?: readonly string[]
  /**
   * Takes only what these processors have derived, for `derived` and `alarms`. Absent: of all but this one, which never
   * sees what it has said itself.
   */
  readonly of?: readonly string[]
}

/** One operator at work. */
export interface Step {
  /** Unique within its stage: its states are kept under it. */
  readonly name: string
  /** Kind of operator: `filter`, `window`, `oee`. */
  readonly does: string
  /** The operator's parameters, for people and for comparison. */
  readonly with: Json
  readonly operator: Operator
}

/** What flows through a topology. */
export type Fact =
  | { readonly kind: 'reading'; readonly reading: Reading }
  | { readonly kind: 'event'; readonly event: Event }
  | { readonly kind: 'alarm'; readonly alarm: AlarmTransition }
  | Keyed
  | Product

/** A fact under a key that is not its asset: a line, a cell of the map, a material at a place. */
export interface Keyed {
  readonly kind: 'keyed'
  readonly key: string
  /** Event time, ms since the epoch. */
  readonly time: number
  readonly receivedTime: number
  readonly data: Json
}

/** A record of the processor's own topic, as it is: key, value as JSON, and nothing else. */
interface Product {
  readonly kind: 'product'
  readonly key: string
  /** Event time, ms since the epoch. */
  readonly time: number
  /** The record's timestamp, ms since the epoch: when it was received, or as much of that as others may know. */
  readonly receivedTime: number
  readonly data: Json
}

/**
 * A function of the facts of one key and the state that it keeps for that key. It is deterministic: no clock, no chance, no
 * I/O, so the same facts give the same outputs, byte for byte, whether it ran for days or was killed at every step; that
 * is how repeats after a crash are recognised. It holds nothing outside `S`.
 *
 * Errors: what `take` or `due` throws harms only that fact: nothing of it is emitted, it is counted and logged, and the next
 * one is taken. So an operator throws before it changes its state, or not at all. What it emits and no record can be made of
 * (no time, over 1 MiB, a product or a `keyed` fact of a processor that has no place for it) is counted and logged in the same
 * way, and only that is not emitted.
 */
export interface Operator<S = unknown> {
  /** The state of a key that has none yet. May be shared between steps only if it is never changed. */
  create(key: string): S
  /** Takes the next fact of a key. May change the state that it is given. */
  take(state: S, fact: Fact, context: StepContext): void
  /** Event time has reached a timer that was set for this key. */
  due?(state: S, timer: string, context: StepContext): void
  /**
   * The state as JSON, equal for equal states. Absent: there is none to be kept. All steps of a key together may have 1 MiB: a
   * key with more, or whose state is no JSON, is let go when it is saved, begins anew, and is counted and logged.
   */
  save?(state: S): Json
  /** The state of a JSON by `save`, also of an older version of the operator. */
  restore?(json: Json): S
  /**
   * Whether the state is as `create` would make it, so that a key of which nothing else is known can be let go. Absent: keys
   * stay for ever, which is right for machines, and wrong for orders or cells of a map.
   */
  isIdle?(state: S): boolean
}

/** What a step may do while it takes a fact or a timer. */
export interface StepContext {
  readonly key: string
  /**
   * Event time of the fact, ms since the epoch, or the time for which the timer was set. It is when the machine measured;
   * a time over a minute ahead of when it was received is that of a wrong clock, and the received time stands for it.
   */
  readonly time: number
  /**
   * How late it is for this key: its highest event time, and while nothing of it comes, that time going on with
   * the received times of its partition. Timers fire by it. What is older is late.
   */
  readonly now: number
  /** The received time that stands for it: that of the fact, or for a timer that of its moment; ms since the epoch. */
  readonly received: number
  /** Where what led to this lies in the log; the same for all that is emitted here: `acme.berlin.telemetry/3/1234`. */
  readonly cause: string
  /** Hands a fact to the next step, or to the log after the last one. */
  emit(fact: Fact): void
  /** Hands a fact to the log, past the steps that follow; what is too late for a window goes this way. */
  emitAside(fact: Fact): void
  /**
   * Sets the timer of a name, in place of an earlier one: `due` is called when `now` has reached `at`.
   * @throws where `at` is no number, or where timers have set each other for the same ms a thousand times
   */
  setTimer(timer: string, at: number): void
  clearTimer(timer: string): void
}

/** Event time of a fact: when it happened by the clock of whoever says so, ms since the epoch. */
export function timeOf(fact: Fact): number {
  switch (fact.kind) {
    case 'reading':
      return fact.reading.sourceTime
    case 'event':
      return fact.event.time
    case 'alarm':
      return fact.alarm.time
    default:
      return fact.time
  }
}

/** The key of a fact: its asset, or the key that it was given. */
export function keyOf(fact: Fact): string {
  switch (fact.kind) {
    case 'reading':
      return fact.reading.asset
    case 'event':
      return fact.event.asset
    case 'alarm':
      return fact.alarm.asset
    default:
      return fact.key
  }
}
