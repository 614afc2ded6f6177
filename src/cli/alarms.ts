import { Command } from 'commander'
import type { AlarmCommandRequest, AlarmCommandView, AlarmsView, AlarmView } from '../api/contract.ts'
import { printable } from '../system/printable.ts'
import { askHub, pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { table, terminal } from './terminal.ts'

interface ListOptions extends HubOptions {
  readonly on?: string
  readonly json?: boolean
}

interface AckOptions extends HubOptions {
  readonly comment?: string
  readonly json?: boolean
}

const PAGE = 500

export const alarmsCommand = (done: Done) =>
  new Command('alarms')
    .description('the alarms that stand at a running hub, those that want an answer first')
    .addOption(dataOption())
    .option('--page <url>', 'page of a hub, instead of the one of the data directory')
    .option('--on <pattern>', 'only of assets below the site that match: "press-shop/**"')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace alarms\n  millrace alarms --on "press-shop/**" --json | jq .alarms\n  millrace alarms ack acme/berlin/press-shop/line1/press7 overheating --comment "on my way"\n\nShows the first 500. A hub with `api.tokens` is asked with the token in MILLRACE_TOKEN.',
    )
    .action(async (options: ListOptions) => done(await list(options)))
    .addCommand(ackCommand(done))

const ackCommand = (done: Done) =>
  new Command('ack')
    .description('acknowledge an alarm: somebody has seen it')
    .argument('<asset>', 'full path of the asset')
    .argument('<alarm>', 'name of the alarm')
    .option('--comment <text>', 'why, or what is done about it')
    .action(async (asset: string, alarm: string, _options: AckOptions, command: Command) =>
      done(await acknowledge(asset, alarm, command.optsWithGlobals())),
    )

async function list(options: ListOptions): Promise<number> {
  const on = options.on === undefined ? '' : `&on=${encodeURIComponent(options.on)}`
  const view = await askHub<AlarmsView>(await pageOf(options), `/api/v1/alarms?limit=${PAGE}${on}`)
  if (options.json === true) terminal.out(JSON.stringify(view))
  else print(view)
  return EXIT.ok
}

async function acknowledge(asset: string, alarm: string, options: AckOptions): Promise<number> {
  const { comment, json } = options
  const request: AlarmCommandRequest = {
    action: 'acknowledge',
    alarms: [{ asset, alarm }],
    ...(comment !== undefined && { comment }),
  }
  const view = await askHub<AlarmCommandView>(await pageOf(options), '/api/v1/alarms/commands', request)
  if (json === true) terminal.out(JSON.stringify(view))
  else for (const one of view.alarms) terminal.out(`${one.alarm} of ${one.asset} is ${one.state}`)
  return EXIT.ok
}

function print({ alarms, total }: AlarmsView): void {
  if (total === 0) return terminal.out('No alarm stands')
  const lines = table([['priority', 'state', 'alarm', 'asset', 'since', ''], ...alarms.map(row)])
  terminal.out(terminal.style('bold', lines[0]!))
  for (const line of lines.slice(1)) terminal.out(line)
  if (total > alarms.length) terminal.out(`\nand ${(total - alarms.length).toLocaleString('en-US')} more`)
}

function row({ priority, state, alarm, asset, raisedAt, message }: AlarmView): string[] {
  const since = raisedAt === undefined ? '' : new Date(raisedAt).toISOString()
  return [priority, state, printable(alarm), printable(asset), since, printable(message)]
}
