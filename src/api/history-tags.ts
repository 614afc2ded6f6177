import type { HistoryReader } from '../historian/history-reader.ts'
import { historyTag, isNumeric, type HistoryTag } from '../historian/query/history-tag.ts'
import { aggregateEntry, type AggregateName } from '../historian/aggregates/catalogue.ts'
import { typeOf, type TagDefinition, type TagType } from '../model/definition.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { ApiError } from './errors.ts'
import { HISTORY } from './history-limits.ts'
import type { HistoryOf } from './history-port.ts'
import type { HubPort } from './hub-port.ts'
import { badQuery } from './query.ts'

/** Where tags are looked up: the twins know them with their definitions, the store those that twins have let go. */
export interface HistoryTagsSource {
  readonly hub: Pick<HubPort, 'assets' | 'twin'>
  readonly site: string
  readonly reader: HistoryReader
}

/** Beyond every time that a record can have. */
const END_OF_TIME = 8.64e15

/**
 * The tags of a question, with what is known of them.
 * @throws ApiError `ASSET_NOT_FOUND`, `TAG_NOT_FOUND`, or `BAD_QUERY` where there are too many
 */
export async function tagsOf(source: HistoryTagsSource, of: HistoryOf, signal: AbortSignal): Promise<HistoryTag[]> {
  if ('on' in of) return matchingTags(source, of.on, of.tags)
  const known = knownTags(source, of.asset)
  if (known === undefined) throw notFound('ASSET_NOT_FOUND', of.asset, 'no value of it has come yet')
  if (of.tags === undefined) return bounded([...known.values()])
  const unknown = of.tags.filter((tag) => !known.has(tag))
  const stored =
    unknown.length === 0 ? known : new Map([...known, ...(await storedTags(source, of.asset, unknown, signal))])
  return bounded(
    of.tags.map(
      (tag) => stored.get(tag) ?? refuse(notFound('TAG_NOT_FOUND', of.asset, `it has no tag ${JSON.stringify(tag)}`)),
    ),
  )
}

/**
 * One tag of one asset.
 * @throws ApiError `ASSET_NOT_FOUND`, `TAG_NOT_FOUND`
 */
export async function tagOf(
  source: HistoryTagsSource,
  { asset, tag }: { readonly asset: string; readonly tag: string },
  signal: AbortSignal,
): Promise<HistoryTag> {
  return (await tagsOf(source, { asset, tags: [tag] }, signal))[0]!
}

/**
 * What calculates wants numbers.
 * @throws ApiError `BAD_QUERY` naming a tag that has none
 */
export function refuseTexts(tags: readonly HistoryTag[], aggregates: readonly AggregateName[]): void {
  const calculating = aggregates.find((name) => aggregateEntry(name).anyValue !== true)
  const text = tags.find((tag) => !isNumeric(tag))
  if (calculating === undefined || text === undefined) return
  throw badQuery(
    'aggregate',
    `${calculating} of tag ${JSON.stringify(text.tag)}, a ${text.type}`,
    'numbers, or another aggregate',
  )
}

function matchingTags({ hub, site }: HistoryTagsSource, on: string, names: readonly string[]): HistoryTag[] {
  const matches = pathMatcher(site, on)
  const found: HistoryTag[] = []
  let after: string | undefined
  for (let looked = 0; looked < HISTORY.assets; looked += 1_000) {
    const page = hub.assets({ limit: 1_000, ...(after !== undefined && { after }) })
    for (const { path } of page) {
      if (!matches(path)) continue
      const known = knownTags({ hub }, path)
      for (const name of names) if (known?.has(name)) found.push(known.get(name)!)
      bounded(found)
    }
    if (page.length < 1_000) return bounded(found)
    after = page.at(-1)!.path
  }
  throw badQuery('on', `there are more than ${HISTORY.assets} assets`, 'history of one asset, by its path')
}

function knownTags({ hub }: Pick<HistoryTagsSource, 'hub'>, asset: string): Map<string, HistoryTag> | undefined {
  const twin = hub.twin(asset)
  if (twin === undefined) return undefined
  const entries = twin.tags.map(({ tag, type, kind, unit, range }): [string, HistoryTag] => {
    const definition = { type: type as TagType, kind: kind as TagDefinition['kind'], unit, range }
    return [tag, historyTag(asset, tag, definition)]
  })
  return new Map(entries)
}

async function storedTags(source: HistoryTagsSource, asset: string, tags: readonly string[], signal: AbortSignal) {
  const moment = { tags: new Map([[asset, tags]]), time: END_OF_TIME }
  const newest = (await source.reader.before(moment, signal)).get(asset)
  return [...(newest ?? [])].map(([tag, { value }]): [string, HistoryTag] => {
    const type = value === null ? 'number' : typeOf(value)
    return [tag, historyTag(asset, tag, { type, kind: 'gauge' })]
  })
}

function bounded(tags: HistoryTag[]): HistoryTag[] {
  if (tags.length <= HISTORY.tags) return tags
  throw badQuery('tags', `it comes to ${tags.length} series`, `at most ${HISTORY.tags}`)
}

function notFound(code: 'ASSET_NOT_FOUND' | 'TAG_NOT_FOUND', asset: string, reason: string): ApiError {
  return new ApiError(404, code, `Cannot show history of ${JSON.stringify(asset)}: ${reason}`)
}

function refuse(error: ApiError): never {
  throw error
}
