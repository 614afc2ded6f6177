import type { Stage } from '../../component/topology.ts'
import { StageEngine, type Output, type PlacedFact, type StepFault } from './engine.ts'
import type { KeyText, SavedKey } from './key-state.ts'

/** What an engine has made of some facts. */
export interface Taken {
  readonly outputs: readonly Output[]
  readonly faults: readonly StepFault[]
}

/** What is to be written down. */
export interface Changes {
  /** Keys whose state has changed. */
  readonly keys: readonly KeyText[]
  /** How far the partition has got. */
  readonly received: number
  /** Of keys whose state cannot be kept. */
  readonly faults: readonly StepFault[]
}

/**
 * Where the engine of a task runs: on this thread, or caged on one of its own. Calls come one after the other. What it throws
 * ends the task's run; the next one begins from the changelog.
 */
export interface EngineHost {
  restore(keys: readonly SavedKey[], received: number): Promise<void>
  take(facts: readonly PlacedFact[]): Promise<Taken>
  /** Time has passed without a fact, up to a received time. */
  advance(received: number): Promise<Taken>
  /** What has changed since the last call. */
  changes(): Promise<Changes>
  close(): Promise<void>
}

/** The engine on this thread, for what is part of the program. */
export function localHost(stage: Stage): EngineHost {
  const faults: StepFault[] = []
  const engine = new StageEngine(stage, (fault) => faults.push(fault))
  const faulty = (): readonly StepFault[] => faults.splice(0)
  const taken = (): Taken => ({ outputs: engine.drain(), faults: faulty() })
  return {
    restore: async (keys, received) => engine.restore(keys, received),
    async take(facts) {
      for (const fact of facts) engine.take(fact)
      return taken()
    },
    async advance(received) {
      engine.advance(received)
      return taken()
    },
    changes: async () => ({ keys: engine.save(), received: engine.received, faults: faulty() }),
    close: async () => {},
  }
}
