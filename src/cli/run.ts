import { Command } from 'commander'
import { startHub } from '../hub.ts'
import { EXIT } from './failure.ts'
import { readPlant } from './files.ts'
import { machine } from './machine.ts'
import { dataOption, jsonOption, logFormatOption, logLevelOption, type LogOptions } from './options.ts'
import type { Done } from './program.ts'
import { announce } from './announce.ts'
import { untilEnded } from './until-ended.ts'

interface RunOptions extends LogOptions {
  readonly data: string
  readonly json?: boolean
}

export const runCommand = (done: Done) =>
  new Command('run')
    .description('run a plant: connect its machines, keep its log, serve its page')
    .argument('[file]', 'the config', 'plant.yaml')
    .addOption(dataOption())
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace run plant.yaml\n  millrace run plant.yaml --data /var/lib/millrace --log-format json\n\nCtrl-C ends it cleanly: what was taken in is acknowledged, the books are closed.',
    )
    .action(async (file: string, options: RunOptions) => done(await run(file, options)))

async function run(file: string, options: RunOptions): Promise<number> {
  const plant = await readPlant(file)
  const hub = await startHub({ plant, dataDirectory: options.data, mode: 'run', system: machine(options) })
  announce(hub, `plant ${plant.site}`, options.json === true)
  await untilEnded(hub)
  return EXIT.ok
}
