import { readFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import { freePorts } from '../tools/free-ports.ts'

/** A fenced block of a page. */
export interface Block {
  /** `docs/api.md:17`, for the message of a test that fails. */
  readonly at: string
  /** What is behind the fence: `sh run`, `yaml`. */
  readonly info: string
  readonly text: string
}

/** The fenced blocks of a Markdown page, in order. */
export async function blocksOf(page: string): Promise<Block[]> {
  const blocks: Block[] = []
  let open: { line: number; info: string; lines: string[] } | undefined
  for (const [index, line] of (await readFile(page, 'utf8')).split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (fence === null) open?.lines.push(line)
    else if (open === undefined) open = { line: index + 1, info: fence[1]!.trim(), lines: [] }
    else {
      blocks.push({ at: `${page}:${open.line}`, info: open.info, text: open.lines.join('\n') })
      open = undefined
    }
  }
  if (open !== undefined) throw new Error(`${page}:${open.line}: the block is never closed`)
  return blocks
}

/** A config of the docs with ports of this machine that are free, and what its texts have to be changed into. */
export interface Moved {
  readonly config: string
  readonly page: string
  /** The text of a block with the ports of this run. */
  readonly translate: (text: string) => string
}

interface PlantText {
  api?: { listen?: number }
  log?: { embedded?: { listen?: number } }
  sources?: { [name: string]: { mqtt?: { listen?: number } } }
}

/** Moves the listeners of a whole config (page, log, MQTT) to free ports. */
export async function moveToFreePorts(config: string): Promise<Moved> {
  const plant = parse(config) as PlantText
  const [page, log, mqtt] = (await freePorts(3)) as [number, number, number]
  plant.api = { ...plant.api, listen: page }
  plant.log = { embedded: { ...plant.log?.embedded, listen: log } }
  for (const source of Object.values(plant.sources ?? {})) {
    if (source.mqtt?.listen !== undefined) source.mqtt.listen = mqtt
  }
  const ports: { readonly [port: string]: number } = { 8080: page, 9092: log, 1883: mqtt }
  return {
    config: stringify(plant),
    page: `http://127.0.0.1:${page}`,
    translate: (text) =>
      text.replaceAll(/127\.0\.0\.1:(8080|9092|1883)\b/g, (_, port: string) => `127.0.0.1:${ports[port]}`),
  }
}

/** Fields of answers that are another with every run. */
const MOMENTS = new Set([
  'lastData',
  'lastReceived',
  'now',
  'rate',
  'receivedTime',
  'recordsPerSecond',
  'since',
  'sourceTime',
  'startedAt',
  'timestamp',
  'version',
])

/** JSON without what differs from run to run; text that is no JSON as it is, without its last line break. */
export function comparable(text: string): unknown {
  try {
    return JSON.parse(text, (name, value: unknown) => (MOMENTS.has(name) ? `<${name}>` : value))
  } catch {
    return text.trimEnd()
  }
}
