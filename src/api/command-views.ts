import { decodeAudit } from '../audit/verify.ts'
import type { Commands } from '../commands/commands.ts'
import { desiredOf, type Reported } from '../commands/desired.ts'
import { commandsAt } from '../commands/past.ts'
import type { Known, Wish } from '../commands/decide.ts'
import type { Machines } from '../commands/machines.ts'
import type { Person } from '../commands/person.ts'
import type { Answer, Requests } from '../commands/requests.ts'
import type { Tracked } from '../commands/tracked.ts'
import type { Log } from '../log/log.ts'
import type { CommandDefinition } from '../model/command.ts'
import { jsonValue } from '../model/json-value.ts'
import { topicName } from '../model/path.ts'
import { pathMatcher } from '../model/path-pattern.ts'
import { qualityName } from '../model/quality.ts'
import type {
  AuditRecordView,
  AuditView,
  CommandsView,
  CommandView,
  DeclaredCommandsView,
  DeclaredCommandView,
  DesiredView,
} from './contract-commands.ts'

export interface CommandViewsOptions {
  readonly site: string
  readonly commands: Commands
  readonly requests: Requests
  readonly machines: Machines & { reported(asset: string, tag: string): Reported | undefined }
  readonly log: Pick<Log, 'ends' | 'offsetsAt' | 'read'>
}

export interface CommandsQuery {
  /** Pattern of assets below the site. */
  readonly on?: string
  readonly states?: readonly string[]
  readonly limit: number
}

export interface AuditQuery {
  readonly limit: number
  /** Only records before this offset. */
  readonly before?: number
  readonly on?: string
  readonly by?: string
}

/** Records of the audit that one answer looks at, at most. */
const AUDIT_READ = 5_000

/** What the API shows of commands, and where it asks for them. */
export class CommandViews {
  readonly #options: CommandViewsOptions

  constructor(options: CommandViewsOptions) {
    this.#options = options
  }

  request(wish: Wish, person: Person, dryRun: boolean): Promise<Answer> {
    return this.#options.requests.request(wish, person, { via: 'rest', dryRun })
  }

  approve(id: string, person: Person, agreed: boolean, comment?: string): Promise<Answer> {
    return this.#options.requests.approve(id, person, agreed, 'rest', comment)
  }

  command(id: string): CommandView | undefined {
    const found = this.#options.commands.get(id)
    return found && commandView(found)
  }

  /** Newest first. */
  list({ on, states, limit }: CommandsQuery): CommandsView {
    const { commands, site } = this.#options
    const matches = on === undefined ? () => true : pathMatcher(site, on)
    const assets = [...commands.assets()].filter(({ asset }) => matches(asset))
    const found = assets
      .flatMap((one) => one.all())
      .filter(({ state }) => states === undefined || states.includes(state))
      .sort((a, b) => b.request.time - a.request.time)
    const older = assets.reduce((sum, { dropped }) => sum + dropped, 0)
    return { commands: found.slice(0, limit).map(commandView), ...(older > 0 && { older }) }
  }

