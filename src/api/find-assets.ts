import type { Clock } from '../system/clock.ts'
import type { AssetsView, AssetSummary } from './contract.ts'
import type { AssetQuery, HubPort } from './hub-port.ts'
import type { ApiLimits } from './limits.ts'
import type { Selection } from './selection.ts'

/** Assets that are looked at between two looks at the clock. */
const LOT = 200

export interface FindBounds {
  readonly clock: Clock
  readonly limits: Pick<ApiLimits, 'findAssets' | 'findMs'>
}

/**
 * A page of the assets that a selection takes. It ends when it is full, and also when enough was looked at: `next` then says
 * where the next one goes on, so that no question holds the hub up, however many assets there are.
 */
export function findAssets(
  hub: HubPort,
  selection: Selection,
  { under, after, limit }: AssetQuery,
  { clock, limits }: FindBounds,
): AssetsView {
  const until = clock.monotonic() + limits.findMs
  const found: AssetSummary[] = []
  const place = under ?? selection.place
  let unknown = 0
  let at = after
  let looked = 0
  let isAtEnd = false
  while (!isAtEnd && looked < limits.findAssets && (looked === 0 || clock.monotonic() < until)) {
    const paths = hub.paths({ under: place, limit: LOT, ...(at !== undefined && { after: at }) })
    for (const path of paths) {
      looked += 1
      at = path
      if (!selection.mayTake(path)) continue
      const verdict = selection.judge(path)
      if (verdict === 'unknown') unknown += 1
      else if (verdict === 'taken' && found.push(hub.asset(path)!) === limit) return page(found, at, selection, unknown)
    }
    isAtEnd = paths.length < LOT
  }
  return page(found, isAtEnd ? undefined : at, selection, unknown)
}

function page(assets: AssetSummary[], next: string | undefined, selection: Selection, unknown: number): AssetsView {
  const { strange, isConditional } = selection
  return {
    assets,
    ...(next !== undefined && { next }),
    ...(isConditional && { unknown: { assets: unknown, ...(strange !== undefined && { reason: strange }) } }),
  }
}
