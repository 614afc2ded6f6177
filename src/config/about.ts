import type { Model } from '../model/definition.ts'
import { ModelError } from '../model/errors.ts'
import { under } from '../model/path.ts'
import type { Relation } from '../model/relation.ts'
import { expandTemplate } from '../model/template.ts'
import { nearest } from '../system/nearest.ts'
import type { ConfigDocument, DocumentPath } from './document.ts'
import type { AboutAsset, Plant } from './plant.ts'
import type { Problem } from './problem.ts'
import type { PlantFile } from './schema.ts'

interface Declared {
  readonly site: string
  readonly assets: Plant['assets']
  readonly models: ReadonlyMap<string, Model>
}

/** Meta data and relations of the declared assets, by full path; only of those of which something is said. */
export function readAbout(
  document: ConfigDocument,
  declared: Declared,
  file: PlantFile,
  problems: Problem[],
): Map<string, AboutAsset> {
  const about = new Map<string, AboutAsset>()
  const places = placesOf(declared.assets.keys())
  for (const [template, asset] of Object.entries(file.assets)) {
    const modelMeta = declared.models.get(asset?.model ?? '')?.meta
    if (asset?.relations === undefined && asset?.meta === undefined && modelMeta === undefined) continue
    const meta = { ...modelMeta, ...asset?.meta }
    const paths = pathsOf(template, declared.site)
    const read = new TargetReader(document, declared.site, places, problems)
    const relations = read.relations(template, paths.length, asset?.relations ?? {})
    paths.forEach((path, index) => about.set(path, { meta, relations: relations[index] ?? [] }))
  }
  return about
}

/** Every declared asset, and every place that one is in. */
function placesOf(paths: Iterable<string>): ReadonlySet<string> {
  const places = new Set<string>()
  for (const path of paths) {
    let place = path
    while (place.includes('/') && !places.has(place)) {
      places.add(place)
      place = place.slice(0, place.lastIndexOf('/'))
    }
  }
  return places
}

/** None where the template or a path of it is bad: that is told where assets are read. */
function pathsOf(template: string, site: string): string[] {
  try {
    return expandTemplate(template).map((name) => under(site, name))
  } catch (error) {
    if (error instanceof ModelError) return []
    throw error
  }
}

type Targets = string | readonly string[]

class TargetReader {
  readonly #document: ConfigDocument
  readonly #site: string
  readonly #places: ReadonlySet<string>
  readonly #problems: Problem[]

  constructor(document: ConfigDocument, site: string, places: ReadonlySet<string>, problems: Problem[]) {
    this.#document = document
    this.#site = site
    this.#places = places
    this.#problems = problems
  }

  /** The relations of each of the assets of a template, in their order. */
  relations(template: string, count: number, written: { readonly [type: string]: Targets }): Relation[][] {
    const all: Relation[][] = Array.from({ length: count }, () => [])
    for (const [type, targets] of Object.entries(written)) {
      const at = ['assets', template, 'relations', type]
      const list = typeof targets === 'string' ? [targets] : targets
      list.forEach((text, index) => {
        const where = typeof targets === 'string' ? at : [...at, index]
        const paths = this.#targets(text, count, where)
        all.forEach((own, number) => {
          const target = paths[number]
          if (target !== undefined) own.push({ type, target })
        })
      })
    }
    return all
  }

  /** A target for each of `count` assets; none where it is bad, which is told. */
  #targets(text: string, count: number, at: DocumentPath): string[] {
    try {
      const names = expandTemplate(text)
      if (names.length !== 1 && names.length !== count)
        return this.#refuse(at, text, `it stands for ${names.length} assets, want 1 or ${count}, as many as its asset`)
      const paths = names.map((name) => this.#full(name))
      const unknown = paths.find((path) => !this.#places.has(path))
      if (unknown !== undefined) return this.#unknown(at, unknown)
      return names.length === count ? paths : Array.from({ length: count }, () => paths[0]!)
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      return this.#refuse(at, text, error.message)
    }
  }

  #full(name: string): string {
    return name.startsWith(`${this.#site}/`)
      ? under(this.#site, name.slice(this.#site.length + 1))
      : under(this.#site, name)
  }

  #unknown(at: DocumentPath, path: string): string[] {
    const below = (place: string) => place.slice(this.#site.length + 1)
    const candidates = [...this.#places].filter((place) => place.length > this.#site.length).map(below)
    const name = below(path)
    const message = `Cannot relate to "${name}": no asset or place of that name, want one of "assets"`
    this.#problems.push(this.#document.problem(at, message, nearest(name, candidates)))
    return []
  }

  #refuse(at: DocumentPath, text: string, why: string): string[] {
    this.#problems.push(this.#document.problem(at, `Cannot relate to "${text.slice(0, 200)}": ${why}`))
    return []
  }
}
