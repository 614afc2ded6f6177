import { Command } from 'commander'
import { EXIT, sayFailure } from './failure.ts'
import { jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

export const lintCommand = (done: Done) =>
  new Command('lint')
    .description('check a config without starting anything')
    .argument('[file]', 'the config', 'plant.yaml')
    .option('--schema', 'print the JSON Schema of the file format, for editors')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace lint plant.yaml\n  millrace lint --schema > plant.schema.json\n\nExits with 0 when the config is good, with 2 when it is not.',
    )
    .action(async (file: string, options: { schema?: boolean; json?: boolean }) => {
      if (options.schema) await printSchema()
      else done(await lint(file, options.json === true))
    })

async function printSchema(): Promise<void> {
  const { configSchema } = await import('../config/load.ts')
  const { KINDS } = await import('../registry.ts')
  terminal.out(JSON.stringify(configSchema(KINDS), null, 2))
}

async function lint(file: string, json: boolean): Promise<number> {
  try {
    const { readPlant } = await import('./files.ts')
    const plant = await readPlant(file)
    const { site, sources, assets, models } = plant
    if (json)
      terminal.out(
        JSON.stringify({ ok: true, site, sources: sources.length, assets: assets.size, models: models.size }),
      )
    else
      terminal.out(
        `${terminal.style('green', 'good')} ${file}: site ${site}, ${models.size} models, ${assets.size} assets, ${sources.length} sources`,
      )
    return EXIT.ok
  } catch (error) {
    return sayFailure(error, terminal, json)
  }
}
