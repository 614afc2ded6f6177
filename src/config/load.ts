import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import type { Kinds } from '../component/kinds.ts'
import type { ProcessorSpec } from '../component/processor.ts'
import type { Model, TagDefinition } from '../model/definition.ts'
import { ModelError } from '../model/errors.ts'
import { parsePath, under } from '../model/path.ts'
import { expandTemplate } from '../model/template.ts'
import { nearest } from '../system/nearest.ts'
import { readBehaviour } from './behaviour-schema.ts'
import { readCommands } from './command-schema.ts'
import { readAbout } from './about.ts'
import { readComponents } from './components.ts'
import { checkProcessors } from './declared.ts'
import { readDocument, type ConfigDocument, type DocumentPath } from './document.ts'
import { problemsOf } from './issues.ts'
import { readHistorian } from './historian-schema.ts'
import { readLog } from './log-schema.ts'
import { checkReaders } from './readers.ts'
import { readReplications } from './replicate-schema.ts'
import type { ConfiguredProcessor, Plant } from './plant.ts'
import { ConfigError, type Problem } from './problem.ts'
import { resolveReferences, type Surroundings } from './references.ts'
import { plantSchema, type PlantFile } from './schema.ts'
import { keysAt } from './keys.ts'
import { topologyFaults } from './topologies.ts'

/**
 * Reads a config file whole: YAML, references, the file's schema, every source's own schema, and what must fit
 * together. Nothing is started and nothing outside is touched but the files and variables it refers to.
 * @throws ConfigError naming everything that is wrong, with line and column.
 */
