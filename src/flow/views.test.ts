import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { Catalogue } from '../model/catalogue.ts'
import { encodeRecord } from '../model/record.ts'
import { systemClock } from '../system/clock.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom } from '../system/random.ts'
import { EntryDecoder } from './entries.ts'
import { ViewRun } from './views.ts'

const TOPICS = ['acme.berlin.telemetry', 'acme.berlin.derived']

/** Remembers what it was given, and its positions with it. */
class Memo implements View {
  readonly name = 'memo'
  values: unknown[] = []
  fault: Error | undefined
  onTake: (batch: ViewBatch) => void = () => {}
  resets = 0
  #positions = new Map<string, ViewPosition>()

  positions(): ViewPosition[] {
    return [...this.#positions.values()]
  }

  at(topic: string, partition: number, offset: number): void {
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset })
  }

  take(batch: ViewBatch): void {
    const { topic, partition, entries, nextOffset } = batch
    const { fault } = this
    this.fault = undefined
    if (fault) throw fault
    this.onTake(batch)
    for (const { source, reading } of entries) this.values.push(`${source} ${JSON.stringify(reading.values['a'])}`)
    this.at(topic, partition, nextOffset)
  }

  reset(): void {
    this.resets += 1
    this.values = []
    this.#positions.clear()
  }
}

async function bench(view: Memo) {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure(TOPICS.map((name) => ({ name, partitions: 2 })))
  const metrics = new Metrics()
  const system = { clock: systemClock, random: seededRandom(1), logger: silentLogger, metrics }
  const run = new ViewRun(view, {
    log,
    topics: TOPICS,
    decoder: new EntryDecoder(view.name, { catalogue: new Catalogue(), system }),
    system,
  })
  const send = (value: number, topic = TOPICS[0]!) => {
    const reading = { asset: 'acme/berlin/m1', sourceTime: value, receivedTime: value, values: { a: value } }
    return log.append(topic, [
      { key: reading.asset, value: encodeRecord(reading), headers: [['source', 's']], timestamp: 1 },
    ])
  }
  return { log, run, send, metrics }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 5_000, 'it never came true')
    await sleep(1)
  }
}

test('a view gets what is there and what comes, of all its topics, and stops when told to', async () => {
  const view = new Memo()
  const { run, send } = await bench(view)
  await send(1)
  const stop = new AbortController()
  assert.equal(run.caughtUp, false)
  const running = run.run(stop.signal)
  await until(() => run.caughtUp)
  assert.deepEqual(view.values, ['s 1'])
  await send(2)
  await send(3, TOPICS[1])
  await until(() => view.values.length === 3)
  assert.deepEqual(view.values, ['s 1', 's 2', 's 3'])
  stop.abort()
  await running
})

test('a view goes on from its own position, also after it failed', async () => {
  const view = new Memo()
  const { run, send } = await bench(view)
  for (const value of [1, 2, 3]) await send(value)
  const { partition } = (await send(4))[0]!
  view.at(TOPICS[0]!, partition, 2)
  view.fault = new Error('once')
  const stop = new AbortController()
  const running = run.run(stop.signal)
  await until(() => run.caughtUp)
  assert.deepEqual(view.values, ['s 3', 's 4'])
  stop.abort()
  await running
})

test('a view takes a large fetch in parts, and the rest of the hub gets its turn between them', async () => {
  const view = new Memo()
  const { log, run } = await bench(view)
  const records = Array.from({ length: 1_234 }, (_, index) => ({
    key: 'acme/berlin/m1',
    value: encodeRecord({ asset: 'acme/berlin/m1', sourceTime: 1, receivedTime: 1, values: { a: index } }),
    headers: [['source', index < 600 ? 's' : 't']] as const,
    timestamp: 1,
  }))
  const partition = (await log.append(TOPICS[0]!, records))[0]!.partition
  const seen: number[] = []
  let turns = 0
  view.onTake = ({ entries, nextOffset }) => {
    if (entries.length > 0) seen.push(entries.length, nextOffset, turns)
  }
  const count = () => {
    turns += 1
    if (view.values.length < records.length) setImmediate(count)
  }
  count()
  const stop = new AbortController()
  const running = run.run(stop.signal)
  await until(() => view.values.length === records.length)
  stop.abort()
  await running
  const [, , first, , , second, , , third] = seen
  assert.deepEqual([seen[0], seen[1], seen[3], seen[4], seen[6], seen[7]], [500, 500, 500, 1_000, 234, 1_234])
  assert.ok(first! < second! && second! < third!, `turns ${first}, ${second}, ${third}`)
  assert.deepEqual(
    view.values,
    records.map((_, index) => `${index < 600 ? 's' : 't'} ${index}`),
  )
  assert.equal(view.positions().find((at) => at.partition === partition && at.topic === TOPICS[0])?.offset, 1_234)
})

test('a record that cannot be decoded is counted and passed over', async () => {
  const view = new Memo()
  const { log, run, send, metrics } = await bench(view)
  await log.append(TOPICS[0]!, [
    { key: 'acme/berlin/m1', value: 'noise', timestamp: 1 },
    { key: 'acme/berlin/m1', value: null, timestamp: 1 },
  ])
  await send(1)
  const stop = new AbortController()
  const running = run.run(stop.signal)
  await until(() => run.caughtUp)
  assert.deepEqual(view.values, ['s 1'])
  assert.match(metrics.expose(), /^millrace_undecodable_total\{view="memo"\} 1$/m)
  stop.abort()
  await running
})

test('a view that is ahead of the log is not of this log: it is rebuilt', async () => {
  const view = new Memo()
  const { run, send } = await bench(view)
  const { partition } = (await send(1))[0]!
  view.at(TOPICS[0]!, partition, 99)
  view.values.push('of another log')
  const stop = new AbortController()
  const running = run.run(stop.signal)
  await until(() => run.caughtUp)
  assert.deepEqual([view.resets, view.values], [1, ['s 1']])
  stop.abort()
  await running
})

test('records that retention removed are told, and do not stop a view', async () => {
  const view = new Memo()
  const skipped: number[] = []
  const { log, run, send } = await bench(view)
  const take = view.take.bind(view)
  view.take = (batch) => {
    skipped.push(batch.skipped)
    take(batch)
  }
  for (const value of [1, 2, 3]) await send(value)
  const { partition } = (await send(4))[0]!
  view.at(TOPICS[0]!, partition, 1)
  log.trim(TOPICS[0]!, partition, 3)
  const stop = new AbortController()
  const running = run.run(stop.signal)
  await until(() => run.caughtUp)
  assert.deepEqual([view.values, skipped], [['s 4'], [2]])
  stop.abort()
  await running
})
