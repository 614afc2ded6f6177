import type { Health } from '../../component/health.ts'
import type { Topology } from '../../component/topology.ts'
import type { Holder } from '../../ledger/book.ts'
import type { Log, Position } from '../../log/log.ts'
import type { Where } from '../../log/positions.ts'
import type { Catalogue } from '../../model/catalogue.ts'
import { topicName } from '../../model/path.ts'
import type { System } from '../../system/system.ts'
import type { StepFault } from './engine.ts'
import { localHost, type EngineHost } from './host.ts'
import { Pace } from './pace.ts'
import { Shares } from './shares.ts'
import { stageTopics, type StageTopics } from './stage-topics.ts'
import { Task, type TaskOptions } from './task.ts'

export interface TopologyRunOptions {
  readonly log: Log
  readonly catalogue: Pick<Catalogue, 'tags'>
  readonly site: string
  readonly topology: Topology
  /** Of every topic that it reads. */
  readonly partitions: number
  /** Where it begins when it has never run; default: with what the log still has. */
  readonly from?: Where
  /** Where what it derives goes; default: where it belongs. */
  readonly topics?: (stage: number) => StageTopics
  /** See `TaskOptions`; absent: what is derived has no definitions. */
  readonly learn?: TaskOptions['learn']
  /** Who this hub is among those that share the log; absent: it has the log alone. */
  readonly holder?: Holder
  /** Where the engines run; default: on this thread. */
  readonly open?: (stage: number) => EngineHost
  readonly system: Pick<System, 'clock' | 'random' | 'logger' | 'metrics'>
  readonly sessionMs?: number
  readonly commitMs?: number
}

/** How a processor is, on this hub. */
export interface TopologyStatus {
  readonly health: Health
  /** Where its tasks on this hub go on. */
  readonly positions: readonly Position[]
  /** Facts that it has taken since the hub's start. */
  readonly facts: number
  /** Facts that a step could not take. */
  readonly faults: number
  /** Received time that every task has got to, ms; -Infinity where one has not begun. */
  readonly reached: number
  /** Tasks that run here, of all. */
  readonly tasks: { readonly here: number; readonly all: number }
}

/** Waits before a task that failed begins again from its changelog, doubling. */
const RESTART = { firstMs: 200, mostMs: 30_000, wellAfterMs: 60_000 } as const

/** Runs a processor: a task for each stage and partition, all of them, or those that the hubs on its log have left to this one. */
export class TopologyRun {
  readonly #options: TopologyRunOptions
  readonly #tasks = new Map<string, Task>()
  readonly #running = new Set<string>()
  readonly #errors = new Map<string, Error>()
  readonly #shares: Shares | undefined
  readonly #paces: readonly Pace[]
  #faults = 0
  #lastFact: number | undefined
  #health: Health

  constructor(options: TopologyRunOptions) {
    this.#options = options
    this.#paces = options.topology.stages.map(() => new Pace())
    this.#health = { state: 'starting', reason: 'Reading its states', since: options.system.clock.now() }
    const { holder, log, site, topology, system, sessionMs } = options
    if (holder === undefined) return
    const group = topicName(site, `processor.${topology.name}`)
    this.#shares = new Shares({ log, group, holder, names: this.#names(), system, ...(sessionMs && { sessionMs }) })
  }

