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
