import assert from 'node:assert/strict'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Batch, Item, Source } from '../../src/component/source.ts'
import { loadDefinitions } from '../../src/flow/definitions.ts'
import { Ingest } from '../../src/flow/ingest.ts'
import { EntryDecoder } from '../../src/flow/entries.ts'
import { ViewRun } from '../../src/flow/views.ts'
import { auditLedger } from '../../src/ledger/audit.ts'
import { Ledger } from '../../src/ledger/ledger.ts'
import type { Log } from '../../src/log/log.ts'
import { TOPIC_KINDS, topicSpec, type TopicKind } from '../../src/log/topics.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { topicName } from '../../src/model/path.ts'
import { systemClock } from '../../src/system/clock.ts'
import { fileDisk } from '../../src/system/file-disk.ts'
import { silentLogger } from '../../src/system/logger.ts'
import { Metrics } from '../../src/system/metrics.ts'
import { nodeNet } from '../../src/system/node-net.ts'
import { systemRandom } from '../../src/system/random.ts'
import { Twins } from '../../src/twins/twins.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/** Opens the log whose data is in a directory, or wherever the driver keeps it: again and again, the same log. */
export type OpenLog = (directory: string) => Promise<{ readonly log: Log; close(): Promise<void> }>

/** What a hub promises its machines, on any driver of the log: the same test for memory, embedded and Apache Kafka. */
export function hubSuite(name: string, openLog: OpenLog): void {
  test(`machine to log to twin and back after a restart: ${name}`, async (t) => {
    const directory = await temporaryFolder('hub-suite')
    await live(openLog, directory, t)
  })
}

/** Not that of other tests on the same Kafka. */
const SITE = 'acme/suite'
const HOUR = 3_600_000

function system() {
  const metrics = new Metrics()
  return { clock: systemClock, random: systemRandom, disk: fileDisk, net: nodeNet, logger: silentLogger, metrics }
}

/** Machines whose counters rise by one a message; `acked` is what they were promised. */
class Counters implements Source {
  readonly acked = new Map<number, number>()
  readonly #machines: number
  readonly #from: number
  readonly #rounds: number

  constructor(machines: number, from: number, rounds: number) {
    this.#machines = machines
    this.#from = from
    this.#rounds = rounds
  }

  async *read(signal: AbortSignal): AsyncGenerator<Batch> {
    for (let round = this.#from; round < this.#from + this.#rounds && !signal.aborted; round++) {
      const items = Array.from({ length: this.#machines }, (_, machine) => this.#item(machine, round))
      const ack = () => {
        for (let machine = 0; machine < this.#machines; machine++) this.acked.set(machine, round)
      }
      yield { items, ack, fail: () => {} }
      // A device's own window.
      while (round - (this.acked.get(0) ?? this.#from) > 20 && !signal.aborted) await sleep(1)
    }
  }

  health() {
    return { state: 'live', reason: '', since: 0 } as const
  }

  #item(machine: number, round: number): Item {
    if (machine === 0)
      return { kind: 'dropped', policy: 'expired', address: 'x', payload: Buffer.alloc(1), receivedTime: 1 }
    if (machine === 1)
      return { kind: 'raw', topic: 'raw', key: 'r', payload: Buffer.from(String(round)), receivedTime: 1 }
    const values = { count: round, even: round % 2 === 0, word: `w${round}`, big: 2n ** 60n + BigInt(round) }
    const asset = `${SITE}/line1/m${machine}`
    return { kind: 'reading', reading: { asset, sourceTime: 1_000 + round, receivedTime: 2_000 + round, values } }
  }
}

/** A hub's parts on a log of the driver, composed by hand so that each can be ended by itself. */
async function live(openLog: OpenLog, directory: string, t: TestContext): Promise<void> {
  const snapshot = join(directory, 'views', 'twins.snapshot')

  // A first life that ends in the middle, without a word to the ledger or the twins.
  const first = await openHub(directory, openLog, t)
  const cut = new Counters(20, 1, 100_000)
  const stop = new AbortController()
  const running = first.ingest.run('line1', () => cut, stop.signal)
  await until(() => (cut.acked.get(2) ?? 0) > 200)
  await first.close()
  stop.abort()
  await running
  const promised = cut.acked.get(2)!

  const second = await openHub(directory, openLog, t)
  const [book] = second.ledger.view()
  assert.equal(book!.balanced, true)
  assert.ok(book!.stored + book!.quarantined + book!.dropped >= promised * 19, 'what was acknowledged is in the books')
  await until(() => second.view.caughtUp)
  for (let machine = 2; machine < 20; machine++) {
    const shown = second.twins.get(`${SITE}/line1/m${machine}`)!.tags
    const count = shown.get('count')!.value as number
    assert.ok(count >= promised, 'a twin is never behind what was acknowledged')
    assert.deepEqual(
      [shown.get('even')!.value, shown.get('word')!.value, shown.get('big')!.value],
      [count % 2 === 0, `w${count}`, 2n ** 60n + BigInt(count)],
    )
  }

  // A second one that ends well.
  const calm = new Counters(20, 1_000_000, 50)
  await second.ingest.run('line1', () => calm, new AbortController().signal)
  assert.equal(calm.acked.get(2), 1_000_049)
  await until(() => second.twins.get(`${SITE}/line1/m19`)?.tags.get('count')?.value === 1_000_049)
  await until(() => second.twins.get(`${SITE}/line1/m2`)?.tags.get('count')?.value === 1_000_049)
  await second.ledger.close()
  const audit = await auditLedger(second.log, SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  assert.equal(audit.books[0]!.inFlight, 0)
  await second.twins.close()
  await second.close()
  const kept = await readFile(snapshot)

  // The twins thrown away: the log makes them again, the same to the byte.
  await rm(snapshot)
  const third = await openHub(directory, openLog, t)
  await until(() => third.view.caughtUp)
  await third.twins.close()
  await third.ledger.close()
  await third.close()
  assert.ok((await readFile(snapshot)).equals(kept))
}

async function openHub(directory: string, openLog: OpenLog, t: TestContext) {
  const parts = system()
  const opened = await openLog(directory)
  const { log } = opened
  await log.ensure((Object.keys(TOPIC_KINDS) as TopicKind[]).map((kind) => topicSpec(SITE, kind, 4)))
  const catalogue = new Catalogue()
  await loadDefinitions(log, SITE, catalogue, silentLogger)
  const ledger = await Ledger.open({ log, site: SITE, system: parts, everyMs: 50 })
  const ingest = new Ingest({ log, ledger, catalogue, site: SITE, system: parts, graceMs: 5_000 })
  const twins = new Twins({ directory: join(directory, 'views'), catalogue, system: parts, everyMs: HOUR })
  await twins.open()
  const stop = new AbortController()
  const view = new ViewRun(twins, {
    log,
    topics: [topicName(SITE, 'telemetry')],
    decoder: new EntryDecoder('twins', { catalogue, system: parts }),
    system: parts,
  })
  const viewing = view.run(stop.signal)
  const close = async () => {
    stop.abort()
    await viewing
    await opened.close()
  }
  t.after(close)
  return { log, ledger, ingest, twins, view, close }
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 20_000, 'it never came true')
    await sleep(1)
  }
}
