import assert from 'node:assert/strict'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ViewBatch, ViewEntry } from '../component/view.ts'
import { Catalogue } from '../model/catalogue.ts'
import type { Reading, Value } from '../model/reading.ts'
import type { Clock } from '../system/clock.ts'
import { fileDisk } from '../system/file-disk.ts'
import { silentLogger, type Logger } from '../system/logger.ts'
import { seededRandom } from '../system/random.ts'
import { sourceOf } from './twin.ts'
import { Twins, type TwinsOptions } from './twins.ts'
import { temporaryFolder } from '../../test/temporary-folder.ts'

const TOPIC = 'acme.berlin.telemetry'

/** Time that moves when the test says so; timers never fire. */
class HandClock implements Clock {
  wall = 1_732_287_000_000
  steady = 50_000

  pass(ms: number): void {
    this.wall += ms
    this.steady += ms
  }

  now = () => this.wall
  monotonic = () => this.steady
  sleep = () => Promise.resolve()
  after = () => ({ cancel() {} })
  every = () => ({ cancel() {} })
}

async function folder(): Promise<string> {
  return temporaryFolder('twins')
}

interface Bench {
  readonly twins: Twins
  readonly clock: HandClock
  readonly catalogue: Catalogue
  readonly directory: string
}

async function open(
  directory: string,
  more: { logger?: Logger; clock?: HandClock } & Partial<TwinsOptions> = {},
): Promise<Bench> {
  const clock = more.clock ?? new HandClock()
  const catalogue = new Catalogue()
  const system = { clock, disk: fileDisk, logger: more.logger ?? silentLogger }
  const twins = new Twins({ directory, catalogue, system, ...more })
  await twins.open()
  return { twins, clock, catalogue, directory }
}

function entry(
  asset: string,
  values: Reading['values'],
  time: number,
  more: Partial<Reading> = {},
  source = 'line1',
): ViewEntry {
  return { offset: 0, source, reading: { asset, sourceTime: time, receivedTime: time + 1, values, ...more } }
}

function batch(entries: readonly ViewEntry[], nextOffset = entries.length, partition = 0): ViewBatch {
  return { topic: TOPIC, partition, entries, nextOffset, skipped: 0 }
}

/** A log of some partitions; an asset is always in the same one, and in one more with what is derived from it. */
function randomLog(seed: number, records: number): ViewEntry[][] {
  const random = seededRandom(seed)
  const partitions: ViewEntry[][] = [[], [], [], [], [], []]
  const kinds: (() => Value | null)[] = [
    () => random.next() * 100,
    () => random.integer(100),
    () => -0,
    () => null,
    () => random.integer(2) === 0,
    () => BigInt(random.integer(1000)) ** 8n,
    () => `text ${random.integer(100)}`,
    () => random.bytes(5),
    () => [1, -0, 'x', 2n ** 60n],
    () => ({ ['__proto__']: random.integer(5), nested: { list: [true] } }),
  ]
  for (let count = 0; count < records; count++) {
    const asset = random.integer(12)
    const isDerived = random.integer(3) === 0
    const values = Object.fromEntries(
      Array.from({ length: 1 + random.integer(4) }, () => [
        `${isDerived ? 'mean' : 'tag'}${random.integer(8)}`,
        kinds[random.integer(kinds.length)]!(),
      ]),
    )
    const status = Object.fromEntries(
      Object.entries(values)
        .filter(([, value]) => value === null)
        .map(([tag]) => [tag, 0x809b0000]),
    )
    const more = { quality: status, ...(random.integer(3) === 0 && { serverTime: count + 0.5 }) }
    // Now and then late.
    const time = 1_000_000 + count * 10 - (random.integer(5) === 0 ? 500 : 0)
    const place = (asset % 3) + (isDerived ? 3 : 0)
    partitions[place]!.push(entry(`acme/berlin/m${asset}`, values, time, more, `s${random.integer(3)}`))
  }
  return partitions
}

/** Feeds what is beyond the twins' own positions, in random pieces of random partitions, until `stop` says so. */
async function replay(
  twins: Twins,
  log: readonly ViewEntry[][],
  chance: ReturnType<typeof seededRandom>,
  stop: () => boolean,
  step: () => Promise<void> | void,
) {
  const at = log.map(
    (_, partition) => twins.positions().find((position) => position.partition === partition)?.offset ?? 0,
  )
  while (at.some((offset, partition) => offset < log[partition]!.length)) {
    const partition = chance.integer(log.length)
    const from = at[partition]!
    const to = Math.min(from + chance.integer(10), log[partition]!.length)
    twins.take(batch(log[partition]!.slice(from, to), to, partition))
    at[partition] = to
    if (stop()) return
    await step()
  }
}

