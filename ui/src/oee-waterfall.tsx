import type { OeeView } from '../../src/api/contract-oee.ts'
import { categoryText, lengthText, stepText } from './oee-words.ts'

interface Row {
  readonly name: string
  readonly kind: 'left' | 'lost'
  readonly loss: string
  readonly ms: number
  /** Where the bar begins. */
  readonly from: number
}

/** From calendar time down to the time of good parts, and what was lost on the way. */
export function OeeWaterfall({ view }: { readonly view: OeeView }) {
  const { waterfall, waterfallOf } = view
  const whole = Math.max(1, ...waterfall.map(({ ms }) => ms))
  const rows = rowsOf(waterfall)
  return (
    <section class="card" aria-labelledby="oee-waterfall">
      <h2 id="oee-waterfall">Losses</h2>
      {waterfallOf !== undefined && (
        <p class="hint">of {waterfallOf.split('/').at(-1)}, which gives the line its pace</p>
      )}
      <ul class="oee-bars">
        {rows.map(({ name, kind, loss, ms, from }) => (
          <li key={`${kind} ${loss}`} data-step={loss} data-kind={kind}>
            <span class="oee-bar-name">{name}</span>
            <svg class="oee-scale" width="100%" height="14" aria-hidden="true">
              <rect
                class={kind === 'left' ? 'oee-bar' : loss === 'unknown' ? 'oee-unknown' : 'oee-lost'}
                x={`${(Math.max(0, from) / whole) * 100}%`}
                y="2"
                width={`${(Math.abs(ms) / whole) * 100}%`}
                height="10"
              />
            </svg>
            <span class="oee-bar-value num">{lengthText(ms)}</span>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Steps where something was lost, and the losses before them; what lost nothing is left out. */
function rowsOf(steps: OeeView['waterfall']): Row[] {
  return steps.flatMap(({ name, ms, lost }, index): Row[] => {
    let at = steps[index - 1]?.ms ?? ms
    const losses = Object.entries(lost)
      .filter(([, length]) => length !== 0)
      .map(([loss, length]): Row => {
        at -= length
        return { name: categoryText(loss), kind: 'lost', loss, ms: length, from: Math.min(at, at + length) }
      })
    if (index > 0 && losses.length === 0 && index < steps.length - 1) return []
    return [...losses, { name: stepText(name), kind: 'left', loss: name, ms, from: 0 }]
  })
}
