import { AGGREGATES, type AggregateName } from '../historian/aggregates/catalogue.ts'
import type { AggregateRules } from '../historian/aggregates/rules.ts'
import { TAG_LENGTH } from '../model/path.ts'
import { parseDuration } from '../system/duration.ts'
import { nearest } from '../system/nearest.ts'
import { HISTORY } from './history-limits.ts'
import type {
  AggregatesQuery,
  ChartQuery,
  HistoryJoinQuery,
  HistoryOf,
  HistoryQuery,
  SamplesQuery,
} from './history-port.ts'
import { assetPath, badQuery, flag, pageSize, refuseOthers, shown, timeOf } from './query.ts'

type Given = { readonly [name: string]: unknown }

/**
 * The query of `GET /api/v1/assets/{path}/history` (with the asset) and of `GET /api/v1/history` (without).
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function historyQuery(query: unknown, now: number, asset?: string): HistoryQuery {
  const { on, tags, from, to, aggregate, points, format: _format, ...others } = query as Given
  if (aggregate !== undefined && points !== undefined) throw badQuery('points', 'there is "aggregate" too', 'only one')
  const span = { of: historyOf(asset, on, tags), ...spanOf(from, to, now) }
  if (aggregate !== undefined) return aggregatesQuery(span, aggregate, others)
  if (points !== undefined) return chartQuery(span, points, others)
  return samplesQuery(span, others)
}

type SpanQuery = Pick<SamplesQuery, 'of' | 'from' | 'to'>

function samplesQuery(span: SpanQuery, { limit, ...others }: Given): SamplesQuery {
  refuseOthers(others, 'tags, from, to, limit, or with "aggregate" or "points" what these take')
  return { kind: 'samples', ...span, limit: limit === undefined ? HISTORY.usualPage : pageSize(limit, HISTORY.page) }
}

function aggregatesQuery(span: SpanQuery, aggregate: unknown, given: Given): AggregatesQuery {
  const { every, stepped, treatUncertainAsBad, percentDataBad, percentDataGood, slopedExtrapolation, ...others } = given
  refuseOthers(
    others,
    'tags, from, to, aggregate, every, stepped, treatUncertainAsBad, percentDataBad, percentDataGood or slopedExtrapolation',
  )
  const rules: Partial<AggregateRules> = {
    ...(stepped !== undefined && { stepped: flag('stepped', stepped) }),
    ...(treatUncertainAsBad !== undefined && { treatUncertainAsBad: flag('treatUncertainAsBad', treatUncertainAsBad) }),
    ...(percentDataBad !== undefined && { percentDataBad: percent('percentDataBad', percentDataBad) }),
    ...(percentDataGood !== undefined && { percentDataGood: percent('percentDataGood', percentDataGood) }),
    ...(slopedExtrapolation !== undefined && { slopedExtrapolation: flag('slopedExtrapolation', slopedExtrapolation) }),
  }
  // OPC 10000-13 clause 4.2.1.2: else an interval could be both.
  const [bad, good] = [rules.percentDataBad ?? 100, rules.percentDataGood ?? 100]
  if (good < 100 - bad)
    throw badQuery('percentDataGood', `it is ${good}`, `at least 100 less percentDataBad, ${100 - bad}`)
  const everyMs = every === undefined ? 0 : length('every', every)
  return { kind: 'aggregates', ...span, aggregates: aggregatesIn(aggregate), everyMs, rules }
}

function chartQuery(span: SpanQuery, points: unknown, { method = 'min-max', ...others }: Given): ChartQuery {
  refuseOthers(others, 'tags, from, to, points or method')
  if (method !== 'min-max' && method !== 'lttb') throw badQuery('method', `it is ${shown(method)}`, 'min-max or lttb')
  if (span.to < span.from) throw badQuery('to', 'it is before "from"', 'a time after it')
  const most = typeof points === 'string' && /^\d{1,6}$/.test(points) ? Number(points) : 0
  if (most < 3 || most > HISTORY.chartPoints)
    throw badQuery('points', `it is ${shown(points)}`, `a whole number from 3 to ${HISTORY.chartPoints}`)
  return { kind: 'chart', ...span, points: most, method }
}

/**
 * The query of `GET /api/v1/history/join`.
 * @throws ApiError `BAD_QUERY` naming the parameter
 */
export function joinQuery(query: unknown, now: number): HistoryJoinQuery {
  const { tags, from, to, tolerance, every, limit, format: _format, ...others } = query as Given
  refuseOthers(others, 'tags, from, to, tolerance, every or limit')
  const span = spanOf(from, to, now)
  if (span.to < span.from) throw badQuery('to', 'it is before "from"', 'a time after it')
  return {
    tags: columnsIn(tags),
    ...span,
    toleranceMs: tolerance === undefined ? Infinity : length('tolerance', tolerance),
    ...(every !== undefined && { everyMs: length('every', every) }),
    limit: limit === undefined ? HISTORY.usualPage : pageSize(limit, HISTORY.page),
  }
}