async function snapshotOf(twins: Twins, directory: string): Promise<Buffer> {
  await twins.save()
  return readFile(join(directory, 'twins.snapshot'))
}

test('killed at any moment or deleted, the twins are rebuilt the same to the byte', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const chance = seededRandom(seed)
      const log = randomLog(seed, 300)
      const whole = await open(await folder())
      await replay(
        whole.twins,
        log,
        chance,
        () => false,
        () => {},
      )
      const expected = await snapshotOf(whole.twins, whole.directory)

      const directory = await folder()
      for (let life = 0; life < 5; life++) {
        const { twins } = await open(directory)
        const saves: Promise<void>[] = []
        await replay(
          twins,
          log,
          chance,
          () => chance.integer(15) === 0,
          async () => {
            // A snapshot goes on while records are taken.
            if (chance.integer(4) === 0) saves.push(twins.save())
            if (chance.integer(3) === 0) await new Promise((resolve) => setImmediate(resolve))
          },
        )
        await Promise.all(saves)
        if (chance.integer(4) === 0) await rm(join(directory, 'twins.snapshot'), { force: true })
      }
      const last = await open(directory)
      await replay(
        last.twins,
        log,
        chance,
        () => false,
        () => {},
      )
      assert.ok((await snapshotOf(last.twins, directory)).equals(expected))
    }),
    { numRuns: 25 },
  )
})

test('were positions written before the state that they are of, a kill in between would be seen', async () => {
  const log = randomLog(7, 300)
  const never = () => false
  const whole = await open(await folder())
  await replay(whole.twins, log, seededRandom(1), never, () => {})
  const directory = await folder()
  const { twins } = await open(directory)
  twins.take(batch(log[0]!.slice(0, 10), 10, 0))
  twins.moveTo({ topic: TOPIC, partition: 0, offset: log[0]!.length })
  await twins.save()
  const last = await open(directory)
  await replay(last.twins, log, seededRandom(2), never, () => {})
  const expected = await snapshotOf(whole.twins, whole.directory)
  assert.equal((await snapshotOf(last.twins, directory)).equals(expected), false)
})

