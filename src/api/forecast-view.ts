import type { Behaviour } from '../component/behaviour/behaviour.ts'
import type { Forecast } from '../component/behaviour/forecast.ts'
import type { Model, TagDefinition } from '../model/definition.ts'
import type { BehaviourView, ForecastAlarm, ForecastView } from './contract-forecast.ts'
import type { Start } from './forecast-start.ts'

export interface ForecastParts {
  readonly asset: string
  readonly model: Model
  readonly behaviour: Behaviour
  readonly start: Start
  readonly forecast: Forecast
  /** Names of the processors that were run over it. */
  readonly conditions: readonly string[]
  readonly alarms: readonly ForecastAlarm[]
  readonly hasMore: boolean
  /** What could not be told, in sentences. */
  readonly faults: readonly string[]
}

/** A forecast as people and programs read it, with what it rests on. */
export function forecastView(parts: ForecastParts): ForecastView {
  const { asset, model, behaviour, start, forecast, conditions, alarms, hasMore, faults } = parts
  const { from, to } = forecast
  const unitOf = (tag: string) => unit(model.tags.get(tag))
  return {
    isForecast: true,
    asset,
    from,
    to,
    stepMs: behaviour.definition.stepMs,
    series: [...forecast.points].map(([tag, points]) => ({ tag, ...unitOf(tag), points })),
    totals: forecast.totals.map((total) => ({ ...total, ...unitOf(total.tag) })),
    reaches: forecast.reaches.map((one) => (one.at === undefined ? one : { ...one, afterMs: one.at - from })),
    alarms,
    ...(hasMore && { moreAlarms: true }),
    basis: {
      model: model.id,
      behaviour: behaviourView(behaviour),
      start: start.told,
      constant: behaviour.needs.filter((tag) => !behaviour.definition.tags.has(tag)),
      conditions,
      assumptions: [...assumptions(behaviour, conditions), ...leaves(model, forecast), ...faults],
    },
  }
}

export function behaviourView({ definition, needs }: Behaviour): BehaviourView {
  const { stepMs, horizonMs, tags, reaches, totals } = definition
  return {
    stepMs,
    horizonMs,
    tags: Object.fromEntries(tags),
    reaches: Object.fromEntries(reaches),
    totals: Object.fromEntries(totals),
    needs,
  }
}

function assumptions({ definition: { stepMs, tags }, needs }: Behaviour, conditions: readonly string[]): string[] {
  const constant = needs.filter((tag) => !tags.has(tag))
  return [
    'The machine goes on as the equations of its model say',
    ...(constant.length > 0 ? [`Stays as it is at the start: ${constant.join(', ')}`] : []),
    `What happens within a step of ${stepMs / 1000} s is not seen`,
    ...(conditions.length > 0
      ? ['Conditions begin anew at the start; tags without an equation are to them as they are at the start']
      : []),
  ]
}

/** Tags that leave the range of their model: nobody has said that the equations hold there. */
function leaves({ tags }: Model, { points }: Forecast): string[] {
  return [...points].flatMap(([tag, all]) => {
    const { range: [low, high] = [-Infinity, Infinity] } = tags.get(tag)!
    const first = all.find(([, value]) => value < low || value > high)
    if (first === undefined) return []
    return `Doubtful from ${new Date(first[0]).toISOString()} on: ${tag} leaves its range, ${low} to ${high}`
  })
}

function unit(definition: TagDefinition | undefined): { readonly unit?: string } {
  return definition?.unit === undefined ? {} : { unit: definition.unit }
}
