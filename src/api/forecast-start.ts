import type { Behaviour } from '../component/behaviour/behaviour.ts'
import type { TagDefinition } from '../model/definition.ts'
import type { Json } from '../model/json-value.ts'
import type { Value } from '../model/reading.ts'
import { badBody } from './body.ts'
import type { ForecastStart } from './contract-forecast.ts'
import type { TagView, TwinView } from './contract.ts'
import { ApiError } from './errors.ts'
import { shown } from './query.ts'

type Scalar = boolean | number | string

/** What a forecast begins with. */
export interface Start {
  /** Every tag whose value may be counted on now, or is set; int64 as numbers. */
  readonly row: ReadonlyMap<string, Value>
  /** Those of them that the behaviour needs, for people. */
  readonly told: readonly ForecastStart[]
}

/**
 * The values of now and what is set over them. A value that is stale, Bad or missing is none: a forecast that rests on one would
 * look as if it were of the present.
 * @throws ApiError `BAD_BODY` for what is set and cannot be; `FORECAST_REFUSED` with every tag that is needed and has no value
 */
export function startOf(
  twin: TwinView,
  { needs }: Behaviour,
  tags: ReadonlyMap<string, TagDefinition>,
  set: ReadonlyMap<string, Json>,
): Start {
  for (const [tag, value] of set) refuseUnlessFits(tag, value, tags)
  const views = new Map(twin.tags.map((view) => [view.tag, view]))
  const reasons = needs.flatMap((tag) => (set.has(tag) ? [] : (faultOf(tag, views.get(tag)) ?? [])))
  if (reasons.length > 0) {
    const message = `Cannot forecast "${twin.path}": ${reasons.join('; ')}; want fresh values, or these tags in "set"`
    throw new ApiError(409, 'FORECAST_REFUSED', message)
  }
  const row = new Map<string, Value>()
  for (const [tag, view] of views) {
    const value = faultOf(tag, view) === undefined ? scalarOf(view) : undefined
    if (value !== undefined) row.set(tag, value)
  }
  for (const [tag, value] of set) row.set(tag, value as Scalar)
  return { row, told: needs.map((tag) => toldOf(tag, views.get(tag), set.get(tag), tags.get(tag))) }
}

/** Why a tag has no value to begin with. */
function faultOf(tag: string, view: TagView | undefined): string | undefined {
  if (view === undefined || (view.value === null && view.sourceTime === 0))
    return `no value of tag "${tag}" has come yet`
  if (view.severity === 'bad' || view.value === null) return `tag "${tag}" is ${view.qualityName}`
  if (view.stale) return `tag "${tag}" is stale, of ${new Date(view.sourceTime).toISOString()}`
  return scalarOf(view) === undefined ? `tag "${tag}" is of type ${view.type}` : undefined
}

/** As equations see it; what JSON tells as text because it is beyond 2^53 is reckoned as near as a double comes. */
function scalarOf({ value, type }: TagView): Scalar | undefined {
  if (type === 'int64') return Number(value)
  return typeof value === 'object' ? undefined : value
}

function refuseUnlessFits(tag: string, value: Json, tags: ReadonlyMap<string, TagDefinition>): void {
  const field = `set.${tag}`
  const definition = tags.get(tag)
  if (definition === undefined)
    throw badBody(field, 'the model has no tag of this name', `one of ${[...tags.keys()].join(', ')}`)
  const wanted = definition.type === 'int64' ? 'number' : definition.type
  if (!['boolean', 'number', 'string'].includes(wanted))
    throw badBody(field, `it is of type ${definition.type}`, 'a tag that is a number, a text, or true or false')
  if (typeof value !== wanted || (typeof value === 'number' && !Number.isFinite(value)))
    throw badBody(field, `it is ${shown(value)}`, `a ${wanted}`)
  const { range: [low, high] = [-Infinity, Infinity], states } = definition
  if (typeof value === 'number' && (value < low || value > high))
    throw badBody(field, `it is ${value}`, `${low} to ${high}`)
  if (typeof value === 'string' && states !== undefined && !states.includes(value))
    throw badBody(field, `it is ${shown(value)}`, `one of ${states.join(', ')}`)
}

function toldOf(
  tag: string,
  view: TagView | undefined,
  set: Json | undefined,
  definition: TagDefinition | undefined,
): ForecastStart {
  const unit = definition?.unit === undefined ? {} : { unit: definition.unit }
  if (set !== undefined) return { tag, value: set, ...unit, isSet: true }
  const { value, quality, qualityName, sourceTime } = view!
  return { tag, value, ...unit, isSet: false, quality, qualityName, sourceTime }
}
