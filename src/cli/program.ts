import { Command, CommanderError } from 'commander'
import { VERSION } from '../version.ts'
import { alarmsCommand } from './alarms.ts'
import { auditCommand } from './audit.ts'
import { commandCommand } from './command.ts'
import { demoCommand } from './demo.ts'
import { exportCommand } from './export.ts'
import { EXIT, sayFailure } from './failure.ts'
import { forecastCommand } from './forecast.ts'
import { initCommand } from './init.ts'
import { learnCommand } from './learn.ts'
import { ledgerCommand } from './ledger.ts'
import { lintCommand } from './lint.ts'
import { mcpCommand } from './mcp.ts'
import { queryCommand } from './query.ts'
import { replayCommand } from './replay.ts'
import { runCommand } from './run.ts'
import { simulateCommand } from './simulate.ts'
import { statusCommand } from './status.ts'
import { tailCommand } from './tail.ts'
import { terminal } from './terminal.ts'
import { topicsCommand } from './topics.ts'
import { topologyCommand } from './topology.ts'

/** What every command hands its exit code to. */
export type Done = (code: number) => void

const COMMANDS = [
  demoCommand,
  initCommand,
  lintCommand,
  topologyCommand,
  runCommand,
  topicsCommand,
  statusCommand,
  alarmsCommand,
  commandCommand,
  forecastCommand,
  auditCommand,
  tailCommand,
  queryCommand,
  exportCommand,
  replayCommand,
  learnCommand,
  ledgerCommand,
  simulateCommand,
  mcpCommand,
]

/** The command line: parses it, runs one command, answers the exit code (see `EXIT`). */
export async function main(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.ok
  const program = createProgram((ended) => {
    code = ended
  })
  try {
    await program.parseAsync([...argv])
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return sayFailure(error, terminal, argv.includes('--json'))
  }
}

/** All commands with their options and help; also what the reference page and its test are made from. */
export function createProgram(done: Done): Command {
  const program = new Command('millrace')
    .description('Puts the data of factories and fleets in motion: machines into a durable log, live twins out of it')
    .version(VERSION)
    .showHelpAfterError('(add --help for what it takes)')
    .showSuggestionAfterError()
    .configureHelp({ sortOptions: false })
    .addHelpText(
      'after',
      `\nStart here:\n  millrace demo                a simulated plant, with its page in the browser\n  millrace init plant.yaml     a first config for your own machines`,
    )
  for (const command of COMMANDS) program.addCommand(command(done))
  for (const command of [program, ...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride()
  }
  return program
}
