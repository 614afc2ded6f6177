import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asyncBufferFromFile, parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'

/** A row of a file of samples, as any reader of Parquet sees it; times in µs. */
export interface LakeRow {
  readonly asset: string
  readonly tag: string
  readonly time: bigint
  readonly value: number | null
  readonly text: string | null
  readonly status: number
  readonly received: bigint
  readonly server: bigint | null
  readonly source: string
  readonly log_topic: string
  readonly log_partition: number
  readonly log_offset: bigint
  readonly log_epoch: number
}

/** Times as they are in the file, not cut to a `Date`. */
const PARSERS = { timestampFromMicroseconds: (us: bigint) => us }

/** All files of samples that lie in a lake, by path below it: read without any code of ours, and without the manifest. */
export async function lakeFiles(lake: string, kind = 'telemetry'): Promise<Map<string, LakeRow[]>> {
  const files = new Map<string, LakeRow[]>()
  const names = await readdir(join(lake, kind), { recursive: true }).catch(() => [])
  for (const name of names.filter((name) => name.endsWith('.parquet')).sort()) {
    const file = await asyncBufferFromFile(join(lake, kind, name))
    files.set(name, (await parquetReadObjects({ file, compressors, parsers: PARSERS })) as unknown as LakeRow[])
  }
  return files
}

/** A hash over all samples of a lake, whatever files they are in. */
export async function lakeHash(lake: string): Promise<{ rows: number; hash: string }> {
  const lines: string[] = []
  for (const rows of (await lakeFiles(lake)).values()) {
    for (const row of rows) lines.push(Object.values(row).map(String).join('|'))
  }
  return { rows: lines.length, hash: createHash('sha256').update(lines.sort().join('\n')).digest('hex') }
}

export async function manifestOf(lake: string): Promise<{ files: { number: number; day: number; rows: number }[] }> {
  return JSON.parse((await readFile(join(lake, 'manifest.json'), 'utf8')).split('\n')[0]!)
}
