import type { Log, NewRecord, Position, ReadBatch } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import type { AssetDefinition, Meta, TagDefinition } from '../model/definition.ts'
import { topicName } from '../model/path.ts'
import type { Relation } from '../model/relation.ts'
import type { Logger } from '../system/logger.ts'
import type { System } from '../system/system.ts'
import { textOf } from '../system/text.ts'

const AGAIN_MS = 500
/** How long a definition may stay in the log that lacks what is known here, before it is written again, whole. */
const WHOLE_AFTER_MS = 2_000

/** Reads the definitions of all assets from `<site>.assets`, which must exist; answers where to go on. */
export async function loadDefinitions(
  log: Log,
  site: string,
  catalogue: Catalogue,
  logger: Logger,
): Promise<readonly Position[]> {
  const topic = topicName(site, 'assets')
  const { signal } = new AbortController()
  const ends = await log.ends(topic)
  const positions = ends.map(({ partition, start }) => ({ topic, partition, offset: start }))
  for await (const batch of log.read(positions, { signal, untilEnd: true })) takeDefinitions(batch, catalogue, logger)
  return ends.map(({ partition, end }) => ({ topic, partition, offset: end }))
}

export interface FollowOptions {
  readonly log: Log
  /** Where `loadDefinitions` ended. */
  readonly from: readonly Position[]
  readonly catalogue: Catalogue
  readonly system: Pick<System, 'clock' | 'logger'>
  /** Called with each asset whose definition came. */
  readonly onDefined: (path: string) => void
}

/**
 * Takes the definitions that other hubs declare or learn, until the signal aborts. Two hubs may learn tags of one asset at
 * once, and the later record then lacks what is in the earlier one: it is written again, whole, since the topic is
 * compacted and keeps only the last.
 */
export async function followDefinitions(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { log, from, catalogue, system, onDefined } = options
  const next = new Map(from.map((position) => [position.partition, position]))
  const seen = new Set<string>()
  const lacking = system.clock.every(WHOLE_AFTER_MS, () => void writeWhole(options, seen))
  signal.addEventListener('abort', () => lacking.cancel(), { once: true })
  while (!signal.aborted) {
    try {
      for await (const batch of log.read([...next.values()], { signal })) {
        for (const path of takeDefinitions(batch, catalogue, system.logger, seen)) onDefined(path)
        next.set(batch.partition, { topic: batch.topic, partition: batch.partition, offset: batch.nextOffset })
      }
    } catch (error) {
      if (!signal.aborted) system.logger.warn('Cannot follow the definitions of assets; it is tried again', { error })
    }
    await system.clock.sleep(AGAIN_MS, signal).catch(() => {})
  }
}

/** Writes definitions again whose last records in the log lack tags that are known here. */
async function writeWhole({ log, from, catalogue, system }: FollowOptions, lacking: Set<string>): Promise<void> {
  const topic = from[0]?.topic
  if (topic === undefined || lacking.size === 0) return
  const paths = [...lacking]
  lacking.clear()
  try {
    const now = system.clock.now()
    await log.append(
      topic,
      paths.map((path) => definitionRecord(catalogue.asset(path)!, now)),
    )
  } catch (error) {
    for (const path of paths) lacking.add(path)
    system.logger.warn('Cannot write definitions of assets whole; it is tried again', { error })
  }
}

/** Answers the assets that were defined, and keeps those in `lacking` whose record was not all that is known. */
function takeDefinitions(
  { topic, records }: ReadBatch,
  catalogue: Catalogue,
  logger: Logger,
  lacking = new Set<string>(),
): string[] {
  const paths: string[] = []
  for (const { value, offset } of records) {
    if (value === null) continue
    const definition = decodeDefinition(value)
    if (definition) {
      const { path, tags } = definition
      catalogue.define(definition)
      paths.push(path)
      if (tags.size < catalogue.tags(path)!.size) lacking.add(path)
      else lacking.delete(path)
    } else {
      logger.warn('Cannot read the definition of an asset', { topic, offset })
    }
  }
  return paths
}

/**
 * Puts declared assets (from the config) into the catalogue and appends those that the log does not know so already.
 * Resolves when they are durable.
 * @throws LogError
 */
export async function publishDefinitions(
  log: Log,
  site: string,
  catalogue: Catalogue,
  declared: Iterable<AssetDefinition>,
  now: number,
): Promise<void> {
  const records: NewRecord[] = []
  for (const definition of declared) {
    const before = encodedAsset(catalogue, definition.path)
    catalogue.define(definition)
    if (encodedAsset(catalogue, definition.path) !== before) {
      records.push(definitionRecord(catalogue.asset(definition.path)!, now))
    }
  }
  const topic = topicName(site, 'assets')
  for (let at = 0; at < records.length; at += 1_000) {
    await log.ready()
    await log.append(topic, records.slice(at, at + 1_000))
  }
}

/** The record of an asset's definition: key = path, so that compaction keeps the newest. */
export function definitionRecord(definition: AssetDefinition, now: number): NewRecord {
  const headers = [['content-type', 'application/json']] as const
  return { key: definition.path, value: encodeDefinition(definition), headers, timestamp: now }
}

function encodeDefinition({ path, model, tags, meta, relations }: AssetDefinition): string {
  return JSON.stringify({ path, model, tags: Object.fromEntries(tags), meta, relations })
}

const TYPES: readonly unknown[] = ['boolean', 'number', 'int64', 'string', 'bytes', 'array', 'structure']
const KINDS: readonly unknown[] = ['gauge', 'counter', 'state']

/** The definition of a record's value, or undefined where it is none. */
export function decodeDefinition(value: Uint8Array): AssetDefinition | undefined {
  try {
    const json = JSON.parse(textOf(value)) as DefinitionJson
    const tags = new Map(Object.entries(json.tags))
    for (const { type, kind } of tags.values()) if (!TYPES.includes(type) || !KINDS.includes(kind)) return undefined
    const { path, model, meta = {}, relations = [] } = json
    if (typeof path !== 'string' || !isMeta(meta) || !areRelations(relations)) return undefined
    // A record says all that holds: what it does not name is no longer so.
    return { path, ...(typeof model === 'string' && { model }), tags, meta, relations }
  } catch {
    return undefined
  }
}

interface DefinitionJson {
  readonly path: unknown
  readonly model?: unknown
  readonly tags: { readonly [tag: string]: TagDefinition }
  readonly meta?: unknown
  readonly relations?: unknown
}

function isMeta(value: unknown): value is Meta {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function areRelations(value: unknown): value is Relation[] {
  const isRelation = (one: unknown) => {
    const { type, target } = (one ?? {}) as { readonly type?: unknown; readonly target?: unknown }
    return typeof type === 'string' && typeof target === 'string'
  }
  return Array.isArray(value) && value.every(isRelation)
}

function encodedAsset(catalogue: Catalogue, path: string): string | undefined {
  const definition = catalogue.asset(path)
  return definition && encodeDefinition(definition)
}
