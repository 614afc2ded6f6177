import { Command } from 'commander'
import type { Topology } from '../component/topology.ts'
import { EXIT, sayFailure } from './failure.ts'
import { jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

export const topologyCommand = (done: Done) =>
  new Command('topology')
    .description('show what the processors of a config do, or how two configs differ in it')
    .argument('[file]', 'the config', 'plant.yaml')
    .option('--diff <file>', 'an earlier version of the config, to compare with')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace topology plant.yaml\n  millrace topology plant.yaml --diff plant.before.yaml\n\nWith --diff it exits with 1 where they differ.',
    )
    .action(async (file: string, options: { diff?: string; json?: boolean }) => {
      done(await show(file, options.diff, options.json === true))
    })

async function show(file: string, before: string | undefined, json: boolean): Promise<number> {
  try {
    const { diffTopologies, topologyText } = await import('../config/topologies.ts')
    const topologies = await topologiesOf(file)
    if (before !== undefined) {
      const lines = diffTopologies(await topologiesOf(before), topologies)
      if (json) terminal.out(JSON.stringify(lines))
      else for (const line of lines) terminal.out(terminal.style(COLOURS[line[0]!]!, line))
      return lines.length === 0 ? EXIT.ok : EXIT.failed
    }
    if (json) terminal.out(JSON.stringify(topologies.map(plain)))
    else for (const topology of topologies) terminal.out(topologyText(topology))
    return EXIT.ok
  } catch (error) {
    return sayFailure(error, terminal, json)
  }
}

const COLOURS: { readonly [mark: string]: 'green' | 'red' | 'yellow' } = { '+': 'green', '-': 'red', '~': 'yellow' }

async function topologiesOf(file: string): Promise<Topology[]> {
  const { readPlant } = await import('./files.ts')
  return (await readPlant(file)).processors.map(({ topology }) => topology)
}

function plain({ name, stages }: Topology) {
  return {
    name,
    stages: stages.map((stage) => ({
      ...stage,
      steps: stage.steps.map((step) => ({ name: step.name, does: step.does, with: step.with })),
    })),
  }
}
