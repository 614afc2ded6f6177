import { derivedEvent } from '../../component/derived.ts'
import { EventIds } from '../../component/event-ids.ts'
import { readingOf } from '../../component/operators/derived-reading.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import type { Event } from '../../model/event.ts'
import type { Json } from '../../model/json-value.ts'
import { Quality } from '../../model/quality.ts'
import { advise, type Advice } from './advice.ts'
import { isToBeTold, newAdvice, saveAdvice, type AdviceState } from './advised.ts'
import { rowSettings, type RemainingLifeConfig } from './config.ts'
import { LearnedLife } from './learned-life.ts'
import { outlook, type Outlook, type Prognosis } from './prognosis.ts'
import { HOUR_MS, LifeRows, type LifeRow } from './rows.ts'
import { ThresholdLife } from './threshold-life.ts'

/** What is kept of one asset. */
interface LifeState {
  rows: LifeRows
  life: Prognosis
  /** First row of this life. */
  begun: { readonly at: number; readonly time: number } | null
  /** Event time of the last forecast. */
  told: number | null
  advice: AdviceState
  ids: EventIds
}

/** A kind of prognosis, as the config has it. */
interface Kind {
  /** States of one digest can go on from each other. */
  readonly digest: string
  create(): Prognosis
  restore(json: Json): Prognosis
  /** Goes on with another model: what was seen is gone, the age is not. */
  goOn(first: number | undefined): Prognosis
}

/** Foretells the end of each asset, row by row, and advises when to maintain it. */
export function remainingLifeOperator(config: RemainingLifeConfig, name: string): Operator<LifeState> {
  const kind = kindOf(config)
  const settings = rowSettings(config)
  return {
    create: () => newState(new LifeRows(settings), kind.create()),
    take(state, fact, context) {
      if (fact.kind === 'event') {
        if (!isEnd(fact.event, config) || !state.ids.add(fact.event)) return
        for (const row of state.rows.end()) state.life.take(row.at, row.values)
        begin(state, fact.event, config, name, context)
      } else if (fact.kind === 'reading') {
        for (const row of state.rows.take(fact.reading, context.time)) takeRow(state, row, config, name, context)
      }
    },
    save: ({ rows, life, begun, told, advice, ids }) => ({
      digest: kind.digest,
      rows: rows.save(),
      life: life.save(),
      begun: begun && { ...begun },
      told,
      advice: saveAdvice(advice),
      ids: ids.save(),
    }),
    restore(json) {
      const saved = json as unknown as Saved
      const life = saved.digest === kind.digest ? kind.restore(saved.life) : kind.goOn(saved.begun?.at)
      const { begun, told, advice } = saved
      const rows = LifeRows.restore(settings, saved.rows)
      return { rows, life, begun, told, advice: { ...advice }, ids: new EventIds(saved.ids) }
    },
  }
}

interface Saved {
  readonly digest: string
  readonly rows: Json
  readonly life: Json
  readonly begun: LifeState['begun']
  readonly told: number | null
  readonly advice: AdviceState
  readonly ids: readonly string[]
}

function kindOf({ limit, model }: RemainingLifeConfig): Kind {
  if (limit !== undefined) {
    return {
      digest: 'limit',
      create: () => new ThresholdLife(limit),
      restore: (json) => ThresholdLife.restore(limit, json),
      goOn: () => new ThresholdLife(limit),
    }
  }
  return {
    digest: model!.digest,
    create: () => new LearnedLife(model!.model),
    restore: (json) => LearnedLife.restore(model!.model, json),
    goOn: (first) => LearnedLife.begun(model!.model, first),
  }
}

function newState(rows: LifeRows, life: Prognosis): LifeState {
  return { rows, life, begun: null, told: null, advice: newAdvice(), ids: new EventIds() }
}

/** Whether an event ends a life: maintenance was done, or it has failed, and what comes then is as good as new. */
export function isEnd({ type }: Event, { failed, maintained }: RemainingLifeConfig): boolean {
  return type === failed || type === maintained
}

