import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { CommandAnswerView, CommandRefusalView, CommandRequest, CommandView } from '../api/contract-commands.ts'
import type { JsonValue } from '../api/contract.ts'
import { printable } from '../system/printable.ts'
import { askHub, pageOf, tellHub, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

interface CommandOptions extends HubOptions {
  readonly expect?: string
  readonly key?: string
  readonly comment?: string
  readonly wait?: boolean
  readonly dryRun?: boolean
  readonly method?: boolean
  readonly json?: boolean
}

/** How often it is asked whether a command has ended. */
const ASK_MS = 100

export const commandCommand = (done: Done) =>
  new Command('command')
    .description('ask a running hub to write a value to a machine, or to call one of its methods')
    .argument('<asset>', 'full path of the asset')
    .argument('<command>', 'name of a command that its model declares')
    .argument('[values...]', 'the value, or the arguments of the method: JSON, or a bare text')
    .option('--expect <value>', 'only if the tag is this, now and when it is sent')
    .option('--key <key>', 'the same key again is the same request; by itself a new one')
    .option('--comment <text>', 'why')
    .option('--wait', 'until it has ended: fails unless it is confirmed')
    .option('--dry-run', 'only say whether it would be allowed')
    .option('--method', 'the values are the arguments of a method, even if there is only one')
    .addOption(dataOption())
    .option('--page <url>', 'page of a hub, instead of the one of the data directory')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace command acme/berlin/press-shop/line1/press7 setpoint 55 --wait\n  millrace command acme/berlin/press-shop/line1/press7 setpoint 55 --expect 50 --comment "batch 12"\n  millrace command acme/berlin/press-shop/line1/press7 reset --dry-run\n\nExits with 0 when it was taken (with --wait: confirmed), with 1 when it was refused or did not go well. A hub with\n`api.tokens` is asked with the token in MILLRACE_TOKEN.',
    )
    .action(async (asset: string, command: string, values: readonly string[], options: CommandOptions) =>
      done(await run(asset, command, values, options)),
    )

async function run(
  asset: string,
  command: string,
  values: readonly string[],
  options: CommandOptions,
): Promise<number> {
  const page = await pageOf(options)
  const request = requestOf(asset, command, values, options)
  const { ok, body } = await tellHub(page, '/api/v1/commands', request)
  if (!ok) return refused(body as CommandRefusalView, options)
  const answer = body as CommandAnswerView
  if (options.wait !== true || options.dryRun === true) return taken(answer, options)
  return ended(await end(page, answer.id), options)
}

function requestOf(
  asset: string,
  command: string,
  values: readonly string[],
  { expect, key, comment, dryRun, method }: CommandOptions,
): CommandRequest {
  const given = values.map(valueOf)
  const isOne = given.length === 1 && method !== true
  return {
    asset,
    command,
    ...(isOne ? { value: given[0]! } : given.length > 1 || method === true ? { args: given } : {}),
    ...(expect !== undefined && { expected: valueOf(expect) }),
    idempotencyKey: key ?? randomUUID(),
    ...(comment !== undefined && { comment }),
    ...(dryRun === true && { dryRun }),
  }
}

/** JSON where it is some, else the text as it stands: `55`, `true`, `Idle`. */
function valueOf(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return text
  }
}

/** Asks until the command has ended. It has a deadline, and so has whatever follows: this ends too. */
async function end(page: string, id: string): Promise<CommandView> {
  for (;;) {
    const view = await askHub<CommandView>(page, `/api/v1/commands/${encodeURIComponent(id)}`)
    if (view.endedAt !== undefined) return view
    await sleep(ASK_MS)
  }
}

function refused(view: CommandRefusalView, { json }: CommandOptions): number {
  if (json === true) terminal.out(JSON.stringify(view))
  else {
    terminal.err(terminal.style('red', 'refused'))
    const reasons = view.reasons ?? [view]
    for (const { code, message } of reasons) terminal.err(printable(`  ${code}: ${message}`))
  }
  return EXIT.failed
}

function taken(view: CommandAnswerView, { json }: CommandOptions): number {
  if (json === true) terminal.out(JSON.stringify(view))
  else if (view.dryRun) terminal.out('It would be allowed now')
  else terminal.out(`${view.id} ${view.state}${view.repeated ? ' (asked for before)' : ''}`)
  return EXIT.ok
}

function ended(view: CommandView, { json }: CommandOptions): number {
  if (json === true) terminal.out(JSON.stringify(view))
  else {
    const readBack = view.readBack === undefined ? '' : `: the machine says ${JSON.stringify(view.readBack)}`
    terminal.out(printable(`${view.id} ${view.state}${view.state === 'confirmed' ? readBack : ''}`))
    for (const { code, message } of view.reasons) terminal.out(printable(`  ${code}: ${message}`))
  }
  return view.state === 'confirmed' ? EXIT.ok : EXIT.failed
}
