import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { LogError, type Appended, type Log, type NewRecord, type StoredRecord } from '../log/log.ts'
import { MemoryLog } from '../log/memory/memory-log.ts'
import { MemoryStore } from '../log/memory/memory-store.ts'
import { topicSpec } from '../log/topics.ts'
import { topicName } from '../model/path.ts'
import { systemClock } from '../system/clock.ts'
import { silentLogger } from '../system/logger.ts'
import { Metrics } from '../system/metrics.ts'
import { seededRandom, type Random } from '../system/random.ts'
import { auditLedger } from './audit.ts'
import type { Book } from './book.ts'
import { Ledger } from './ledger.ts'

const SITE = 'acme/berlin'
const TELEMETRY = topicName(SITE, 'telemetry')
const HOUR = 3_600_000

async function sharedStore(): Promise<MemoryStore> {
  const store = new MemoryStore()
  const log = new MemoryLog({ clock: systemClock, store })
  await log.ensure((['telemetry', 'raw', 'quarantine', 'ledger', 'gaps'] as const).map((k) => topicSpec(SITE, k, 2)))
  return store
}

/**
 * A hub's own way to the log that all share: what it appends is on its way until it is delivered. A hub that dies takes
 * along what was not delivered; one that is frozen delivers it when it wakes, however late.
 */
class Way {
  readonly log: Log
  readonly #inner: MemoryLog
  readonly #underWay: { deliver(): void; lose(): void }[] = []
  /** Deliver at once, as long as it is a matter of the ledger alone. */
  held = false

  constructor(store: MemoryStore) {
    this.#inner = new MemoryLog({ clock: systemClock, store })
    const append = (topic: string, records: readonly NewRecord[]) => this.#append(topic, records)
    this.log = new Proxy<Log>(this.#inner, {
      get: (target, name) => {
        const value: unknown = name === 'append' ? append : Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  deliver(): boolean {
    const next = this.#underWay.shift()
    next?.deliver()
    return next !== undefined
  }

  /** The answers are lost, and by chance the records too: whoever appended them never knows. */
  refuse(): boolean {
    const next = this.#underWay.shift()
    next?.lose()
    return next !== undefined
  }

  die(): void {
    this.#underWay.length = 0
    void this.#inner.close()
  }

  #append(topic: string, records: readonly NewRecord[]): Promise<readonly Appended[]> {
    if (!this.held) return this.#inner.append(topic, records)
    const { promise, resolve, reject } = Promise.withResolvers<readonly Appended[]>()
    this.#underWay.push({
      deliver: () => void this.#inner.append(topic, records).then(resolve, reject),
      lose: () => reject(new LogError('LOG_UNAVAILABLE', 'no answer', { retriable: true })),
    })
    return promise
  }
}

/** A hub: a ledger of its own, and sources that hand over one number at a time. */
class Hub {
  readonly name: string
  readonly run: string
  readonly way: Way
  readonly ledger: Ledger
  readonly books = new Map<string, Book>()
  /** What the machines were told: source, epoch and number. */
  readonly acked: string[]
  #settling: Promise<void> = Promise.resolve()

  constructor(name: string, run: string, way: Way, ledger: Ledger, acked: string[]) {
    this.name = name
    this.run = run
    this.way = way
    this.ledger = ledger
    this.acked = acked
  }

  static async start(store: MemoryStore, name: string, run: string, acked: string[]): Promise<Hub> {
    const way = new Way(store)
    const system = { clock: systemClock, logger: silentLogger, metrics: new Metrics() }
    const ledger = await Ledger.open({ log: way.log, site: SITE, system, everyMs: HOUR, holder: { hub: name, run } })
    return new Hub(name, run, way, ledger, acked)
  }

  send(source: string, dropped: boolean): void {
    const book = this.books.get(source)
    if (book === undefined) return
    const seq = book.handOver(1)
    this.#settling = this.#settle(
      this.#settling,
      book,
      seq,
      dropped ? Promise.resolve('dropped') : this.#append(book, seq),
    )
  }

  settled(): Promise<void> {
    return this.#settling
  }

  /** In the order of hand-over, as ingest does it. */
  async #settle(before: Promise<void>, book: Book, seq: number, fate: Promise<'dropped' | 'stored' | 'not-stored'>) {
    await before
    const became = await fate
    const letGo = became === 'stored' ? [] : [{ seq, kind: became, why: 'expired' } as const]
    book.settle({ count: 1, stored: became === 'stored' ? 1 : 0, quarantined: 0, letGo })
    if (became === 'stored') this.acked.push(`${book.source} ${book.epoch} ${seq}`)
  }

  async #append({ source, epoch }: Book, seq: number): Promise<'stored' | 'not-stored'> {
    const headers = Object.entries({ source, seq: String(seq), epoch: String(epoch) })
    try {
      await this.way.log.append(TELEMETRY, [{ key: source, value: 'x', headers, timestamp: 1 }])
      return 'stored'
    } catch {
      return 'not-stored'
    }
  }
}

