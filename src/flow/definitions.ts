import type { Log, NewRecord } from '../log/log.ts'
import type { Catalogue } from '../model/catalogue.ts'
import type { AssetDefinition, TagDefinition } from '../model/definition.ts'
import { topicName } from '../model/path.ts'
import type { Logger } from '../system/logger.ts'

/** Reads the definitions of all assets from `<site>.assets`, which must exist. */
export async function loadDefinitions(log: Log, site: string, catalogue: Catalogue, logger: Logger): Promise<void> {
  const topic = topicName(site, 'assets')
  const { signal } = new AbortController()
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  for await (const batch of log.read(positions, { signal, untilEnd: true })) {
    for (const { value, offset } of batch.records) {
      if (value === null) continue
      const definition = decodeDefinition(value)
      if (definition) catalogue.define(definition)
      else logger.warn('Cannot read the definition of an asset', { topic, offset })
    }
  }
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

function encodeDefinition({ path, model, tags }: AssetDefinition): string {
  return JSON.stringify({ path, model, tags: Object.fromEntries(tags) })
}

const TYPES: readonly unknown[] = ['boolean', 'number', 'int64', 'string', 'bytes', 'array', 'structure']
const KINDS: readonly unknown[] = ['gauge', 'counter', 'state']

/** The definition of a record's value, or undefined where it is none. */
export function decodeDefinition(value: Uint8Array): AssetDefinition | undefined {
  try {
    const json = JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()) as {
      path: string
      model?: string
      tags: { [tag: string]: TagDefinition }
    }
    const tags = new Map(Object.entries(json.tags))
    for (const { type, kind } of tags.values()) if (!TYPES.includes(type) || !KINDS.includes(kind)) return undefined
    if (typeof json.path !== 'string') return undefined
    return typeof json.model === 'string' ? { path: json.path, model: json.model, tags } : { path: json.path, tags }
  } catch {
    return undefined
  }
}

function encodedAsset(catalogue: Catalogue, path: string): string | undefined {
  const definition = catalogue.asset(path)
  return definition && encodeDefinition(definition)
}
