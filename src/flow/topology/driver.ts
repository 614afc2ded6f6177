import type { Fact, Intake, Topology } from '../../component/topology.ts'
import { StageEngine, type Output, type StepFault } from './engine.ts'
import { intakeOf, type Arrival } from './intake.ts'
import type { SavedKey } from './key-state.ts'

export interface DriverOptions {
  /** The place that patterns are below; default `acme/berlin`. */
  readonly site?: string
  /** What a step threw; default: it is thrown on. */
  readonly onFault?: (fault: StepFault) => void
}

/** Where a fact comes from, and when it is received; by default `telemetry`, `events` or `alarms`, now. */
export interface SendOptions {
  readonly topic?: Intake['topic']
  readonly by?: string
  readonly received?: number
}

/**
 * Runs a topology over facts without a log, synchronously: one partition, every stage. For tests of processors, and it is
 * the same engine that runs them over the log.
 */
export class TopologyDriver {
  readonly #topology: Topology
  readonly #engines: StageEngine[]
  readonly #takes: readonly ((arrival: Arrival) => boolean)[]
  readonly #onFault: ((fault: StepFault) => void) | undefined
  #sent = 0
  #received = 0

  constructor(topology: Topology, { site = 'acme/berlin', onFault }: DriverOptions = {}) {
    this.#topology = topology
    this.#onFault = onFault
    this.#engines = topology.stages.map((stage) => new StageEngine(stage, onFault))
    this.#takes = topology.stages.map((stage) => intakeOf(stage, topology.name, site))
  }

  /** Takes a fact; answers what goes to the log because of it, in order. */
  send(fact: Fact, options: SendOptions = {}): readonly Output[] {
    const topic = options.topic ?? topicOf(fact)
    this.#received = Math.max(this.#received, options.received ?? receivedOf(fact))
    const placed = { fact, cause: `test.${topic}/0/${this.#sent++}`, received: options.received ?? receivedOf(fact) }
    return this.#take(0, { topic, fact, by: options.by ?? '' }, placed)
  }

  /** Time passes without a fact, up to a received time; answers what becomes due. */
  advance(received: number): readonly Output[] {
    this.#received = Math.max(this.#received, received)
    return this.#engines.flatMap((engine, stage) => {
      engine.advance(received)
      return this.#onward(stage, engine.drain())
    })
  }

  /** The state of every key of a stage that has changed since the last call; what would go to the changelog. */
  changes(stage = 0): SavedKey[] {
    return this.#engines[stage]!.changes()
  }

  /** Starts a stage anew from saved keys, as another hub would. */
  restore(keys: readonly SavedKey[], stage = 0): void {
    const engine = new StageEngine(this.#topology.stages[stage]!, this.#onFault)
    engine.restore(keys, this.#engines[stage]!.received)
    this.#engines[stage] = engine
  }

  #take(from: number, arrival: Arrival, placed: Output): readonly Output[] {
    const outputs: Output[] = []
    for (let stage = from; stage < this.#engines.length; stage += 1) {
      if (!this.#takes[stage]!(arrival)) continue
      const engine = this.#engines[stage]!
      engine.take(placed)
      outputs.push(...this.#onward(stage, engine.drain()))
    }
    return outputs
  }

  /** What is keyed goes to the next stage, the rest to the log. */
  #onward(stage: number, outputs: readonly Output[]): Output[] {
    return outputs.flatMap((output) => {
      const { fact } = output
      if (fact.kind !== 'keyed' || stage + 1 >= this.#engines.length) return [output]
      const engine = this.#engines[stage + 1]!
      engine.take(output)
      return this.#onward(stage + 1, engine.drain())
    })
  }
}

function topicOf(fact: Fact): Intake['topic'] {
  if (fact.kind === 'keyed') return 'keyed'
  return fact.kind === 'reading' ? 'telemetry' : fact.kind === 'event' ? 'events' : 'alarms'
}

function receivedOf(fact: Fact): number {
  switch (fact.kind) {
    case 'reading':
      return fact.reading.receivedTime
    case 'event':
      return fact.event.receivedTime
    case 'alarm':
      return fact.alarm.time
    default:
      return fact.receivedTime
  }
}
