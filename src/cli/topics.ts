import { Command } from 'commander'
import type { AttachedLog } from '../attach.ts'
import { EXIT } from './failure.ts'
import { configOption, dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { onLog, type WhichLog } from './readings.ts'
import { table, terminal } from './terminal.ts'

export const topicsCommand = (done: Done) =>
  new Command('topics')
    .description('the topics of the log: partitions, offsets, records')
    .argument('[topic]', 'partition by partition of this one')
    .addOption(dataOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText('after', '\nExamples:\n  millrace topics\n  millrace topics acme.berlin.telemetry --json')
    .action(async (topic: string | undefined, options: WhichLog & { readonly json?: boolean }) =>
      done(await onLog(options, (log) => topics(log, topic, options.json === true))),
    )

interface TopicEnds {
  readonly name: string
  readonly partitions: readonly { readonly partition: number; readonly start: number; readonly end: number }[]
}

async function topics({ log }: AttachedLog, only: string | undefined, json: boolean): Promise<number> {
  const names = only === undefined ? (await log.topics()).map(({ name }) => name).sort() : [only]
  const all = await Promise.all(
    names.map(async (name): Promise<TopicEnds> => ({ name, partitions: await log.ends(name) })),
  )
  if (json) terminal.out(JSON.stringify(only === undefined ? { topics: all } : all[0]))
  else for (const line of only === undefined ? summary(all) : details(all[0]!)) terminal.out(line)
  return EXIT.ok
}

function summary(all: readonly TopicEnds[]): string[] {
  const rows = all.map(({ name, partitions }) => [
    name,
    partitions.length,
    partitions.reduce((sum, { start, end }) => sum + end - start, 0),
  ])
  return headed(table([['topic', 'partitions', 'records'], ...rows]))
}

function details({ partitions }: TopicEnds): string[] {
  const rows = partitions.map(({ partition, start, end }) => [partition, start, end, end - start])
  return headed(table([['partition', 'first offset', 'next offset', 'records'], ...rows]))
}

function headed([heading, ...lines]: readonly string[]): string[] {
  return [terminal.style('bold', heading!), ...lines]
}
