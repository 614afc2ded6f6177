import { crc32 } from 'node:zlib'
import type { ViewPosition } from '../component/view.ts'
import type { HeldEvent } from './held.ts'

/**
 * The file of the events and of the positions up to which the log has been read, in one: a line of JSON each.
 *
 *     {"millrace":"events","version":1,"positions":[...],"dropped":[[0,"oee.result","acme/...",1732287000131],...]}
 *     [0,17,"id","oee.result","acme/berlin/line1/press7",1732287000123,1732287000131,"oee","acme.berlin.telemetry/0/3/0",{...}]
 *     {"crc32":3735928559,"events":1}
 *
 * Equal states give equal bytes. Of `dropped`, a type and an asset that are '' stand for the partition.
 */
const VERSION = 1

/** What was let go: received time of the newest one, of a series or of a partition. */
export type Dropped = readonly [partition: number, type: string, asset: string, droppedTo: number]

export interface EventsSnapshot {
  readonly positions: readonly ViewPosition[]
  readonly dropped: readonly Dropped[]
  readonly events: readonly HeldEvent[]
}

/** Events that become bytes before others get their turn: a few ms. */
const LOT = 500

/** The parts of the file; others get their turn in between, and what is written does not change meanwhile. */
export async function encodeSnapshot({ positions, dropped, events }: EventsSnapshot): Promise<Uint8Array[]> {
  const sorted = [...positions].sort((a, b) => a.partition - b.partition)
  const head = { millrace: 'events', version: VERSION, positions: sorted, dropped }
  const parts: Buffer[] = [Buffer.from(`${JSON.stringify(head)}\n`)]
  for (let at = 0; at < events.length; at += LOT) {
    parts.push(
      Buffer.from(
        events
          .slice(at, at + LOT)
          .map(line)
          .join(''),
      ),
    )
    await new Promise<void>((resolve) => setImmediate(resolve))
  }
  const crc = parts.reduce((sum, part) => crc32(part, sum), 0)
  return [...parts, Buffer.from(`${JSON.stringify({ crc32: crc, events: events.length })}\n`)]
}

function line({ partition, offset, id, type, asset, time, receivedTime, source, cause, data }: HeldEvent): string {
  const about = JSON.stringify([partition, offset, id, type, asset, time, receivedTime, source, cause])
  return `${about.slice(0, -1)},${data}]\n`
}

/** The content of a file, or a sentence that says what is wrong with it. */
export function decodeSnapshot(bytes: Uint8Array): EventsSnapshot | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const trailerAt = buffer.lastIndexOf('\n', Math.max(0, buffer.length - 2)) + 1
  try {
    const trailer = JSON.parse(buffer.toString('utf8', trailerAt)) as { crc32?: unknown }
    const crc = crc32(buffer.subarray(0, trailerAt))
    if (trailer.crc32 !== crc) return `its checksum is ${crc}, want ${String(trailer.crc32)}`
    const [head, ...lines] = buffer.toString('utf8', 0, trailerAt).trimEnd().split('\n')
    const { version, positions, dropped } = JSON.parse(head!) as EventsSnapshot & { version: unknown }
    if (version !== VERSION) return `its version is ${JSON.stringify(version)}, want ${VERSION}`
    return { positions, dropped, events: lines.map(readLine) }
  } catch (error) {
    return `it is torn or not a snapshot (${(error as Error).message})`
  }
}

function readLine(text: string): HeldEvent {
  const [partition, offset, id, type, asset, time, receivedTime, source, cause, data] = JSON.parse(text) as [
    number,
    number,
    string,
    string,
    string,
    number,
    number,
    string,
    string,
    unknown,
  ]
  return { partition, offset, id, type, asset, time, receivedTime, source, cause, data: JSON.stringify(data) }
}
