import type { Clock } from '../../../system/clock.ts'
import { ATTRIBUTE, BATCH, unfoldRecords } from '../../batch.ts'
import type { BatchHeader } from '../../batch.ts'
import { crc32c } from '../../crc32c.ts'
import { walkRecords } from '../storage/batch-records.ts'
import { ERROR } from './protocol-error.ts'
import type { Refusal } from './protocol-error.ts'

/** A refusal for the sake of one record. */
export interface RecordRefusal extends Refusal {
  /** Its place in the batch. */
  readonly record?: number
}

type Configs = { readonly [name: string]: string }

/** Why a compacted topic does not take a batch: compaction keeps a record per key, so each must have one. */
export function keyRefusal(configs: Configs, header: BatchHeader, records: Buffer): RecordRefusal | undefined {
  if (configs['cleanup.policy']?.includes('compact') !== true) return undefined
  let record = -1
  try {
    let place = 0
    walkRecords(unfoldRecords(records), header.recordCount, ({ key }) => {
      if (key === null && record < 0) record = place
      place++
    })
  } catch (error) {
    return { error: ERROR.invalidRecord, message: `Cannot store batch: its records cannot be read (${text(error)})` }
  }
  if (record < 0) return undefined
  const message = `Cannot store batch: record ${record} has no key, want one for each in a compacted topic`
  return { error: ERROR.invalidRecord, message, record }
}

/**
 * Gives a batch the broker's time, in place, where its topic says so (`message.timestamp.type`); answers that time, or
 * -1 where the producer's stays.
 */
export function stampTime(configs: Configs, records: Buffer, clock: Pick<Clock, 'now'>): number {
  if (configs['message.timestamp.type'] !== 'LogAppendTime') return -1
  const time = Math.trunc(clock.now())
  const attributes = records.readInt16BE(BATCH.attributes)
  records.writeInt16BE(attributes | ATTRIBUTE.logAppendTime, BATCH.attributes)
  records.writeBigInt64BE(BigInt(time), BATCH.maxTimestamp)
  records.writeUInt32BE(crc32c(records.subarray(BATCH.attributes)), BATCH.crc)
  return time
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
