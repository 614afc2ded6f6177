import type { AttachedLog } from './attach.ts'
import type { ConfiguredProcessor, Plant } from './config/plant.ts'
import { loadDefinitions } from './flow/definitions.ts'
import { CagedHosts } from './flow/cage/caged-hosts.ts'
import { adoptStates } from './flow/replay/adopt.ts'
import { compareFacts, type Comparison, type Kind } from './flow/replay/compare.ts'
import { SplitLog } from './flow/replay/split-log.ts'
import { TopologyRun } from './flow/topology/run.ts'
import { ownTopics, stageTopics, type StageTopics } from './flow/topology/stage-topics.ts'
import { guardForOne } from './log/broker/access/guard.ts'
import { openBroker } from './log/broker/open.ts'
import { connectLog } from './log/client/connect.ts'
import type { Log, TopicSpec } from './log/log.ts'
import { positionsAt, type Where } from './log/positions.ts'
import { topicSpec } from './log/topics.ts'
import { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'

export interface ReplayOptions {
  readonly plant: Plant
  readonly processor: ConfiguredProcessor
  readonly attached: AttachedLog
  /** Where in the past it begins. */
  readonly from: Where
  /** A folder for what the replay writes; whoever calls removes it. */
  readonly directory: string
  readonly system: System
  readonly signal: AbortSignal
  readonly onProgress: (progress: ReplayProgress) => void
}

export interface ReplayProgress {
  /** Records that were taken, of those that there were when it began. */
  readonly records: number
  readonly of: number
}

/** A processor that has run over the past, beside the one that runs. */
export interface Replay {
  readonly facts: number
  readonly faults: number
  readonly seconds: number
  /** Compares what it has derived with what the running version has, for event times from one on. */
  compare(from: number): Promise<Comparison[]>
  /** Puts its states in the place of the running version's; answers how many keys there are. Nobody may run it now. */
  adopt(): Promise<number>
  close(): Promise<void>
}

const LOOK_MS = 200
const KINDS: readonly Kind[] = ['derived', 'events', 'alarms']

/**
 * Runs a processor, as the config has it now, over the past of a plant's log, as fast as it goes. What it derives and keeps goes
 * to a log of its own: nobody else sees it, and the plant's log stays as it is.
 * @throws LogError; an error where a step of it could not begin
 */
export async function replay(options: ReplayOptions): Promise<Replay> {
  const { plant, attached, directory, system } = options
  const stack = new AsyncDisposableStack()
  try {
    const own = await openOwn(directory, system, stack)
    const began = system.clock.monotonic()
    const run = await runOnce(own, options, stack)
    const seconds = (system.clock.monotonic() - began) / 1000
    const topology = options.processor.topology
    const places = topology.stages.flatMap((_, stage) =>
      Array.from({ length: plant.log.partitions }, (_each, partition) => ({ stage, partition })),
    )
    return {
      facts: run.facts,
      faults: run.faults,
      seconds,
      compare: (from) =>
        compareFacts({
          live: { log: attached.log, topic: (kind) => topicName(plant.site, kind) },
          replay: { log: own, topic: (kind) => replayTopic(plant.site, kind) },
          processor: topology.name,
          from,
          to: run.began,
          signal: options.signal,
        }),
      async adopt() {
        let keys = 0
        await attached.log.ensure(ownTopics(plant.site, topology, plant.log.partitions))
        for (const { stage, partition } of places) {
          const topics = stageTopics(plant.site, topology, stage)
          const parts = { plant: attached.log, replay: own, topics, partition, partitions: plant.log.partitions }
          keys += await adoptStates({ ...parts, now: () => system.clock.now(), signal: options.signal })
        }
        return keys
      },
      close: () => stack.disposeAsync(),
    }
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

/** A log in a folder that is gone afterwards. */
async function openOwn(directory: string, system: System, stack: AsyncDisposableStack): Promise<Log> {
  const { security, login } = await guardForOne(system.random)
  const listen = { host: '127.0.0.1', port: 0 }
  const sync = { mode: 'interval', intervalMs: 1_000 } as const
  const broker = await openBroker({ directory, listen, sync, security }, system)
  stack.defer(() => broker.close())
  const log = await connectLog({ brokers: [broker.address], system, security: login })
  stack.defer(() => log.close())
  return log
}

/** Runs until everything is taken that was there when it began, and what time has made due since. */
async function runOnce(own: Log, options: ReplayOptions, stack: AsyncDisposableStack) {
  const { plant, processor, attached, from, system, signal, onProgress } = options
  const { topology, cage } = processor
  const { partitions } = plant.log
  const owned = [...ownTopics(plant.site, topology, partitions), ...replaySpecs(plant)]
  await own.ensure(owned)
  const names = new Set(owned.map(({ name }) => name))
  const log = new SplitLog(attached.log, own, (topic) => names.has(topic))
  const catalogue = new Catalogue()
  await loadDefinitions(attached.log, plant.site, catalogue, system.logger)
  const hosts = cage && new CagedHosts(cage, system.clock)
  stack.defer(() => hosts?.close())
  const run = new TopologyRun({
    log,
    catalogue,
    site: plant.site,
    topology,
    partitions,
    from,
    topics: (stage) => replayTopics(plant.site, stageTopics(plant.site, topology, stage)),
    ...(hosts && { open: () => hosts.open() }),
    system,
  })
  const meter = await Meter.open(log, plant.site, processor, from)
  const began = system.clock.now()
  const stop = new AbortController()
  const running = run.run(stop.signal)
  try {
    for (let status = run.status(); status.reached < began; status = run.status()) {
      if (status.health.state === 'down') throw new Error(`Cannot replay "${processor.name}": ${status.health.reason}`)
      onProgress(meter.progress(run))
      await system.clock.sleep(LOOK_MS, signal)
    }
  } finally {
    stop.abort()
    await running
  }
  const { facts, faults } = run.status()
  onProgress(meter.progress(run))
  return { facts, faults, began }
}

/** How far a run is in the topics that it reads of the plant. */
class Meter {
  readonly #starts: ReadonlyMap<string, number>
  readonly #of: number

  private constructor(starts: ReadonlyMap<string, number>, of: number) {
    this.#starts = starts
    this.#of = of
  }

  static async open(log: Log, site: string, { topology }: ConfiguredProcessor, from: Where): Promise<Meter> {
    const starts = new Map<string, number>()
    let of = 0
    for (const [topic, kind] of stageTopics(site, topology, 0).reads) {
      if (kind === 'keyed') continue
      const ends = await log.ends(topic)
      for (const { partition, offset } of await positionsAt(log, topic, from)) {
        starts.set(`${topic}/${partition}`, offset)
        of += Math.max(0, ends[partition]!.end - offset)
      }
    }
    return new Meter(starts, of)
  }

  progress(run: TopologyRun): ReplayProgress {
    let records = 0
    for (const { topic, partition, offset } of run.status().positions) {
      const start = this.#starts.get(`${topic}/${partition}`)
      if (start !== undefined) records += Math.max(0, offset - start)
    }
    return { records: Math.min(records, this.#of), of: this.#of }
  }
}

function replayTopic(site: string, kind: Kind): string {
  return topicName(site, `replayed-${kind}`)
}

function replaySpecs({ site, log }: Plant): TopicSpec[] {
  return KINDS.map((kind) => ({
    ...topicSpec(site, kind, log.partitions),
    name: replayTopic(site, kind),
    retention: {},
  }))
}

/** What a stage derives goes to the replay's own topics; what it reads, and what it keeps, is named as ever. */
function replayTopics(site: string, topics: StageTopics): StageTopics {
  const writes: StageTopics['writes'] = (kind) =>
    kind === 'keyed' || kind === 'product' ? topics.writes(kind) : replayTopic(site, kind)
  const own = topics.outputs.filter((topic) => !KINDS.some((kind) => topic === topicName(site, kind)))
  return { ...topics, writes, outputs: [...KINDS.map((kind) => replayTopic(site, kind)), ...own] }
}
