import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogError, type Log, type NewRecord } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { topicSpec } from '../log/topics.ts'
import { topicName } from '../model/path.ts'
import { systemClock } from '../system/clock.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { auditLedger } from './audit.ts'
import { decodeCheckpoint } from './checkpoint.ts'
import type { GapRecord } from './gaps.ts'
import { Ledger } from './ledger.ts'

const SITE = 'acme/berlin'
const HOUR = 3_600_000

async function emptyLog(): Promise<MemoryLog> {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure(
    (['telemetry', 'raw', 'quarantine', 'ledger', 'gaps'] as const).map((kind) => topicSpec(SITE, kind, 4)),
  )
  return log
}

function open(log: Log): Promise<Ledger> {
  const system = { clock: systemClock, logger: silentLogger, metrics: new Metrics() }
  return Ledger.open({ log, site: SITE, system, everyMs: HOUR })
}

/** Records as ingest appends them. */
function numbered(source: string, seqs: readonly number[], key = 'k'): NewRecord[] {
  return seqs.map((seq) => ({
    key: `${key}${seq}`,
    value: 'x',
    headers: [
      ['source', source],
      ['seq', String(seq)],
    ],
    timestamp: seq,
  }))
}

async function values(log: Log, kind: string): Promise<unknown[]> {
  const topic = topicName(SITE, kind)
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const found: unknown[] = []
  for await (const batch of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    for (const { value } of batch.records) found.push(JSON.parse(Buffer.from(value!).toString()))
  }
  return found
}

async function gapsOf(log: Log) {
  const gaps = (await values(log, 'gaps')) as GapRecord[]
  return gaps.map(({ source, kind, from, to, count, ranges }) => ({
    source,
    kind,
    from,
    to,
    count,
    ...(ranges && { ranges }),
  }))
}

function books(ledger: Ledger) {
  return ledger
    .view()
    .map(({ source, received, stored, quarantined, dropped, unacknowledged, inFlight, balanced }) => ({
      source,
      received,
      stored,
      quarantined,
      dropped,
      unacknowledged,
      inFlight,
      balanced,
    }))
}

test('a new log has no books and balances', async () => {
  const log = await emptyLog()
  const ledger = await open(log)
  assert.deepEqual(ledger.view(), [])
  await ledger.close()
  assert.deepEqual(await auditLedger(log, SITE, { full: true }), { balanced: true, reasons: [], books: [], records: 0 })
})

test('what a crash took is written down as gaps, and the numbers go on after the highest', async () => {
  const log = await emptyLog()
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 2, 5, 9]))
  await log.append(topicName(SITE, 'raw'), numbered('cars', [4]))
  await log.append(topicName(SITE, 'quarantine'), numbered('cars', [7]))
  await log.append(topicName(SITE, 'telemetry'), numbered('line1', [1]))
  await log.append(topicName(SITE, 'telemetry'), [{ key: 'foreign', value: 'x', timestamp: 1 }])
  const ledger = await open(log)
  const cars = {
    source: 'cars',
    received: 9,
    stored: 5,
    quarantined: 1,
    dropped: 0,
    unacknowledged: 3,
    inFlight: 0,
    balanced: true,
  }
  const line1 = { ...cars, source: 'line1', received: 1, stored: 1, quarantined: 0, unacknowledged: 0 }
  assert.deepEqual(books(ledger), [cars, line1])
  assert.deepEqual(await gapsOf(log), [
    {
      source: 'cars',
      kind: 'unacknowledged',
      from: 3,
      to: 8,
      count: 3,
      ranges: [
        [3, 3],
        [6, 6],
        [8, 8],
      ],
    },
  ])
  assert.equal(ledger.book('cars').handOver(1), 10)
  // Opened again, the same: nothing is counted twice, no gap is written again.
  const again = await open(log)
  assert.deepEqual(books(again), [cars, line1])
  assert.equal((await gapsOf(log)).length, 1)
  const audit = await auditLedger(log, SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  assert.equal(audit.records, 9)
})