function historyOf(asset: string | undefined, on: unknown, tags: unknown): HistoryOf {
  const names = tags === undefined ? undefined : tagNames(tags)
  if (asset !== undefined) {
    if (on !== undefined) throw badQuery('on', 'the asset is in the path already', '"tags" alone')
    return { asset, ...(names !== undefined && { tags: names }) }
  }
  if (typeof on !== 'string' || on === '' || on.length > 1_024)
    throw badQuery('on', `it is ${shown(on ?? null)}`, 'a pattern of assets, as in fleet/*')
  if (names === undefined) throw badQuery('tags', 'there are none', 'tags, joined by commas')
  return { on: on.normalize('NFC'), tags: names }
}

function tagNames(tags: unknown): string[] {
  const names = typeof tags === 'string' ? [...new Set(tags.split(',').filter((name) => name !== ''))] : []
  if (names.length > 0 && names.length <= HISTORY.tags && names.every(isTagName)) return names
  throw badQuery('tags', `it names ${names.length}`, `1 to ${HISTORY.tags} tags, joined by commas`)
}

function isTagName(name: string): boolean {
  return name.length <= TAG_LENGTH
}

/** `acme/berlin/oven:heat`: the path of an asset has no colon that matters, since the last one counts. */
function columnsIn(tags: unknown): { asset: string; tag: string }[] {
  const texts = typeof tags === 'string' ? tags.split(',').filter((text) => text !== '') : []
  if (texts.length === 0 || texts.length > HISTORY.columns)
    throw badQuery('tags', `it names ${texts.length}`, `1 to ${HISTORY.columns} tags, as in acme/berlin/oven:heat`)
  return texts.map((text) => {
    const colon = text.lastIndexOf(':')
    const tag = text.slice(colon + 1)
    if (colon < 1 || tag === '' || !isTagName(tag))
      throw badQuery('tags', `one is ${shown(text)}`, 'an asset and a tag, as in acme/berlin/oven:heat')
    return { asset: assetPath(text.slice(0, colon)), tag }
  })
}

function aggregatesIn(text: unknown): AggregateName[] {
  const names = typeof text === 'string' ? [...new Set(text.split(',').filter((name) => name !== ''))] : []
  if (names.length === 0 || names.length > HISTORY.aggregates)
    throw badQuery(
      'aggregate',
      `it names ${names.length}`,
      'names of OPC UA Part 13, joined by commas, as in TimeAverage,Maximum',
    )
  return names.map(aggregateIn)
}

function aggregateIn(name: string): AggregateName {
  if (name === 'AnnotationCount')
    throw badQuery('aggregate', 'one is AnnotationCount', 'another: no annotations are kept')
  if (Object.hasOwn(AGGREGATES, name)) return name as AggregateName
  const meant = nearest(name.slice(0, 80), Object.keys(AGGREGATES))
  const wanted = meant === undefined ? `one of ${Object.keys(AGGREGATES).join(', ')}` : `perhaps ${meant}`
  throw badQuery('aggregate', `one is ${shown(name)}`, wanted)
}

/** From when to when; without them the last hour. */
function spanOf(from: unknown, to: unknown, now: number): { readonly from: number; readonly to: number } {
  const end = to === undefined ? now : momentOf('to', to)
  const begin = from === undefined ? end - HISTORY.usualSpanMs : momentOf('from', from)
  if (begin === end) throw badQuery('to', 'it is the same as "from"', 'another time')
  if (Math.abs(end - begin) > HISTORY.spanMs) throw badQuery('to', 'it is too far from "from"', 'at most 100 years')
  return { from: begin, to: end }
}

/** As `timeOf`, and ms with fractions down to the microsecond, as answers have them, also before 1970. */
function momentOf(name: string, value: unknown): number {
  const precise = typeof value === 'string' && /^-?\d{1,14}(\.\d{1,3})?$/.test(value)
  return precise ? Number(value) : timeOf(value, name)
}

function length(name: string, value: unknown): number {
  const text = typeof value === 'string' ? value : ''
  const ms = /^\d{1,13}$/.test(text) ? Number(text) : parseDuration(text)
  if (ms !== undefined && ms >= 1 && ms <= HISTORY.spanMs && Number.isInteger(ms)) return ms
  throw badQuery(name, `it is ${shown(value)}`, 'a duration from 1ms to 100 years, as in 10s, 1m, 1h')
}

function percent(name: string, value: unknown): number {
  const number = typeof value === 'string' && /^\d{1,3}$/.test(value) ? Number(value) : NaN
  if (number >= 0 && number <= 100) return number
  throw badQuery(name, `it is ${shown(value)}`, 'a whole number from 0 to 100')
}
