import type { AssetDefinition, Meta, TagDefinition, TagType } from './definition.ts'
import { Relations, type SeenRelation } from './relation.ts'

/**
 * The definitions of all assets, by path: what the compacted `assets` topic holds, in memory. Ingest writes it
 * (first sight of an asset or tag), decoders and views read it. A definition only ever gains tags;
 * meta data and relations are those that were said last.
 */
export class Catalogue {
  readonly #assets = new Map<string, Map<string, TagDefinition>>()
  readonly #models = new Map<string, string>()
  readonly #modelIds = new Set<string>()
  readonly #meta = new Map<string, Meta>()
  readonly #relations = new Relations()
  #changes = 0

  /** Adds or widens an asset. Tags that are there already keep their definition unless a model declares them. */
  define(definition: AssetDefinition): void {
    const { path, model, meta, relations } = definition
    this.#changes += 1
    const tags = this.#assets.get(path) ?? new Map<string, TagDefinition>()
    if (model !== undefined) {
      this.#models.set(path, model)
      this.#modelIds.add(model)
    }
    for (const [tag, tagDefinition] of definition.tags) tags.set(tag, tagDefinition)
    if (meta !== undefined) this.#setMeta(path, meta)
    if (relations !== undefined) this.#relations.set(path, relations)
    if (this.#assets.has(path)) return
    this.#assets.set(path, tags)
    this.#relations.add(path)
  }

  asset(path: string): AssetDefinition | undefined {
    const tags = this.#assets.get(path)
    if (tags === undefined) return undefined
    const model = this.#models.get(path)
    const meta = this.#meta.get(path)
    const relations = this.#relations.own(path)
    return {
      path,
      ...(model !== undefined && { model }),
      tags,
      ...(meta !== undefined && { meta }),
      ...(relations.length > 0 && { relations }),
    }
  }

  /** Tags of an asset; the hot path's look-up, so it hands out the map itself. */
  tags(path: string): ReadonlyMap<string, TagDefinition> | undefined {
    return this.#assets.get(path)
  }

  /** Undefined: nothing is said of it. */
  meta(path: string): Meta | undefined {
    return this.#meta.get(path)
  }

  /** Its relations, seen from it, whichever end has said so. */
  relations(path: string): SeenRelation[] {
    return this.#relations.seen(path)
  }

  /** Every model that an asset has, or had. */
  models(): Iterable<string> {
    return this.#modelIds
  }

  relationTypes(): string[] {
    return this.#relations.types()
  }

  modelOf(path: string): string | undefined {
    return this.#models.get(path)
  }

  typeOf(path: string, tag: string): TagType | undefined {
    return this.#assets.get(path)?.get(tag)?.type
  }

  paths(): IterableIterator<string> {
    return this.#assets.keys()
  }

  /** How often something was defined: as long as it stays, so does everything here. */
  get changes(): number {
    return this.#changes
  }

  get size(): number {
    return this.#assets.size
  }

  #setMeta(path: string, meta: Meta): void {
    if (Object.keys(meta).length === 0) this.#meta.delete(path)
    else this.#meta.set(path, meta)
  }
}
