import type { Log, Position, StoredRecord } from '../log/log.ts'
import { positionsAt, type Where } from '../log/positions.ts'
import { Catalogue } from '../model/catalogue.ts'
import { topicName } from '../model/path.ts'
import type { Reading } from '../model/reading.ts'
import { decodeRecord } from '../model/record.ts'
import { decodeDefinition } from './definitions.ts'

export interface ReadingsOptions {
  readonly signal: AbortSignal
  readonly from: Where
  /** End with what is there now, instead of waiting for more. */
  readonly untilEnd: boolean
  /** Only what was received before this time, ms since the epoch. */
  readonly before?: number
}

/** A reading as the log has it, with the place it has there. */
export interface PlacedReading {
  readonly partition: number
  readonly offset: number
  readonly source: string
  readonly reading: Reading
}

/**
 * The readings of a site as they lie in its log, in order within a partition. A record that is not a reading is passed
 * over: the topics are open to others.
 * @throws as `Log.read`
 */
export async function* readReadings(log: Log, site: string, options: ReadingsOptions): AsyncGenerator<PlacedReading> {
  const catalogue = await readCatalogue(log, site, options.signal)
  const topic = topicName(site, 'telemetry')
  const positions = await positionsAt(log, topic, options.from)
  const last = options.before === undefined ? undefined : await lastOffsets(log, topic, options.before)
  for await (const { partition, records } of readUpTo(log, positions, last, options)) {
    for (const record of records) {
      const reading = decode(record, catalogue)
      if (reading === undefined || reading.receivedTime >= (options.before ?? Infinity)) continue
      yield { partition, offset: record.offset, source: sourceOf(record), reading }
    }
  }
}

/** The definitions of a site's assets, as far as its log has them. */
export async function readCatalogue(log: Log, site: string, signal: AbortSignal): Promise<Catalogue> {
  const catalogue = new Catalogue()
  const positions = await positionsAt(log, topicName(site, 'assets'), { at: 'start' })
  for await (const { records } of log.read(positions, { signal, untilEnd: true })) {
    for (const { value } of records) {
      const definition = value && decodeDefinition(value)
      if (definition) catalogue.define(definition)
    }
  }
  return catalogue
}

/** By partition: where the first record at or after a time lies, which nothing beyond needs to be read for. */
async function lastOffsets(log: Log, topic: string, time: number): Promise<Map<number, number>> {
  const positions = await log.offsetsAt(topic, time)
  return new Map(positions.map(({ partition, offset }) => [partition, offset]))
}

/** Reads partition by partition where there is an end to it, so that none is read further than its end. */
async function* readUpTo(
  log: Log,
  positions: readonly Position[],
  last: ReadonlyMap<number, number> | undefined,
  { signal, untilEnd }: ReadingsOptions,
) {
  if (last === undefined) {
    yield* log.read(positions, { signal, untilEnd })
    return
  }
  for (const position of positions) {
    const end = last.get(position.partition) ?? Infinity
    if (position.offset >= end) continue
    for await (const batch of log.read([position], { signal, untilEnd: true })) {
      yield { ...batch, records: batch.records.filter(({ offset }) => offset < end) }
      if (batch.nextOffset >= end) break
    }
  }
}

function decode({ value }: StoredRecord, catalogue: Catalogue): Reading | undefined {
  try {
    return value === null ? undefined : decodeRecord(value, catalogue)
  } catch {
    return undefined
  }
}

function sourceOf({ headers }: StoredRecord): string {
  const source = headers.find(([name]) => name === 'source')?.[1]
  return source === undefined ? '' : Buffer.from(source).toString()
}
