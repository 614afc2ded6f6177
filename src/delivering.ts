import type { SinkView } from './api/contract.ts'
import type { SinkContext } from './component/sink.ts'
import type { ConfiguredSink, Plant } from './config/plant.ts'
import { Delivery } from './flow/deliver.ts'
import type { Log } from './log/log.ts'
import type { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'

export interface DeliveringOptions {
  readonly plant: Plant
  readonly log: Log
  readonly catalogue: Catalogue
  /** Name of this hub, where others share its log. */
  readonly hub: string | undefined
  readonly publish: SinkContext['publish']
  readonly system: System
}

/**
 * Starts every sink of a plant; the stack ends them, with the position of what was taken, before the log is closed.
 * @returns how they are, in the order of the config
 */
export function runSinks(
  { plant, log, catalogue, hub, publish, system }: DeliveringOptions,
  stack: AsyncDisposableStack,
) {
  const { site } = plant
  const stop = new AbortController()
  const running = plant.sinks.map((configured) => {
    const { name, spec, config } = configured
    const scoped = { ...system, logger: system.logger.child({ sink: name }) }
    const sink = spec.create(config, { name, site, system: scoped, publish })
    const settings = spec.delivery(config)
    // Machines are connected to one of the hubs, and only that one can reach them.
    const isOwn = hub !== undefined && spec.through?.(config) !== undefined
    const group = topicName(site, isOwn ? `sink.${name}.${hub}` : `sink.${name}`)
    const delivery = new Delivery({ name, site, group, log, catalogue, settings, sink, system: scoped })
    return { configured, delivery, ended: delivery.run(stop.signal) }
  })
  stack.defer(async () => {
    stop.abort()
    await Promise.all(running.map(({ ended }) => ended))
  })
  return (): SinkView[] => running.map(({ configured, delivery }) => viewOf(configured, delivery))
}

function viewOf({ name, spec, config }: ConfiguredSink, delivery: Delivery): SinkView {
  const { state, reason, since, lastData } = delivery.health()
  const { topics } = spec.delivery(config)
  return {
    name,
    kind: spec.kind,
    to: spec.describe(config),
    topics,
    state,
    reason,
    since,
    ...(lastData !== undefined && { lastData }),
    ...delivery.counts(),
  }
}
