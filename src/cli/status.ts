import { Command } from 'commander'
import type { HubEntry, HubsView } from '../api/contract.ts'
import { printable } from '../system/printable.ts'
import { askHub, pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { table, terminal } from './terminal.ts'

interface StatusOptions extends HubOptions {
  readonly json?: boolean
}

export const statusCommand = (done: Done) =>
  new Command('status')
    .description('the hubs that share the log, and which of them runs which source')
    .addOption(dataOption())
    .option('--page <url>', 'page of a hub, instead of the one of the data directory')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace status\n  millrace status --page http://hub-a:8080 --json | jq .hubs\n\nA hub with `api.tokens` is asked with the token in MILLRACE_TOKEN.',
    )
    .action(async (options: StatusOptions) => done(await status(options)))

async function status(options: StatusOptions): Promise<number> {
  const { hubs } = await askHub<HubsView>(await pageOf(options), '/api/v1/hubs')
  if (options.json === true) terminal.out(JSON.stringify({ hubs }))
  else print(hubs)
  return EXIT.ok
}

function print(hubs: readonly HubEntry[]): void {
  const rows = hubs.flatMap((entry) => {
    const name = `${printable(entry.hub)}${entry.leads ? ' *' : ''}${entry.here ? ' (asked)' : ''}`
    const since = new Date(entry.since).toISOString()
    const lines = entry.sources.map(({ name: source, kind, state, epoch, reason }) => [
      printable(source),
      kind,
      state,
      epoch ?? '',
      printable(reason),
    ])
    return (lines.length > 0 ? lines : [['-', '', '', '', 'runs no source']]).map((line, index) => [
      ...(index === 0 ? [name, printable(entry.page), since, entry.partitions?.join(' ') ?? ''] : ['', '', '', '']),
      ...line,
    ])
  })
  const lines = table([['hub', 'page', 'since', 'partitions', 'source', 'kind', 'state', 'epoch', ''], ...rows])
  terminal.out(terminal.style('bold', lines[0]!))
  for (const line of lines.slice(1)) terminal.out(line)
  if (hubs.length > 1) terminal.out('\n* closes the books of hubs that died')
}
