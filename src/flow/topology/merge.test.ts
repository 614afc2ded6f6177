import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryObjects } from 'node:v8'
import type { Log, ReadBatch, StoredRecord } from '../../log/log.ts'
import { systemClock } from '../../system/clock.ts'
import { mergeTopics } from './merge.ts'

const NOW = 1_732_287_000_000

/** Of two topics one brings a record each time that it is read, as old as now, and the other what it is told to. */
function twoTopics(silent: () => Promise<IteratorResult<ReadBatch>>): Log {
  let offset = 0
  const busy = () => {
    const record: StoredRecord = { offset, timestamp: NOW, key: null, value: null, headers: [] }
    return Promise.resolve({ done: false, value: batch('busy', [record], ++offset) } as const)
  }
  const read = ([position]: readonly { topic: string }[]) => ({
    [Symbol.asyncIterator]: () => ({ next: position!.topic === 'busy' ? busy : silent }),
  })
  return { ends: () => Promise.resolve([{ partition: 0, start: 0, end: 0 }]), read } as unknown as Log
}

function batch(topic: string, records: readonly StoredRecord[], nextOffset: number): ReadBatch {
  return { topic, partition: 0, records, skipped: 0, nextOffset }
}

function merge(silent: () => Promise<IteratorResult<ReadBatch>>) {
  const positions = ['busy', 'silent'].map((topic) => ({ topic, partition: 0, offset: 0 }))
  const clock = { ...systemClock, now: () => NOW, sleep: () => Promise.resolve() }
  return mergeTopics({ log: twoTopics(silent), positions, signal: new AbortController().signal, clock })
}

test('a topic that is silent for long keeps nothing of each record that comes of another', async () => {
  const runs = merge(() => new Promise(() => {}))
  await runs.next()
  const before = queryObjects(Promise, { format: 'count' })
  for (let taken = 0; taken < 2_000; taken++) await runs.next()
  const left = queryObjects(Promise, { format: 'count' }) - before
  assert.ok(left < 100, `${left} promises are left`)
})

test('what fails in a silent topic ends the merge', async () => {
  const { promise, reject } = Promise.withResolvers<never>()
  const runs = merge(() => promise)
  await runs.next()
  reject(new Error('it cannot be read'))
  await assert.rejects(async () => {
    for await (const run of runs) assert.equal(run.topic, 'busy')
  }, /it cannot be read/)
})