test('a checkpoint is the books up to a number and positions below everything after it', async () => {
  const log = await emptyLog()
  const ledger = await open(log)
  const book = ledger.book('cars')
  book.handOver(2)
  const writing = ledger.checkpoint()
  await new Promise((resolve) => setTimeout(resolve, 20))
  book.handOver(1)
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 2]))
  book.settle({ count: 2, stored: 2, quarantined: 0, letGo: [] })
  await writing
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [3]))
  // Crash: the third was never settled, yet it is in the log.
  const again = await open(log)
  assert.deepEqual(books(again), [
    {
      source: 'cars',
      received: 3,
      stored: 3,
      quarantined: 0,
      dropped: 0,
      unacknowledged: 0,
      inFlight: 0,
      balanced: true,
    },
  ])
  assert.deepEqual((await auditLedger(log, SITE, { full: true })).reasons, [])
})

test('books that did not change are not written again', async () => {
  const log = await emptyLog()
  const ledger = await open(log)
  ledger.book('cars').handOver(1)
  ledger
    .book('cars')
    .settle({ count: 1, stored: 0, quarantined: 0, letGo: [{ seq: 1, kind: 'dropped', why: 'expired' }] })
  await ledger.checkpoint()
  await ledger.checkpoint()
  await ledger.close()
  assert.equal((await values(log, 'ledger')).length, 1)
})

test('drops are durable before the checkpoint that counts them, and a log that refuses loses none of them', async () => {
  const log = await emptyLog()
  const ledger = await open(log)
  const book = ledger.book('cars')
  book.handOver(3)
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [2]))
  const expired = (seq: number) =>
    ({ seq, kind: 'dropped', why: 'expired', address: 'a/b', payload: Buffer.from('x') }) as const
  book.settle({ count: 3, stored: 1, quarantined: 0, letGo: [expired(1), expired(3)] })
  log.refuse(new LogError('LOG_FULL', 'Cannot append: the disk is full, want room', { retriable: true }))
  await assert.rejects(ledger.checkpoint(), { code: 'LOG_FULL' })
  log.refuse(undefined)
  book.handOver(1)
  book.settle({ count: 1, stored: 0, quarantined: 0, letGo: [{ seq: 4, kind: 'not-stored', why: 'LOG_FULL' }] })
  await ledger.checkpoint()
  assert.deepEqual(await gapsOf(log), [
    {
      source: 'cars',
      kind: 'dropped',
      from: 1,
      to: 3,
      count: 2,
      ranges: [
        [1, 1],
        [3, 3],
      ],
    },
    { source: 'cars', kind: 'not-stored', from: 4, to: 4, count: 1 },
  ])
  const expected = {
    source: 'cars',
    received: 4,
    stored: 1,
    quarantined: 0,
    dropped: 2,
    unacknowledged: 1,
    inFlight: 0,
    balanced: true,
  }
  assert.deepEqual(books(ledger), [expected])
  assert.deepEqual(books(await open(log)), [expected])
  const audit = await auditLedger(log, SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  assert.deepEqual(audit.books[0]!.droppedBy, { expired: 2 })
})

test('drops that were written down, but not yet counted by a checkpoint, are found after a crash', async () => {
  const log = await emptyLog()
  const gap: GapRecord = {
    source: 'cars',
    kind: 'dropped',
    policy: 'expired',
    reason: '',
    from: 1,
    to: 2,
    count: 2,
    at: 1,
  }
  await log.append(topicName(SITE, 'gaps'), [{ key: 'cars', value: JSON.stringify(gap), timestamp: 1 }])
  await log.append(topicName(SITE, 'gaps'), [
    { key: 'cars', value: '{"source":"cars","from":-1,"to":"x"}', timestamp: 1 },
  ])
  await log.append(topicName(SITE, 'gaps'), [{ key: 'cars', value: 'noise', timestamp: 1 }])
  const [book] = (await open(log)).view()
  assert.deepEqual([book!.received, book!.dropped, book!.droppedBy], [2, 2, { expired: 2 }])
})

test('a number that is in the log twice is an imbalance', async () => {
  const log = await emptyLog()
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 2, 2]))
  const ledger = await open(log)
  assert.equal(ledger.view()[0]!.balanced, false)
  const audit = await auditLedger(log, SITE, { full: true })
  assert.equal(audit.balanced, false)
  assert.match(audit.reasons[0]!, /^Source "cars": 1 numbers are in the log twice$/)
})

