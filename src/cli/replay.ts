import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { StartAt } from '../attach.ts'
import type { Replay, ReplayProgress } from '../replaying.ts'
import { EXIT, sayFailure } from './failure.ts'
import { dataOption, duration, fromOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { Progress } from './progress.ts'
import { table, terminal } from './terminal.ts'
import { askedToEnd } from './until-ended.ts'

type Comparisons = Awaited<ReturnType<Replay['compare']>>

interface ReplayCommandOptions {
  readonly config: string
  readonly data: string
  readonly from: StartAt
  readonly settle: number
  readonly switch?: boolean
  readonly json?: boolean
}

export const replayCommand = (done: Done) =>
  new Command('replay')
    .description(
      'run a processor, as the config has it now, over the past, and compare it with what the running one said',
    )
    .argument('<processor>', 'its name in the config')
    .option('--config <file>', 'the config, with the new version of the processor', 'plant.yaml')
    .addOption(dataOption())
    .addOption(fromOption('start'))
    .option(
      '--settle <duration>',
      'do not compare this long after the beginning, when a new one still learns',
      duration,
      0,
    )
    .option('--switch', 'then go on with what the replay knows: no hub may run on the data now')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nThe replay reads the log of the plant and writes to one of its own, which is gone afterwards; sinks and commands see\nnothing of it. With --switch the next run of the hub goes on from the states of the replay.\n\nExamples:\n  millrace replay overheating --from 24h\n  millrace replay overheating --config plant.next.yaml --switch\n\nExits with 0 where both say the same, with 1 where they differ.',
    )
    .action(async (processor: string, options: ReplayCommandOptions) => done(await run(processor, options)))

async function run(name: string, options: ReplayCommandOptions): Promise<number> {
  const json = options.json === true
  const directory = await mkdtemp(join(tmpdir(), 'millrace-replay-'))
  const stop = new AbortController()
  void askedToEnd().then(() => stop.abort(new Error('Stopped')))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  try {
    const [{ attachLog }, { machine }, { readPlant }, { replay }] = await Promise.all([
      import('../attach.ts'),
      import('./machine.ts'),
      import('./files.ts'),
      import('../replaying.ts'),
    ])
    const plant = await readPlant(options.config)
    const processor = plant.processors.find((one) => one.name === name)
    if (processor === undefined) throw unknownProcessor(name, plant.processors)
    const system = machine({ logLevel: 'error', logFormat: 'text' })
    const attached = await attachLog(options.data, system, plant)
    stack.defer(() => attached.close())
    if (options.switch && attached.running)
      throw new Error(`Cannot switch "${name}": a hub runs on the data, want it stopped`)
    const progress = new Progress('records')
    const parts = { plant, processor, attached, from: options.from, directory, system, signal: stop.signal }
    const done = await replay({ ...parts, onProgress: ({ records, of }: ReplayProgress) => progress.show(records, of) })
    stack.defer(() => done.close())
    progress.end()
    return await answer(name, done, options, json)
  } catch (error) {
    return sayFailure(error, terminal, json)
  }
}

function unknownProcessor(name: string, processors: readonly { readonly name: string }[]): Error {
  const known = processors.map((one) => one.name).join(', ')
  return new Error(
    `Cannot replay "${name}": no processor of that name, want one of ${known || 'those in "processors"'}`,
  )
}

async function answer(name: string, replay: Replay, options: ReplayCommandOptions, json: boolean): Promise<number> {
  const { facts, faults, seconds } = replay
  const since = options.from.at === 'time' ? options.from.time : -Infinity
  const comparisons = await replay.compare(since + options.settle)
  const same = comparisons.every(({ different, onlyLive, onlyReplay }) => different + onlyLive + onlyReplay === 0)
  const adopted = options.switch ? await replay.adopt() : undefined
  if (json) terminal.out(JSON.stringify({ processor: name, facts, faults, seconds, same, comparisons, adopted }))
  else say(name, replay, comparisons, adopted)
  return same ? EXIT.ok : EXIT.failed
}

function say(name: string, { facts, faults, seconds }: Replay, comparisons: Comparisons, adopted?: number): void {
  const rate = Math.round(facts / Math.max(seconds, 0.001)).toLocaleString('en-US')
  terminal.err(
    `${facts.toLocaleString('en-US')} facts in ${seconds.toFixed(1)} s (${rate}/s), ${faults} could not be taken`,
  )
  const rows = comparisons.map(({ kind, equal, different, onlyLive, onlyReplay }) => [
    kind,
    equal,
    different,
    onlyLive,
    onlyReplay,
  ])
  for (const line of table([['kind', 'equal', 'different', 'only live', 'only replay'], ...rows])) terminal.out(line)
  for (const { what, live, replay } of comparisons.flatMap(({ examples }) => examples)) {
    terminal.out('')
    terminal.out(what)
    if (live !== undefined) terminal.out(`  live    ${live}`)
    if (replay !== undefined) terminal.out(`  replay  ${replay}`)
  }
  if (adopted !== undefined)
    terminal.err(`"${name}" goes on from the replay: ${adopted} keys; start the hub with the same config`)
}
