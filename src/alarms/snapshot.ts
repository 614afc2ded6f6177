import { crc32 } from 'node:zlib'
import type { ViewPosition } from '../component/view.ts'
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
  const sorted = [...positions].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
  )
  const lines = [
    { millrace: 'alarms', version: VERSION, positions: sorted, burden, incomplete },
    ...alarms,
    ...entries.map((entry) => ({ entry })),
  ]
  const body = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return [body, Buffer.from(`${JSON.stringify({ crc32: crc32(body), lines: lines.length - 1 })}\n`)]
}

/** The content of a file, or a sentence that says what is wrong with it. */
export function decodeSnapshot(bytes: Uint8Array): AlarmsSnapshot | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const trailerAt = buffer.lastIndexOf('\n', Math.max(0, buffer.length - 2)) + 1
  try {
    const trailer = JSON.parse(buffer.toString('utf8', trailerAt)) as { crc32?: unknown }
    const crc = crc32(buffer.subarray(0, trailerAt))
    if (trailer.crc32 !== crc) return `its checksum is ${crc}, want ${String(trailer.crc32)}`
    const [head, ...lines] = buffer
      .toString('utf8', 0, trailerAt)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly [name: string]: Json })
    if (head === undefined || head['version'] !== VERSION)
      return `its version is ${JSON.stringify(head?.['version'])}, want ${VERSION}`
    return {
      positions: head['positions'] as unknown as readonly ViewPosition[],
      burden: head['burden']!,
      incomplete: head['incomplete'] as readonly number[],
      alarms: lines.filter((line) => 'alarm' in line),
      entries: lines.flatMap((line) => ('entry' in line ? [line['entry']!] : [])),
    }
  } catch (error) {
    return `it is torn or not a snapshot (${(error as Error).message})`
  }
}
