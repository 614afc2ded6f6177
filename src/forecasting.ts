import type { ForecastAlarm, ForecastView } from './api/contract-forecast.ts'
import { ApiError } from './api/errors.ts'
import type { ForecastPort, ForecastQuery } from './api/forecast-port.ts'
import { startOf, type Start } from './api/forecast-start.ts'
import { forecastView } from './api/forecast-view.ts'
import type { HubPort } from './api/hub-port.ts'
import { compileBehaviour, type Behaviour } from './component/behaviour/behaviour.ts'
import { ForecastError, runForecast, type Forecast, type ForecastStep } from './component/behaviour/forecast.ts'
import type { ConfiguredProcessor, Plant } from './config/plant.ts'
import { TopologyDriver } from './flow/topology/driver.ts'
import type { AlarmTransition } from './model/alarm.ts'
import { horizonFault } from './model/behaviour.ts'
import type { Model } from './model/definition.ts'
import { pathMatcher } from './model/path-pattern.ts'
import type { Value } from './model/reading.ts'
import type { Clock } from './system/clock.ts'

/** Forecasts that are worked out at a time. */
const MOST_RUNNING = 2
/** Equations and conditions that are evaluated before everything else gets its turn; some milliseconds of work. */
const SLICE = 4_000
/** Alarms that are told of one forecast. */
const MOST_ALARMS = 200

export interface ForecastsOptions {
  readonly plant: Pick<Plant, 'site' | 'models' | 'processors'>
  readonly hub: Pick<HubPort, 'twin' | 'modelOf'>
  readonly clock: Clock
}

/**
 * Forecasts: the behaviour of a model, run from the values that a machine has now, and the conditions of the plant over what comes
 * of it, by the same engine that runs them over the log.
 */
export class Forecasts implements ForecastPort {
  readonly #options: ForecastsOptions
  readonly #behaviours: ReadonlyMap<string, Behaviour>
  #running = 0

  constructor(options: ForecastsOptions) {
    this.#options = options
    this.#behaviours = new Map(
      [...options.plant.models.values()].flatMap(({ id, tags, behaviour }) =>
        behaviour === undefined ? [] : [[id, compileBehaviour(behaviour, tags)] as const],
      ),
    )
  }

  async forecast(query: ForecastQuery, signal: AbortSignal): Promise<ForecastView> {
    if (this.#running >= MOST_RUNNING) throw busy()
    this.#running += 1
    try {
      return await this.#forecast(query, signal)
    } catch (error) {
      if (!(error instanceof ForecastError)) throw error
      throw new ApiError(409, 'FORECAST_REFUSED', error.message)
    } finally {
      this.#running -= 1
    }
  }

  async #forecast({ asset, horizonMs: asked, set }: ForecastQuery, signal: AbortSignal): Promise<ForecastView> {
    const { hub, plant, clock } = this.#options
    const twin = hub.twin(asset)
    if (twin === undefined) throw notFound(asset)
    const { model, behaviour } = this.#behaviourOf(asset)
    const horizonMs = asked ?? behaviour.definition.horizonMs
    const far = horizonFault(behaviour.definition, horizonMs)
    if (far !== undefined) throw new ApiError(400, 'BAD_BODY', `Cannot use field "horizon": ${far}`)
    const start = startOf(twin, behaviour, model.tags, set)
    const conditions = conditionsOn(plant, asset)
    const watch = new Watch(asset, start, conditions, plant.site)
    const from = Math.floor(clock.now())
    const forecast = await inSlices(behaviour, runForecast(behaviour, start.row, { from, horizonMs }), watch, signal)
    const names = conditions.map(({ name }) => name)
    return forecastView({ asset, model, behaviour, start, forecast, conditions: names, ...watch.told() })
  }

  #behaviourOf(asset: string): { readonly model: Model; readonly behaviour: Behaviour } {
    const id = this.#options.hub.modelOf(asset)
    const model = id === undefined ? undefined : this.#options.plant.models.get(id)
    const behaviour = model && this.#behaviours.get(model.id)
    if (behaviour !== undefined) return { model: model!, behaviour }
    const what = id === undefined ? 'it has no model' : `model "${id}" has no behaviour`
    throw new ApiError(404, 'NO_BEHAVIOUR', `Cannot forecast "${asset}": ${what}, want "behaviour" in its model`)
  }
}

