import { Command, InvalidArgumentError } from 'commander'
import { keepCompiledCode } from './compile-cache.ts'
import { collectLoading } from '../system/loading.ts'
import { systemClock } from '../system/clock.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption, logFormatOption, logLevelOption, type LogOptions } from './options.ts'
import type { Done } from './program.ts'
import { announce } from './announce.ts'
import { askedToEnd, untilEnded } from './until-ended.ts'

interface RunOptions extends LogOptions {
  readonly data: string
  readonly hub?: string
  readonly json?: boolean
}

export const runCommand = (done: Done) =>
  new Command('run')
    .description('run a plant: connect its machines, keep its log, serve its page')
    .argument('[file]', 'the config', 'plant.yaml')
    .addOption(dataOption())
    .option(
      '--hub <name>',
      'name of this hub among those that share the log, instead of the one of the config',
      hubName,
    )
    .addOption(logLevelOption())
    .addOption(logFormatOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace run plant.yaml\n  millrace run plant.yaml --data /var/lib/millrace --log-format json\n\nCtrl-C ends it cleanly: what was taken in is acknowledged, the books are closed.',
    )
    .action(async (file: string, options: RunOptions) => done(await run(file, options)))

async function run(file: string, options: RunOptions): Promise<number> {
  const asked = askedToEnd()
  const { readPlant } = await import('./files.ts')
  const plant = { ...(await readPlant(file)), ...(options.hub !== undefined && { hub: options.hub }) }
  const { startHub } = await import('../hub.ts')
  const { machine } = await import('./machine.ts')
  const stop = new AbortController()
  void asked.then(() => stop.abort())
  const { signal } = stop
  const starting = startHub({ plant, dataDirectory: options.data, mode: 'run', system: machine(options), signal })
  const hub = await starting.catch((error: unknown) => {
    // Who waits for a log that is not there is asked to end before it has begun.
    if (!signal.aborted) throw error
    return undefined
  })
  if (!hub) return EXIT.ok
  announce(hub, `plant ${plant.site}`, options.json === true)
  keepCompiledCode()
  collectLoading(systemClock)
  await untilEnded(asked, hub)
  return EXIT.ok
}

function hubName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text)) return text
  throw new InvalidArgumentError('Want letters, digits, ".", "_", "-".')
}
