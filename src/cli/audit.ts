import { Command, InvalidArgumentError } from 'commander'
import type { AuditHead, AuditVerdict } from '../audit/verify.ts'
import type { auditRecords } from '../auditing.ts'
import { printable } from '../system/printable.ts'
import { EXIT } from './failure.ts'
import { configOption, count, dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { terminal } from './terminal.ts'

interface ListOptions {
  readonly data: string
  readonly config?: string
  readonly json?: boolean
  readonly last: number
}

interface VerifyOptions extends Omit<ListOptions, 'last'> {
  readonly head?: AuditHead
}

type Listed = ReturnType<typeof auditRecords> extends AsyncGenerator<infer T> ? T : never

export const auditCommand = (done: Done) =>
  new Command('audit')
    .description('who asked what of the machines, what was decided, sent and done')
    .addOption(dataOption())
    .addOption(configOption())
    .option('--last <n>', 'how many records, the newest ones', count, 100)
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace audit --last 20\n  millrace audit --json | jq \'select(.what == "command.refused")\'\n  millrace audit verify\n\nReads the log, of a running hub too. With --json a record a line.',
    )
    .action(async (options: ListOptions) => done(await list(options)))
    .addCommand(verifyCommand(done))

const verifyCommand = (done: Done) =>
  new Command('verify')
    .description('prove that no record of the audit was changed, removed, added or moved')
    .option('--head <offset:hash>', 'an end that was written down elsewhere: it has to be there', head)
    .addHelpText(
      'after',
      '\nExamples:\n  millrace audit verify\n  millrace audit verify --head 1207:9f86d081884c7d65...\n\nPrints the end, to be kept where nobody who can write to the log can reach it. Exits with 0 when the chains hold, with 1 when\nthey do not; the first broken link is named. What it cannot find is in docs/commands.md.',
    )
    .action(async (_options: VerifyOptions, command: Command) => done(await verify(command.optsWithGlobals())))

function head(text: string): AuditHead {
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text)
  if (match === null)
    throw new InvalidArgumentError('Want an offset and a hash, as "millrace audit verify" prints them.')
  return { offset: Number(match[1]), hash: match[2]! }
}

async function list(options: ListOptions): Promise<number> {
  const { auditRecords: recordsOf } = await import('../auditing.ts')
  const attached = await attach(options)
  try {
    for await (const record of recordsOf(attached.log, options.last))
      terminal.out(options.json === true ? JSON.stringify(record) : line(record))
    return EXIT.ok
  } finally {
    await attached.log.close()
  }
}

async function verify(options: VerifyOptions): Promise<number> {
  const { verifyAudit } = await import('../auditing.ts')
  const { log, system } = await attach(options)
  try {
    const heads = options.head === undefined ? [] : [options.head]
    const verdict = await verifyAudit(log, { directory: options.data, heads, system })
    if (options.json === true)
      terminal.out(JSON.stringify({ site: log.site, ok: verdict.broken === undefined, ...verdict }))
    else say(verdict)
    return verdict.broken === undefined ? EXIT.ok : EXIT.failed
  } finally {
    await log.close()
  }
}

async function attach({ data, config }: Pick<ListOptions, 'data' | 'config'>) {
  const { attachLog } = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  const { readPlant } = await import('./files.ts')
  const plant = config === undefined ? undefined : await readPlant(config)
  const system = machine({ logLevel: 'warn', logFormat: 'text' })
  return { log: await attachLog(data, system, plant), system }
}

function line({ time, what, by, via, asset, detail }: Listed): string {
  const who = by === '' ? 'the hub' : `${by}${via === undefined ? '' : ` (${via})`}`
  const about = detail === undefined ? '' : ` ${JSON.stringify(detail)}`
  return printable(`${new Date(time).toISOString()} ${what} ${who}${asset === undefined ? '' : ` ${asset}`}${about}`)
}

function say({ records, chains, broken, head: end, begins }: AuditVerdict): void {
  const count = `${records.toLocaleString('en-US')} records in ${chains} chain${chains === 1 ? '' : 's'}`
  if (broken === undefined) terminal.out(`${terminal.style('green', 'The audit holds')}: ${count}`)
  else terminal.out(`${terminal.style('red', 'The audit is BROKEN')} at offset ${broken.offset}: ${broken.reason}`)
  if (begins !== undefined)
    terminal.out(`It begins at offset ${begins.offset}: what was before is gone, as retention does`)
  if (end !== undefined) terminal.out(`end ${end.offset}:${end.hash}`)
}
