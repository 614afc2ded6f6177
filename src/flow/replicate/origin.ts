import { textOf } from '../../system/text.ts'

/**
 * Where a replicated record came from, as a header of it: `<line>/<partition>/<offset>` of the topic of the same name,
 * and `/<tag>` where thinning held a value back and sent it on its own. A line is one replication of one log: another
 * log in its place gets another line, so its offsets cannot be taken for those of the first.
 */
export const ORIGIN_HEADER = 'origin'

export interface Origin {
  readonly partition: number
  readonly offset: number
  /** The tag whose value was held back. */
  readonly tag?: string
}

/** The origin of a record if it is of this line; headers of other lines, earlier hops, are passed over. */
export function originOf(headers: readonly (readonly [string, Uint8Array])[], line: string): Origin | undefined {
  for (let i = headers.length - 1; i >= 0; i--) {
    const [name, value] = headers[i]!
    if (name !== ORIGIN_HEADER) continue
    const origin = parse(textOf(value), line)
    if (origin !== undefined) return origin
  }
  return undefined
}

function parse(text: string, line: string): Origin | undefined {
  if (!text.startsWith(`${line}/`)) return undefined
  const match = /^(\d+)\/(\d+)(?:\/(.+))?$/s.exec(text.slice(line.length + 1))
  if (match === null) return undefined
  const [, partition, offset, tag] = match
  return { partition: Number(partition), offset: Number(offset), ...(tag !== undefined && { tag }) }
}
