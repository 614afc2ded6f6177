import { Command } from 'commander'
import type { HubEntry, HubsView } from '../api/contract.ts'
import { printable } from '../system/printable.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { table, terminal } from './terminal.ts'

interface StatusOptions {
  readonly data: string
  readonly page?: string
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

async function status({ data, page, json }: StatusOptions): Promise<number> {
  const { runningPage } = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  const address = page ?? (await runningPage(data, machine({ logLevel: 'warn', logFormat: 'text' })))
  const { hubs } = await ask(address)
  if (json === true) terminal.out(JSON.stringify({ hubs }))
  else print(hubs)
  return EXIT.ok
}

async function ask(page: string): Promise<HubsView> {
  const token = process.env['MILLRACE_TOKEN']
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const answer = await fetch(new URL('/api/v1/hubs', page), { headers, signal: AbortSignal.timeout(10_000) }).catch(
    (cause: unknown) => {
      throw new Error(`Cannot ask "${page}": ${reasonOf(cause)}, want the page of a running hub`, { cause })
    },
  )
  if (answer.status === 200) return (await answer.json()) as HubsView
  const { message } = (await answer.json().catch(() => ({}))) as { readonly message?: string }
  throw new Error(`Cannot ask "${page}": it answered ${answer.status} (${message ?? 'without a reason'}), want 200`)
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error ? cause.message : message
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