test('a snapshot holds all twins as they were when it began, whatever changes while it is written', async () => {
  const directory = await folder()
  const { twins } = await open(directory)
  const paths = Array.from({ length: 5_000 }, (_, index) => `acme/berlin/m${index}`)
  twins.take(
    batch(
      paths.map((path) => entry(path, { a: 1 }, 1)),
      5_000,
    ),
  )
  const saving = twins.save()
  for (let turn = 1; turn <= 5; turn++) {
    twins.take(
      batch(
        [...paths.map((path) => entry(path, { a: turn + 1 }, turn * 10)), entry(`acme/new/${turn}`, { a: 1 }, 1)],
        5_000 + turn,
      ),
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
  await saving
  const again = await open(directory)
  assert.deepEqual(again.twins.positions(), [{ topic: TOPIC, partition: 0, offset: 5_000 }])
  assert.equal(again.twins.size, 5_000)
  for (const path of paths) assert.equal(again.twins.get(path)!.tags.get('a')!.value, 1)
})

test('every value, quality and time survives a restart, and so do revision and source', async () => {
  const directory = await folder()
  const { twins, clock } = await open(directory)
  const values = {
    n: -0,
    d: 71.25,
    t: true,
    big: 2n ** 63n,
    s: 'a"\ud800',
    b: Uint8Array.of(0, 255),
    l: [1n << 60n],
    o: { x: null },
    none: null,
  }
  twins.take(
    batch([entry('acme/berlin/m1', values, 5.125, { serverTime: 6.5, quality: { none: 0x80000000 } }, 'line1')], 1),
  )
  twins.take(batch([entry('acme/berlin/m1', { d: 72 }, 9, {}, 'line2')], 2))
  await twins.close()
  const again = await open(directory, { clock })
  assert.deepEqual(again.twins.get('acme/berlin/m1'), {
    path: 'acme/berlin/m1',
    revision: 2,
    lastReceived: 10,
    tags: new Map([...twins.get('acme/berlin/m1')!.tags].sort(([a], [b]) => (a < b ? -1 : 1))),
  })
  assert.equal(sourceOf(again.twins.get('acme/berlin/m1')!), 'line2')
  assert.deepEqual(again.twins.positions(), [{ topic: TOPIC, partition: 0, offset: 2 }])
  assert.deepEqual(again.twins.list('acme', undefined, 10), ['acme/berlin/m1'])
})

test('a damaged snapshot is set aside and said so; the twins start anew', async () => {
  const directory = await folder()
  const file = join(directory, 'twins.snapshot')
  const { twins } = await open(directory)
  twins.take(batch([entry('acme/berlin/m1', { a: 1 }, 1)]))
  const good = await snapshotOf(twins, directory)
  const random = seededRandom(7)
  const damages: Uint8Array[] = [
    Buffer.alloc(0),
    Buffer.from('noise'),
    Buffer.from('\n\n'),
    Buffer.from('{"crc32":0}\n'),
    Buffer.alloc(good.length),
  ]
  for (let count = 0; count < 200; count++) {
    const bad = Buffer.from(good)
    const at = random.integer(bad.length)
    bad[at]! ^= 1 + random.integer(255)
    damages.push(random.integer(2) === 0 ? bad : good.subarray(0, at))
  }
  for (const bytes of damages) {
    await writeFile(file, bytes)
    const warnings: string[] = []
    const logger: Logger = { ...silentLogger, warn: (_message, fields) => void warnings.push(String(fields!['code'])) }
    const again = await open(directory, { logger })
    // A changed byte of the last line's spaces or name may leave it readable; what is served is never wrong.
    if (again.twins.size === 0) {
      assert.deepEqual([warnings, again.twins.positions()], [['SNAPSHOT_DAMAGED'], []])
      assert.ok((await readFile(`${file}.damaged`)).equals(bytes))
    } else {
      assert.deepEqual(
        [...again.twins.get('acme/berlin/m1')!.tags.values()].map(({ value }) => value),
        [1],
      )
    }
  }
})

test('after many records a snapshot is written before its time, so that a start after a crash reads little again', async () => {
  const directory = await folder()
  const written = Promise.withResolvers<void>()
  const rename: typeof fileDisk.rename = async (from, to) => {
    await fileDisk.rename(from, to)
    written.resolve()
  }
  const system = { clock: new HandClock(), disk: { ...fileDisk, rename }, logger: silentLogger }
  const twins = new Twins({ directory, catalogue: new Catalogue(), system })
  await twins.open()
  const thousand = Array.from({ length: 1_000 }, (_, n) => entry('acme/berlin/m1', { n }, n))
  for (let n = 1; n <= 50; n++) twins.take(batch(thousand, n * 1_000))
  await written.promise
  // The process dies here, and another one opens what it left.
  const again = await open(directory)
  assert.deepEqual(again.twins.positions(), [{ topic: TOPIC, partition: 0, offset: 50_000 }])
})

test('a snapshot of a version to come is not misread', async () => {
  const directory = await folder()
  const { crc32 } = await import('node:zlib')
  const head = '{"millrace":"twins","version":2,"positions":[]}\n'
  await writeFile(join(directory, 'twins.snapshot'), `${head}{"crc32":${crc32(head)},"twins":0}\n`)
  const faults: unknown[] = []
  await open(directory, { logger: { ...silentLogger, warn: (_message, fields) => void faults.push(fields!['fault']) } })
  assert.deepEqual(faults, ['its version is 2, want 1'])
})

test('a value is stale when it is older than its limit or its source is down', async () => {
  const { twins, clock, catalogue } = await open(await folder())
  catalogue.define({
    path: 'acme/berlin/m1',
    tags: new Map([['slow', { type: 'number', kind: 'gauge', staleAfterMs: 100_000 }]]),
  })
  const stale = () =>
    [...twins.get('acme/berlin/m1')!.tags]
      .filter(([tag, state]) => twins.isStale('acme/berlin/m1', tag, state))
      .map(([tag]) => tag)
  twins.take(batch([entry('acme/berlin/m1', { fast: 1, slow: 1 }, clock.wall, { receivedTime: clock.wall })]))
  clock.pass(60_000)
  assert.deepEqual(stale(), [])
  clock.pass(1)
  assert.deepEqual(stale(), ['fast'])
  clock.pass(40_000)
  assert.deepEqual(stale(), ['fast', 'slow'])
  twins.take(batch([entry('acme/berlin/m1', { fast: 2 }, clock.wall, { receivedTime: clock.wall })]))
  assert.deepEqual(stale(), ['slow'])
  twins.judge('line1', 'down')
  assert.deepEqual(stale(), ['fast', 'slow'])
  twins.judge('line1', 'ages')
  assert.deepEqual(stale(), ['slow'])
  clock.pass(60_001)
  assert.deepEqual(stale(), ['fast', 'slow'])
  twins.judge('line1', 'holds')
  assert.deepEqual(stale(), ['slow'])
})

test('a step of the wall clock neither ages nor refreshes', async () => {
  const { twins, clock } = await open(await folder())
  twins.take(batch([entry('acme/berlin/m1', { a: 1 }, clock.wall, { receivedTime: clock.wall })]))
  const stale = () => twins.isStale('acme/berlin/m1', 'a', twins.get('acme/berlin/m1')!.tags.get('a')!)
  clock.wall += 400 * 86_400_000
  assert.equal(stale(), false)
  clock.wall -= 800 * 86_400_000
  clock.steady += 60_001
  assert.equal(stale(), true)
})

test('what was received before a restart, or while the view was behind, is as old as its received time says', async () => {
  const directory = await folder()
  const { twins, clock } = await open(directory)
  twins.take(batch([entry('acme/berlin/m1', { a: 1 }, clock.wall, { receivedTime: clock.wall })], 1))
  await twins.close()
  clock.pass(50_000)
  const again = await open(directory, { clock })
  const stale = (asset: string) => again.twins.isStale(asset, 'a', again.twins.get(asset)!.tags.get('a')!)
  assert.equal(stale('acme/berlin/m1'), false)
  again.twins.take(
    batch([entry('acme/berlin/m2', { a: 1 }, clock.wall - 70_000, { receivedTime: clock.wall - 70_000 })], 2),
  )
  assert.equal(stale('acme/berlin/m2'), true)
  clock.pass(10_001)
  assert.equal(stale('acme/berlin/m1'), true)
})

test('listeners hear of each record that changed something; announced assets are listed before they send', async () => {
  const { twins } = await open(await folder())
  const heard: string[] = []
  const end = twins.subscribe((path) => heard.push(path))
  twins.announce(['acme/berlin/m2', 'acme/berlin/m1'])
  twins.take(
    batch([
      entry('acme/berlin/m2', { a: 1 }, 5),
      entry('acme/berlin/m2', { a: 0 }, 1),
      entry('acme/berlin/m3', { a: 1 }, 1),
    ]),
  )
  end()
  twins.take(batch([entry('acme/berlin/m2', { a: 2 }, 6)], 4))
  assert.deepEqual(heard, ['acme/berlin/m2', 'acme/berlin/m3'])
  assert.deepEqual(twins.list('acme/berlin', undefined, 10), ['acme/berlin/m1', 'acme/berlin/m2', 'acme/berlin/m3'])
  assert.equal(twins.get('acme/berlin/m1'), undefined)
  twins.reset()
  assert.deepEqual(twins.list('', undefined, 10), ['acme/berlin/m1', 'acme/berlin/m2'])
  assert.deepEqual([twins.size, twins.positions()], [0, []])
})

test('a disk that refuses costs the snapshot, not the twins', async () => {
  const directory = await folder()
  const warnings: string[] = []
  const logger: Logger = { ...silentLogger, warn: (message) => void warnings.push(message) }
  const full = { ...fileDisk, open: () => Promise.reject(new Error('ENOSPC')) }
  const twins = new Twins({
    directory,
    catalogue: new Catalogue(),
    system: { clock: new HandClock(), disk: full, logger },
  })
  await twins.open()
  twins.take(batch([entry('acme/berlin/m1', { a: 1 }, 1)]))
  await assert.rejects(twins.save(), /ENOSPC/)
  await twins.close()
  assert.deepEqual(warnings, ['Cannot write the last snapshot of the twins; they are read from the log'])
  assert.equal(twins.get('acme/berlin/m1')!.revision, 1)
})

test('values that came before their definition get their types from it, and listeners hear of it', async () => {
  const { twins, catalogue } = await open(await folder())
  const untyped = { on: 1, count: 7, big: '9007199254740993', blob: 'AQI=', list: '[1,2]', text: 'x', plain: 2 }
  twins.take(batch([entry('a/b', untyped, 1)]))
  const heard: string[] = []
  twins.subscribe((path) => heard.push(path))
  const gauge = { kind: 'gauge' } as const
  const types = { on: 'boolean', count: 'int64', big: 'int64', blob: 'bytes', list: 'array', text: 'string' } as const
  const tags = new Map(Object.entries(types).map(([tag, type]) => [tag, { type, ...gauge }]))
  catalogue.define({ path: 'a/b', tags })
  for (const path of ['a/b', 'a/b', 'a/unknown']) twins.retype(path)
  const values = Object.fromEntries([...twins.get('a/b')!.tags].map(([tag, { value }]) => [tag, value]))
  assert.deepEqual(values, {
    on: true,
    count: 7n,
    big: 9007199254740993n,
    blob: Uint8Array.of(1, 2),
    list: [1, 2],
    text: 'x',
    plain: 2,
  })
  assert.deepEqual(heard, ['a/b'])
})
