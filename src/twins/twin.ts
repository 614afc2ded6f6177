import type { Reading, Value } from '../model/reading.ts'

/** What is known of one tag. Immutable: a newer value is a new object. */
export interface TagState {
  readonly value: Value | null
  /** OPC UA StatusCode, 0 = Good. */
  readonly quality: number
  readonly sourceTime: number
  readonly serverTime: number | undefined
  readonly receivedTime: number
  /** When its value began: the time of the first of the equal values up to now. */
  readonly since: number
  /** The source that it came from. */
  readonly source: string
  /** When it was received, in monotonic ms of this process: its age is measured by it. Not part of what is kept. */
  readonly heardAt: number
}

/** The state of one asset: a function of its records in the log, and of nothing else. */
export interface Twin {
  readonly path: string
  /** Grows by one with every record that changed it. */
  revision: number
  /** Newest received time of its records; also of those that changed nothing. */
  lastReceived: number
  readonly tags: Map<string, TagState>
  /** Where hubs share the twins: what it has taken. */
  taken?: Taken
}

/** By topic: the offset behind the last record of its partition that a twin has taken. */
export interface Taken {
  telemetry: number
  derived: number
}

/** A topic whose records evolve twins. */
export type TwinTopic = keyof Taken

export function newTwin(path: string): Twin {
  return { path, revision: 0, lastReceived: 0, tags: new Map() }
}

/** How one twin's records are to another's of the same asset; `apart`: each has some that the other has not. */
export function compareTaken(one: Taken = NOTHING, other: Taken = NOTHING): 'same' | 'ahead' | 'behind' | 'apart' {
  const telemetry = Math.sign(one.telemetry - other.telemetry)
  const derived = Math.sign(one.derived - other.derived)
  if (telemetry === 0 && derived === 0) return 'same'
  if (telemetry >= 0 && derived >= 0) return 'ahead'
  return telemetry <= 0 && derived <= 0 ? 'behind' : 'apart'
}

const NOTHING: Taken = { telemetry: 0, derived: 0 }

/**
 * Source of the value that was received last; '' where there is none. It is told by the values and not kept beside them: what
 * is derived comes in another topic, and which of the two was read first is chance.
 */
export function sourceOf({ tags }: Twin): string {
  let newest: TagState | undefined
  for (const tag of tags.values()) {
    const later = newest === undefined || tag.receivedTime > newest.receivedTime
    if (later || (tag.receivedTime === newest!.receivedTime && tag.source < newest!.source)) newest = tag
  }
  return newest?.source ?? ''
}

/**
 * Takes a reading into a twin and answers whether it changed; `heardAt` is carried along. The result depends on the twin and the reading alone: no
 * clock, no chance; taking the log from its start gives the same twin again. It works in place, because an asset with
 * ten thousand tags must not be copied for each value of one of them; each tag's state is a value.
 *
 * Late data does not overwrite newer: a back-filled value belongs to history. For two values of the same time the later
 * one in the log counts.
 */
export function evolve(twin: Twin, reading: Reading, source: string, heardAt: number): boolean {
  const { values, quality } = reading
  const time = shownTime(reading)
  let changed = false
  for (const tag of Object.keys(values)) {
    const before = twin.tags.get(tag)
    if (before !== undefined && time < shownTime(before)) continue
    const status = quality !== undefined && Object.hasOwn(quality, tag) ? quality[tag]! : 0
    const value = values[tag]!
    const since = before !== undefined && isSame(before.value, value) ? before.since : time
    twin.tags.set(tag, tagState(reading, value, status, since, source, heardAt))
    changed = true
  }
  if (reading.receivedTime > twin.lastReceived) twin.lastReceived = reading.receivedTime
  if (changed) twin.revision += 1
  return changed
}

/**
 * The time by which values are told older from newer: the machine's own, but never later than it was received. Else a
 * machine whose clock was once a year ahead would show that value for a year.
 */
export function shownTime({
  sourceTime,
  receivedTime,
}: {
  readonly sourceTime: number
  readonly receivedTime: number
}): number {
  return sourceTime < receivedTime ? sourceTime : receivedTime
}

/**
 * Whether a value goes on. One that was decoded before its type was known is the same as the typed one; an array or a
 * structure begins anew with each record: a state is none of them.
 */
export function isSame(before: Value | null, value: Value | null): boolean {
  if (before === value) return true
  if (typeof before === typeof value || before === null || value === null) return false
  if (typeof before === 'object' || typeof value === 'object') return false
  if (typeof before === 'string' || typeof value === 'string')
    return (typeof before === 'bigint' || typeof value === 'bigint') && String(before) === String(value)
  return Number(before) === Number(value)
}

function tagState(
  { sourceTime, serverTime, receivedTime }: Reading,
  value: Value | null,
  quality: number,
  since: number,
  source: string,
  heardAt: number,
): TagState {
  return { value, quality, sourceTime, serverTime, receivedTime, since, source, heardAt }
}
