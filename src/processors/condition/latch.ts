import type { Json } from '../../model/json-value.ts'

/** How long a condition must hold before its alarm is raised, and be gone before it is cleared; ms. */
export interface LatchTimes {
  /** On-delay of ISA-18.2-2016 clause 10 (alarm attributes). */
  readonly onMs: number
  readonly offMs: number
}

/** An alarm between its condition and what is told. Times are event time, ms since the epoch. */
export interface Latch {
  isActive: boolean
  /** Since when that which would turn it has been so; undefined: it is not, or nobody knows. */
  since: number | undefined
  /** ms for which it was so before nobody knew: time that is not known neither counts nor undoes. */
  waitedMs: number
  /** When the condition began that the alarm is, or will be, about. */
  onset: number | undefined
}

export function newLatch(): Latch {
  return { isActive: false, since: undefined, waitedMs: 0, onset: undefined }
}

/** Takes whether the condition holds at a time. Answers whether the alarm turned. */
export function turn(latch: Latch, times: LatchTimes, holds: boolean | undefined, time: number): boolean {
  if (holds === undefined) {
    if (latch.since !== undefined) latch.waitedMs = time - latch.since
    latch.since = undefined
    return false
  }
  if (holds === latch.isActive) {
    latch.since = undefined
    latch.waitedMs = 0
    if (!latch.isActive) latch.onset = undefined
    return false
  }
  latch.since ??= time - latch.waitedMs
  if (holds) latch.onset ??= time
  if (time < latch.since + delayMs(latch, times)) return false
  latch.isActive = holds
  latch.since = undefined
  latch.waitedMs = 0
  return true
}

/** When it turns by itself if nothing changes until then; undefined: never. */
export function turnsAt(latch: Latch, times: LatchTimes): number | undefined {
  return latch.since === undefined ? undefined : latch.since + delayMs(latch, times)
}

function delayMs({ isActive }: Latch, { onMs, offMs }: LatchTimes): number {
  return isActive ? offMs : onMs
}

export function saveLatch({ isActive, since, waitedMs, onset }: Latch): Json {
  return [isActive, since ?? null, waitedMs, onset ?? null]
}

export function restoreLatch(json: Json): Latch {
  const [isActive, since, waitedMs, onset] = json as [boolean, number | null, number, number | null]
  return { isActive, since: since ?? undefined, waitedMs, onset: onset ?? undefined }
}
