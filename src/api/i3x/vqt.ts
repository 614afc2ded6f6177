import { formatTime } from '../../model/rfc3339.ts'
import { Quality, severity } from '../../model/quality.ts'
import type { JsonValue, TagView } from '../contract.ts'
import type { HistoryPointView } from '../contract-history.ts'

/** Value, quality, time, as i3X 1.0 has them ("Query Methods"). `value` is null just where it is `Bad` or `GoodNoData`. */
export interface Vqt {
  readonly value: JsonValue
  readonly quality: 'Good' | 'GoodNoData' | 'Bad' | 'Uncertain'
  /** RFC 3339, UTC. */
  readonly timestamp: string
}

/** Times that RFC 3339 can write: years 0 to 9999. A machine's clock may say anything. */
const TIMES = { first: -62_167_219_200_000, last: 253_402_300_799_999 } as const

/**
 * A tag's value. One that is stale or uncertain is `Uncertain`: it is held, and must not be taken for the present. With
 * a Bad quality i3X has no value. `since`: what a tag that never came has as its time, ms since the epoch.
 */
export function tagVqt(tag: TagView, since: number): Vqt {
  if (tag.quality === Quality.BadWaitingForInitialData && tag.receivedTime === 0) return noData(since)
  const timestamp = timestampOf(tag.sourceTime)
  if (tag.severity === 'bad') return { value: null, quality: 'Bad', timestamp }
  if (tag.value === null) return { value: null, quality: 'GoodNoData', timestamp }
  return { value: tag.value, quality: tag.stale || tag.severity === 'uncertain' ? 'Uncertain' : 'Good', timestamp }
}

/** A value of the past, with its OPC UA StatusCode. */
export function pastVqt([time, value, quality]: HistoryPointView): Vqt {
  const timestamp = timestampOf(time)
  const rank = severity(quality)
  if (rank === 'bad') return { value: null, quality: 'Bad', timestamp }
  if (value === null) return { value: null, quality: 'GoodNoData', timestamp }
  return { value, quality: rank === 'good' ? 'Good' : 'Uncertain', timestamp }
}

/**
 * The value of a machine: its tags by name, null where one has none. It is as good as the worst of those that ever came;
 * its time is that of the newest.
 */
export function assetVqt(tags: readonly TagView[], since: number): Vqt {
  return composed(new Map(tags.map((tag) => [tag.tag, tagVqt(tag, since)]))) ?? noData(since)
}

/** The values of a machine's tags as one; undefined: not one of them ever came. */
export function composed(tags: ReadonlyMap<string, Vqt>): Vqt | undefined {
  const came = [...tags.values()].filter(({ quality }) => quality !== 'GoodNoData')
  if (came.length === 0) return undefined
  const timestamp = came.reduce((newest, { timestamp }) => (timestamp > newest ? timestamp : newest), '')
  if (came.every(({ quality }) => quality === 'Bad')) return { value: null, quality: 'Bad', timestamp }
  return {
    value: Object.fromEntries([...tags].map(([tag, { value }]): [string, JsonValue] => [tag, value])),
    quality: came.every(({ quality }) => quality === 'Good') ? 'Good' : 'Uncertain',
    timestamp,
  }
}

export function noData(time: number): Vqt {
  return { value: null, quality: 'GoodNoData', timestamp: timestampOf(time) }
}

function timestampOf(ms: number): string {
  return formatTime(Math.min(Math.max(ms, TIMES.first), TIMES.last))
}