test('a record that is gone, moved or not counted is an imbalance that names the numbers', async () => {
  const telemetry = topicName(SITE, 'telemetry')
  const build = async (seqs: readonly number[], settled: number) => {
    const log = await emptyLog()
    const ledger = await open(log)
    ledger.book('cars').handOver(settled)
    await log.append(
      telemetry,
      numbered('cars', seqs).map((record) => ({ ...record, key: 'one' })),
    )
    ledger.book('cars').settle({ count: settled, stored: settled, quarantined: 0, letGo: [] })
    await ledger.close()
    return auditLedger(log, SITE, { full: true })
  }
  assert.deepEqual((await build([1, 2, 3], 3)).reasons, [])
  const gone = await build([1, 4], 4)
  assert.deepEqual(gone.reasons, [
    'Source "cars": numbers 2 to 3 are nowhere in the log',
    'Source "cars": 2 stored and quarantined are in the log, the books say 4',
  ])
  assert.deepEqual(gone.books[0]!.missing, [[2, 3]])
  assert.deepEqual((await build([1, 3, 2], 3)).reasons, ['Source "cars": 1 records lie before an older one'])
})

test('numbers beyond the last checkpoint that are not there yet are in flight, not missing', async () => {
  const log = await emptyLog()
  await open(log)
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 3]))
  const audit = await auditLedger(log, SITE, { full: false })
  assert.equal(audit.balanced, true)
  assert.equal(audit.books[0]!.inFlight, 1)
})

test('a full audit begins at the oldest checkpoint that retention left provable', async () => {
  const log = await emptyLog()
  const telemetry = topicName(SITE, 'telemetry')
  const ledger = await open(log)
  for (const seq of [1, 2, 3]) {
    ledger.book('cars').handOver(1)
    await log.append(
      telemetry,
      numbered('cars', [seq]).map((record) => ({ ...record, key: 'one' })),
    )
    ledger.book('cars').settle({ count: 1, stored: 1, quarantined: 0, letGo: [] })
    await ledger.checkpoint()
  }
  const partition = (await log.ends(telemetry)).find(({ end }) => end === 3)!.partition
  log.trim(telemetry, partition, 1)
  const audit = await auditLedger(log, SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  assert.equal(audit.records, 2)
  const [first] = (await values(log, 'ledger')) as { at: number }[]
  assert.equal(audit.since, first!.at)
  assert.equal(audit.books[0]!.stored, 3)
})

test('a damaged checkpoint is passed over: the one before it and the log say the same', async () => {
  const log = await emptyLog()
  await log.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 2]))
  await open(log)
  await log.append(topicName(SITE, 'ledger'), [{ key: null, value: '{"version":1,"boo', timestamp: 1 }])
  assert.equal((await open(log)).view()[0]!.stored, 2)
  assert.equal(decodeCheckpoint(Buffer.from('{"version":99}')), undefined)
  assert.equal(decodeCheckpoint(null), undefined)
})

test('a log that ends before a position of the checkpoint is named', async () => {
  const full = await emptyLog()
  await full.append(topicName(SITE, 'telemetry'), numbered('cars', [1, 2]))
  const ledger = await open(full)
  await ledger.close()
  const lost = await emptyLog()
  const [checkpoint] = await values(full, 'ledger')
  await lost.append(topicName(SITE, 'ledger'), [{ key: null, value: JSON.stringify(checkpoint), timestamp: 1 }])
  const audit = await auditLedger(lost, SITE, { full: false })
  assert.match(audit.reasons[0]!, /^Topic "acme.berlin.telemetry" partition \d ends before offset \d, which/)
})

test('a raw topic that no config names any more is still in the books', async () => {
  const log = await emptyLog()
  const raw = topicName(SITE, 'raw-cars')
  await log.ensure([{ ...topicSpec(SITE, 'raw', 2), name: raw }])
  await log.append(raw, numbered('cars', [1, 2]))
  const ledger = await open(log)
  assert.deepEqual([ledger.view()[0]!.stored, ledger.audits('raw-cars'), ledger.audits('raw')], [2, false, true])
  assert.deepEqual((await auditLedger(log, SITE, { full: true })).reasons, [])
})
