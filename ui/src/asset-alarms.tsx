import type { AlarmsView } from '../../src/api/contract.ts'
import { AlarmRow, EVERY_MS } from './alarm-rows.tsx'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { pageHref } from './route.ts'
import type { Store } from './store.ts'

const SHOWN = 20

/** The alarms that stand at an asset; undefined until the hub has said it. */
export function useAssetAlarms(store: Store, path: string): AlarmsView | undefined {
  const url = `/api/v1/alarms?on=${encodeURIComponent(path)}&limit=${SHOWN}`
  return useAnswer<AlarmsView>(url, EVERY_MS, store.alarms?.revision).value
}

/** The alarms that stand at an asset, with what led to each. */
export function AssetAlarms({ store, value }: { readonly store: Store; readonly value: AlarmsView | undefined }) {
  if (value === undefined || value.total === 0) return null
  return (
    <section class="card alarm-section" data-section="asset" aria-labelledby="asset-alarms-title">
      <h2 id="asset-alarms-title">
        Alarms <span class="muted num">{numberText(value.total, 0)}</span>
      </h2>
      <div class="alarm-list">
        {value.alarms.map((alarm) => (
          <AlarmRow key={alarm.alarm} store={store} alarm={alarm} />
        ))}
      </div>
      {value.total > SHOWN && (
        <p class="hint">
          and {numberText(value.total - SHOWN, 0)} more on <a href={pageHref('alarms')}>the page of alarms</a>
        </p>
      )}
    </section>
  )
}