/** Lets everything else have its turn again and again. */
async function inSlices(
  { equations, reaches }: Behaviour,
  steps: Generator<ForecastStep, Forecast>,
  watch: Watch,
  signal: AbortSignal,
): Promise<Forecast> {
  const each = Math.max(1, Math.floor(SLICE / (equations.length + reaches.length + watch.size)))
  for (let at = 1; ; at += 1) {
    const { done, value } = steps.next()
    if (done === true) return value
    watch.take(value)
    if (at % each !== 0) continue
    await new Promise((resolve) => setImmediate(resolve))
    signal.throwIfAborted()
  }
}

/** Conditions of the config whose alarms an asset may have. */
function conditionsOn({ site, processors }: ForecastsOptions['plant'], asset: string): ConfiguredProcessor[] {
  const takes = (on: readonly string[] | undefined) =>
    on === undefined || on.some((pattern) => pathMatcher(site, pattern)(asset))
  return processors.filter(
    ({ spec, topology }) =>
      spec.kind === 'condition' && topology.stages[0]!.from.some(({ topic, on }) => topic === 'telemetry' && takes(on)),
  )
}

/** The conditions of the plant over what is forecast. */
class Watch {
  readonly #asset: string
  readonly #start: Start
  readonly #drivers: readonly TopologyDriver[]
  readonly #alarms: ForecastAlarm[] = []
  readonly #faults = new Set<string>()
  #isFirst = true
  #hasMore = false

  constructor(asset: string, start: Start, conditions: readonly ConfiguredProcessor[], site: string) {
    this.#asset = asset
    this.#start = start
    this.#drivers = conditions.map(
      ({ name, topology }) =>
        new TopologyDriver(topology, {
          site,
          onFault: ({ error }) => this.#faults.add(`Condition "${name}" could not be told: ${String(error)}`),
        }),
    )
  }

  get size(): number {
    return this.#drivers.length
  }

  take({ time, values: changed }: ForecastStep): void {
    const values: { readonly [tag: string]: Value } = Object.fromEntries(
      this.#isFirst ? [...this.#start.row, ...changed] : changed,
    )
    this.#isFirst = false
    const reading = { asset: this.#asset, sourceTime: time, receivedTime: time, values }
    for (const driver of this.#drivers)
      for (const { fact } of driver.send({ kind: 'reading', reading }))
        if (fact.kind === 'alarm') this.#note(fact.alarm)
  }

  told(): { readonly alarms: readonly ForecastAlarm[]; readonly hasMore: boolean; readonly faults: readonly string[] } {
    const alarms = this.#alarms.toSorted((a, b) => a.at - b.at || (a.alarm < b.alarm ? -1 : 1))
    return { alarms, hasMore: this.#hasMore, faults: [...this.#faults].slice(0, 10) }
  }

  #note({ alarm, action, time, priority = 'medium', message = '' }: AlarmTransition): void {
    const open = this.#alarms.findLastIndex((one) => one.alarm === alarm && one.clearedAt === undefined)
    if (action === 'clear' && open >= 0) this.#alarms[open] = { ...this.#alarms[open]!, clearedAt: time }
    if (action !== 'raise') return
    if (this.#alarms.length >= MOST_ALARMS) this.#hasMore = true
    else this.#alarms.push({ alarm, priority, message, at: time })
  }
}

function busy(): ApiError {
  const message = `Cannot forecast: ${MOST_RUNNING} forecasts are being worked out, want a retry in a moment`
  return new ApiError(503, 'TOO_BUSY', message, { 'retry-after': '1' })
}

function notFound(asset: string): ApiError {
  return new ApiError(404, 'ASSET_NOT_FOUND', `Cannot forecast ${JSON.stringify(asset)}: there is no such asset`)
}