async function recordsOf(store: MemoryStore): Promise<string[]> {
  const log = new MemoryLog({ clock: systemClock, store })
  const positions = (await log.ends(TELEMETRY)).map(({ partition }) => ({ topic: TELEMETRY, partition, offset: 0 }))
  const found: StoredRecord[] = []
  for await (const { records } of log.read(positions, { signal: new AbortController().signal, untilEnd: true })) {
    found.push(...records)
  }
  return found.map(({ headers }) => {
    const named = Object.fromEntries(headers.map(([name, value]) => [name, Buffer.from(value).toString()]))
    return `${named['source']} ${named['epoch']} ${named['seq']}`
  })
}

test('hubs that claim a source at the same moment get epochs of their own, and all agree whose is which', async () => {
  const store = await sharedStore()
  const hubs = await Promise.all(['a', 'b', 'c'].map((name) => Hub.start(store, name, name, [])))
  const books = await Promise.all(hubs.map(({ ledger }) => ledger.claim(['line1', 'line2'])))
  const epochs = (index: number) => books.map((book) => book[index]!.epoch).sort((a, b) => a - b)
  assert.deepEqual(
    [epochs(0), epochs(1)],
    [
      [2, 3, 4],
      [2, 3, 4],
    ],
  )
  assert.equal(books[0]![0]!.handOver(1), 1)
})

test('a hub hears that another has claimed its source', async () => {
  const store = await sharedStore()
  const [a, b] = await Promise.all([Hub.start(store, 'a', 'a', []), Hub.start(store, 'b', 'b', [])])
  const [book] = await a.ledger.claim(['line1'])
  const superseded = new Promise<Book>((resolve) => a.ledger.onSuperseded(resolve))
  await b.ledger.claim(['line1'])
  assert.equal(await superseded, book)
})

