import { hostname } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runAlarms } from './alarming.ts'
import { HistoryViews } from './api/history-views.ts'
import { HubViews, type SourceStatus } from './api/hub-views.ts'
import { LogViews } from './api/log-views.ts'
import { PastViews, type PastViewsOptions } from './api/past-views.ts'
import { hubFilePath, type HubFile } from './attach.ts'
import { openBoards } from './boards/boards.ts'
import { commandTopics, openCommands } from './commanding.ts'
import type { Health } from './component/health.ts'
import type { CommandAnswer, CommandTarget, MachineCommand, Publication, SourceContext } from './component/source.ts'
import type { Plant } from './config/plant.ts'
import { runSinks } from './delivering.ts'
import { Forecasts } from './forecasting.ts'
import { followDefinitions, loadDefinitions, publishDefinitions } from './flow/definitions.ts'
import { EntryDecoder } from './flow/entries.ts'
import { Ingest } from './flow/ingest.ts'
import { Scale, type HubStatus, type SharedSource } from './flow/scale/scale.ts'
import { SharedViewRun } from './flow/scale/shared-view-run.ts'
import { ViewRun } from './flow/views.ts'
import { isGuarded } from './log/broker/access/guard.ts'
import { Ledger } from './ledger/ledger.ts'
import type { Holder } from './ledger/book.ts'
import type { Log, TopicSpec } from './log/log.ts'
import { LogWatch } from './log/log-watch.ts'
import { dataTopicSpec, topicSpec } from './log/topics.ts'
import { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import { openPlantLog, type PlantLog } from './plant-log.ts'
import { processorTopics, publishProductContracts, runProcessors } from './processing.ts'
import { runHistorian } from './recording.ts'
import { runReplications } from './replications.ts'
import { replaceFile } from './system/disk.ts'
import type { Address } from './system/net.ts'
import type { System } from './system/system.ts'
import { SharedTwins } from './twins/shared-twins.ts'
import { Twins } from './twins/twins.ts'
import { VERSION } from './version.ts'

export interface HubOptions {
  readonly plant: Plant
  /** Where the log and the views are kept; made where it is missing. */
  readonly dataDirectory: string
  readonly mode: 'demo' | 'run'
  readonly system: System
  /** Ends the wait for a log that is not there yet. */
  readonly signal?: AbortSignal
  /** Puts something between the hub and its log; for tests that break a promise on purpose. */
  readonly wrapLog?: (log: Log) => Log
}

/** A running hub. */
export interface Hub {
  /** Address of the page and the API. */
  readonly page: string
  /** Where Kafka's clients reach the log; more than one broker are joined by commas. */
  readonly kafka: string
  /** What each source is connected to or listens on. */
  readonly listeners: readonly { readonly source: string; readonly url: string }[]
  readonly dataDirectory: string
  /** Rejects when the hub cannot go on: its log is gone. */
  readonly ended: Promise<never>
  /** Ends cleanly: sources first, then the books, the views, the log. */
  close(): Promise<void>
}

/** Where Vite puts the browser application. */
const PAGE_FOLDER = fileURLToPath(new URL('../ui/dist', import.meta.url))

/**
 * Composes and starts a hub from a checked config. What has started is closed again where a later part fails.
 * @throws LogError, ApiError, or a system error such as EADDRINUSE, naming what could not be had
 */
export async function startHub(options: HubOptions): Promise<Hub> {
  const stack = new AsyncDisposableStack()
  try {
    return await compose(options, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function compose(options: HubOptions, stack: AsyncDisposableStack): Promise<Hub> {
  const { plant, dataDirectory, system } = options
  await system.disk.makeDirectory(dataDirectory)
  // The server's library loads on this thread while the log recovers on its own.
  const opening = openPlantLog({ ...options, topics: topicsOf(plant) }, stack)
  const [opened, { createApi }] = await Promise.all([opening, import('./api/api.ts')])
  const log = options.wrapLog ? options.wrapLog(opened.log) : opened.log
  const watch = new LogWatch({ log, system })
  stack.defer(watch.start())
  const holder = holderOf(options)
  const { catalogue, from } = await openCatalogue(log, plant, system)
  const startedAt = system.clock.now()

  const { twins, caughtUp, partitions } = await openTwins(options, { log, catalogue, holder }, stack)
  const learning = { log, from, catalogue, system, onDefined: (path: string) => twins.retype(path) }
  if (holder) background(stack)((signal) => followDefinitions(learning, signal))
  const kinds = [...dataKinds(plant), 'events']
  const ledger = await Ledger.open({ log, site: plant.site, system, kinds, ...(holder && { holder }) })
  stack.defer(() => ledger.close())
  const sources = await openSources(options, { log, ledger, catalogue, partitions }, holder)

  const work = await workOnLog(options, { log, catalogue, twins, caughtUp, holder, sources }, stack)
  const address = { page: '' }
  const views = new HubViews({
    hub: { site: plant.site, version: VERSION, mode: options.mode, startedAt, log: describeLog(plant, opened) },
    logHealth: () => watch.health(),
    catalogue,
    models: plant.models,
    twins,
    caughtUp,
    ledger,
    page: () => address.page,
    sources: () => statusesOf(plant, sources),
    ...(sources.hubs && { hubs: sources.hubs }),
    ...work.views,
    system,
  })
  const readers = () => [{ name: twins.name, positions: twins.positions() }, ...work.readers()]
  const history = work.history && new HistoryViews({ hub: views, site: plant.site, reader: work.history }, work.sql)
  const reader = work.history && { history: work.history }
  const { alarms, commands } = work.ports
  const past = pastOf(options, { twins, catalogue, hub: views, alarms, commands, ...reader })
  const logViews = new LogViews({ log, readers, system })
  const forecasts = new Forecasts({ plant, hub: views, clock: system.clock })
  const shown = { hub: views, log: logViews, past, forecasts, ...(history && { history }), ...work.ports }
  const api = createApi({ config: plant.api, ...shown, system, pageFolder: PAGE_FOLDER })
  stack.defer(() => api.close())
  stack.defer(views.watch())
  // Listening begins before the sources do: some of them keep the thread busy with loading. Their routes are mounted in
  // this same turn, before any request can arrive.
  const listening = api.listen()
  const running = background(stack)
  running((signal) => sources.run({ http: api.host, ask: work.ask }, signal))
  const page = (address.page = `${plant.api.tls ? 'https' : 'http'}://${addressText(await listening)}`)
  running((signal) => sources.share(page, signal))
  await writeHubFile({ pid: process.pid, site: plant.site, page, log: fileOf(plant, opened) }, options)
  return {
    page,
    kafka: addressesText(opened),
    listeners: listenersOf(plant),
    dataDirectory,
    ended: eitherEnds(opened.ended, sources.ended),
    close: () => stack.disposeAsync(),
  }
}

interface WorkParts {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly twins: Twins
  readonly caughtUp: () => boolean
  readonly holder: Holder | undefined
  readonly sources: RunningSources
}

/** Starts everything that lives on what is in the log, but the twins; the stack ends it. */
async function workOnLog({ plant, dataDirectory, system }: HubOptions, parts: WorkParts, stack: AsyncDisposableStack) {
  const { log, catalogue, sources } = parts
  const holder = parts.holder && { holder: parts.holder }
  const replications = runReplications({ plant, log, ...holder, system }, stack)
  await publishProductContracts({ plant, log, system })
  const processing = runProcessors({ plant, log, catalogue, ...holder, system }, stack)
  const sinks = runSinks(
    {
      plant,
      log,
      catalogue,
      hub: parts.holder?.hub,
      publish: (name, message) => sources.publish(name, message),
      system,
    },
    stack,
  )
  const leads = () => sources.hubs?.().some(({ here, leads: does }) => here && does) ?? true
  const alarming = await runAlarms({ plant, dataDirectory, log, leads, system }, stack)
  const boards = await openBoards({ plant, log, dataDirectory, system }, stack)
  const commanding = await openCommands(
    { ...parts, plant, dataDirectory, leads, statuses: () => statusesOf(plant, sources), system },
    stack,
  )
  const recording = runHistorian({ plant, log, dataDirectory, catalogue, system }, stack)
  return {
    views: {
      replications,
      processors: () => processing.views(),
      sinks,
      commands: commanding.views,
      ...(recording && { historian: () => recording.view() }),
    },
    ...(recording && { history: recording.history, sql: recording.sql }),
    ports: {
      alarms: alarming.views,
      events: boards.events,
      oee: boards.oee,
      commands: commanding.views,
      audit: commanding.audit,
    },
    ask: commanding.ask,
    readers: () => [
      alarming.reader(),
      boards.reader(),
      commanding.reader(),
      ...(recording ? [recording.reader()] : []),
      ...processing.readers(),
    ],
  }
}

function pastOf({ plant, system }: HubOptions, parts: Omit<PastViewsOptions, 'holds' | 'clock'>): PastViews {
  const holding = new Set(plant.sources.flatMap(({ name, spec }) => (spec.holds === true ? [name] : [])))
  return new PastViews({ ...parts, holds: (source) => holding.has(source), clock: system.clock })
}

function listenersOf({ sources }: Plant): Hub['listeners'] {
  return sources.map(({ name, spec, config }) => ({ source: name, url: spec.describe(config) }))
}

function statusesOf({ sources }: Plant, running: RunningSources): SourceStatus[] {
  return sources.map(({ name, spec: { kind, holds = false } }) => ({ name, kind, holds, health: running.health(name) }))
}

/** The topics of a plant, that of its telemetry first. */
function topicsOf(plant: Plant): TopicSpec[] {
  const { partitions, retention } = plant.log
  return [
    ...dataKinds(plant).map((kind) => dataTopicSpec(plant.site, kind, partitions, retention)),
    topicSpec(plant.site, 'events', partitions),
    topicSpec(plant.site, 'quarantine', partitions),
    topicSpec(plant.site, 'assets', partitions),
    ...commandTopics(plant),
    ...processorTopics(plant),
    ...(isShared(plant) ? [topicSpec(plant.site, 'twins', partitions)] : []),
  ]
}

/** Kinds of topics that hold what sources send: telemetry, and the raw topics that their configs name. */
function dataKinds(plant: Plant): string[] {
  const raw = plant.sources.flatMap(({ spec, config }) => spec.rawTopics?.(config) ?? [])
  return ['telemetry', ...new Set(raw)]
}

/** The definitions of the log and of the config, and from where those follow that other hubs learn. */
async function openCatalogue(log: Log, plant: Plant, system: System) {
  const catalogue = new Catalogue()
  const from = await loadDefinitions(log, plant.site, catalogue, system.logger)
  const declared = [...plant.assets].map(([path, model]) => ({
    path,
    ...(model === '' ? {} : { model }),
    tags: plant.models.get(model)?.tags ?? new Map(),
    // What the config does not say of a machine any more is no longer so.
    meta: {},
    relations: [],
    ...plant.about.get(path),
  }))
  await publishDefinitions(log, plant.site, catalogue, declared, system.clock.now())
  return { catalogue, from }
}

interface TwinsParts {
  readonly log: Log
  readonly catalogue: Catalogue
  readonly holder: Holder | undefined
}

/** The twins, kept by a view of their own; the stack ends the view, then writes the last snapshot. */
async function openTwins(options: HubOptions, parts: TwinsParts, stack: AsyncDisposableStack) {
  const { plant, dataDirectory, system } = options
  const twins = new Twins({ directory: join(dataDirectory, 'twins'), catalogue: parts.catalogue, system })
  await twins.open()
  twins.announce(parts.catalogue.paths())
  stack.defer(() => twins.close())
  const run = twinsRun(twins, plant.site, parts, system)
  const stop = new AbortController()
  const running = run.run(stop.signal)
  stack.defer(async () => {
    stop.abort()
    await running
  })
  return { twins, caughtUp: () => run.caughtUp, partitions: () => run.partitions?.() }
}

/** One hub's own view, or one that hubs keep together. */
function twinsRun(twins: Twins, site: string, { log, catalogue, holder }: TwinsParts, system: System): TwinsRun {
  const topics = [topicName(site, 'telemetry'), topicName(site, 'derived')]
  if (holder === undefined) {
    const decoder = new EntryDecoder(twins.name, { catalogue, system })
    return new ViewRun(twins, { log, topics, decoder, system })
  }
  const states = topicName(site, 'twins')
  return new SharedViewRun(new SharedTwins(twins), { log, topics, states, group: states, ...holder, catalogue, system })
}

interface TwinsRun {
  run(signal: AbortSignal): Promise<void>
  readonly caughtUp: boolean
  /** Partitions whose twins this hub evolves. */
  partitions?(): readonly number[]
}

/**
 * Who this hub is among those that share its log. Undefined: nobody else can be writing to it, because its directory is
 * locked, so there is nothing to agree on; unless the config gives the hub a name.
 */
function holderOf({ plant, system }: HubOptions): Holder | undefined {
  if (!isShared(plant)) return undefined
  return { hub: plant.hub ?? hostname(), run: Buffer.from(system.random.bytes(8)).toString('hex') }
}

function isShared(plant: Plant): boolean {
  return plant.hub !== undefined || plant.log.kind === 'kafka'
}

/** What sources reach the hub through. */
type Ways = Pick<SourceContext, 'http' | 'ask'>

/** The sources of the config, run by this hub alone, or shared with the others on its log. */
interface RunningSources {
  health(name: string): Health | undefined
  /** See `Ingest.publish`. */
  publish(name: string, message: Publication): number
  /** See `Ingest.reaching`. */
  reaching(asset: string, target: CommandTarget): string | undefined
  /** See `Ingest.command`. */
  command(name: string, command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer>
  readonly hubs?: () => readonly HubStatus[]
  /** Runs what needs no other hub; the routes of sources are mounted in this turn. */
  run(ways: Ways, signal: AbortSignal): Promise<void>
  /** Runs what is shared; the others are told where the page is. */
  share(page: string, signal: AbortSignal): Promise<void>
  /** Rejects when another hub runs under the name of this one. */
  readonly ended: Promise<never>
}

interface SourcesParts {
  readonly log: Log
  readonly ledger: Ledger
  readonly catalogue: Catalogue
  readonly partitions: () => readonly number[] | undefined
}

async function openSources(
  { plant, system }: HubOptions,
  { log, ledger, catalogue, partitions }: SourcesParts,
  holder: Holder | undefined,
): Promise<RunningSources> {
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const ingest = new Ingest({ log, ledger, catalogue, site: plant.site, system })
  let ways: Ways | undefined
  const sources = plant.sources.map(({ name, spec, config }): SharedSource => {
    const scoped = { ...system, logger: system.logger.child({ source: name }) }
    const open = () => spec.create(config, { name, site: plant.site, system: scoped, ...ways! })
    const prepare = async () => spec.prepare?.(config, scoped.logger)
    return { name, kind: spec.kind, reach: spec.reach?.(config) ?? 'dials', prepare, open }
  })
  const shared = { log, ledger, ingest, site: plant.site, sources, partitions, system }
  const scale = holder && new Scale({ ...shared, holder, onEnded: reject })
  await scale?.open()
  return {
    health: (name) => (scale ?? ingest).health(name),
    publish: (name, message) => ingest.publish(name, message),
    reaching: (asset, target) => ingest.reaching(asset, target),
    command: (name, command, signal) => ingest.command(name, command, signal),
    ...(scale && { hubs: () => scale.hubs() }),
    async run(given, signal) {
      ways = given
      if (scale) await scale.listen(signal)
      else await Promise.all(sources.map(({ name, open }) => ingest.run(name, open, signal)))
    },
    share: async (page, signal) => scale?.share(page, signal),
    ended,
  }
}

/** Whoever does not wait for the end of the hub is not to crash over it. */
function eitherEnds(...ends: readonly Promise<never>[]): Promise<never> {
  const ended = Promise.race(ends)
  ended.catch(() => {})
  return ended
}

/** Starts what runs until the hub ends; the stack ends all of it together, first of all. */
function background(stack: AsyncDisposableStack): (start: (signal: AbortSignal) => Promise<void>) => void {
  const stop = new AbortController()
  const running: Promise<void>[] = []
  stack.defer(async () => {
    stop.abort()
    await Promise.all(running)
  })
  return (start) => void running.push(start(stop.signal))
}

/** For commands beside the hub. A full disk keeps them from finding it, and nobody else from being served. */
async function writeHubFile(file: HubFile, { dataDirectory, system }: HubOptions): Promise<void> {
  const path = hubFilePath(dataDirectory)
  try {
    await replaceFile(system.disk, path, Buffer.from(JSON.stringify(file)))
  } catch (error) {
    system.logger.warn('Cannot write where this hub is; commands beside it may not find it', { file: path, error })
  }
}

function describeLog({ log }: Plant, opened: PlantLog) {
  return { kind: log.kind, address: addressesText(opened), durability: opened.durability }
}

function fileOf({ log }: Plant, { brokers }: PlantLog): HubFile['log'] {
  const secured = log.kind === 'kafka' ? log.security !== undefined : isGuarded(log.security)
  return { kind: log.kind, brokers, secured }
}

function addressesText({ brokers }: PlantLog): string {
  return brokers.map(addressText).join(',')
}

function addressText({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
