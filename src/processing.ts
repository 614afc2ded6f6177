import type { ProcessorView } from './api/contract.ts'
import type { ConfiguredProcessor, Plant } from './config/plant.ts'
import { CagedHosts } from './flow/cage/caged-hosts.ts'
import { publishContracts } from './flow/topology/contracts.ts'
import { DerivedDefinitions } from './flow/topology/derived-definitions.ts'
import { TopologyRun } from './flow/topology/run.ts'
import { ownTopics } from './flow/topology/stage-topics.ts'
import type { Holder } from './ledger/book.ts'
import type { Log, Position, TopicSpec } from './log/log.ts'
import { topicSpec } from './log/topics.ts'
import type { Catalogue } from './model/catalogue.ts'
import type { System } from './system/system.ts'

export interface ProcessingOptions {
  readonly plant: Plant
  readonly log: Log
  readonly catalogue: Catalogue
  /** Who this hub is among those that share its log: the tasks are then shared among them. */
  readonly holder?: Holder
  readonly system: System
}

/** The processors of a running hub. */
export interface Processing {
  /** In the order of the config. */
  views(): ProcessorView[]
  /** Where each of them goes on, for the page of the log. */
  readers(): { readonly name: string; readonly positions: readonly Position[] }[]
}

/** Topics that processors read and write: those of what is derived, and each one's own. */
export function processorTopics({ site, processors, log }: Plant): TopicSpec[] {
  const { partitions } = log
  return [
    topicSpec(site, 'derived', partitions),
    topicSpec(site, 'alarms', partitions),
    topicSpec(site, 'alarms-current', partitions),
    ...processors.flatMap(({ topology }) => ownTopics(site, topology, partitions)),
    topicSpec(site, 'contracts', partitions),
  ]
}

/** Publishes what those may rely on who read the products of processors. @throws LogError */
export async function publishProductContracts({
  plant,
  log,
  system,
}: Omit<ProcessingOptions, 'catalogue'>): Promise<void> {
  const { site, processors } = plant
  const contracts = processors.flatMap(({ name, spec, config }) => {
    const contract = spec.contract?.(config, { name, site })
    return contract === undefined ? [] : [[name, contract] as const]
  })
  await publishContracts(log, site, new Map(contracts), system.clock.now())
}

/** Starts every processor of a plant; the stack ends them, with their states written down, before the log is closed. */
export function runProcessors(options: ProcessingOptions, stack: AsyncDisposableStack): Processing {
  const { plant, log, catalogue, holder, system } = options
  const definitions = new DerivedDefinitions({ log, site: plant.site, catalogue, clock: system.clock })
  const stop = new AbortController()
  const running = plant.processors.map((processor) => {
    const { topology, from } = processor
    const scoped = { ...system, logger: system.logger.child({ processor: processor.name }) }
    const parts = { log, catalogue, site: plant.site, partitions: plant.log.partitions, system: scoped }
    const hosts = processor.cage && new CagedHosts(processor.cage, system.clock)
    const open = hosts && (() => hosts.open())
    const run = new TopologyRun({
      ...parts,
      topology,
      from: { at: from },
      learn: (outputs) => definitions.learn(outputs),
      ...(holder && { holder }),
      ...(open && { open }),
    })
    return { processor, run, ended: run.run(stop.signal).finally(() => hosts?.close()) }
  })
  stack.defer(async () => {
    stop.abort()
    await Promise.all(running.map(({ ended }) => ended))
  })
  return {
    views: () => running.map(({ processor, run }) => viewOf(processor, run)),
    readers: () => running.map(({ processor, run }) => ({ name: processor.name, positions: run.status().positions })),
  }
}

function viewOf({ name, spec }: ConfiguredProcessor, run: TopologyRun): ProcessorView {
  const { health, facts, faults, tasks } = run.status()
  const { state, reason, since, lastData } = health
  return { name, kind: spec.kind, state, reason, since, ...(lastData && { lastData }), facts, faults, tasks }
}
