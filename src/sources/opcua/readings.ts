import { putOwn } from '../../component/mapping/value.ts'
import type { Reading, Value } from '../../model/reading.ts'
import type { Item } from './nodes.ts'
import { convert, toTime, type DataValueLike } from './values.ts'

/** One value of a notification. */
export interface Change {
  readonly item: Item
  readonly data: DataValueLike
}

/** A reading while it is put together. */
interface Draft {
  /** Position among all drafts of the notification. */
  readonly index: number
  readonly asset: string
  readonly sourceTime: number
  serverTime: number | undefined
  readonly values: { [tag: string]: Value | null }
  quality: { [tag: string]: number } | undefined
}

/**
 * The values of one notification as readings: those of one asset with one source time are one reading, in the order in
 * which they came. A value never moves before an earlier value of its own tag, also where a machine's clock jumps:
 * then it gets a reading of its own.
 */
export function toReadings(changes: readonly Change[], receivedTime: number): Reading[] {
  const drafts: Draft[] = []
  const open = new Map<string, Map<number, Draft>>()
  /** Index of the latest draft that holds a value of an item. */
  const latest = new Map<Item, number>()
  for (const { item, data } of changes) {
    const serverTime = toTime(data.serverTimestamp, data.serverPicoseconds)
    const sourceTime = toTime(data.sourceTimestamp, data.sourcePicoseconds) ?? serverTime ?? receivedTime
    let ofAsset = open.get(item.asset)
    if (!ofAsset) open.set(item.asset, (ofAsset = new Map()))
    let draft = ofAsset.get(sourceTime)
    if (!draft || draft.index <= (latest.get(item) ?? -1)) {
      draft = { index: drafts.length, asset: item.asset, sourceTime, serverTime, values: {}, quality: undefined }
      drafts.push(draft)
      ofAsset.set(sourceTime, draft)
    }
    latest.set(item, draft.index)
    put(draft, item.tag, data, serverTime)
  }
  return drafts.map((draft) => finish(draft, receivedTime))
}

function put(draft: Draft, tag: string, data: DataValueLike, serverTime: number | undefined): void {
  const { value, quality } = convert(data)
  putOwn(draft.values, tag, value)
  if (quality !== 0) putOwn((draft.quality ??= {}), tag, quality)
  // Values that were measured together may have passed the server one by one; the last one says when all were there.
  if (serverTime !== undefined) draft.serverTime = Math.max(draft.serverTime ?? serverTime, serverTime)
}

function finish({ asset, sourceTime, serverTime, values, quality }: Draft, receivedTime: number): Reading {
  return {
    asset,
    sourceTime,
    ...(serverTime === undefined ? {} : { serverTime }),
    receivedTime,
    values,
    ...(quality === undefined ? {} : { quality }),
  }
}
