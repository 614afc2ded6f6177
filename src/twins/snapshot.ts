import { crc32 } from 'node:zlib'
import type { ViewPosition } from '../component/view.ts'
import { parseValue, valueText, type ValueJson } from '../model/value-json.ts'
import { numberText } from '../model/value-text.ts'
import { shownTime, sourceOf, type TagState, type Twin } from './twin.ts'

/**
 * The file of all twins and of the positions up to which they have read the log, in one: a line of JSON each.
 *
 *     {"millrace":"twins","version":1,"positions":[...]}
 *     ["acme/berlin/line1/press7",12,1732287000131,"line1",[["temperature",71.3,0,1732287000123,1732287000131],...]]
 *     {"crc32":3735928559,"twins":1}
 *
 * A twin that hubs share has one element more, or two: the offsets behind the last records of telemetry and of derived
 * readings that it has taken.
 * Equal states give equal bytes: twins and positions are in order of their names, tags too.
 */
const VERSION = 1

/** Characters that are gathered before they become bytes. */
const PART = 65_536

/** Lines of a snapshot as bytes, with their checksum carried along. */
export class SnapshotWriter {
  readonly #parts: Buffer[] = []
  #gathered = ''
  #crc = 0
  #twins = 0
  #bytes = 0

  constructor(positions: readonly ViewPosition[]) {
    const sorted = [...positions].sort((a, b) =>
      a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1,
    )
    this.#gathered = `${JSON.stringify({ millrace: 'twins', version: VERSION, positions: sorted })}\n`
  }

  /** Adds a line by `twinLine`, in order of the paths; gathered until they are worth a part. */
  twin(line: string): void {
    this.#twins += 1
    this.#gathered += line
    if (this.#gathered.length >= PART) this.#flush()
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The parts of the file. */
  finish(): readonly Uint8Array[] {
    this.#flush()
    this.#parts.push(Buffer.from(`${JSON.stringify({ crc32: this.#crc, twins: this.#twins })}\n`))
    return this.#parts
  }

  #flush(): void {
    const bytes = Buffer.from(this.#gathered)
    this.#gathered = ''
    this.#crc = crc32(bytes, this.#crc)
    this.#bytes += bytes.length
    this.#parts.push(bytes)
  }
}

export function twinLine(twin: Twin): string {
  const names = [...twin.tags.keys()].sort()
  const source = sourceOf(twin)
  const tags = names.map((name) => tagText(name, twin.tags.get(name)!, source))
  const { path, revision, lastReceived, taken } = twin
  const behind = taken === undefined ? '' : `,${taken.telemetry}${taken.derived === 0 ? '' : `,${taken.derived}`}`
  return `[${JSON.stringify(path)},${revision},${numberText(lastReceived)},${JSON.stringify(source)},[${tags.join(',')}]${behind}]\n`
}

/**
 * Name, value, quality, source and received time; then server time, source, and since when, where there is one, it is
 * another, it is earlier.
 */
function tagText(name: string, tag: TagState, source: string): string {
  const { value, quality, sourceTime, receivedTime, serverTime } = tag
  const since = tag.since === shownTime(tag) ? '' : `,${numberText(tag.since)}`
  const own = tag.source !== source ? `,${JSON.stringify(tag.source)}` : since === '' ? '' : ',null'
  const server = serverTime === undefined ? (own === '' ? '' : ',null') : `,${numberText(serverTime)}`
  return `[${JSON.stringify(name)},${valueText(value)},${quality},${numberText(sourceTime)},${numberText(receivedTime)}${server}${own}${since}]`
}

export interface Snapshot {
  readonly positions: readonly ViewPosition[]
  readonly twins: readonly Twin[]
}

/**
 * The content of a file, or a sentence that says what is wrong with it. `heardAt` tells the monotonic time of a received
 * time.
 */
export function readSnapshot(bytes: Uint8Array, heardAt: (receivedTime: number) => number): Snapshot | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const trailerAt = buffer.lastIndexOf('\n', Math.max(0, buffer.length - 2)) + 1
  try {
    const trailer = JSON.parse(buffer.toString('utf8', trailerAt)) as { crc32?: unknown; twins?: unknown }
    const crc = crc32(buffer.subarray(0, trailerAt))
    if (trailer.crc32 !== crc) return `its checksum is ${crc}, want ${String(trailer.crc32)}`
    return parseLines(buffer.subarray(0, trailerAt), heardAt)
  } catch (error) {
    return `it is torn or not a snapshot (${(error as Error).message})`
  }
}

function parseLines(buffer: Buffer, heardAt: (receivedTime: number) => number): Snapshot | string {
  const sources = new Map<string, string>()
  // One text for all tags of a source, not a copy for each of them.
  const shared = (name: string) => {
    if (!sources.has(name)) sources.set(name, name)
    return sources.get(name)!
  }
  const twins: Twin[] = []
  let header: { version?: number; positions: ViewPosition[] } | undefined
  // Line by line: all of it as one text might be longer than a text may be.
  for (let at = 0; at < buffer.length;) {
    const end = buffer.indexOf(10, at)
    const line: unknown = JSON.parse(buffer.toString('utf8', at, end))
    if (header === undefined) {
      header = line as { version?: number; positions: ViewPosition[] }
      if (header.version !== VERSION) return `its version is ${String(header.version)}, want ${VERSION}`
    } else {
      twins.push(parseTwin(line as TwinJson, shared, heardAt))
    }
    at = end + 1
  }
  return header === undefined ? 'it is empty' : { positions: header.positions, twins }
}

type TagJson = readonly [
  name: string,
  value: ValueJson,
  quality: number,
  sourceTime: number,
  receivedTime: number,
  serverTime?: number | null,
  source?: string | null,
  since?: number,
]
type TwinJson = readonly [
  path: string,
  revision: number,
  lastReceived: number,
  source: string,
  tags: readonly TagJson[],
  telemetry?: number,
  derived?: number,
]

function parseTwin(
  [path, revision, lastReceived, source, tags, telemetry, derived = 0]: TwinJson,
  shared: (source: string) => string,
  heardAt: (receivedTime: number) => number,
): Twin {
  const states = tags.map(
    ([name, value, quality, sourceTime, receivedTime, serverTime, own, since]): [string, TagState] => [
      name,
      {
        value: parseValue(value),
        quality,
        sourceTime,
        serverTime: serverTime ?? undefined,
        receivedTime,
        since: since ?? shownTime({ sourceTime, receivedTime }),
        source: shared(own ?? source),
        heardAt: heardAt(receivedTime),
      },
    ],
  )
  const twin: Twin = { path, revision, lastReceived, tags: new Map(states) }
  return telemetry === undefined ? twin : { ...twin, taken: { telemetry, derived } }
}
