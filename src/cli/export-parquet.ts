import { severity } from '../model/quality.ts'
import { samplesOf, type Reading } from '../model/reading.ts'
import type { Severity } from '../model/quality.ts'
import { isAtLeast } from './least-quality.ts'
import { EXIT } from './failure.ts'
import { terminal } from './terminal.ts'

interface ParquetExport {
  readonly tag: readonly string[]
  readonly quality: Severity
  readonly out?: string
}

/** Readings as a Parquet file, a row for each value, by asset, tag and time. */
export async function exportParquet(
  readings: AsyncIterable<Reading>,
  { tag: tags, quality, out }: ParquetExport,
  signal: AbortSignal,
): Promise<number> {
  if (out === undefined) {
    terminal.err('Cannot write Parquet to stdout: want --out with the name of a file')
    return EXIT.usage
  }
  const { createParquet } = await import('../exporting.ts')
  await using file = await createParquet(out)
  const wanted = new Set(tags)
  for await (const reading of readings) {
    for (const sample of samplesOf(reading)) {
      if (wanted.size > 0 && !wanted.has(sample.tag)) continue
      if (isAtLeast(severity(sample.quality), quality)) file.append(sample)
    }
  }
  if (signal.aborted) {
    terminal.err('Ended before the whole was written: there is no file')
    return EXIT.failed
  }
  await file.finish()
  terminal.err(`${file.rows.toLocaleString('en-US')} rows are in ${out}`)
  return EXIT.ok
}
