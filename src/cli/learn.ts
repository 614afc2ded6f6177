import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { StartAt } from '../attach.ts'
import type { Learned } from '../component/processor.ts'
import { EXIT, sayFailure } from './failure.ts'
import { dataOption, fromOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { Progress } from './progress.ts'
import { table, terminal } from './terminal.ts'
import { askedToEnd } from './until-ended.ts'

interface LearnOptions {
  readonly config: string
  readonly data: string
  readonly from: StartAt
  readonly out?: string
  readonly json?: boolean
}

export const learnCommand = (done: Done) =>
  new Command('learn')
    .description('learn from the past what a processor is then told by a file: how the units of a fleet have failed')
    .argument('<processor>', 'its name in the config')
    .option('--config <file>', 'the config', 'plant.yaml')
    .addOption(dataOption())
    .addOption(fromOption('start'))
    .option('--out <file>', 'where it is written; default: <processor>.model.json beside the config')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nReads the log of the plant, also while its hub runs, and changes nothing in it. The same past gives the same file, byte\nfor byte: keep it with the config, which names it as "model: file:<processor>.model.json", and start the hub again.\n\nExamples:\n  millrace learn pumps\n  millrace learn pumps --config plant.yaml --data /var/lib/millrace --from 2026-01-01T00:00:00Z --out pumps-2.model.json',
    )
    .action(async (processor: string, options: LearnOptions) => done(await run(processor, options)))

async function run(name: string, options: LearnOptions): Promise<number> {
  const json = options.json === true
  const stop = new AbortController()
  void askedToEnd().then(() => stop.abort(new Error('Stopped')))
  await using stack = new AsyncDisposableStack()
  try {
    const [{ attachLog }, { machine }, { readPlant }, { learn }] = await Promise.all([
      import('../attach.ts'),
      import('./machine.ts'),
      import('./files.ts'),
      import('../learning.ts'),
    ])
    const plant = await readPlant(options.config)
    const processor = plant.processors.find((one) => one.name === name)
    if (processor === undefined) throw unknownProcessor(name, plant.processors)
    const system = machine({ logLevel: 'error', logFormat: 'text' })
    const attached = await attachLog(options.data, system, plant)
    stack.defer(() => attached.close())
    const progress = new Progress('records')
    const parts = { plant, processor, attached, from: options.from, system, signal: stop.signal }
    const learned = await learn({ ...parts, onProgress: (records, of) => progress.show(records, of) })
    progress.end()
    const file = options.out ?? resolve(options.config, '..', `${name}.model.json`)
    await writeFile(file, `${JSON.stringify(learned.file)}\n`)
    say(name, learned, file, json)
    return EXIT.ok
  } catch (error) {
    return sayFailure(error, terminal, json)
  }
}

function unknownProcessor(name: string, processors: readonly { readonly name: string }[]): Error {
  const known = processors.map((one) => one.name).join(', ')
  return new Error(`Cannot learn "${name}": no processor of that name, want one of ${known || 'those in "processors"'}`)
}

function say(processor: string, { said }: Learned, file: string, json: boolean): void {
  if (json) return terminal.out(JSON.stringify({ processor, file, ...said }))
  const rows = Object.entries(said).map(([name, value]) => [
    name,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ])
  for (const line of table([['learned', processor], ...rows])) terminal.out(line)
  terminal.err(`Written to ${file}; the config names it beside itself as "model: file:NAME"`)
}
