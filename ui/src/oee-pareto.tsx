import { useState } from 'preact/hooks'
import type { OeeView } from '../../src/api/contract-oee.ts'
import { categoryText, lengthText, percentText } from './oee-words.ts'

const SHOWN = 10

const TITLES = { reason: 'Reason', category: 'Kind', state: 'State', asset: 'Machine' } as const
type By = keyof typeof TITLES

/** What took most of the time that was lost, by reason, kind, state or machine. */
export function OeePareto({ view }: { readonly view: OeeView }) {
  const kinds = (Object.keys(TITLES) as By[]).filter((by) => view.pareto[by] !== undefined)
  const [chosen, choose] = useState<By | undefined>()
  // Where nobody has given a reason, the states of the machine say more.
  const usual = (view.pareto.reason?.length ?? 0) > 1 ? 'reason' : 'state'
  const by = chosen !== undefined && kinds.includes(chosen) ? chosen : usual
  const bars = view.pareto[by] ?? []
  const nameOf = (key: string, name?: string) => {
    if (by === 'category') return categoryText(key)
    return by === 'asset' ? key.split('/').at(-1)! : (name ?? key)
  }
  const longest = Math.max(1, bars[0]?.ms ?? 1)
  return (
    <section class="card" aria-labelledby="oee-pareto">
      <div class="oee-head">
        <h2 id="oee-pareto">Greatest losses of time</h2>
        <div class="oee-tabs" role="group" aria-label="By">
          {kinds.map((kind) => (
            <button key={kind} type="button" aria-pressed={kind === by} onClick={() => choose(kind)}>
              {TITLES[kind]}
            </button>
          ))}
        </div>
      </div>
      {bars.length === 0 && <p class="hint">Nothing was lost.</p>}
      <ul class="oee-bars" data-pareto={by}>
        {bars.slice(0, SHOWN).map(({ key, name, ms, times, cumulative }) => (
          <li key={key} data-bar={key}>
            <span class="oee-bar-name">{nameOf(key, name)}</span>
            <svg class="oee-scale" width="100%" height="14" aria-hidden="true">
              <rect
                class={key === 'unknown' && by === 'category' ? 'oee-unknown' : 'oee-lost'}
                x="0"
                y="2"
                width={`${(ms / longest) * 100}%`}
                height="10"
              />
            </svg>
            <span class="oee-bar-value num" title={`${percentText(cumulative)} with those before it`}>
              {lengthText(ms)}
              {times > 0 && <span class="muted"> {times}×</span>}
            </span>
          </li>
        ))}
      </ul>
      {bars.length > SHOWN && <p class="hint">and {bars.length - SHOWN} more; the API has them</p>}
    </section>
  )
}
