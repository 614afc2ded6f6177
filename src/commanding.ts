import { join } from 'node:path'
import { CommandViews } from './api/command-views.ts'
import { judgeSources, type SourceStatus } from './api/hub-views.ts'
import { AuditLog } from './audit/audit-log.ts'
import { Commands } from './commands/commands.ts'
import type { Known } from './commands/decide.ts'
import type { Machines } from './commands/machines.ts'
import type { Person } from './commands/person.ts'
import { Requests } from './commands/requests.ts'
import type { Audit } from './component/audit.ts'
import type { CommandAnswer, CommandTarget, MachineCommand, SourceContext } from './component/source.ts'
import type { ViewPosition } from './component/view.ts'
import { API_RIGHTS, type Plant } from './config/plant.ts'
import { CommandDecoder } from './flow/command-entries.ts'
import { Clients } from './flow/dispatch/clients.ts'
import { Dispatch } from './flow/dispatch/dispatch.ts'
import { Outcomes } from './flow/dispatch/outcomes.ts'
import { RequestTopic } from './flow/dispatch/request-topic.ts'
import { ViewRun } from './flow/views.ts'
import type { Holder } from './ledger/book.ts'
import type { Log, TopicSpec } from './log/log.ts'
import { topicSpec, type TopicKind } from './log/topics.ts'
import type { Catalogue } from './model/catalogue.ts'
import { topicName } from './model/path.ts'
import type { System } from './system/system.ts'
import type { Twins } from './twins/twins.ts'

interface CommandingOptions {
  readonly plant: Plant
  readonly dataDirectory: string
  readonly log: Log
  readonly catalogue: Catalogue
  readonly twins: Twins
  /** Whether the twins have caught up with the log. */
  readonly caughtUp: () => boolean
  /** Name of this hub, and of this run of it. */
  readonly hub: string
  readonly run: string
  /** Other hubs may have sources that this one has not. */
  readonly isShared: boolean
  readonly sources: {
    reaching(asset: string, target: CommandTarget): string | undefined
    command(source: string, command: MachineCommand, signal: AbortSignal): Promise<CommandAnswer>
  }
  readonly statuses: () => readonly SourceStatus[]
  /** See `AlarmingOptions.leads`. */
  readonly leads: () => boolean
  readonly system: System
}

/** The commands of a running hub. */
interface Commanding {
  readonly views: CommandViews
  readonly audit: Audit
  /** See `SourceContext.ask`. */
  readonly ask: NonNullable<SourceContext['ask']>
  /** Where the view goes on, for the page of the log. */
  reader(): { readonly name: string; readonly positions: readonly ViewPosition[] }
}

/** Who asks at a hub without tokens. */
const LOCAL: Person = { name: 'local', can: API_RIGHTS }

/** Commands to machines, and the audit of what people do; `holder`: this hub among those that share the log. */
export async function openCommands(
  parts: Omit<CommandingOptions, 'hub' | 'run' | 'isShared'> & { readonly holder: Holder | undefined },
  stack: AsyncDisposableStack,
): Promise<Commanding> {
  const { plant, system, holder } = parts
  const alone = () => ({ hub: plant.hub ?? 'hub', run: Buffer.from(system.random.bytes(8)).toString('hex') })
  const options = { ...parts, ...(holder ?? alone()), isShared: holder !== undefined }
  return runCommands(options, await openAudit(options, stack), stack)
}