export async function loadPlant(file: string, bytes: Uint8Array, kinds: Kinds, around: Surroundings): Promise<Plant> {
  const document = readDocument(file, bytes)
  const { value, problems } = await resolveReferences(document, around)
  const parsed = plantSchema.safeParse(value, { reportInput: true })
  if (!parsed.success) {
    throw new ConfigError([
      ...problems,
      ...problemsOf(document, [], parsed.error.issues, (path) => keysAt(plantSchema, path)),
    ])
  }
  const section = { name: 'sources', noun: 'source', specs: kinds.sources } as const
  const sources = readComponents(document, section, parsed.data.sources, problems)
  const processors = readProcessors(document, parsed.data, kinds.processors, problems)
  const going = { name: 'sinks', noun: 'sink', specs: kinds.sinks } as const
  const sinks = readComponents(document, going, parsed.data.sinks, problems)
  const plant = assemble(document, parsed.data, { sources, processors, sinks }, problems)
  checkThrough(document, plant, problems)
  checkReaders(document, plant, problems)
  checkProcessors(document, plant, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return plant
}

/** Processors with their topologies: what does not fit together in one is found here, before anything runs. */
function readProcessors(
  document: ConfigDocument,
  file: PlantFile,
  specs: readonly ProcessorSpec[],
  problems: Problem[],
): ConfiguredProcessor[] {
  const section = { name: 'processors', noun: 'processor', specs, options: ['from'] } as const
  const processors = readComponents(document, section, file.processors, problems).flatMap(({ name, spec, config }) => {
    const from = file.processors[name]!['from'] ?? 'start'
    if (from !== 'start' && from !== 'end') {
      const message = `Cannot read "processors.${name}.from": it is ${JSON.stringify(from)}, want start or end`
      problems.push(document.problem(['processors', name, 'from'], message))
      return []
    }
    const make = () => spec.topology(config, { name, site: file.site })
    const topology = attempt(make, document, ['processors', name, spec.kind], problems)
    const place = { name, directory: dirname(resolve(document.file)) }
    const cage = attempt(() => spec.cage?.(config, place), document, ['processors', name, spec.kind], problems)
    return topology === undefined ? [] : [{ name, spec, config, topology, from, ...(cage && { cage }) } as const]
  })
  for (const { processor, message } of topologyFaults(processors.map(({ topology }) => topology))) {
    problems.push(document.problem(['processors', processor], message))
  }
  return processors
}

function assemble(
  document: ConfigDocument,
  file: PlantFile,
  components: Pick<Plant, 'sources' | 'processors' | 'sinks'>,
  problems: Problem[],
): Plant {
  const site = attempt(() => parsePath(file.site), document, ['site'], problems) ?? 'invalid/site'
  const models = new Map(
    Object.entries(file.models).map(([id, model]) => [id, readModel(id, model, document, problems)]),
  )
  const assets = readAssets(document, site, file, models, problems)
  const { aas, hosts, listen, tls, tokens } = file.api
  const historian = readHistorian(file.historian)
  return {
    site,
    ...(file.hub === undefined ? {} : { hub: file.hub }),
    log: readLog(file.log),
    models,
    assets,
    about: readAbout(document, { site, assets, models }, file, problems),
    ...components,
    replications: readReplications(file.replicate),
    ...entrances(document, file, problems),
    ...(historian && { historian }),
    api: {
      listen,
      tokens: tokens.map(({ areas, ...token }) => ({ ...token, ...(areas && { areas }) })),
      hosts,
      ...(aas.length > 0 && { aas }),
      ...(tls === undefined
        ? {}
        : { tls: { key: tls.key, cert: tls.cert, ...(tls.ca === undefined ? {} : { ca: tls.ca }) } }),
    },
  }
}

/** Whoever asks through another door has a name with rights, as at the API. */
function entrances(document: ConfigDocument, { commands, api }: PlantFile, problems: Problem[]) {
  const as = commands.kafka?.as
  if (as === undefined) return {}
  if (!api.tokens.some(({ name }) => name === as)) {
    const names = api.tokens.map(({ name }) => name)
    const message = `Cannot ask as "${as}": no token has that name, want one of "api.tokens"`
    problems.push(document.problem(['commands', 'kafka', 'as'], message, nearest(as, names)))
  }
  return { commandsFromKafka: as }
}

/** What goes out through a source goes to machines that can subscribe there. */
function checkThrough(document: ConfigDocument, { sources, sinks }: Plant, problems: Problem[]): void {
  for (const { name, spec, config } of sinks) {
    const through = spec.through?.(config)
    if (through === undefined) continue
    const source = sources.find((one) => one.name === through)
    if (source?.spec.publishes?.(source.config)) continue
    const fitting = sources.filter((one) => one.spec.publishes?.(one.config)).map((one) => `"${one.name}"`)
    const why = source === undefined ? 'there is no source of that name' : 'machines cannot subscribe there'
    const want = fitting.length === 0 ? 'an MQTT listener in "sources"' : `one of ${fitting.join(', ')}`
    const message = `Cannot send through "${through}": ${why}, want ${want}`
    problems.push(document.problem(['sinks', name, spec.kind, 'through'], message))
  }
}

function readModel(
  id: string,
  model: PlantFile['models'][string],
  document: ConfigDocument,
  problems: Problem[],
): Model {
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
  const declared = new Map(tags)
  const commands = readCommands(document, id, model.commands, declared, problems)
  const behaviour = model.behaviour && readBehaviour(document, id, model.behaviour, declared, problems)
  return {
    id,
    tags: declared,
    commands,
    ...(behaviour && { behaviour }),
    ...(model.meta !== undefined && { meta: model.meta }),
  }
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
export function configSchema({ sources, processors, sinks }: Kinds): object {
  const source = z.union(sources.map((spec) => z.strictObject({ [spec.kind]: spec.config }).describe(spec.summary)))
  const processor = z.union(
    processors.map((spec) => z.strictObject({ [spec.kind]: spec.config, from: fromField }).describe(spec.summary)),
  )
  const sink = z.union(sinks.map((spec) => z.strictObject({ [spec.kind]: spec.config }).describe(spec.summary)))
  const whole = plantSchema.extend({
    sources: z.record(z.string(), source).optional(),
    ...(sinks.length > 0 && { sinks: z.record(z.string(), sink).optional() }),
    ...(processors.length > 0 && { processors: z.record(z.string(), processor).optional() }),
  })
  return z.toJSONSchema(whole, { io: 'input', unrepresentable: 'any' })
}

const fromField = z
  .enum(['start', 'end'])
  .optional()
  .describe(
    'Where a processor that has never run begins: with what the log still has (start), or with what comes (end)',
  )
