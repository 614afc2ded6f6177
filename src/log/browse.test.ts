import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../system/clock.ts'
import { browse, type BrowsedPage } from './browse.ts'
import type { NewRecord, Position } from './log.ts'
import { MemoryLog } from './memory/memory-log.ts'

const signal = new AbortController().signal

/** Ten records with times 0, 10, ... 90; even ones in one partition, odd ones in the other. */
async function openTopic() {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: 't', partitions: 2 }])
  for (let n = 0; n < 10; n++) await log.append('t', [{ key: null, value: `${n}`, timestamp: n * 10 }])
  return log
}

const at = (...offsets: number[]): Position[] => offsets.map((offset, partition) => ({ topic: 't', partition, offset }))
const values = ({ records }: BrowsedPage) => records.map((record) => Number(Buffer.from(record.value!).toString()))

test('the newest page, and page by page back to the start and forward again', async () => {
  const log = await openTopic()
  const newest = await browse(log, { at: at(5, 5), back: true, limit: 3 }, signal)
  assert.deepEqual(values(newest), [7, 8, 9])
  const older = await browse(log, { at: newest.before, back: true, limit: 3 }, signal)
  assert.deepEqual(values(older), [4, 5, 6])
  const oldest = await browse(log, { at: older.before, back: true, limit: 30 }, signal)
  assert.deepEqual(values(oldest), [0, 1, 2, 3])
  assert.deepEqual(oldest.before, at(0, 0))
  const onward = await browse(log, { at: oldest.after, back: false, limit: 3 }, signal)
  assert.deepEqual(values(onward), [4, 5, 6])
  const rest = await browse(log, { at: onward.after, back: false, limit: 30 }, signal)
  assert.deepEqual(values(rest), [7, 8, 9])
  assert.deepEqual(rest.after, at(5, 5))
  await log.close()
})

test('positions outside the log are moved to its ends, and one partition may be looked at alone', async () => {
  const log = await openTopic()
  log.trim('t', 0, 2)
  assert.deepEqual(values(await browse(log, { at: at(0, 99), back: false, limit: 2 }, signal)), [4, 6])
  const alone = await browse(log, { at: [{ topic: 't', partition: 1, offset: 2 }], back: false, limit: 9 }, signal)
  assert.deepEqual(values(alone), [5, 7, 9])
  assert.deepEqual(values(await browse(log, { at: at(99, 0), back: true, limit: 2 }, signal)), [6, 8])
  await log.close()
})

test('a page of large records is cut at its bytes, and the next one goes on without a hole', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: 't', partitions: 1 }])
  const large = (n: number): NewRecord => ({ key: `${n}`, value: Buffer.alloc(1_000_000), timestamp: n })
  for (let n = 0; n < 20; n++) await log.append('t', [large(n)])
  const keys = ({ records }: BrowsedPage) => records.map((record) => Number(Buffer.from(record.key!).toString()))
  for (const back of [false, true]) {
    const seen: number[] = []
    let positions = at(back ? 20 : 0)
    for (;;) {
      const page = await browse(log, { at: positions, back, limit: 15 }, signal)
      if (page.records.length === 0) break
      assert.ok(page.records.length <= 6, `${page.records.length} records of 1 MB`)
      seen.push(...(back ? keys(page).toReversed() : keys(page)))
      positions = [...(back ? page.before : page.after)]
    }
    const all = Array.from({ length: 20 }, (_, n) => n)
    assert.deepEqual(seen, back ? all.toReversed() : all)
  }
  await log.close()
})
