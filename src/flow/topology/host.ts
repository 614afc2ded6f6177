import type { Stage } from '../../component/topology.ts'
import { StageEngine, type Output, type PlacedFact, type StepFault } from './engine.ts'
import type { SavedKey } from './key-state.ts'

/** What an engine has made of some facts. */
export interface Taken {
  readonly outputs: readonly Output[]
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
  /** Keys whose state has changed since the last call, and how far the partition has got. */
  changes(): Promise<{ readonly keys: readonly SavedKey[]; readonly received: number }>
  close(): Promise<void>
}

/** The engine on this thread, for what is part of the program. */
export function localHost(stage: Stage): EngineHost {
  let faults: StepFault[] = []
  const engine = new StageEngine(stage, (fault) => faults.push(fault))
  const taken = (): Taken => {
    const answer = { outputs: engine.drain(), faults }
    faults = []
    return answer
  }
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
    changes: async () => ({ keys: engine.changes(), received: engine.received }),
    close: async () => {},
  }
}
