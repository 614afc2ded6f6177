import { TopologyDriver } from '../../src/testing.ts'
import type { Output } from '../../src/flow/topology/engine.ts'
import type { SavedKey } from '../../src/flow/topology/key-state.ts'
import type { Fact, Operator, Topology } from '../../src/component/topology.ts'
import type { Reading, Value } from '../../src/model/reading.ts'
import { seededRandom, type Random } from '../../src/system/random.ts'

export const T0 = 1_732_287_000_000
export const ASSET = 'acme/berlin/line1/press1'

/** When everything is received in tests that are about event time: then no clock goes on by itself. */
const RECEIVED = T0 + 10_000_000_000

/** A seed that is printed by what fails, and can be given: `SEED=17 node --test ...`. */
export const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000)

export function reading(
  time: number,
  values: Reading['values'],
  { asset = ASSET, quality }: { asset?: string; quality?: Reading['quality'] } = {},
): Fact & { kind: 'reading' } {
  const base = { asset, sourceTime: time, receivedTime: RECEIVED, values }
  return { kind: 'reading', reading: quality === undefined ? base : { ...base, quality } }
}

/** One operator alone, or several steps behind each other. */
export function topologyOf(...operators: Operator<never>[]): Topology {
  const steps = operators.map((operator, index) => ({ name: `s${index}`, does: 'test', with: {}, operator }))
  return {
    name: 'test',
    stages: [{ name: 'asset', from: [{ topic: 'telemetry' }, { topic: 'events' }], steps }],
  }
}

/** All outputs of facts, the time after them included; now and then everything is saved, forgotten and restored. */
export function run(topology: Topology, facts: readonly Fact[], dies: () => boolean = () => false): Output[] {
  const driver = new TopologyDriver(topology)
  const outputs: Output[] = []
  const kept = topology.stages.map(() => new Map<string, SavedKey>())
  for (const fact of facts) {
    outputs.push(...driver.send(fact, { received: RECEIVED }))
    if (dies()) for (const [stage, keys] of kept.entries()) restart(driver, stage, keys)
  }
  return [...outputs, ...driver.advance(RECEIVED + 1_000_000_000)]
}

function restart(driver: TopologyDriver, stage: number, kept: Map<string, SavedKey>): void {
  for (const saved of driver.changes(stage)) kept.set(saved.key, JSON.parse(JSON.stringify(saved)) as SavedKey)
  driver.restore([...kept.values()], stage)
}

/** Dies with a probability. */
export function dying(seed: number, probability: number): () => boolean {
  const random = seededRandom(seed)
  return () => random.next() < probability
}

/** The derived readings among outputs, as `[ms after T0, values, quality]`. */
export function told(outputs: readonly Output[]): [time: number, values: object, quality?: object][] {
  return readingsOf(outputs).map(({ sourceTime, values, quality }) => {
    return quality === undefined ? [sourceTime - T0, values] : [sourceTime - T0, values, quality]
  })
}

export function readingsOf(outputs: readonly Output[]): Reading[] {
  return outputs.flatMap(({ fact }) => (fact.kind === 'reading' ? [fact.reading] : []))
}

export function eventsOf(outputs: readonly Output[]) {
  return outputs.flatMap(({ fact }) => (fact.kind === 'event' ? [fact.event] : []))
}

/** A value that is good, uncertain, bad, or none; numbers are quarters, so that sums of them are exact. */
export function anyValue(random: Random): { value: Value | null; quality: number } {
  const value: Value = random.next() < 0.1 ? random.next() < 0.5 : (random.integer(400) - 200) / 4
  const chance = random.next()
  if (chance < 0.7) return { value, quality: 0 }
  if (chance < 0.8) return { value, quality: 0x40000000 }
  if (chance < 0.9) return { value, quality: 0x80000000 }
  return { value: null, quality: 0x808c0000 }
}

/**
 * Readings of one asset that come mostly in order: some late, some of one time, some behind a gap. `spread`: how far back
 * the late ones are, ms.
 */
export function anyFacts(random: Random, count: number, tags: readonly string[], spread: number): Fact[] {
  let clock = T0
  return Array.from({ length: count }, () => {
    clock += random.next() < 0.05 ? random.integer(200_000) : random.integer(4) * 500
    const time = random.next() < 0.2 ? clock - random.integer(spread) : clock
    const values: { [tag: string]: Value | null } = {}
    const quality: { [tag: string]: number } = {}
    for (const tag of tags) {
      if (random.next() < 0.3) continue
      const any = anyValue(random)
      values[tag] = any.value
      if (any.quality !== 0) quality[tag] = any.quality
    }
    return reading(time, values, { quality })
  })
}

/**
 * Those that come in time, in order of time, of equal ones in order of arrival; and those that come too late. Readings without a
 * tag only if `empty`.
 */
export function inTime(facts: readonly Fact[], lateMs: number, empty = false): { rows: Reading[]; late: Reading[] } {
  const rows: Reading[] = []
  const late: Reading[] = []
  let now = -Infinity
  for (const fact of facts) {
    if (fact.kind !== 'reading') continue
    now = Math.max(now, fact.reading.sourceTime)
    if (!empty && Object.keys(fact.reading.values).length === 0) continue
    if (fact.reading.sourceTime < now - lateMs) late.push(fact.reading)
    else rows.push(fact.reading)
  }
  return { rows: rows.sort((a, b) => a.sourceTime - b.sourceTime), late }
}
