import type { StepContext } from '../topology.ts'

/**
 * What is older than this comes too late. It moves with the newest fact of a key and with timers: one that is older than others
 * after a silence is no sign that what the machine has kept meanwhile will not come.
 */
export function horizonAt(before: number, { time, now }: StepContext, lateMs: number): number {
  return time < now ? before : Math.max(before, now - lateMs)
}

/**
 * A timer that is set while one fires lies after it. Where times have fractions that do not add up to the last bit, it would
 * be the same one again, for ever.
 */
export function afterNow(at: number, { now }: StepContext): number {
  return at > now ? at : now + 1
}

/**
 * Puts what comes late in its place: items by event time, of equal times in the order in which they came. Nearly
 * everything comes in order, so the search begins at the end.
 */
export function insertInTime<T extends { readonly time: number }>(items: T[], item: T): void {
  let at = items.length
  while (at > 0 && items[at - 1]!.time > item.time) at -= 1
  if (at === items.length) items.push(item)
  else items.splice(at, 0, item)
}

/** Takes out of items in order of time those up to a time, that time included. */
export function takeUpTo<T extends { readonly time: number }>(items: T[], time: number): T[] {
  if (items.length === 0 || items[0]!.time > time) return []
  let count = 1
  while (count < items.length && items[count]!.time <= time) count += 1
  return items.splice(0, count)
}