/** Keeps the commands from the log and brings them to the machines, until the stack ends; then writes the last snapshot. */
async function runCommands(options: CommandingOptions, audit: Audit, stack: AsyncDisposableStack): Promise<Commanding> {
  const { plant, dataDirectory, log, caughtUp, hub, run, sources, leads, system } = options
  const { site } = plant
  const commands = new Commands({ directory: join(dataDirectory, 'commands'), system })
  await commands.open()
  stack.defer(() => commands.close())
  const decoder = new CommandDecoder(system)
  const view = new ViewRun(commands, { log, topics: [topicName(site, 'commands')], decoder, system })
  const machines = machinesOf(options)
  const isReady = () => view.caughtUp && caughtUp()
  const dispatch = new Dispatch({
    site,
    hub,
    run,
    commands,
    machines,
    person: (name) => personOf(plant, name),
    send: (source, command, signal) => sources.command(source, command, signal),
    log,
    audit,
    isReady,
    leads,
    system,
  })
  await dispatch.open()
  const requests = new Requests({
    site,
    run,
    commands,
    machines,
    log,
    audit,
    notReady: () => (isReady() ? undefined : 'The hub is still reading what is in its log'),
    onReady: (id, at) => dispatch.began(id, at),
    system,
  })
  background(stack, (signal) => view.run(signal))
  // What is on its way is waited for, and its end written down, before the view stops.
  background(stack, (signal) => dispatch.run(signal))
  background(stack, (signal) => new Outcomes({ site, commands, log, system }).run(signal))
  const clients = new Clients({ site, commands, requests, person: (name) => tokenOf(plant, name), system })
  const from = plant.commandsFromKafka
  if (from !== undefined) {
    const person = () => tokenOf(plant, from)
    const topic = new RequestTopic({ site, person, requests, log, isReady, system })
    background(stack, (signal) => topic.run(signal))
  }
  system.metrics.gauge('millrace_commands_in_flight', 'Commands that have not ended', () => commands.inFlight().length)
  return {
    views: new CommandViews({ site, commands, requests, machines, log }),
    audit,
    ask: (request, tell) => clients.ask(request, tell),
    reader: () => ({ name: commands.name, positions: commands.positions() }),
  }
}

/** The audit of this run of a hub; the stack keeps its end beside the log. */
async function openAudit(
  { plant, dataDirectory, log, hub, run, system }: CommandingOptions,
  stack: AsyncDisposableStack,
): Promise<AuditLog> {
  const directory = join(dataDirectory, 'audit')
  const audit = new AuditLog({ site: plant.site, chain: `${hub}/${run}`, log, directory, system })
  await audit.open()
  stack.defer(audit.keepHead())
  return audit
}

/** Runs something until the stack ends it. */
function background(stack: AsyncDisposableStack, run: (signal: AbortSignal) => Promise<void>): void {
  const stop = new AbortController()
  const running = run(stop.signal)
  stack.defer(async () => {
    stop.abort()
    await running
  })
}

/** Topics of commands, with those of the ways in that are open. */
export function commandTopics({ site, log: { partitions }, commandsFromKafka }: Plant): TopicSpec[] {
  const kinds: TopicKind[] = ['commands', 'outcomes', 'audit']
  if (commandsFromKafka !== undefined) kinds.push('command-requests')
  return kinds.map((kind) => topicSpec(site, kind, partitions))
}

function personOf(plant: Plant, name: string): Person | undefined {
  if (plant.api.tokens.length === 0 && name === LOCAL.name) return LOCAL
  return tokenOf(plant, name)
}

/** Whoever comes in through another door than the API has the rights of the token of the same name. */
function tokenOf({ api }: Plant, name: string): Person | undefined {
  return api.tokens.find((token) => token.name === name)
}

function machinesOf({ plant, catalogue, twins, isShared, sources, statuses }: CommandingOptions) {
  const modelOf = (asset: string) => plant.models.get(plant.assets.get(asset) ?? catalogue.asset(asset)?.model ?? '')
  const stateOf = (asset: string, tag: string) => twins.get(asset)?.tags.get(tag)
  const machines: Machines & ConstructorParameters<typeof CommandViews>[0]['machines'] = {
    isShared,
    point(asset, command) {
      const model = modelOf(asset)
      const definition = model?.commands.get(command)
      return definition && { definition, tags: model!.tags }
    },
    points: (asset) => [...(modelOf(asset)?.commands.values() ?? [])],
    known(asset, tag): Known | undefined {
      const state = stateOf(asset, tag)
      if (state === undefined) return undefined
      judgeSources(twins, statuses())
      const { value, quality, sourceTime, receivedTime, heardAt } = state
      return { value, quality, stale: twins.isStale(asset, tag, state), sourceTime, receivedTime, heardAt }
    },
    reported: stateOf,
    reaching: (asset, target) => sources.reaching(asset, target),
  }
  return machines
}
