import { windowSpec } from '../src/processors/window/spec.ts'
import { StageEngine } from '../src/flow/topology/engine.ts'
import { seededRandom } from '../src/system/random.ts'
import type { PlacedFact } from '../src/flow/topology/engine.ts'

/** A row of the table: a config of the processor, and how many readings a second it takes. */
export interface WindowRow {
  readonly name: string
  /** Of the clock. */
  readonly perSecond: number
  /** CPU seconds per million readings. */
  readonly cpu: number
  readonly results: number
}

const CONFIGS: { readonly [name: string]: object } = {
  'tumbling 1m: count': { tumbling: '1m', tags: { a: 'count' } },
  'tumbling 1m: mean, max': { tumbling: '1m', tags: { a: ['mean', 'max'] } },
  'tumbling 1m: mean, max, timeAverage, p95 and a counter': {
    tumbling: '1m',
    tags: { a: ['mean', 'max', 'timeAverage', 'p95'], n: 'delta' },
  },
  'hopping 10m every 1m: mean, max': { hopping: { size: '10m', every: '1m' }, tags: { a: ['mean', 'max'] } },
  'sliding 1m: mean, max': { sliding: '1m', tags: { a: ['mean', 'max'] } },
  'tumbling 1m, updated when late: mean, max': { tumbling: '1m', onLate: 'update', tags: { a: ['mean', 'max'] } },
}

const ASSETS = 1_000

/**
 * Readings a second through the window operator: 1,000 machines, a reading of four tags a second each, one in
 * twenty up to 10 s late; without the log.
 */
export function measureWindows(readings = 500_000): WindowRow[] {
  return Object.entries(CONFIGS).map(([name, config]) => {
    const { stages } = windowSpec.topology(windowSpec.config.parse(config), { name: 'bench', site: 'acme/berlin' })
    const engine = new StageEngine(stages[0]!)
    const facts = readingsOf(readings)
    let results = 0
    const cpu = process.cpuUsage()
    const begin = performance.now()
    for (const fact of facts) {
      engine.take(fact)
      results += engine.drain().length
    }
    const perSecond = (readings / (performance.now() - begin)) * 1000
    const { user, system } = process.cpuUsage(cpu)
    return { name, perSecond, cpu: (user + system) / readings, results }
  })
}

function readingsOf(count: number): PlacedFact[] {
  const random = seededRandom(1)
  return Array.from({ length: count }, (_, index) => {
    const received = 1_732_287_000_000 + Math.floor(index / ASSETS) * 1_000
    const sourceTime = random.next() < 0.05 ? received - random.integer(10_000) : received
    const values = { a: random.next() * 100, b: index, n: index, state: 'Execute' }
    const asset = `acme/berlin/hall/m${index % ASSETS}`
    const reading = { asset, sourceTime, receivedTime: received, values }
    return { fact: { kind: 'reading', reading }, cause: `acme.berlin.telemetry/0/${index}`, received }
  })
}

if (process.argv[1] === import.meta.filename) {
  for (const { name, perSecond, cpu, results } of measureWindows()) {
    const rates = [perSecond, 1e6 / cpu].map((rate) => Math.round(rate).toLocaleString('en-US'))
    console.log(`${name}: ${rates[0]} readings/s of the clock, ${rates[1]} of one core, ${results} results`)
  }
}
