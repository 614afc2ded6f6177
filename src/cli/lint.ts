import { Command } from 'commander'
import { configSchema } from '../config/load.ts'
import { SOURCES } from '../registry.ts'
import { EXIT, sayFailure } from './failure.ts'
import { readPlant } from './files.ts'
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
      if (options.schema) terminal.out(JSON.stringify(configSchema(SOURCES), null, 2))
      else done(await lint(file, options.json === true))
    })

async function lint(file: string, json: boolean): Promise<number> {
  try {
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
