import { setTimeout as sleep } from 'node:timers/promises'
import { parsePlant } from '../../src/cli/files.ts'
import { machine } from '../../src/cli/machine.ts'
import type { Plant } from '../../src/config/plant.ts'
import { CAUSE_HEADER, headerText, PROCESSOR_HEADER, STAGE_HEADER } from '../../src/flow/topology/facts.ts'
import { progressOf } from '../../src/flow/topology/progress.ts'
import { TopologyRun } from '../../src/flow/topology/run.ts'
import { processorTopics } from '../../src/processing.ts'
import type { Log, StoredRecord } from '../../src/log/log.ts'
import { MemoryLog } from '../../src/log/memory/memory-log.ts'
import { topicSpec } from '../../src/log/topics.ts'
import { Catalogue } from '../../src/model/catalogue.ts'
import { encodeRecord } from '../../src/model/record.ts'
import type { Random } from '../../src/system/random.ts'
import { systemClock } from '../../src/system/clock.ts'
import { textOf } from '../../src/system/text.ts'
import { until } from '../until.ts'

const SITE = 'acme/berlin'
const TELEMETRY = 'acme.berlin.telemetry'
const MACHINES = 12
/** Received times lie this far ahead of the clock, so that time passes with the records alone, however slow a machine is. */
const AHEAD_MS = 120_000
/** After the last record of all: everything that is open by then is over. */
const CLOSING_MS = 30_000

const PROCESSORS = `processors:
  hot: { condition: { on: "hall/**", when: "x > 7 for 1s", severity: high } }
  sums: { window: { on: "hall/**", tumbling: 1s, late: 1s, tags: { x: [mean, max] } } }
  both:
    join:
      left: { on: "hall/{machine}", tags: [x] }
      right: { on: "hall/{machine}", tags: [y] }
      how: as-of
      tolerance: 5s
      late: 1s
`

/** Of the processors. */
export const NAMES = ['hot', 'sums', 'both']

/** A plant of a condition, a window and a join of two stages. */
export function plantText(log: string, http: number): string {
  return `site: ${SITE}\nlog: ${log}\nsources: { posts: { http: {} } }\napi: { listen: ${http} }\n${PROCESSORS}`
}

/** What machines say, straight into the log. */
export class Feed {
  readonly #log: Log
  readonly #random: Random
  #last = 0

  constructor(log: Log, random: Random) {
    this.#log = log
    this.#random = random
  }

  /** A few readings a time, until the signal aborts; each is durable before the next. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#say(8)
      await sleep(25)
    }
  }

  /** Of every machine one more, much later. */
  async close(): Promise<void> {
    this.#last += CLOSING_MS
    for (let index = 0; index < MACHINES; index += 1) await this.#append([this.#record(index, 'x', 1, this.#last)])
  }

  async #say(count: number): Promise<void> {
    this.#last = Math.max(this.#last + 1, Date.now() + AHEAD_MS)
    const records = Array.from({ length: count }, () => {
      const random = this.#random
      return this.#record(random.integer(MACHINES), random.next() < 0.7 ? 'x' : 'y', random.integer(10), this.#last)
    })
    await this.#append(records)
  }

  #record(machineNumber: number, tag: string, value: number, receivedTime: number) {
    const asset = `${SITE}/hall/m${machineNumber}`
    const sourceTime = receivedTime - this.#random.integer(3) * 200
    const text = encodeRecord({ asset, sourceTime, receivedTime, values: { [tag]: value } })
    return { key: asset, value: text, timestamp: receivedTime }
  }

  /** A log that is away for a while is waited for. */
  async #append(records: readonly { key: string; value: string; timestamp: number }[]): Promise<void> {
    for (;;) {
      try {
        await this.#log.append(TELEMETRY, records)
        return
      } catch {
        await sleep(100)
      }
    }
  }
}

/** What processors have derived, in no order, and how many of it were derived twice from the same. */
export async function outputs(log: Log, names: readonly string[]) {
  const values: string[] = []
  const causes = new Set<string>()
  for (const kind of ['derived', 'alarms']) {
    for (const { key, value, headers, timestamp } of await recordsOf(log, `acme.berlin.${kind}`)) {
      const processor = headerText(headers, PROCESSOR_HEADER)
      if (!names.includes(processor)) continue
      values.push(`${kind} ${processor} ${textOf(key!)} ${timestamp} ${textOf(value!)}`)
      causes.add(`${processor} ${headerText(headers, STAGE_HEADER)} ${headerText(headers, CAUSE_HEADER)}`)
    }
  }
  return { values: values.sort(), twice: values.length - causes.size }
}

/** What one hub that nobody disturbs derives from the same readings: in memory, from their copy. */
export async function undisturbed(log: Log): Promise<string[]> {
  const parts = machine({ logLevel: 'error', logFormat: 'text' })
  const plant = await parsePlant('plant.yaml', Buffer.from(plantText('{ embedded: { partitions: 2 } }', 0)))
  const copy = new MemoryLog({ clock: systemClock })
  await copy.ensure([
    ...(['telemetry', 'events'] as const).map((kind) => topicSpec(SITE, kind, plant.log.partitions)),
    ...processorTopics(plant),
  ])
  let last = 0
  for (const { key, value, timestamp } of await recordsOf(log, TELEMETRY)) {
    await copy.append(TELEMETRY, [{ key, value, timestamp }])
    last = Math.max(last, timestamp)
  }
  const stop = new AbortController()
  const runs = plant.processors.map(({ topology }) => runOf(copy, plant, topology, parts))
  const running = runs.map((run) => run.run(stop.signal))
  await until(() => isOver(copy, runs, last), { everyMs: 50, withinMs: 180_000 })
  stop.abort()
  await Promise.all(running)
  return (await outputs(copy, NAMES)).values
}

/** Whether every task has taken everything, and those who speak to others have told them that nothing more comes. */
async function isOver(log: Log, runs: readonly TopologyRun[], last: number): Promise<boolean> {
  const topics = (await log.topics()).filter(({ name }) => name.includes('.keyed-'))
  for (const { name, partitions } of topics) {
    const reached = (await recordsOf(log, name)).flatMap((record) => progressOf(record) ?? [])
    if (reached.filter((one) => one.reached >= last).length < partitions * partitions) return false
  }
  for (const { topic, partition, offset } of runs.flatMap((run) => run.status().positions)) {
    if ((await log.ends(topic))[partition]!.end > offset) return false
  }
  return true
}

function runOf(
  log: Log,
  plant: Plant,
  topology: Plant['processors'][number]['topology'],
  system: ReturnType<typeof machine>,
): TopologyRun {
  const { partitions } = plant.log
  return new TopologyRun({ log, catalogue: new Catalogue(), site: SITE, topology, partitions, system })
}

/** All records of a topic. */
export async function recordsOf(log: Log, topic: string): Promise<StoredRecord[]> {
  const records: StoredRecord[] = []
  const positions = (await log.ends(topic)).map(({ partition, start }) => ({ topic, partition, offset: start }))
  const { signal } = new AbortController()
  for await (const batch of log.read(positions, { signal, untilEnd: true })) records.push(...batch.records)
  return records
}