test('late records of a holder that lost its source are its own: counted once, and never the next holder’s', async () => {
  const store = await sharedStore()
  const [a, b] = await Promise.all([Hub.start(store, 'a', 'a', []), Hub.start(store, 'b', 'b', [])])
  const [old] = await a.ledger.claim(['line1'])
  a.books.set('line1', old!)
  a.send('line1', false)
  await a.settled()
  a.way.held = true
  for (let n = 0; n < 3; n += 1) a.send('line1', false)
  const [next] = await b.ledger.claim(['line1'])
  b.books.set('line1', next!)
  for (let n = 0; n < 2; n += 1) b.send('line1', false)
  await b.settled()
  await b.ledger.closeOrphans(({ run }) => run === 'b')
  a.way.deliver()
  a.way.deliver()
  a.way.die()
  await b.ledger.close()
  const audit = await auditLedger(new MemoryLog({ clock: systemClock, store }), SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  const { received, stored, late, epochs, inFlight } = audit.books[0]!
  assert.deepEqual(
    { received, stored, late, epochs, inFlight },
    { received: 5, stored: 5, late: 2, epochs: 2, inFlight: 0 },
  )
  assert.deepEqual(b.ledger.view()[0]!.received, 3)
})

test('a book that was closed by others is put right by its holder when that wakes up', async () => {
  const store = await sharedStore()
  const [a, b] = await Promise.all([Hub.start(store, 'a', 'a', []), Hub.start(store, 'b', 'b', [])])
  const [old] = await a.ledger.claim(['line1'])
  a.books.set('line1', old!)
  a.way.held = true
  for (let n = 0; n < 4; n += 1) a.send('line1', n === 0)
  await b.ledger.claim(['line1'])
  await b.ledger.closeOrphans(({ run }) => run === 'b')
  a.way.deliver()
  a.way.refuse()
  a.way.deliver()
  a.way.held = false
  await a.settled()
  await a.ledger.release(old!)
  await Promise.all([a.ledger.close(), b.ledger.close()])
  const audit = await auditLedger(new MemoryLog({ clock: systemClock, store }), SITE, { full: true })
  assert.deepEqual(audit.reasons, [])
  const { received, stored, dropped, unacknowledged } = audit.books[0]!
  assert.deepEqual(
    { received, stored, dropped, unacknowledged },
    { received: 4, stored: 2, dropped: 1, unacknowledged: 1 },
  )
})

test('a number that two hubs wrote is an imbalance that names source and epoch', async () => {
  const store = await sharedStore()
  const a = await Hub.start(store, 'a', 'a', [])
  const [book] = await a.ledger.claim(['line1'])
  a.books.set('line1', book!)
  a.send('line1', false)
  await a.settled()
  const headers = Object.entries({ source: 'line1', seq: '1', epoch: String(book!.epoch) })
  const log = new MemoryLog({ clock: systemClock, store })
  await log.append(TELEMETRY, [{ key: 'line1', value: 'x', headers, timestamp: 1 }])
  await a.ledger.close()
  assert.deepEqual((await auditLedger(log, SITE, { full: true })).reasons, [
    'Source "line1", epoch 2: 1 numbers are in the log twice',
  ])
})

test('books that have been closed for long are kept as one sum, and a hub that starts knows it', async () => {
  const store = await sharedStore()
  const clock = { ...systemClock, now: () => systemClock.now() + skew }
  let skew = 0
  const system = { clock, logger: silentLogger, metrics: new Metrics() }
  const log = new MemoryLog({ clock: systemClock, store })
  for (const run of ['1', '2', '3', '4']) {
    const ledger = await Ledger.open({ log, site: SITE, system, everyMs: HOUR, holder: { hub: 'a', run } })
    const [book] = await ledger.claim(['line1'])
    book!.handOver(10)
    const letGo = Array.from({ length: 10 }, (_, n) => ({ seq: n + 1, kind: 'dropped' as const, why: 'expired' }))
    book!.settle({ count: 10, stored: 0, quarantined: 0, letGo })
    await ledger.close()
    skew += HOUR
  }
  const ledger = await Ledger.open({ log, site: SITE, system, everyMs: HOUR, holder: { hub: 'b', run: '5' } })
  assert.deepEqual([ledger.summary('line1').received, ledger.summary('line1').droppedBy], [40, { expired: 40 }])
  await ledger.claim(['line2'])
  await ledger.close()
  for (const full of [true, false]) {
    const audit = await auditLedger(log, SITE, { full })
    assert.deepEqual(audit.reasons, [])
    const line1 = audit.books.find(({ source }) => source === 'line1')!
    assert.deepEqual([line1.received, line1.epochs], [40, full ? 4 : 5])
  }
})

test('a hub that gets the log for itself goes on with the newest book of each source', async () => {
  const store = await sharedStore()
  const a = await Hub.start(store, 'a', 'a', [])
  const [book] = await a.ledger.claim(['line1'])
  a.books.set('line1', book!)
  a.send('line1', false)
  await a.settled()
  const log = new MemoryLog({ clock: systemClock, store })
  const system = { clock: systemClock, logger: silentLogger, metrics: new Metrics() }
  const alone = await Ledger.open({ log, site: SITE, system, everyMs: HOUR })
  const next = alone.book('line1')
  assert.deepEqual([next.epoch, next.handOver(1)], [book!.epoch, 2])
})

const SOURCES = ['line1', 'line2', 'cars']

/** One random story of three names, under which hubs start, claim, send, freeze, wake and die. */
class Story {
  readonly acked: string[] = []
  readonly #store: MemoryStore
  readonly #random: Random
  /** Those that take part, and those that lost their part and do not know it, or have not got that far yet. */
  #hubs: Hub[] = []
  #frozen: Hub[] = []
  #runs = 0

  constructor(store: MemoryStore, random: Random) {
    this.#store = store
    this.#random = random
  }

  async step(): Promise<void> {
    const choice = this.#random.integer(20)
    const hub = this.#hubs[this.#random.integer(Math.max(1, this.#hubs.length))]
    if (this.#hubs.length === 0 || (choice === 0 && this.#hubs.length < 3)) await this.#start()
    else if (choice === 1) this.#freeze(hub!)
    else if (choice === 2) this.#kill(hub!)
    else if (choice === 3) await this.#takeOver(hub!)
    else if (choice === 4) await this.#wake()
    else if (choice === 5) hub!.ledger.checkpoint().catch(() => {})
    else if (choice === 6) hub!.way.held = !hub!.way.held || !deliverAll(hub!.way)
    else if (choice === 7) hub!.way.refuse()
    else if (choice < 11) hub!.way.deliver()
    else this.#send()
    if (this.#random.integer(3) === 0) await turn()
  }

  /** Everybody who is left ends well, and the last one closes what the dead have left open. */
  async end(): Promise<void> {
    while (this.#frozen.length > 0) await this.#wake()
    for (const hub of this.#hubs) await this.#leave(hub)
    const last = await Hub.start(this.#store, 'last', 'last', this.acked)
    await last.ledger.closeOrphans(() => false)
    await last.ledger.close()
  }

  async #start(): Promise<void> {
    const name = ['a', 'b', 'c'][this.#random.integer(3)]!
    this.#hubs.push(await Hub.start(this.#store, name, String(++this.#runs), this.acked))
  }

  /** A group would have given some sources to this hub; whoever had them is told, or is frozen and is not. */
  async #takeOver(hub: Hub): Promise<void> {
    hub.way.held = hub.way.held && !deliverAll(hub.way)
    const sources = SOURCES.filter(() => this.#random.integer(2) === 0)
    for (const other of this.#hubs) {
      for (const source of sources) {
        const book = other.books.get(source)
        other.books.delete(source)
        if (book !== undefined) void other.ledger.release(book).catch(() => {})
      }
    }
    const books = await hub.ledger.claim(sources)
    for (const book of books) hub.books.set(book.source, book)
    if (this.#random.integer(2) === 0)
      await hub.ledger.closeOrphans(({ run }) => this.#hubs.some((one) => one.run === run))
  }

  #freeze(hub: Hub): void {
    hub.way.held = true
    this.#hubs = this.#hubs.filter((one) => one !== hub)
    this.#frozen.push(hub)
  }

  async #wake(): Promise<void> {
    const hub = this.#frozen.pop()
    if (hub === undefined) return
    // It had not noticed yet: a last number or two before it looks at its lease.
    for (const source of hub.books.keys()) if (this.#random.integer(2) === 0) hub.send(source, false)
    if (this.#random.integer(2) === 0) await this.#leave(hub)
    else this.#kill(hub)
  }

  #kill(hub: Hub): void {
    for (let some = this.#random.integer(4); some > 0; some -= 1) hub.way.deliver()
    hub.way.die()
    this.#hubs = this.#hubs.filter((one) => one !== hub)
  }

  async #leave(hub: Hub): Promise<void> {
    const closing = hub.ledger.close()
    const ended = { yes: false }
    void closing.then(() => (ended.yes = true))
    while (!ended.yes) {
      if (this.#random.integer(8) === 0) hub.way.refuse()
      else hub.way.deliver()
      await turn()
    }
    await hub.settled()
  }

  #send(): void {
    const hub = this.#hubs[this.#random.integer(this.#hubs.length)]!
    for (let some = this.#random.integer(4); some > 0; some -= 1) {
      hub.send(SOURCES[this.#random.integer(SOURCES.length)]!, this.#random.integer(8) === 0)
    }
  }
}

function deliverAll(way: Way): true {
  while (way.deliver());
  return true
}

test('whatever happens to hubs that share a log: every number is accounted for once, and the books balance', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const random = seededRandom(seed)
      const store = await sharedStore()
      const story = new Story(store, random)
      for (let step = 0; step < 120; step += 1) await story.step()
      await story.end()
      const audit = await auditLedger(new MemoryLog({ clock: systemClock, store }), SITE, { full: true })
      assert.deepEqual(audit.reasons, [])
      const stored = await recordsOf(store)
      assert.equal(new Set(stored).size, stored.length, 'no number is there twice')
      assert.deepEqual(
        story.acked.filter((number) => !stored.includes(number)),
        [],
        'what was acknowledged is there',
      )
      assert.equal(
        audit.books.reduce((sum, book) => sum + book.stored, 0),
        stored.length,
      )
      for (const book of audit.books) {
        assert.equal(book.received, book.stored + book.quarantined + book.dropped + book.unacknowledged, book.source)
      }
    }),
    { numRuns: 100 },
  )
})
