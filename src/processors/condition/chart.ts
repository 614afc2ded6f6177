import type { Expression } from '../../component/expression/expression.ts'
import { numberOf } from '../../component/expression/when.ts'
import type { Json } from '../../model/json-value.ts'
import { learn, newBaseline, type Baseline } from './chart/baseline.ts'
import { addToCusum, type Cusum, type CusumSettings } from './chart/cusum.ts'
import { addToEwma, type Ewma, type EwmaSettings } from './chart/ewma.ts'
import { firingRules, NELSON_RULES, NELSON_WINDOW } from './chart/nelson.ts'
import { shown } from './message.ts'
import type { Rule, RuleAlarm } from './rule.ts'

export interface ChartSettings {
  readonly value: Expression
  /** What is right; absent: learned from the first `learn` points. */
  readonly given?: { readonly mean: number; readonly sigma: number }
  readonly learn: number
  /** Values that are averaged to one point; neighbours that are alike are then not taken for a shift. */
  readonly group: number
  readonly method: ChartMethod
}

export type ChartMethod =
  | { readonly kind: 'ewma'; readonly settings: EwmaSettings }
  | { readonly kind: 'cusum'; readonly settings: CusumSettings }
  | { readonly kind: 'nelson'; readonly rules: readonly number[] }

interface ChartState {
  baseline: Baseline
  /** Values of the point that is being gathered. */
  gathered: number
  sum: number
  ewma: Ewma
  cusum: Cusum
  /** Newest points in standard deviations. */
  window: number[]
  /** What the newest point was judged to be; undefined: there was none. */
  verdict: { readonly holds: boolean; readonly point: number; readonly why: string } | undefined
}

/**
 * Statistical process control: is this still the process that it was? A chart sees small shifts and slow drifts that no limit
 * sees. Points that are judged do not teach: what was learned stays until the state is thrown away.
 */
export function chartRule(settings: ChartSettings, alarm: RuleAlarm): Rule<ChartState> {
  const { value, given, method } = settings
  return {
    tags: value.tags,
    alarms: [alarm],
    create: () => ({
      baseline: newBaseline(given),
      gathered: 0,
      sum: 0,
      ewma: { average: 0, count: 0 },
      cusum: { high: 0, low: 0 },
      window: [],
      verdict: undefined,
    }),
    judge(state, row, isNew) {
      const number = numberOf(value, row)
      if (number !== undefined && isNew) add(state, number, settings)
      return [number === undefined ? undefined : state.verdict?.holds]
    },
    tell({ verdict, baseline: { mean, sigma } }) {
      const { point, why } = verdict ?? { point: undefined, why: 'unknown' }
      return {
        says: `${value.text} is ${shown(point)}: ${why}, want it around ${shown(mean)} (sigma ${shown(sigma)})`,
        detail: { chart: method.kind, value: point ?? null, why, mean, sigma: sigma ?? null },
      }
    },
    save: ({ baseline, gathered, sum, ewma, cusum, window, verdict }): Json => ({
      baseline: { ...baseline, sigma: baseline.sigma ?? null },
      gathered,
      sum,
      ewma: { ...ewma },
      cusum: { ...cusum },
      window,
      verdict: verdict === undefined ? null : { ...verdict },
    }),
    restore(json) {
      const state = json as unknown as ChartState & {
        baseline: { sigma: number | null }
        verdict: ChartState['verdict'] | null
      }
      const { baseline, verdict } = state
      return { ...state, baseline: { ...baseline, sigma: baseline.sigma ?? undefined }, verdict: verdict ?? undefined }
    },
  }
}

/** Gathers a value, and judges the point that is complete. */
function add(state: ChartState, value: number, settings: ChartSettings): void {
  state.sum += value
  state.gathered += 1
  if (state.gathered < settings.group) return
  const point = state.sum / state.gathered
  state.sum = 0
  state.gathered = 0
  const { baseline } = state
  if (baseline.sigma === undefined) learn(baseline, point, settings.learn)
  else state.verdict = { point, ...judged(state, (point - baseline.mean) / baseline.sigma, settings.method) }
}

function judged(state: ChartState, z: number, method: ChartMethod): { readonly holds: boolean; readonly why: string } {
  switch (method.kind) {
    case 'ewma': {
      const distance = addToEwma(state.ewma, z, method.settings)
      return { holds: Math.abs(distance) > 1, why: `the average of the last ones is ${side(distance)}` }
    }
    case 'cusum': {
      const distance = addToCusum(state.cusum, z, method.settings)
      return { holds: Math.abs(distance) > 1, why: `the sum of deviations is ${side(distance)}` }
    }
    default: {
      state.window = [...state.window, z].slice(-NELSON_WINDOW)
      const firing = firingRules(state.window, method.rules)
      const why = firing.map((rule) => `${NELSON_RULES[rule - 1]!.says} (rule ${rule})`).join(', ')
      return { holds: firing.length > 0, why: why === '' ? 'nothing special' : why }
    }
  }
}

function side(distance: number): string {
  return distance > 0 ? 'too high' : 'too low'
}
