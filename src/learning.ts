import type { AttachedLog } from './attach.ts'
import type { Learned } from './component/processor.ts'
import { timeOf } from './component/topology.ts'
import type { ConfiguredProcessor, Plant } from './config/plant.ts'
import { believed } from './flow/topology/engine.ts'
import { decodeFact, headerText, PROCESSOR_HEADER, type FactTopic } from './flow/topology/facts.ts'
import { intakeOf, type Arrival } from './flow/topology/intake.ts'
import { mergeTopics } from './flow/topology/merge.ts'
import { stageTopics } from './flow/topology/stage-topics.ts'
import { readCatalogue } from './flow/readings.ts'
import type { Log, Position, StoredRecord } from './log/log.ts'
import { positionsAt, type Where } from './log/positions.ts'
import type { Catalogue } from './model/catalogue.ts'
import type { System } from './system/system.ts'

export interface LearningOptions {
  readonly plant: Plant
  readonly processor: ConfiguredProcessor
  readonly attached: AttachedLog
  /** Where in the past it begins. */
  readonly from: Where
  readonly system: System
  readonly signal: AbortSignal
  readonly onProgress: (records: number, of: number) => void
}

/**
 * Hands a processor's learner the facts that its first stage takes, from the log as it is now, and answers what it has learned.
 * @throws LogError; an error that says what is missing
 */
export async function learn(options: LearningOptions): Promise<Learned> {
  const { plant, processor, attached, from, system, signal, onProgress } = options
  const { name, spec, config, topology } = processor
  if (spec.learner === undefined) throw new Error(`Cannot learn "${name}": a ${spec.kind} learns nothing from the past`)
  const learner = spec.learner(config)
  const { log } = attached
  const takes = intakeOf(topology.stages[0]!, name, plant.site)
  const { reads } = stageTopics(plant.site, topology, 0)
  const catalogue = await readCatalogue(log, plant.site, signal)
  const { positions, of } = await places(log, reads, from)
  let records = 0
  // A partition holds all facts of its assets, in each topic.
  for (const partition of Array.from({ length: plant.log.partitions }, (_, one) => one)) {
    const here = positions.filter((position) => position.partition === partition)
    for await (const run of mergeTopics({ log, positions: here, signal, clock: system.clock, untilEnd: true })) {
      signal.throwIfAborted()
      for (const record of run.records) {
        const arrival = arrivalOf(reads.get(run.topic)!, record, catalogue)
        if (arrival === undefined || !takes(arrival)) continue
        learner.take(arrival.fact, believed(timeOf(arrival.fact), record.timestamp))
      }
      records += run.records.length
      onProgress(records, of)
    }
  }
  return learner.learned()
}

async function places(log: Log, reads: ReadonlyMap<string, FactTopic>, from: Where) {
  const positions: Position[] = []
  let of = 0
  // Of topics in the order in which equal times are taken.
  for (const topic of reads.keys()) {
    const ends = await log.ends(topic)
    for (const position of await positionsAt(log, topic, from)) {
      positions.push(position)
      of += Math.max(0, ends[position.partition]!.end - position.offset)
    }
  }
  return { positions, of }
}

/** undefined: no fact of its topic; they are open to others. */
function arrivalOf(topic: FactTopic, record: StoredRecord, catalogue: Catalogue): Arrival | undefined {
  try {
    return { topic, fact: decodeFact(topic, record, catalogue), by: headerText(record.headers, PROCESSOR_HEADER) }
  } catch {
    return undefined
  }
}