/** A new life begins; what was foretold of the one before is taken back. */
function begin(state: LifeState, event: Event, config: RemainingLifeConfig, name: string, context: StepContext): void {
  const wasTold = state.told !== null
  const wasAdvised = state.advice.last !== null
  state.life.maintained()
  state.rows.reset()
  state.begun = null
  state.told = null
  state.advice = newAdvice()
  if (wasTold) {
    const names = ['left', 'left.low', 'left.high', 'failure']
    const figures = names.map((one) => ({
      name: `${config.as}.${one}`,
      value: null,
      quality: Quality.GoodNoData,
    }))
    context.emit({ kind: 'reading', reading: readingOf(figures, context.time, context) })
  }
  if (!wasAdvised) return
  const why = event.type === config.failed ? 'it has failed' : 'maintenance is done'
  tell({ action: 'none', why }, name, context.time, context)
}

function takeRow(
  state: LifeState,
  row: LifeRow,
  config: RemainingLifeConfig,
  name: string,
  context: StepContext,
): void {
  state.life.take(row.at, row.values)
  state.begun ??= { at: row.at, time: row.time }
  if (state.told !== null && row.time < state.told + config.every) return
  const perMs = agePerMs(state.begun, row, config)
  const horizon = horizonOf(config, perMs)
  const ends = horizon === undefined ? undefined : state.life.ends()
  if (horizon === undefined || ends === undefined) return
  state.told = row.time
  const told = outlook(ends, horizon)
  foretell(told, state.life.age(), row, config, context)
  const unit = unitOf(config)
  const advice = advise(ends, { age: state.life.age(), horizon, costs: config.costs, unit })
  const due = row.at + advice.until
  const { action, costOfWaiting } = advice
  if (!isToBeTold(state.advice, { action, due, costOfWaiting }, horizon, config.costs)) return
  const dueTime = perMs === undefined ? undefined : row.time + advice.until / perMs
  tell(adviceData(advice, told, { unit, horizon, age: state.life.age(), dueTime }), name, row.time, context)
}

/** How much age comes in a ms: with time it is known, with use it is that of this life so far; undefined: not known yet. */
function agePerMs(
  begun: { readonly at: number; readonly time: number },
  { at, time }: LifeRow,
  config: RemainingLifeConfig,
): number | undefined {
  if (rowSettings(config).age === undefined) return 1 / HOUR_MS
  const rate = (at - begun.at) / (time - begun.time)
  return rate > 0 && Number.isFinite(rate) ? rate : undefined
}

/** The horizon in the unit of the age. A number is; a duration takes as much age as goes by in it. */
function horizonOf({ horizon }: RemainingLifeConfig, perMs: number | undefined): number | undefined {
  if (typeof horizon === 'number') return horizon
  return perMs === undefined ? undefined : horizon.ms * perMs
}

function unitOf(config: RemainingLifeConfig): string {
  return config.unit ?? rowSettings(config).age ?? 'h'
}

function foretell(
  { median, low, high, failure }: Outlook,
  age: number,
  { time }: LifeRow,
  { as }: RemainingLifeConfig,
  context: StepContext,
): void {
  const told = { left: median, 'left.low': low, 'left.high': high, failure, age }
  const figures = Object.entries(told).map(([name, value]) =>
    value === undefined
      ? { name: `${as}.${name}`, value: null, quality: Quality.GoodNoData }
      : { name: `${as}.${name}`, value: tidy(value), quality: 0 },
  )
  context.emit({ kind: 'reading', reading: readingOf(figures, time, context) })
}

function adviceData(
  { action, until, why, costOfWaiting, failure }: Advice,
  { median, low, high, level }: Outlook,
  { unit, horizon, age, dueTime }: { unit: string; horizon: number; age: number; dueTime: number | undefined },
): { [name: string]: Json } {
  const due = new Date(dueTime ?? NaN)
  return {
    action,
    why,
    unit,
    until: tidy(until),
    ...(Number.isFinite(due.getTime()) && { due: due.toISOString() }),
    costOfWaiting: tidy(costOfWaiting),
    failure: tidy(failure),
    horizon: tidy(horizon),
    age: tidy(age),
    left: { median: tidyOrNull(median), low: tidyOrNull(low), high: tidyOrNull(high), level },
  }
}

function tell(data: { readonly [name: string]: Json }, name: string, time: number, context: StepContext): void {
  const { key: asset, received: receivedTime } = context
  const event = { type: 'maintenance.advised', asset, time, receivedTime, source: name, data: { key: name, ...data } }
  context.emit({ kind: 'event', event: derivedEvent(event, [asset, time, data['action']!]) })
}

/** Nobody foretells more than six figures. */
function tidy(value: number): number {
  return Number(value.toPrecision(6))
}

function tidyOrNull(value: number | undefined): number | null {
  return value === undefined ? null : tidy(value)
}
