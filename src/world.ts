import { replayCsv, type Progress, type ReplayOptions } from './sources/simulator/replay.ts'
import type { SimulatorOptions } from './sources/simulator/simulator.ts'
import { startSimulatorWorker } from './sources/simulator/worker-host.ts'
import type { System } from './system/system.ts'

/** The third composition root: machines outside the hub that speak to it as real ones would. */

/** A simulated plant and fleet in a thread of its own. */
export interface World {
  readonly endpoints: { readonly opcua?: string; readonly mqtt?: string; readonly http?: string }
  close(): Promise<void>
}

/** @throws Error where the OPC UA port cannot be had */
export function startWorld(options: SimulatorOptions): Promise<World> {
  return startSimulatorWorker(options)
}

/** Plays a recorded table as if its machine were there. */
export function replayTable(options: ReplayOptions, system: System): Promise<Progress> {
  return replayCsv(options, system)
}
