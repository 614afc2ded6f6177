import type { ViewPosition } from '../component/view.ts'
import { decodeLines, encodeLines, sortedPositions } from '../component/view-file.ts'
import type { Json } from '../model/json-value.ts'

/**
 * The file of all alarms and of the positions up to which they have read the log, in one: a line of JSON each.
 *
 *     {"millrace":"alarms","version":1,"positions":[...],"burden":[...],"incomplete":[]}
 *     {"alarm":{"asset":"acme/berlin/line1/press7","alarm":"overheating",...},"causes":[...],...}
 *     {"entry":{"partition":0,"offset":17,...}}
 *     {"crc32":3735928559,"lines":2}
 *
 * Equal states give equal bytes.
 */
const VERSION = 1

export interface AlarmsSnapshot {
  readonly positions: readonly ViewPosition[]
  readonly burden: Json
  /** Partitions of which the journal does not hold everything. */
  readonly incomplete: readonly number[]
  readonly alarms: readonly Json[]
  readonly entries: readonly Json[]
}

export function encodeSnapshot({ positions, burden, incomplete, alarms, entries }: AlarmsSnapshot): Uint8Array[] {
  const head = { millrace: 'alarms', version: VERSION, positions: sortedPositions(positions), burden, incomplete }
  return encodeLines([head as unknown as Json, ...alarms, ...entries.map((entry) => ({ entry }))])
}

/** The content of a file, or a sentence that says what is wrong with it. */
export function decodeSnapshot(bytes: Uint8Array): AlarmsSnapshot | string {
  const all = decodeLines(bytes)
  if (typeof all === 'string') return all
  const [head, ...lines] = all as readonly { readonly [name: string]: Json }[]
  if (head?.['version'] !== VERSION) return `its version is ${JSON.stringify(head?.['version'])}, want ${VERSION}`
  return {
    positions: head['positions'] as unknown as readonly ViewPosition[],
    burden: head['burden']!,
    incomplete: head['incomplete'] as readonly number[],
    alarms: lines.filter((line) => 'alarm' in line),
    entries: lines.flatMap((line) => ('entry' in line ? [line['entry']!] : [])),
  }
}
