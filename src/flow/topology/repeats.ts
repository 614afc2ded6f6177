import type { Log } from '../../log/log.ts'
import type { Mark } from './changelog.ts'
import { CAUSE_HEADER, headerText, PROCESSOR_HEADER, STAGE_HEADER } from './facts.ts'

export interface RepeatsOptions {
  readonly log: Log
  readonly processor: string
  readonly stage: number
  /** Beginnings of the causes of this task: its topics and partition. */
  readonly prefixes: readonly string[]
  readonly signal: AbortSignal
}

/**
 * The causes of what an earlier run of a task has derived and written after its last mark: what is derived from them again is
 * the same, and is dropped. Reads what was written since to each topic that it writes to.
 */
export async function findRepeats(outputs: Mark['outputs'], options: RepeatsOptions): Promise<Set<string>> {
  const { log, processor, stage, prefixes, signal } = options
  const causes = new Set<string>()
  for (const [topic, offsets] of Object.entries(outputs)) {
    const ends = await log.ends(topic)
    const positions = ends.flatMap(({ partition, start, end }) => {
      const offset = Math.max(start, offsets[partition] ?? start)
      return offset < end ? [{ topic, partition, offset }] : []
    })
    if (positions.length === 0) continue
    for await (const { records } of log.read(positions, { signal, untilEnd: true })) {
      for (const { headers } of records) {
        if (headerText(headers, PROCESSOR_HEADER) !== processor) continue
        if (Number(headerText(headers, STAGE_HEADER)) !== stage) continue
        const cause = headerText(headers, CAUSE_HEADER)
        if (prefixes.some((prefix) => cause.startsWith(prefix))) causes.add(cause)
      }
    }
  }
  return causes
}
