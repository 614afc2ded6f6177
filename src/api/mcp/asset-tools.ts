import { z } from 'zod'
import type { DesiredView } from '../contract-commands.ts'
import type { PastTwinView } from '../contract-past.ts'
import type { AssetsView, AssetSummary, TwinView } from '../contract.ts'
import { pathText, queryText, tool, type Tool } from './tool.ts'
import { ago, nameText, qualityText, quoted, tagText, timeText, valueText } from './words.ts'

/** Times that tools take. */
export const timeInput = (what: string) =>
  z.string().max(40).describe(`${what}: ISO 8601 (2026-01-31T08:00:00Z) or ms since 1970`)

export const pathInput = z
  .string()
  .min(3)
  .max(1_024)
  .describe('Full path of the asset, as in acme/berlin/press-shop/line1/press7')

const findAssets = tool({
  name: 'find_assets',
  title: 'Find assets',
  description:
    'Lists machines and other assets of the plant, with whether their data is fresh and good. Narrow it down by a pattern of paths, a model, or a condition over tags.',
  input: z.object({
    match: z.string().max(1_024).optional().describe('Pattern of paths: press-shop/**, fleet/*'),
    model: z.string().max(200).optional().describe('Only of this model: press@1'),
    where: z
      .string()
      .max(1_000)
      .optional()
      .describe('Condition over tags (CEL): temperature > 80 && state == "Execute"'),
    limit: z.int().min(1).max(200).default(50),
    after: z.string().max(1_024).optional().describe('Where the page before ended'),
  }),
  async run({ match, model, where, limit, after }, hub) {
    const query = queryText({ match, model, where, limit, after })
    const { assets, next, unknown } = (await hub.ask(`/api/v1/assets${query}`)) as AssetsView
    return [
      ...assets.map((asset) => summaryText(asset, hub.now())),
      ...(unknown === undefined
        ? []
        : [`(the condition could not be told of ${unknown.assets} assets: they lack fresh good values or tags)`]),
      ...(next === undefined ? [] : [`(more: ask with after ${nameText(next)})`]),
    ]
  },
})

const getAsset = tool({
  name: 'get_asset',
  title: 'Look at an asset',
  description:
    'The digital twin of one asset: every value with unit, quality and age, since when states hold, its relations and its meta data. With "at": as it was then.',
  input: z.object({ path: pathInput, at: timeInput('As of').optional() }),
  async run({ path, at }, hub) {
    const twin = (await hub.ask(`/api/v1/assets/${pathText(path)}${queryText({ at })}`)) as TwinView &
      Partial<PastTwinView>
    const now = twin.at ?? hub.now()
    const as = twin.model === undefined ? '' : `, a ${nameText(twin.model)}`
    return [
      `${nameText(twin.path)}${as}${twin.at === undefined ? '' : `, as of ${timeText(twin.at)}`}`,
      ...twin.tags.map((tag) => `- ${tagText(tag, now)}`),
      ...(twin.desired ?? []).map((one) => `- ${desiredText(one)}`),
      ...pastLines(twin),
      ...(twin.relations ?? []).map(relationText),
      ...Object.entries(twin.meta ?? {}).map(([name, value]) => `${nameText(name)}: ${valueText(value)}`),
    ]
  },
})

function desiredText({ tag, value, state, by }: DesiredView): string {
  return `${nameText(tag)} is to be ${valueText(value)}: ${state}, by ${quoted(by)}`
}

function relationText({ type, target, inverse }: NonNullable<TwinView['relations']>[number]): string {
  return inverse === true ? `${nameText(target)} ${nameText(type)} this` : `${nameText(type)} ${nameText(target)}`
}

/** What stood then, and what is not known of then. */
function pastLines({ alarms, basis }: Partial<PastTwinView>): readonly string[] {
  const unknown = basis?.unknown ?? []
  return [
    ...(alarms ?? []).map(({ alarm, state, message }) => `- alarm ${nameText(alarm)}: ${state}, ${quoted(message)}`),
    ...(unknown.length === 0 ? [] : [`NOT KNOWN of then: ${unknown.map(nameText).join(', ')}`]),
    ...(basis?.notes ?? []).map((note) => `note: ${quoted(note)}`),
  ]
}

/** Values of one tag that an answer has room for. */
const MOST_VALUES = 200

const getHistory = tool({
  name: 'get_history',
  title: 'Values of the past',
  description:
    'Values of tags of one asset between two times: as they came, or as aggregates of OPC UA Part 13 (TimeAverage, Minimum, Maximum, Count, Delta, DurationGood, ...) per interval. Prefer aggregates for more than a few minutes.',
  input: z.object({
    path: pathInput,
    tags: z.array(z.string().min(1).max(128)).min(1).max(10),
    from: timeInput('Begin'),
    to: timeInput('End, not included'),
    aggregate: z.string().max(200).optional().describe('One or more, joined by commas: TimeAverage,Maximum'),
    every: z.string().max(20).optional().describe('Length of an interval: 1m, 1h; needs an aggregate'),
    limit: z.int().min(1).max(MOST_VALUES).default(100).describe('Values of each tag'),
  }),
  async run({ path, tags, from, to, aggregate, every, limit }, hub) {
    const raw = aggregate === undefined ? { limit } : { aggregate, every }
    const query = queryText({ tags: tags.join(','), from, to, ...raw })
    const { series } = (await hub.ask(`/api/v1/assets/${pathText(path)}/history${query}`)) as HistoryAnswer
    return series.flatMap((one) => seriesLines(one, limit))
  },
})

interface HistoryAnswer {
  readonly series: readonly Series[]
}

interface Series {
  readonly tag: string
  readonly unit?: string
  readonly aggregate?: string
  readonly samples?: readonly HistoryPoint[]
  readonly points?: readonly HistoryPoint[]
  readonly next?: unknown
}

type HistoryPoint = readonly [time: number, value: Parameters<typeof valueText>[0], quality: number]

function seriesLines({ tag, unit, aggregate, samples, points, next }: Series, limit: number): readonly string[] {
  const all = samples ?? points ?? []
  const what = aggregate === undefined ? `${all.length} values` : `${aggregate}, ${all.length} intervals`
  const more =
    next !== undefined || all.length > limit ? ['  (there is more: ask for a shorter time or for aggregates)'] : []
  return [
    `${nameText(tag)}${unit === undefined ? '' : ` in ${unit}`}: ${what}`,
    ...all.slice(0, limit).map(([time, value, quality]) => {
      const worth = quality === 0 ? '' : ` (${qualityText(quality)})`
      return `  ${timeText(time)} ${valueText(value)}${worth}`
    }),
    ...more,
  ]
}

function summaryText({ path, model, tags, lastReceived, stale, severity }: AssetSummary, now: number): string {
  const heard = lastReceived === undefined ? 'never heard of' : `last data ${ago(lastReceived, now)}`
  const fault = severity === 'good' ? '' : `, has ${severity} values`
  return `${nameText(path)}${model === undefined ? '' : ` (${nameText(model)})`}: ${tags} tags, ${heard}${stale ? ', STALE' : ''}${fault}`
}

export const ASSET_TOOLS: readonly Tool[] = [findAssets, getAsset, getHistory]
