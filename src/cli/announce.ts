import type { Hub } from '../hub.ts'
import { VERSION } from '../version.ts'
import { terminal } from './terminal.ts'

/** Says what is running and where: for people as aligned lines, for machines as one line of JSON. */
export function announce(
  hub: Hub,
  what: string,
  json: boolean,
  more: readonly (readonly [string, string])[] = [],
): void {
  const { page, kafka, listeners, dataDirectory } = hub
  if (json) {
    terminal.out(
      JSON.stringify({ ok: true, version: VERSION, page, kafka, listeners, dataDirectory, pid: process.pid }),
    )
    return
  }
  const lines: (readonly [string, string])[] = [
    ['Page and API', page],
    ...listeners.map(({ source, url }) => [`Source ${source}`, url] as const),
    ['Kafka protocol', kafka],
    ['Data', dataDirectory],
    ...more,
  ]
  const width = Math.max(...lines.map(([name]) => name.length))
  terminal.out(`${terminal.style('bold', `Millrace ${VERSION}`)}, ${what}\n`)
  for (const [name, value] of lines) terminal.out(`  ${terminal.style('dim', name.padEnd(width))}  ${value}`)
  terminal.out(`\n  Ctrl-C ends it.\n`)
}
