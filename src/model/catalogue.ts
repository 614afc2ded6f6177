import type { AssetDefinition, TagDefinition, TagType } from './definition.ts'

/**
 * The definitions of all assets, by path: what the compacted `assets` topic holds, in memory. Ingest writes it
 * (first sight of an asset or tag), decoders and views read it. A definition only ever gains tags.
 */
export class Catalogue {
  readonly #assets = new Map<string, Map<string, TagDefinition>>()
  readonly #models = new Map<string, string>()

  /** Adds or widens an asset. Tags that are there already keep their definition unless a model declares them. */
  define(definition: AssetDefinition): void {
    const tags = this.#assets.get(definition.path) ?? new Map<string, TagDefinition>()
    if (definition.model !== undefined) this.#models.set(definition.path, definition.model)
    for (const [tag, tagDefinition] of definition.tags) tags.set(tag, tagDefinition)
    this.#assets.set(definition.path, tags)
  }

  asset(path: string): AssetDefinition | undefined {
    const tags = this.#assets.get(path)
    if (tags === undefined) return undefined
    const model = this.#models.get(path)
    return model === undefined ? { path, tags } : { path, model, tags }
  }

  /** Tags of an asset; the hot path's look-up, so it hands out the map itself. */
  tags(path: string): ReadonlyMap<string, TagDefinition> | undefined {
    return this.#assets.get(path)
  }

  typeOf(path: string, tag: string): TagType | undefined {
    return this.#assets.get(path)?.get(tag)?.type
  }

  paths(): IterableIterator<string> {
    return this.#assets.keys()
  }

  get size(): number {
    return this.#assets.size
  }
}
