import { Command } from 'commander'
import type { proveBooks } from '../attach.ts'
import { EXIT } from './failure.ts'
import { configOption, dataOption, jsonOption } from './options.ts'
import type { Done } from './program.ts'
import { table, terminal } from './terminal.ts'

interface LedgerOptions {
  readonly data: string
  readonly config?: string
  readonly json?: boolean
}

type Audit = Awaited<ReturnType<typeof proveBooks>>

export const ledgerCommand = (done: Done) =>
  new Command('ledger')
    .description('prove the books from the log: received = stored + quarantined + dropped + unacknowledged')
    .addOption(dataOption())
    .addOption(configOption())
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  millrace ledger --data ./millrace-data\n  millrace ledger --json | jq .books\n\nReads the whole log, of a running hub too. Exits with 0 when the books balance, with 1 when they do not.',
    )
    .action(async (options: LedgerOptions) => done(await ledger(options)))

async function ledger(options: LedgerOptions): Promise<number> {
  const json = options.json === true
  const attach = await import('../attach.ts')
  const { machine } = await import('./machine.ts')
  const { readPlant } = await import('./files.ts')
  const plant = options.config === undefined ? undefined : await readPlant(options.config)
  const attached = await attach.attachLog(options.data, machine({ logLevel: 'warn', logFormat: 'text' }), plant)
  try {
    const audit = await attach.proveBooks(attached, json ? () => {} : progress())
    if (json) terminal.out(JSON.stringify({ site: attached.site, running: attached.running, ...audit }))
    else print(audit, attached.site)
    return audit.balanced ? EXIT.ok : EXIT.failed
  } finally {
    await attached.close()
  }
}

/** One line that counts up, on a terminal only. */
function progress(): (records: number) => void {
  if (process.stderr.isTTY !== true) return () => {}
  let shown = 0
  return (records) => {
    if (performance.now() - shown < 200) return
    shown = performance.now()
    process.stderr.write(`\rread ${records.toLocaleString('en-US')} records\u001b[K`)
  }
}

function print(audit: Audit, site: string): void {
  if (process.stderr.isTTY === true) process.stderr.write('\r\u001b[K')
  const heading = ['source', 'received', 'stored', 'quarantined', 'dropped', 'unacknowledged', 'in flight', 'books']
  const rows = audit.books.map((book) => [
    book.source,
    book.received,
    book.stored,
    book.quarantined,
    book.dropped,
    book.unacknowledged,
    book.inFlight,
    book.balanced ? 'balanced' : 'NOT BALANCED',
  ])
  const lines = table([heading, ...rows])
  terminal.out(terminal.style('bold', lines[0]!))
  for (const line of lines.slice(1)) terminal.out(line)
  for (const reason of audit.reasons) terminal.out(terminal.style('red', reason))
  const verdict = audit.balanced
    ? terminal.style('green', 'The books balance')
    : terminal.style('red', 'The books do NOT balance')
  terminal.out(
    `\n${verdict}: ${site}, ${audit.records.toLocaleString('en-US')} records read${COPIES[audit.copy ?? 'none']}`,
  )
}

const COPIES = {
  none: '',
  whole: ', of a copy',
  partial: ', of a copy that leaves records out: what is missing here may be there',
} as const
