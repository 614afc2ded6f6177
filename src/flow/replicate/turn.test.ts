import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { MemoryLog } from '../../log/memory/memory-log.ts'
import { MemoryStore } from '../../log/memory/memory-store.ts'
import { systemClock } from '../../system/clock.ts'
import { silentLogger } from '../../system/logger.ts'
import { Metrics } from '../../system/metrics.ts'
import { seededRandom } from '../../system/random.ts'
import { Replication } from './replication.ts'
import { Turn } from './turn.ts'

/** A hub that hangs has a twentieth of it, 50 ms, to end its work before another one begins. */
const SESSION_MS = 1_000

/** A hub that notes when it begins and ends the work that they share. */
function hub(t: TestContext, store: MemoryStore, name: string, events: string[]) {
  const log = new MemoryLog({ clock: systemClock, store })
  const system = { clock: systemClock, logger: silentLogger }
  const holder = { hub: name, run: `run-${name}` }
  const turn = new Turn({ log, group: 'acme.berlin.replicate.cloud', holder, system, sessionMs: SESSION_MS })
  const stop = new AbortController()
  const work = async (signal: AbortSignal) => {
    events.push(`${name} begins`)
    if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    // It takes a moment, and less than the lease leaves for it.
    await sleep(5)
    events.push(`${name} ends`)
  }
  const running = turn.run(work, stop.signal)
  const end = async () => {
    stop.abort()
    await running
  }
  t.after(end)
  return { log, turn, end }
}

async function again(tries: number): Promise<void> {
  assert.ok(tries < 10_000, 'it never came true')
  await sleep(2)
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    assert.ok(tries < 10_000, 'it never came true')
    await sleep(2)
  }
}

test('one hub at a time does the work, and the next one begins when it has ended', async (t) => {
  const store = new MemoryStore()
  const events: string[] = []
  const one = hub(t, store, 'one', events)
  await until(() => events.length === 1)
  const two = hub(t, store, 'two', events)
  const three = hub(t, store, 'three', events)
  await until(() => two.turn.holder?.hub === 'one' && three.turn.holder?.hub === 'one')
  assert.deepEqual(events, ['one begins'])
  await one.end()
  await until(() => events.length === 3)
  const next = events[2]!.split(' ')[0]!
  assert.deepEqual(events, ['one begins', 'one ends', `${next} begins`])
  await until(() => two.turn.holder?.hub === next && three.turn.holder?.hub === next)
})

test('a hub that dies is replaced when its lease is over', async (t) => {
  const store = new MemoryStore()
  const events: string[] = []
  const one = hub(t, store, 'one', events)
  await until(() => events.length === 1)
  const two = hub(t, store, 'two', events)
  await until(() => two.turn.holder?.hub === 'one')
  one.log.crash()
  await until(() => events.includes('two begins'))
})

test('a hub that hangs stops before another one begins, and takes its turn again later', async (t) => {
  const store = new MemoryStore()
  const events: string[] = []
  const one = hub(t, store, 'one', events)
  await until(() => events.length === 1)
  const two = hub(t, store, 'two', events)
  await until(() => two.turn.holder?.hub === 'one')
  one.log.hang(true)
  await until(() => events.includes('two begins'))
  assert.equal(events[1], 'one ends')
  one.log.hang(false)
  await until(() => one.turn.holder?.hub === 'two')
  await two.end()
  await until(() => events.length === 5)
  assert.deepEqual(events.slice(3), ['two ends', 'one begins'])
})

test('two hubs replicate one log: the second goes on where the first died, and everything arrives once', async (t) => {
  const [source, target] = [new MemoryStore(), new MemoryStore()]
  const topic = 'acme.berlin.telemetry'
  const log = new MemoryLog({ clock: systemClock, store: source })
  await log.ensure([{ name: topic, partitions: 2 }])
  const wanted: string[] = []
  const write = async (count: number) => {
    const values = Array.from({ length: count }, (_, index) => String(wanted.length + index))
    wanted.push(...values)
    await log.append(
      topic,
      values.map((value) => ({ key: `press${Number(value) % 5}`, value, timestamp: 1_000 + Number(value) })),
    )
  }
  const arrived = async () => {
    const copy = new MemoryLog({ clock: systemClock, store: target })
    if (!(await copy.topics()).some(({ name }) => name === topic)) return []
    const from = (await copy.ends(topic)).map(({ partition }) => ({ topic, partition, offset: 0 }))
    const found: string[] = []
    for await (const { records } of copy.read(from, { signal: new AbortController().signal, untilEnd: true })) {
      found.push(...records.map(({ value }) => Buffer.from(value!).toString()))
    }
    return found.sort((a, b) => Number(a) - Number(b))
  }
  const [one, two] = [replicating(t, source, target, 'one'), replicating(t, source, target, 'two')]
  await write(2_000)
  for (let tries = 0; (await arrived()).length < 2_000; tries++) await again(tries)
  const [dying, next] = one.replication.status().epoch > 0 ? [one, two] : [two, one]
  assert.deepEqual([dying.replication.status().epoch, next.replication.status().epoch], [1, 0])
  await write(1_000)
  dying.home.crash()
  await until(() => next.replication.status().epoch === 2)
  for (let tries = 0; (await arrived()).length < wanted.length; tries++) await again(tries)
  assert.deepEqual(await arrived(), wanted)
})

function replicating(t: TestContext, source: MemoryStore, target: MemoryStore, name: string) {
  const home = new MemoryLog({ clock: systemClock, store: source })
  const random = seededRandom(name.length + name.charCodeAt(0))
  const system = { clock: systemClock, random, logger: silentLogger, metrics: new Metrics() }
  const site = 'acme/berlin'
  const rules = { name: 'cloud', site, topics: ['telemetry'], assets: [], tags: [], thin: [], partitions: 3 }
  const connect = async () => {
    const copy = new MemoryLog({ clock: systemClock, store: target })
    return { source: home, target: copy, close: () => copy.close() }
  }
  const options = { rules: { ...rules, catchUp: { order: 'in-order' } as const }, connect, home, system }
  const replication = new Replication({ ...options, timing: { settleMs: 5, graceMs: 100 } })
  const holder = { hub: name, run: `run-${name}` }
  const turn = new Turn({ log: home, group: 'acme.berlin.replicate.cloud', holder, system, sessionMs: SESSION_MS })
  const stop = new AbortController()
  const running = turn.run((signal) => replication.run(signal), stop.signal)
  t.after(async () => {
    stop.abort()
    await running
  })
  return { home, replication }
}