  /** Resolves after the signal has aborted and states are written down. */
  async run(signal: AbortSignal): Promise<void> {
    const start = (name: string, stop: AbortSignal) => this.#keepRunning(name, stop)
    if (this.#shares) await this.#shares.run(start, signal)
    else await Promise.all(this.#names().map((name) => start(name, signal)))
    this.#health = { state: 'stopped', reason: 'It was stopped', since: this.#options.system.clock.now() }
  }

  /** Cheap; asked once a second. */
  status(): TopologyStatus {
    const here = [...this.#running].flatMap((name) => this.#tasks.get(name) ?? [])
    const facts = [...this.#tasks.values()].reduce((sum, task) => sum + task.facts, 0)
    return {
      health: this.#judge(here),
      positions: here.flatMap((task) => task.positions()),
      facts,
      faults: this.#faults,
      reached: Math.min(...this.#names().map((name) => this.#tasks.get(name)?.received ?? -Infinity)),
      tasks: { here: here.length, all: this.#names().length },
    }
  }

  #names(): string[] {
    const { topology, partitions } = this.#options
    return topology.stages.flatMap((_, stage) =>
      Array.from({ length: partitions }, (_each, partition) => `${stage}/${partition}`),
    )
  }

  async #keepRunning(name: string, signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options.system
    const { name: processor } = this.#options.topology
    let waitMs: number = RESTART.firstMs
    this.#running.add(name)
    while (!signal.aborted) {
      const began = clock.monotonic()
      try {
        await this.#task(name).run(signal, () => this.#errors.delete(name))
      } catch (error) {
        if (signal.aborted) break
        this.#errors.set(name, error as Error)
        logger.error('A processor failed; it goes on from its changelog', { processor, task: name, error, waitMs })
      }
      if (clock.monotonic() - began >= RESTART.wellAfterMs) waitMs = RESTART.firstMs
      await clock.sleep(waitMs * (0.5 + random.next() / 2), signal).catch(() => {})
      waitMs = Math.min(2 * waitMs, RESTART.mostMs)
    }
    this.#running.delete(name)
    this.#errors.delete(name)
  }

  #task(name: string): Task {
    const known = this.#tasks.get(name)
    if (known) return known
    const { topology, site, open, from = { at: 'start' }, topics, learn, ...options } = this.#options
    const [stage, partition] = name.split('/').map(Number) as [number, number]
    const task = new Task({
      ...options,
      topology,
      site,
      stage,
      partition,
      from,
      topics: topics?.(stage) ?? stageTopics(site, topology, stage),
      open: () => open?.(stage) ?? localHost(topology.stages[stage]!),
      isMine: () => this.#shares?.holds(name) ?? true,
      onFault: (fault) => this.#onFault(fault),
      ...(learn && { learn }),
      ...(stage > 0 && { upTo: () => this.#reached(stage - 1) }),
      // What a stage says at the end meets nothing.
      ...(stage + 1 < topology.stages.length && {
        enter: (received: number) => this.#paces[stage]!.enter(name, received),
        leave: () => this.#paces[stage]!.leave(name),
      }),
    })
    this.#tasks.set(name, task)
    return task
  }

  /** How far a stage is, as far as it runs here. */
  #reached(stage: number): number {
    const tasks = [...this.#running].filter((name) => name.startsWith(`${stage}/`))
    return Math.min(...tasks.map((name) => this.#tasks.get(name)?.received ?? -Infinity))
  }

  #onFault({ step, key, cause, error }: StepFault): void {
    const { topology, system } = this.#options
    this.#faults += 1
    const help = 'Facts that a step of a processor could not take'
    system.metrics.counter('millrace_processor_faults_total', help, { processor: topology.name }).add()
    system.logger.warn('A step could not take a fact; it is passed over', {
      processor: topology.name,
      step,
      key,
      cause,
      error,
    })
  }

  #judge(here: readonly Task[]): Health {
    const [failed] = this.#errors.values()
    const last = Math.max(...here.map((task) => task.lastFact ?? 0))
    if (last > 0) this.#lastFact = last
    if (failed) return this.#become('down', `It failed and begins again: ${failed.message}`)
    const behind = here.filter((task) => !task.caughtUp).length
    if (this.#tasks.size === 0) return this.#become('starting', 'Reading its states')
    if (behind > 0) return this.#become('starting', `Catching up: ${behind} of ${here.length} tasks are behind`)
    return this.#become('live', here.length === 0 ? 'Other hubs run it' : `Runs ${here.length} tasks`)
  }

  #become(state: Health['state'], reason: string): Health {
    const since = this.#health.state === state ? this.#health.since : this.#options.system.clock.now()
    this.#health = { state, reason, since, ...(this.#lastFact !== undefined && { lastData: this.#lastFact }) }
    return this.#health
  }
}
