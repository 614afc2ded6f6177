import { z } from 'zod'
import type { SourceSpec } from '../component/source.ts'
import type { Model, TagDefinition } from '../model/definition.ts'
import { ModelError } from '../model/errors.ts'
import { parsePath, under } from '../model/path.ts'
import { expandTemplate } from '../model/template.ts'
import { nearest } from '../system/nearest.ts'
import { readDocument, type ConfigDocument, type DocumentPath } from './document.ts'
import { problemsOf } from './issues.ts'
import { readLog } from './log-schema.ts'
import { readReplications } from './replicate-schema.ts'
import type { ConfiguredSource, Plant } from './plant.ts'
import { ConfigError, type Problem } from './problem.ts'
import { resolveReferences, type Surroundings } from './references.ts'
import { plantSchema, type PlantFile } from './schema.ts'
import { keysAt } from './keys.ts'

/**
 * Reads a config file whole: YAML, references, the file's schema, every source's own schema, and what must fit
 * together. Nothing is started and nothing outside is touched but the files and variables it refers to.
 * @throws ConfigError naming everything that is wrong, with line and column.
 */
export async function loadPlant(
  file: string,
  bytes: Uint8Array,
  specs: readonly SourceSpec[],
  around: Surroundings,
): Promise<Plant> {
  const document = readDocument(file, bytes)
  const { value, problems } = await resolveReferences(document, around)
  const parsed = plantSchema.safeParse(value, { reportInput: true })
  if (!parsed.success) {
    throw new ConfigError([
      ...problems,
      ...problemsOf(document, [], parsed.error.issues, (path) => keysAt(plantSchema, path)),
    ])
  }
  const sources = readSources(document, parsed.data, specs, problems)
  const plant = assemble(document, parsed.data, sources, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return plant
}

function readSources(
  document: ConfigDocument,
  file: PlantFile,
  specs: readonly SourceSpec[],
  problems: Problem[],
): ConfiguredSource[] {
  const sources: ConfiguredSource[] = []
  for (const [name, kinds] of Object.entries(file.sources)) {
    const path = ['sources', name]
    const spec = specOf(document, path, kinds, specs, problems)
    if (!spec) continue
    const parsed = spec.config.safeParse(kinds[spec.kind] ?? {}, { reportInput: true })
    if (parsed.success) {
      sources.push({ name, spec, config: parsed.data })
    } else {
      const at = [...path, spec.kind]
      const known = (below: DocumentPath) => keysAt(spec.config, below.slice(at.length))
      problems.push(...problemsOf(document, at, parsed.error.issues, known))
    }
  }
  return sources
}

function specOf(
  document: ConfigDocument,
  path: DocumentPath,
  kinds: { readonly [kind: string]: unknown },
  specs: readonly SourceSpec[],
  problems: Problem[],
): SourceSpec | undefined {
  const names = specs.map((spec) => spec.kind)
  const [kind, ...more] = Object.keys(kinds)
  const spec = specs.find((candidate) => candidate.kind === kind)
  if (spec && more.length === 0) return spec
  if (kind === undefined || more.length > 0) {
    const there = kind === undefined ? 'no kind' : `${more.length + 1} kinds`
    problems.push(
      document.problem(
        path,
        `Cannot read source "${path.at(-1)}": it has ${there}, want exactly one of ${names.join(', ')}`,
      ),
    )
  } else {
    const message = `Cannot use source kind "${kind}": it is not known, want one of ${names.join(', ')}`
    problems.push(document.problemAtKey(path, kind, message, nearest(kind, names)))
  }
  return undefined
}

function assemble(document: ConfigDocument, file: PlantFile, sources: ConfiguredSource[], problems: Problem[]): Plant {
  const site = attempt(() => parsePath(file.site), document, ['site'], problems) ?? 'invalid/site'
  const models = new Map(Object.entries(file.models).map(([id, model]) => [id, readModel(id, model)]))
  const { hosts, listen, tls, tokens } = file.api
  return {
    site,
    ...(file.hub === undefined ? {} : { hub: file.hub }),
    log: readLog(file.log),
    models,
    assets: readAssets(document, site, file, models, problems),
    sources,
    replications: readReplications(file.replicate),
    api: {
      listen,
      tokens,
      hosts,
      ...(tls === undefined
        ? {}
        : { tls: { key: tls.key, cert: tls.cert, ...(tls.ca === undefined ? {} : { ca: tls.ca }) } }),
    },
  }
}

function readModel(id: string, model: PlantFile['models'][string]): Model {
  const tags = Object.entries(model.tags).map(([name, tag]): [string, TagDefinition] => {
    const kind = tag?.kind ?? 'gauge'
    return [
      name,
      {
        type: tag?.type ?? (kind === 'state' ? 'string' : 'number'),
        kind,
        ...(tag?.unit === undefined ? {} : { unit: tag.unit }),
        ...(tag?.range === undefined ? {} : { range: tag.range }),
        ...(tag?.states === undefined ? {} : { states: tag.states }),
        ...(tag?.description === undefined ? {} : { description: tag.description }),
        ...(tag?.staleAfter === undefined ? {} : { staleAfterMs: tag.staleAfter }),
      },
    ]
  })
  return { id, tags: new Map(tags) }
}

function readAssets(
  document: ConfigDocument,
  site: string,
  file: PlantFile,
  models: ReadonlyMap<string, Model>,
  problems: Problem[],
): Map<string, string> {
  const assets = new Map<string, string>()
  for (const [template, asset] of Object.entries(file.assets)) {
    const model = asset?.model ?? ''
    if (model !== '' && !models.has(model)) {
      const message = `Cannot use model "${model}": no model of that name, want one of ${[...models.keys()].join(', ') || 'those in "models"'}`
      problems.push(document.problem(['assets', template, 'model'], message, nearest(model, models.keys())))
    }
    for (const name of attempt(() => expandTemplate(template), document, ['assets', template], problems) ?? []) {
      const path = attempt(() => under(site, name), document, ['assets', template], problems)
      if (path === undefined) break
      if (assets.has(path))
        problems.push(
          document.problem(['assets', template], `Cannot define asset "${path}": it is there twice, want it once`),
        )
      assets.set(path, model)
    }
  }
  return assets
}

function attempt<T>(read: () => T, document: ConfigDocument, path: DocumentPath, problems: Problem[]): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    problems.push(document.problem(path, error.message))
    return undefined
  }
}

/** The whole file format as JSON Schema, for editors. */
export function configSchema(specs: readonly SourceSpec[]): object {
  const kinds = z.union(specs.map((spec) => z.strictObject({ [spec.kind]: spec.config }).describe(spec.summary)))
  const whole = plantSchema.extend({ sources: z.record(z.string(), kinds).optional() })
  return z.toJSONSchema(whole, { io: 'input', unrepresentable: 'any' })
}
