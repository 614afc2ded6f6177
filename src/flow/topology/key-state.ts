import type { Step } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'

/** A timer of a key that has not fired. */
interface SetTimer {
  readonly step: number
  readonly name: string
  /** Event time of the key. */
  readonly at: number
  /** What led to it. */
  readonly cause: string
  /** How many timers before it were due in the same moment, each set by the last; not kept, it is over when they are. */
  readonly chain?: number
}

/** What is kept of one key of a stage. */
export interface KeyState {
  readonly key: string
  /** State by step; undefined where a step has seen nothing of the key yet. */
  readonly states: unknown[]
  /** By step and name. */
  readonly timers: Map<string, SetTimer>
  /** Highest event time, and the received time of the partition at that moment. */
  time: number
  received: number
  /** The changelog has a state of it. */
  isKept: boolean
}

/** A key's state as it lies in the changelog. */
export interface SavedKey {
  readonly key: string
  /** null: nothing is kept of it any more. */
  readonly state: SavedState | null
}

/** The same as JSON; null: nothing is kept of it any more. */
export interface KeyText {
  readonly key: string
  readonly text: string | null
}

export function textOfKey({ key, state }: SavedKey): KeyText {
  return { key, text: state && JSON.stringify(state) }
}

export function keyOfText({ key, text }: KeyText): SavedKey {
  return { key, state: text === null ? null : (JSON.parse(text) as SavedState) }
}

/** Most that is kept of a key, in bytes of its JSON: what a record can hold. */
const MOST_STATE_BYTES = 1_048_576

export interface SavedState {
  readonly time: number
  readonly received: number
  /** State by name of the step. */
  readonly steps: { readonly [step: string]: Json }
  readonly timers: readonly (readonly [step: string, name: string, at: number, cause: string])[]
}

export function newKey(key: string): KeyState {
  return { key, states: [], timers: new Map(), time: -Infinity, received: -Infinity, isKept: false }
}

/**
 * How late it is for a key when its partition has got to a received time: while nothing of it comes, its clock goes on
 * with the partition's.
 */
export function nowOf({ time, received }: KeyState, partitionReceived: number): number {
  return time === -Infinity ? time : time + Math.max(0, partitionReceived - received)
}

/** Received time of the partition at which a key's clock shows a time. */
export function receivedAt({ time, received }: KeyState, at: number): number {
  return at <= time ? received : received + (at - time)
}

/** The timer that fires first: by time, then step, then name. */
export function firstTimer({ timers }: KeyState): SetTimer | undefined {
  let first: SetTimer | undefined
  for (const timer of timers.values()) if (first === undefined || isBefore(timer, first)) first = timer
  return first
}

function isBefore(one: SetTimer, other: SetTimer): boolean {
  if (one.at !== other.at) return one.at < other.at
  if (one.step !== other.step) return one.step < other.step
  return one.name < other.name
}

export function timerId(step: number, name: string): string {
  return `${step}/${name}`
}

/**
 * A key's state as JSON.
 * @throws where there is too much of it, or it is none.
 */
export function keyText(key: KeyState, steps: readonly Step[]): string {
  const text = JSON.stringify(saveKey(key, steps))
  // A UTF-16 unit takes at most 3 bytes.
  const size = 3 * text.length > MOST_STATE_BYTES ? Buffer.byteLength(text) : 0
  if (size <= MOST_STATE_BYTES) return text
  throw new RangeError(
    `Cannot keep state of "${key.key}": it has ${size} bytes as JSON, want at most ${MOST_STATE_BYTES}; it begins anew`,
  )
}

/** Equal states give equal JSON: steps in their order, timers in the order in which they fire. */
function saveKey(key: KeyState, steps: readonly Step[]): SavedState {
  const saved: { [step: string]: Json } = {}
  steps.forEach(({ name, operator }, index) => {
    const state = key.states[index]
    if (state !== undefined && operator.save) saved[name] = operator.save(state)
  })
  const timers = [...key.timers.values()].sort((a, b) => (isBefore(a, b) ? -1 : 1))
  return {
    time: key.time,
    received: key.received,
    steps: saved,
    timers: timers.map(({ step, name, at, cause }) => [steps[step]!.name, name, at, cause] as const),
  }
}

/** A saved key; states and timers of steps that are no longer there are let go. */
export function restoreKey(key: string, saved: SavedState, steps: readonly Step[]): KeyState {
  const restored = newKey(key)
  restored.time = saved.time
  restored.received = saved.received
  restored.isKept = true
  steps.forEach(({ name, operator }, index) => {
    if (Object.hasOwn(saved.steps, name)) restored.states[index] = operator.restore?.(saved.steps[name]!)
  })
  for (const [stepName, name, at, cause] of saved.timers) {
    const step = steps.findIndex((one) => one.name === stepName)
    if (step >= 0) restored.timers.set(timerId(step, name), { step, name, at, cause })
  }
  return restored
}
