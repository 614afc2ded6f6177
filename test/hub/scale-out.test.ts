import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { need } from '../../tools/need.ts'
import { Fleet, type FleetHub } from './fleet.ts'

const SOURCES = 6
/** How long a hub that hangs is left hanging: five times its lease. */
const FROZEN_MS = 30_000

async function startFleet(t: TestContext): Promise<Fleet | undefined> {
  const kafka = need('kafka')
  const mosquitto = need('mosquitto')
  if (kafka === undefined || mosquitto === undefined) {
    t.skip('Apache Kafka or mosquitto is not installed')
    return undefined
  }
  const fleet = await Fleet.start({ sources: SOURCES, rate: 300, mosquitto })
  t.after(() => fleet[Symbol.asyncDispose]())
  return fleet
}

/** How many sources each hub runs, where all of them are run. */
function shared(holders: ReadonlyMap<string, string>, ...counts: readonly number[]): boolean {
  const by = Map.groupBy(holders.values(), (hub) => hub)
  const sizes = [...by.values()].map((list) => list.length).sort((a, b) => a - b)
  return holders.size === SOURCES && sizes.join() === counts.join()
}

async function assertWhole(fleet: Fleet, t: TestContext): Promise<void> {
  const { lost, phantoms, inversions, repeated, acknowledged } = await fleet.verdict()
  t.diagnostic(`${acknowledged} acknowledged, ${repeated} of them twice in the log`)
  assert.deepEqual({ lost, phantoms, inversions }, { lost: [], phantoms: [], inversions: [] })
  const { reasons, books } = await fleet.audit()
  assert.deepEqual(reasons, [])
  for (const { source, duplicates, disorder, inFlight } of books) {
    assert.deepEqual({ source, duplicates, disorder, inFlight }, { source, duplicates: 0, disorder: 0, inFlight: 0 })
  }
}

test('three hubs on one Kafka: they share the sources, take over from one that dies, and lose nothing', async (t) => {
  const fleet = await startFleet(t)
  if (fleet === undefined) return
  const a = await fleet.addHub('hub-a')
  await fleet.until(a, (holders) => shared(holders, 6))
  fleet.load()
  const b = await fleet.addHub('hub-b')
  await fleet.until(a, (holders) => shared(holders, 3, 3))
  const before = await fleet.holders(a)
  const c = await fleet.addHub('hub-c')
  await fleet.until(c, (holders) => shared(holders, 2, 2, 2))
  await fleet.until(a, (holders) => shared(holders, 2, 2, 2))
  const after = await fleet.holders(a)
  const moved = [...after].filter(([source, hub]) => before.get(source) !== hub)
  assert.deepEqual(
    moved.map(([, hub]) => hub),
    ['hub-c', 'hub-c'],
    'a hub that comes gets its part, and nothing else moves',
  )

  const killedAt = Date.now()
  await b.process.kill()
  const tookMs = await fleet.until(a, (holders) => shared(holders, 3, 3), { since: killedAt })
  t.diagnostic(`taken over after ${Math.round(tookMs)} ms`)
  assert.ok(tookMs < 10_000, `taken over after ${tookMs} ms`)

  await b.process.start(60_000)
  await fleet.until(a, (holders) => shared(holders, 2, 2, 2))
  await fleet.kafka.kill(1)
  await sleep(3_000)
  await fleet.kafka.restart(1)
  const backAt = Date.now()
  await fleet.until(c, (holders) => shared(holders, 2, 2, 2), { since: backAt, limitMs: 60_000 })

  await fleet.drain()
  await assertTwins(fleet, t)
  const leftAt = performance.now()
  assert.equal(await a.process.stop(), 0)
  t.diagnostic(`a hub that leaves takes ${Math.round(performance.now() - leftAt)} ms`)
  await fleet.until(c, (holders) => shared(holders, 3, 3))
  await fleet.stopHubs()
  await assertWhole(fleet, t)
})

/** Every hub shows every twin as the log says, whichever hub evolved it, whatever died meanwhile. */
async function assertTwins(fleet: Fleet, t: TestContext): Promise<void> {
  const wanted = await fleet.twinsOfLog()
  const began = performance.now()
  const partitions = async ({ name, page }: FleetHub) => {
    const own = (await fleet.ask({ page } as FleetHub)).find(({ hub }) => hub === name)
    return own?.partitions ?? []
  }
  for (const hub of fleet.hubs) {
    let shown = await fleet.twinsOf(hub)
    while (JSON.stringify(shown) !== JSON.stringify(wanted) && performance.now() - began < 15_000) {
      await sleep(50)
      shown = await fleet.twinsOf(hub)
    }
    assert.deepEqual(shown, wanted, `the twins of ${hub.name}`)
  }
  const held = await Promise.all(fleet.hubs.map(partitions))
  t.diagnostic(
    `twins as the log says after ${Math.round(performance.now() - began)} ms; partitions ${JSON.stringify(held)}`,
  )
  assert.deepEqual(new Set(held.flat()), new Set([0, 1]), 'each partition is evolved by one hub')
}

/** A hub is frozen, others take over, it wakes and goes on as if nothing had been. */
async function freeze(fleet: Fleet, victim: FleetHub, other: FleetHub): Promise<void> {
  await fleet.until(other, (holders) => shared(holders, 3, 3))
  fleet.load()
  await sleep(1_000)
  const frozenAt = Date.now()
  victim.process.pause()
  await fleet.until(other, (holders) => shared(holders, 6), { since: frozenAt })
  await sleep(Math.max(0, frozenAt + FROZEN_MS - Date.now()))
  victim.process.resume()
}

test('a hub that was frozen for half a minute stops, and what it wrote is told from what the next one writes', async (t) => {
  const fleet = await startFleet(t)
  if (fleet === undefined) return
  const [a, b] = [await fleet.addHub('hub-a'), await fleet.addHub('hub-b')]
  await freeze(fleet, a, b)
  await fleet.until(b, (holders) => shared(holders, 3, 3))
  await fleet.drain()
  await assertTwins(fleet, t)
  await fleet.stopHubs()
  const overlapMs = await fleet.overlap()
  t.diagnostic(`between two holders of a source there were ${-Math.round(overlapMs)} ms`)
  assert.ok(overlapMs < 0, `two hubs wrote a source at once for ${overlapMs} ms`)
  await assertWhole(fleet, t)
})

test('without looking at its lease the same hub writes what another one runs: the check above sees it', async (t) => {
  const fleet = await startFleet(t)
  if (fleet === undefined) return
  const [a, b] = [await fleet.addHub('hub-a', ['test/hub/unleased-hub.ts']), await fleet.addHub('hub-b')]
  await freeze(fleet, a, b)
  await sleep(2_000)
  await a.process.kill()
  const overlapMs = await fleet.overlap()
  assert.ok(overlapMs > 1_000, `the two hubs overlapped for ${overlapMs} ms only`)
})
