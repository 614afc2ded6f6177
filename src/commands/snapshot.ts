import type { ViewPosition } from '../component/view.ts'
import { decodeLines, encodeLines } from '../component/view-file.ts'
import type { Requested } from '../model/command-event.ts'
import { decodeCommandEvent, encodeCommandEvent } from '../model/command-record.ts'
import type { Json } from '../model/json-value.ts'
import { parseValue, valueJson, type ValueJson } from '../model/value-json.ts'
import type { AssetCommands, Desired } from './asset-commands.ts'
import type { Tracked } from './tracked.ts'

/**
 * The file of the commands and of the positions up to which the log has been read, in one: a line of JSON each.
 *
 *     {"millrace":"commands","version":1,"positions":[...]}
 *     {"asset":"acme/berlin/line1/press7","dropped":0,"desired":[...]}
 *     {"request":{"kind":"requested",...},"offset":17,"state":"confirmed",...}
 *     {"crc32":3735928559,"lines":3}
 *
 * The lines of an asset's commands follow that of the asset. Equal states give equal bytes.
 */
const VERSION = 1

interface SavedAsset {
  readonly asset: string
  readonly dropped: number
  readonly commands: Tracked[]
  readonly desired: readonly Desired[]
}

interface Snapshot {
  readonly positions: readonly ViewPosition[]
  readonly assets: readonly SavedAsset[]
}

export function encodeSnapshot({
  positions,
  assets,
}: {
  readonly positions: readonly ViewPosition[]
  readonly assets: readonly AssetCommands[]
}): Uint8Array[] {
  const head = { millrace: 'commands', version: VERSION, positions: positions as unknown as Json }
  const lines = assets.flatMap((one): Json[] => [
    { asset: one.asset, dropped: one.dropped, desired: one.desired().map(desiredJson) },
    ...one.all().map(commandJson),
  ])
  return encodeLines([head, ...lines])
}

/** The content of a file, or a sentence that says what is wrong with it. */
export function decodeSnapshot(bytes: Uint8Array): Snapshot | string {
  const lines = decodeLines(bytes)
  if (typeof lines === 'string') return lines
  const [head, ...rest] = lines as readonly { readonly [name: string]: Json }[]
  if (head?.['version'] !== VERSION) return `its version is ${JSON.stringify(head?.['version'])}, want ${VERSION}`
  const assets: SavedAsset[] = []
  try {
    for (const line of rest) {
      if ('asset' in line) assets.push(readAsset(line))
      else assets.at(-1)!.commands.push(readCommand(line))
    }
  } catch (error) {
    return `it is not a snapshot of commands (${(error as Error).message})`
  }
  return { positions: head['positions'] as unknown as readonly ViewPosition[], assets }
}

type Line = { readonly [name: string]: Json }

function desiredJson({ tag, value, by, commandId, since }: Desired): Json {
  return { tag, value: valueJson(value) as Json, by, commandId, since }
}

function readAsset(line: Line): SavedAsset {
  const desired = (line['desired'] as readonly Line[]).map((one): Desired => {
    return { ...(one as unknown as Desired), value: parseValue(one['value'] as ValueJson)! }
  })
  return { asset: line['asset'] as string, dropped: line['dropped'] as number, commands: [], desired }
}

function commandJson({ request, offset, state, ready, approvedBy, claim, outcome }: Tracked): Json {
  return {
    request: JSON.parse(encodeCommandEvent(request)) as Json,
    offset,
    state,
    ...(ready && { ready: { time: ready.time, offset: ready.offset, run: ready.run } }),
    ...(approvedBy !== undefined && { approvedBy }),
    ...(claim && { claim: claim as unknown as Json }),
    ...(outcome && { outcome: outcomeJson(outcome) }),
  }
}

function outcomeJson({ reasons, readBack, results, time, by }: NonNullable<Tracked['outcome']>): Json {
  return {
    reasons: reasons as unknown as Json,
    ...(readBack !== undefined && { readBack: valueJson(readBack) as Json }),
    ...(results !== undefined && { results: results.map((one) => valueJson(one) as Json) }),
    time,
    ...(by !== undefined && { by }),
  }
}

function readCommand(line: Line): Tracked {
  const { request, outcome, ...rest } = line
  return {
    ...(rest as unknown as Tracked),
    request: decodeCommandEvent(Buffer.from(JSON.stringify(request))) as Requested,
    ...(outcome !== undefined && { outcome: readOutcome(outcome as Line) }),
  }
}

function readOutcome({ readBack, results, ...rest }: Line): NonNullable<Tracked['outcome']> {
  return {
    ...(rest as unknown as NonNullable<Tracked['outcome']>),
    ...(readBack !== undefined && { readBack: parseValue(readBack as ValueJson) }),
    ...(results !== undefined && { results: (results as readonly ValueJson[]).map(parseValue) }),
  }
}
