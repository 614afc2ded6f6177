import { pathMatcher } from '../model/path-pattern.ts'
import type { HeldEvent } from './held.ts'

export interface EventsQuery {
  /** `oee.result`, `oee.*`, `*`: a star is any text. */
  readonly type?: string
  /** Pattern of assets below the site. */
  readonly asset?: string
  /** Received times: from this on, up to and without that. */
  readonly from?: number
  readonly to?: number
  /** Where the page before ended. */
  readonly after?: EventPlace
  /** Only the newest of each key of a type of an asset. */
  readonly latest?: boolean
  readonly limit: number
}

/** The place of an event in the order in which they are shown, newest first: received time, then partition and offset. */
export interface EventPlace {
  readonly receivedTime: number
  readonly partition: number
  readonly offset: number
}

export interface EventsPage {
  readonly events: readonly HeldEvent[]
  /** Where the next page goes on; absent: there is none. */
  readonly next?: EventPlace
}

/** Whether a query takes an event. */
export function eventFilter(site: string, { from = -Infinity, to = Infinity, type, asset, after }: EventsQuery) {
  const isType = type === undefined ? () => true : typePattern(type)
  const isAsset = asset === undefined ? () => true : pathMatcher(site, asset)
  const takesSeries = (series: Pick<HeldEvent, 'type' | 'asset'>) => isType(series.type) && isAsset(series.asset)
  const takesPlace = (event: EventPlace) =>
    event.receivedTime >= from && event.receivedTime < to && (after === undefined || isBefore(event, after))
  return { takesSeries, takesPlace }
}

function typePattern(pattern: string): (type: string) => boolean {
  if (!pattern.includes('*')) return (type) => type === pattern
  const parts = pattern.split('*')
  const last = parts.pop()!
  const [first, ...inner] = parts as [string, ...string[]]
  return (type) => {
    if (!type.startsWith(first) || !type.endsWith(last) || type.length < first.length + last.length) return false
    let at = first.length
    for (const part of inner) {
      const found = type.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at <= type.length - last.length
  }
}

/** Newest first. */
export function byPlace(one: EventPlace, other: EventPlace): number {
  return isBefore(one, other) ? 1 : -1
}

function isBefore(one: EventPlace, other: EventPlace): boolean {
  if (one.receivedTime !== other.receivedTime) return one.receivedTime < other.receivedTime
  return one.partition === other.partition ? one.offset < other.offset : one.partition < other.partition
}

/** The first events of a page, newest first, and where it goes on. */
export function pageOf(found: HeldEvent[], limit: number): EventsPage {
  const events = found.sort(byPlace).slice(0, limit)
  const last = found.length > limit ? events.at(-1) : undefined
  if (last === undefined) return { events }
  return { events, next: { receivedTime: last.receivedTime, partition: last.partition, offset: last.offset } }
}
