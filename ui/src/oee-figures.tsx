import type { OeeView } from '../../src/api/contract-oee.ts'
import { useAnswer } from './answer.ts'
import { numberText } from './format.ts'
import { Mark } from './marks.tsx'
import { percentText } from './oee-words.ts'
import { urlPath } from './route.ts'

const EVERY_MS = 60_000

/** The indicators, each in its context: the scale from 0 to 100 %, and the target. */
export function OeeFigures({ view }: { readonly view: OeeView }) {
  const { kpis, target, unknownShare, quantities } = view
  return (
    <div class="oee-figures">
      <div class="card oee-main">
        <Figure name="OEE" ratio={kpis.oee} target={target} />
        <Doubt view={view} />
        <Others asset={view.asset} />
      </div>
      <div class="card">
        <Figure name="Availability" ratio={kpis.availability} />
        <p class="hint">running, of the known busy time</p>
      </div>
      <div class="card">
        <Figure name="Effectiveness" ratio={kpis.effectiveness} />
        <p class="hint">
          {quantities === undefined ? 'as fast as the ideal cycle' : `${numberText(quantities.PQ, 0)} made`}
        </p>
      </div>
      <div class="card">
        <Figure name="Quality" ratio={kpis.qualityRatio} />
        <p class="hint">{quantities === undefined ? 'good, of all' : `${numberText(quantities.GQ, 0)} good`}</p>
      </div>
      <div class="card" data-unknown={unknownShare > 0}>
        <Figure name="Unknown" ratio={unknownShare} isUnknown />
        <p class="hint">of the planned busy time; in none of the figures</p>
      </div>
    </div>
  )
}

interface FigureProps {
  readonly name: string
  readonly ratio: number | null
  readonly target?: number | undefined
  readonly isUnknown?: boolean
}

function Figure({ name, ratio, target, isUnknown = false }: FigureProps) {
  const below = target !== undefined && ratio !== null && ratio < target
  return (
    <div class="oee-figure" data-kpi={name}>
      <h2>{name}</h2>
      <p class="oee-value num">{percentText(ratio)}</p>
      <svg class="oee-scale" width="100%" height="14" role="presentation">
        <rect class="oee-track" x="0" y="3" width="100%" height="8" />
        <rect
          class={isUnknown ? 'oee-unknown' : 'oee-bar'}
          x="0"
          y="3"
          width={`${Math.min(1, ratio ?? 0) * 100}%`}
          height="8"
        />
        {target !== undefined && <rect class="oee-target" x={`${target * 100}%`} y="0" width="2" height="14" />}
      </svg>
      {target !== undefined && (
        <p class="hint num">
          {below ? (
            <span class="count" data-state="uncertain">
              <Mark state="uncertain" /> below the target of {percentText(target)}
            </span>
          ) : (
            `target ${percentText(target)}`
          )}
        </p>
      )}
    </div>
  )
}

/** How far it may be off, as long as there is time of which nobody knows what it was. */
function Doubt({ view: { kpis, unknownShare } }: { readonly view: OeeView }) {
  if (unknownShare === 0 || kpis.oeeLow === null || kpis.oeeHigh === null) return null
  return (
    <p class="hint num">
      between {percentText(kpis.oeeLow)} and {percentText(kpis.oeeHigh)}, whatever the unknown time was
    </p>
  )
}

/** The running hour, shift and day at a glance, whatever period is shown. */
function Others({ asset }: { readonly asset: string }) {
  const url = (period: string) => `/api/v1/oee/${urlPath(asset)}?period=${period}`
  const now = useAnswer<OeeView>(url('now'), EVERY_MS).value
  const shift = useAnswer<OeeView>(url('shift'), EVERY_MS).value
  const day = useAnswer<OeeView>(url('day'), EVERY_MS).value
  const rows = [
    ['Last hour', now],
    [shift?.period.kind === 'shift' ? 'This shift' : undefined, shift],
    ['Today', day],
  ] as const
  return (
    <dl class="oee-others num">
      {rows.map(
        ([name, view]) =>
          name !== undefined && (
            <div key={name} class="fact">
              <dt>{name}</dt>
              <dd>{percentText(view?.kpis.oee ?? null)}</dd>
            </div>
          ),
      )}
    </dl>
  )
}
