import type { Catalogue } from '../model/catalogue.ts'
import { inferDefinition, type TagDefinition, type TagType } from '../model/definition.ts'
import { ModelError } from '../model/errors.ts'
import { parsePath, tagFault } from '../model/path.ts'
import { Quality, severity } from '../model/quality.ts'
import { qualityOf, type Reading, type Value } from '../model/reading.ts'

export interface GateLimits {
  /** Assets that may be known; default 100,000. */
  readonly assets?: number
  /** Tags that one asset may have; default 10,000. */
  readonly tags?: number
}

const LIMITS = { assets: 100_000, tags: 10_000 } as const

/**
 * Checks readings against the catalogue, and learns what no model declares: a machine that was never heard of is an
 * asset from its first message on, and a tag has the type of its first value.
 */
export class Gate {
  readonly #catalogue: Catalogue
  readonly #limits: { readonly assets: number; readonly tags: number }
  /** Assets whose definition has grown since it was last handed out. */
  #learned = new Set<string>()

  constructor(catalogue: Catalogue, limits: GateLimits) {
    this.#catalogue = catalogue
    this.#limits = { assets: limits.assets ?? LIMITS.assets, tags: limits.tags ?? LIMITS.tags }
  }

  /**
   * The reading as it is to be stored: a value of another type than its tag's keeps its value and gets
   * BadTypeMismatch, one outside the tag's range UncertainEngineeringUnitsExceeded.
   * @throws ModelError `BAD_PATH`, `BAD_TAG`, `CARDINALITY`: the reading cannot be stored.
   */
  check(reading: Reading): Reading {
    const { asset, values } = reading
    const known = this.#catalogue.tags(asset)
    let faults: Map<string, number> | undefined
    let strange: string[] | undefined
    // Own names only, whatever a machine calls them: Object.keys, as Reading's contract asks.
    for (const tag of Object.keys(values)) {
      const value = values[tag]!
      const definition = known?.get(tag)
      if (definition === undefined) (strange ??= []).push(tag)
      else if (value !== null) {
        const fault = valueFault(value, definition)
        if (fault !== 0) (faults ??= new Map()).set(tag, fault)
      }
    }
    if (known === undefined || strange !== undefined) this.#learn(reading, known, strange ?? [])
    return faults === undefined ? reading : withFaults(reading, faults)
  }

  /** The assets whose definition must be in the log before, or together with, the data that was checked. */
  takeLearned(): ReadonlySet<string> {
    const learned = this.#learned
    if (learned.size > 0) this.#learned = new Set()
    return learned
  }

  /** Their definitions did not reach the log: they are due again. */
  putBack(assets: Iterable<string>): void {
    for (const asset of assets) this.#learned.add(asset)
  }

  #learn({ asset, values }: Reading, known: ReadonlyMap<string, TagDefinition> | undefined, strange: string[]): void {
    if (known === undefined) this.#checkAsset(asset)
    const tags = new Map<string, TagDefinition>()
    for (const tag of strange) {
      const fault = tagFault(tag)
      if (fault !== undefined) throw new ModelError('BAD_TAG', `Cannot store reading of "${asset}": ${fault}`)
      const value = values[tag]!
      // Without a value there is nothing to learn a type from; such a tag is learned from its first value.
      if (value !== null) tags.set(tag, inferDefinition(value))
    }
    const count = (known?.size ?? 0) + tags.size
    if (tags.size > 0 && count > this.#limits.tags) {
      throw new ModelError(
        'CARDINALITY',
        `Cannot learn tags of "${asset}": it would have ${count} tags, want at most ${this.#limits.tags}`,
      )
    }
    if (known !== undefined && tags.size === 0) return
    this.#catalogue.define({ path: asset, tags })
    this.#learned.add(asset)
  }

  #checkAsset(asset: string): void {
    const path = parsePath(asset)
    if (path !== asset) throw new ModelError('BAD_PATH', `Cannot use path "${asset}": it is not in Unicode NFC`)
    if (this.#catalogue.size < this.#limits.assets) return
    throw new ModelError(
      'CARDINALITY',
      `Cannot learn asset "${asset}": ${this.#catalogue.size} assets are known, want at most ${this.#limits.assets}`,
    )
  }
}

/** The quality that the value itself demands; 0 where it is as its tag is defined. */
function valueFault(value: Value, { type, range }: TagDefinition): number {
  if (!fits(value, type)) return Quality.BadTypeMismatch
  if (range === undefined || (typeof value !== 'number' && typeof value !== 'bigint')) return 0
  return value < range[0] || value > range[1] ? Quality.UncertainEngineeringUnitsExceeded : 0
}

function fits(value: Value, type: TagType): boolean {
  switch (type) {
    case 'number':
      // A whole number beyond 2^53 is not a double: as text it would no longer be a number to any reader.
      return typeof value === 'number' || (typeof value === 'bigint' && isSafe(value))
    case 'int64':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
    case 'bytes':
      return value instanceof Uint8Array
    case 'array':
      return Array.isArray(value)
    case 'structure':
      return typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array)
    default:
      return typeof value === type
  }
}

function isSafe(value: bigint): boolean {
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER
}

/** A reading is immutable: a copy with the faults added. What the machine itself said of a value stands if it is worse. */
function withFaults(reading: Reading, faults: ReadonlyMap<string, number>): Reading {
  const quality = new Map(Object.entries(reading.quality ?? {}))
  for (const [tag, fault] of faults) {
    if (rank(qualityOf(reading, tag)) < rank(fault)) quality.set(tag, fault)
  }
  return { ...reading, quality: Object.fromEntries(quality) }
}

function rank(quality: number): number {
  return { good: 0, uncertain: 1, bad: 2 }[severity(quality)]
}
