import { fileURLToPath } from 'node:url'
import type { Fact } from '../../src/component/topology.ts'
import { windowSpec } from '../../src/processors/window/spec.ts'
import { seededRandom } from '../../src/system/random.ts'
import { TopologyDriver } from '../../src/testing.ts'
import { readTable } from './ai4i.ts'

/**
 * `node bench/detect/cars.ts FILE`: messages per car and window of five minutes, the stream step of the connected cars
 * (re-key by car, count in a tumbling window), against counts made from the whole table at once.
 */

/** One message of a car. */
export interface CarMessage {
  readonly car: string
  /** ms since the epoch. */
  readonly time: number
  readonly speed: number
}

export interface CarScore {
  readonly messages: number
  readonly cars: number
  readonly windows: number
  /** Windows whose count is not the one of the table, or that one of the two does not have. */
  readonly wrong: number
  readonly messagesPerSecond: number
}

export const WINDOW_MS = 300_000

/** The table's rows: `time` in seconds, then `car`. */
export function carMessages(csv: string): CarMessage[] {
  const [heading, ...rows] = csv
    .trim()
    .split('\n')
    .map((line) => line.split(','))
  const speed = heading!.indexOf('speed')
  return rows.map((row) => ({ time: Number(row[0]) * 1000, car: row[1]!, speed: Number(row[speed]) }))
}

/** Messages by car and end of window, counted without any window. */
export function expectedCounts(messages: readonly CarMessage[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { car, time } of messages) {
    const name = `${car} ${(Math.floor(time / WINDOW_MS) + 1) * WINDOW_MS}`
    counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  return counts
}

/**
 * Sends the messages through the processor and compares. `delayMs`: each comes up to so much later than it was measured,
 * which is also how late it may be.
 */
export function scoreCars(messages: readonly CarMessage[], delayMs = 0, seed = 1): CarScore {
  const random = seededRandom(seed)
  const arrivals = messages.map((message) => ({ ...message, received: message.time + random.integer(delayMs + 1) }))
  const facts = arrivals.sort((a, b) => a.received - b.received).map(factOf)
  const config = windowSpec.config.parse({
    on: 'fleet/*',
    tumbling: '5m',
    tags: { speed: 'count' },
    late: `${delayMs}ms`,
  })
  const driver = new TopologyDriver(windowSpec.topology(config, { name: 'per-car', site: 'acme/berlin' }))
  const begin = performance.now()
  const outputs = facts.flatMap((fact) => driver.send(fact))
  outputs.push(...driver.advance(arrivals.at(-1)!.received + 2 * WINDOW_MS + delayMs))
  const seconds = (performance.now() - begin) / 1000
  const counted = outputs.map(({ fact }) => {
    if (fact.kind !== 'reading') return ['late', 1] as const
    const { asset, sourceTime, values } = fact.reading
    return [`${asset.split('/').at(-1)} ${sourceTime}`, values['speed.count'] as number] as const
  })
  const expected = expectedCounts(messages)
  const right = counted.filter(([name, count]) => expected.get(name) === count).length
  return {
    messages: messages.length,
    cars: new Set(messages.map(({ car }) => car)).size,
    windows: expected.size,
    wrong: counted.length - right + (expected.size - right),
    messagesPerSecond: messages.length / seconds,
  }
}

function factOf({ car, time, received, speed }: CarMessage & { readonly received: number }): Fact {
  const asset = `acme/berlin/fleet/${car}`
  return { kind: 'reading', reading: { asset, sourceTime: time, receivedTime: received, values: { speed } } }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const messages = carMessages(await readTable(process.argv[2]!))
  for (const delayMs of [0, 30_000]) {
    const { windows, wrong, cars, messagesPerSecond } = scoreCars(messages, delayMs)
    const what = `${messages.length} messages of ${cars} cars, up to ${delayMs / 1000} s late`
    console.log(`${what}: ${wrong} of ${windows} counts wrong, ${Math.round(messagesPerSecond)} messages/s`)
  }
}
