import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LogError } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { systemClock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger } from '../system/logger.ts'
import { AuditLog } from './audit-log.ts'
import { hashOf, type AuditRecord } from './chain.ts'
import { AuditVerifier, decodeAudit, type AuditHead } from './verify.ts'

const TOPIC = 'acme.berlin.audit'
const system = { clock: systemClock, disk: fileDisk, logger: silentLogger }

/** An audit of several runs of a hub, one after the other; its records in order. */
async function written(runs: readonly number[]): Promise<AuditRecord[]> {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: TOPIC, partitions: 1 }])
  for (const [run, count] of runs.entries()) {
    const audit = new AuditLog({ site: 'acme/berlin', chain: `hub/${run}`, log, directory: '/nowhere', system })
    const entries = Array.from({ length: count }, (_, index) => ({
      what: 'command.requested',
      by: 'ann',
      via: 'rest',
      asset: 'acme/berlin/press1',
      detail: { value: index + 0.5, name: 'ü', nested: { b: [1, null], a: true } },
    }))
    await Promise.all(entries.map((entry) => audit.write(entry)))
  }
  return recordsOf(log)
}

async function recordsOf(log: MemoryLog): Promise<AuditRecord[]> {
  const { signal } = new AbortController()
  const found: AuditRecord[] = []
  for await (const { records } of log.read([{ topic: TOPIC, partition: 0, offset: 0 }], { signal, untilEnd: true }))
    found.push(...records.flatMap(({ value }) => decodeAudit(value) ?? []))
  return found
}

function verdict(records: readonly AuditRecord[], heads: readonly AuditHead[] = [], from = 0) {
  const verifier = new AuditVerifier(heads)
  for (const [index, record] of records.entries()) verifier.take(from + index, Buffer.from(JSON.stringify(record)))
  return verifier.verdict()
}

test('an audit that nobody has touched holds, over several runs of its hub', async () => {
  const records = await written([5, 1, 4])
  const { broken, records: count, chains, head } = verdict(records)
  assert.deepEqual([broken, count, chains], [undefined, 10, 3])
  assert.deepEqual(head, { offset: 9, hash: records[9]!.hash })
  assert.equal(verdict(records, [head]).broken, undefined)
})

test('a record that was changed, removed, added or moved is named, wherever it is', async () => {
  const records = await written([6, 3, 5])
  const changed = fc.record({ kind: fc.constant('change'), at: fc.nat(12) })
  const removed = fc.record({ kind: fc.constant('remove'), at: fc.nat(12) })
  const moved = fc.record({ kind: fc.constant('swap'), at: fc.nat(12) })
  const added = fc.record({ kind: fc.constant('add'), at: fc.nat(13) })
  const rehashed = fc.record({ kind: fc.constant('change and hash anew'), at: fc.nat(12) })
  fc.assert(
    fc.property(fc.oneof(changed, removed, moved, added, rehashed), ({ kind, at }) => {
      const { broken } = verdict(tampered(records, kind, at))
      assert.ok(broken !== undefined, `${kind} at ${at} was not found`)
      // The first broken link is where it was done, or the one after it.
      assert.ok(broken.offset >= at && broken.offset <= at + 1 + 6, `${kind} at ${at} was named at ${broken.offset}`)
    }),
    { numRuns: 300 },
  )
})

function tampered(records: readonly AuditRecord[], kind: string, at: number): AuditRecord[] {
  const one = records[at]!
  switch (kind) {
    case 'change':
      return records.with(at, { ...one, by: 'bob' })
    case 'change and hash anew': {
      const other = { ...one, by: 'bob' }
      return records.with(at, { ...other, hash: hashOf(other) })
    }
    case 'remove':
      return records.toSpliced(at, 1)
    case 'swap':
      return records.with(at, records[at + 1]!).with(at + 1, one)
    default: {
      const before = records[at - 1] ?? records[0]!
      const other = { ...before, by: 'bob', seq: before.seq + 1, prev: before.hash }
      return records.toSpliced(at, 0, { ...other, hash: hashOf(other) })
    }
  }
}

test('a cut end, and an end that was made anew, are found by a head that was kept, and by nothing else', async () => {
  const records = await written([6])
  const { head } = verdict(records)
  const cut = records.slice(0, 4)
  assert.equal(verdict(cut).broken, undefined)
  assert.match(verdict(cut, [head!]).broken!.reason, /the end was cut off/)
  assert.match(verdict([], [head!]).broken!.reason, /nothing is there/)
  const forged = [...records]
  for (let at = 3; at < forged.length; at += 1) {
    const other = { ...forged[at]!, by: 'bob', prev: forged[at - 1]!.hash }
    forged[at] = { ...other, hash: hashOf(other) }
  }
  assert.equal(verdict(forged).broken, undefined)
  assert.match(verdict(forged, [head!]).broken!.reason, /was seen here once/)
})

test('what retention has removed is said, and does not break what is left', async () => {
  const records = await written([6, 3])
  const { broken, begins } = verdict(records.slice(4), [], 4)
  assert.deepEqual([broken, begins], [undefined, { offset: 4 }])
})

test('a whole run that was removed is missed by the next one', async () => {
  const records = await written([3, 3, 3])
  assert.match(verdict(records.toSpliced(3, 3)).broken!.reason, /is not there: it was removed/)
})

test('a record whose acknowledgement was lost is no broken link', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: TOPIC, partitions: 1 }])
  let lost = 0
  const flaky = {
    ends: log.ends.bind(log),
    read: log.read.bind(log),
    async append(topic: string, records: Parameters<MemoryLog['append']>[1]) {
      lost += 1
      if (lost === 2) throw new LogError('LOG_UNAVAILABLE', 'not stored', { retriable: true })
      const appended = await log.append(topic, records)
      if (lost === 4) throw new LogError('LOG_UNAVAILABLE', 'stored, and nobody heard', { retriable: true })
      return appended
    },
  }
  const audit = new AuditLog({ site: 'acme/berlin', chain: 'hub/1', log: flaky, directory: '/nowhere', system })
  const results: PromiseSettledResult<void>[] = []
  for (const by of ['a', 'b', 'c', 'd', 'e'])
    results.push(...(await Promise.allSettled([audit.write({ what: 'login', by })])))
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
  )
  const records = await recordsOf(log)
  assert.deepEqual(
    records.map(({ by }) => by),
    ['a', 'c', 'd', 'e'],
  )
  assert.equal(verdict(records).broken, undefined)
})

test('an entry that comes at the very moment at which the one before has ended is written', async () => {
  const log = new MemoryLog({ clock: systemClock })
  await log.ensure([{ name: TOPIC, partitions: 1 }])
  const audit = new AuditLog({ site: 'acme/berlin', chain: 'hub/1', log, directory: '/nowhere', system })
  // Each is asked for in the turn in which the one before was told that it is durable.
  for (let n = 0; n < 50; n += 1) {
    await audit.write({ what: 'login', by: `a${n}` })
    for (let turns = 0; turns < n % 5; turns += 1) await Promise.resolve()
  }
  const records = await recordsOf(log)
  assert.deepEqual([records.length, verdict(records).broken], [50, undefined])
})
