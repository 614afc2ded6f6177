import { BATCH } from '../../batch.ts'
import type { StoredBatch } from './segment.ts'

/**
 * Gives batches their offsets, in place: base offset from `offset` on, leader epoch 0. Neither is covered by the CRC,
 * so the batches stay as the producer sealed them. Works with numbers of 32 bits: no BigInt per batch.
 */
export function stampBatches(bytes: Uint8Array, offset: number): StoredBatch[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const batches: StoredBatch[] = []
  let next = offset
  for (let at = 0; at < buffer.length;) {
    const batch = stamp(buffer, at, next)
    batches.push(batch)
    next = batch.nextOffset
    at += batch.size
  }
  return batches
}

function stamp(buffer: Buffer, at: number, baseOffset: number): StoredBatch {
  const size = at + BATCH.records <= buffer.length ? BATCH.prefix + buffer.readInt32BE(at + BATCH.batchLength) : 0
  if (size < BATCH.records || at + size > buffer.length) {
    throw new RangeError(`Cannot append batch at byte ${at}: it is cut off, want batches that were checked`)
  }
  buffer.writeUInt32BE(Math.floor(baseOffset / 2 ** 32), at)
  buffer.writeUInt32BE(baseOffset % 2 ** 32, at + 4)
  buffer.writeInt32BE(0, at + BATCH.leaderEpoch)
  const high = buffer.readInt32BE(at + BATCH.maxTimestamp)
  return {
    baseOffset,
    nextOffset: baseOffset + buffer.readInt32BE(at + BATCH.lastOffsetDelta) + 1,
    size,
    maxTimestamp: high * 2 ** 32 + buffer.readUInt32BE(at + BATCH.maxTimestamp + 4),
    crc: buffer.readUInt32BE(at + BATCH.crc),
  }
}