  /** What may be written to an asset, and whether this one may right now. */
  declared(asset: string, person: Person): DeclaredCommandsView {
    const { machines } = this.#options
    return { asset, commands: machines.points(asset).map((one) => this.#declared(asset, one, person)) }
  }

  /** What the tags of an asset are to be; undefined: nobody has ever commanded it. */
  desired(asset: string): readonly DesiredView[] | undefined {
    const { commands, machines } = this.#options
    const found = commands.asset(asset)
    if (found === undefined) return undefined
    const all = desiredOf(found, (tag) => machines.reported(asset, tag))
    return all.map((one) => ({ ...one, value: jsonValue(one.value) }))
  }

  /**
   * The same as of a moment, by what the log held then; `reported`: what the machine said then.
   * @throws as `Log.read`
   */
  async desiredAt(
    asset: string,
    at: number,
    reported: (tag: string) => Reported | undefined,
    signal: AbortSignal,
  ): Promise<readonly DesiredView[]> {
    const { log, site } = this.#options
    const found = await commandsAt(log, topicName(site, 'commands'), asset, at, signal)
    return desiredOf(found, reported).map((one) => ({ ...one, value: jsonValue(one.value) }))
  }

  /** Calls `listener` with the asset of each command that changed. @returns ends the subscription */
  onChange(listener: (path: string) => void): () => void {
    return this.#options.commands.subscribe(({ request }) => listener(request.asset))
  }

  /** Newest first, out of the log. */
  async audit({ limit, before, on, by }: AuditQuery, signal: AbortSignal): Promise<AuditView> {
    const { log, site } = this.#options
    const topic = topicName(site, 'audit')
    const [ends] = await log.ends(topic)
    const end = Math.min(before ?? Infinity, ends?.end ?? 0)
    const start = Math.max(
      ends?.start ?? 0,
      end - Math.max(limit, on === undefined && by === undefined ? 0 : AUDIT_READ),
    )
    const matches = on === undefined ? undefined : pathMatcher(site, on)
    const found: AuditRecordView[] = []
    if (start < end) {
      for await (const { records } of log.read([{ topic, partition: 0, offset: start }], { signal, untilEnd: true })) {
        for (const { offset, value } of records) {
          const record = offset < end ? decodeAudit(value) : undefined
          if (record === undefined || (by !== undefined && record.by !== by)) continue
          if (matches === undefined || (record.asset !== undefined && matches(record.asset)))
            found.push({ offset, ...record })
        }
      }
    }
    const shown = found.reverse().slice(0, limit)
    const next = shown.length === limit ? shown.at(-1)!.offset : start
    return { records: shown, ...(next > (ends?.start ?? 0) && { next }) }
  }

  #declared(asset: string, definition: CommandDefinition, person: Person): DeclaredCommandView {
    const { requests, machines } = this.#options
    const { name, tag, method, interlock, ttlMs, confirmMs, tolerance, perMinute, description, oneOf } = definition
    const point = machines.point(asset, name)
    const about = tag === undefined ? undefined : point?.tags.get(tag)
    const range = definition.range ?? about?.range
    const reasons = requests.hindrances(asset, name, person)
    const reported = tag === undefined ? undefined : machines.known(asset, tag)
    return {
      name,
      ...(description !== undefined && { description }),
      ...(tag !== undefined && { tag }),
      ...(about && { type: about.type }),
      ...(about?.unit !== undefined && { unit: about.unit }),
      ...(about?.states && { states: about.states }),
      ...(range && { range }),
      ...(oneOf && { oneOf }),
      ...(method && { method: method.name, args: method.args }),
      ...(interlock !== undefined && { interlock }),
      ttlMs,
      confirmMs,
      ...(tolerance !== undefined && { tolerance }),
      ...(perMinute !== undefined && { perMinute }),
      secondPerson: definition.secondPerson === true,
      allowed: reasons.length === 0,
      reasons,
      ...(reported && { reported: reportedView(reported) }),
    }
  }
}

function commandView({ request, state, ready, approvedBy, claim, outcome }: Tracked): CommandView {
  const { id, asset, command, act, expected, comment, by, via, time, approveMs, ttlMs } = request
  return {
    id,
    asset,
    command,
    state,
    ...(act.kind === 'tag'
      ? { tag: act.tag, value: jsonValue(act.value) }
      : { method: act.method, args: act.args.map(jsonValue) }),
    ...(expected !== undefined && { expected: jsonValue(expected) }),
    ...(comment !== undefined && { comment }),
    by,
    via,
    requestedAt: time,
    ...(approveMs !== undefined && { approvalUntil: time + approveMs }),
    ...(approvedBy !== undefined && { approvedBy }),
    ...(ready && { expiresAt: ready.time + ttlMs }),
    ...(claim && { claimedAt: claim.time, hub: claim.hub, source: claim.source }),
    ...(outcome && { endedAt: outcome.time }),
    reasons: outcome?.reasons ?? [],
    ...(outcome?.readBack !== undefined && { readBack: jsonValue(outcome.readBack) }),
    ...(outcome?.results && { results: outcome.results.map(jsonValue) }),
  }
}

function reportedView({ value, quality, stale, sourceTime }: Known) {
  return { value: jsonValue(value), quality, qualityName: qualityName(quality), stale, sourceTime }
}
