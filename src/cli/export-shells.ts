import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { pageOf, type HubOptions } from './ask-hub.ts'
import { EXIT } from './failure.ts'
import { terminal } from './terminal.ts'

interface ShellsOptions extends HubOptions {
  readonly as: 'aas' | 'aasx'
  readonly out?: string
}

const TYPES = {
  aas: 'application/json',
  aasx: 'application/asset-administration-shell-package+xml',
} as const

/** Writes the Asset Administration Shells of a running hub: all of them, as JSON or as a package (docs/aas.md). */
export async function exportShells({ as, out, ...where }: ShellsOptions): Promise<number> {
  const page = await pageOf(where)
  const token = process.env['MILLRACE_TOKEN']
  const headers = { accept: TYPES[as], ...(token !== undefined && { authorization: `Bearer ${token}` }) }
  const answer = await fetch(new URL('/aas/api/v3.0/serialization', page), { headers }).catch((cause: unknown) => {
    throw new Error(`Cannot ask "${page}": it does not answer, want the page of a running hub`, { cause })
  })
  if (!answer.ok || answer.body === null) throw new Error(await refusal(page, answer))
  const body = Readable.fromWeb(answer.body)
  await (out === undefined ? pipeline(body, process.stdout, { end: false }) : pipeline(body, createWriteStream(out)))
  if (out !== undefined) terminal.err(`The shells of the plant are in ${out}`)
  return EXIT.ok
}

async function refusal(page: string, answer: Response): Promise<string> {
  const { messages } = (await answer.json().catch(() => ({}))) as { readonly messages?: { readonly text: string }[] }
  return `Cannot ask "${page}": it answered ${answer.status} (${messages?.[0]?.text ?? 'without a reason'}), want 200`
}
