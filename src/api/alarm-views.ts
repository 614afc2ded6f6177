import type { Alarms } from '../alarms/alarms.ts'
import type { JournalEntry, JournalPlace, JournalQuery } from '../alarms/journal.ts'
import type { AlarmCommand } from '../alarms/life-cycle.ts'
import { alarmsAt } from '../alarms/past.ts'
import {
  groupsOf,
  standingPage,
  type AlarmGroup,
  type GroupsQuery,
  type ShownAlarm,
  type StandingFilter,
  type StandingQuery,
} from '../alarms/standing.ts'
import { stepRecord } from '../alarms/step-record.ts'
import type { Appended, Log } from '../log/log.ts'
import { decodeAlarm, encodeAlarm } from '../model/alarm-record.ts'
import type { AlarmTransition } from '../model/alarm.ts'
import { ModelError } from '../model/errors.ts'
import { topicName } from '../model/path.ts'
import type { System } from '../system/system.ts'
import type {
  AlarmCommandView,
  AlarmFiguresView,
  AlarmGroupsView,
  AlarmGroupView,
  AlarmJournalEntry,
  AlarmJournalView,
  AlarmName,
  AlarmSummary,
  AlarmsView,
  AlarmView,
} from './contract.ts'
import { ApiError } from './errors.ts'

export interface AlarmViewsOptions {
  readonly site: string
  readonly alarms: Alarms
  readonly log: Pick<Log, 'append' | 'ends' | 'offsetsAt' | 'read'>
  readonly system: Pick<System, 'clock'>
}

/** How long a command waits for its own step to be seen in the views, after it is durable. */
const SEEN = { withinMs: 1_000, everyMs: 2 } as const

/** What the API shows of the alarms, and what people do to them. */
export class AlarmViews {
  readonly #options: AlarmViewsOptions

  constructor(options: AlarmViewsOptions) {
    this.#options = options
  }

  standing(query: StandingQuery): AlarmsView {
    const { alarms, total } = this.#options.alarms.standing(query)
    return { alarms: alarms.map(alarmView), total }
  }

  groups(query: GroupsQuery): readonly AlarmGroupView[] {
    return this.#options.alarms.groups(query).map(groupView)
  }

  /**
   * Those that stood at a moment, as people saw them then.
   * @throws as `Log.read`
   */
  async standingAt(query: StandingQuery, at: number, signal: AbortSignal): Promise<AlarmsView> {
    const { standing, ...known } = await this.#past(query, at, signal)
    const { alarms, total } = standingPage(standing, query)
    return { alarms: alarms.map(alarmView), total, at, ...known }
  }

  /** @throws as `Log.read` */
  async groupsAt(query: GroupsQuery, at: number, signal: AbortSignal): Promise<AlarmGroupsView> {
    const { standing, ...known } = await this.#past(query, at, signal)
    return { groups: groupsOf(standing, query.limit).map(groupView), at, ...known }
  }

  journal(query: JournalQuery): AlarmJournalView {
    const { entries, next, heldFrom } = this.#options.alarms.journal(query)
    return {
      entries: entries.map(entryView),
      ...(next && { next: placeText(next) }),
      ...(heldFrom !== undefined && { heldFrom }),
    }
  }

  figures(from: number, to: number): AlarmFiguresView {
    return this.#options.alarms.metrics(from, to)
  }

  /** What everybody has to know at a glance; asked once a second and after each change. */
  summary(): AlarmSummary {
    return this.#options.alarms.summary()
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#options.alarms.revision
  }

  /**
   * Does to alarms what a person wants of them: each step is durable in the log when this resolves.
   * @throws ApiError `ALARM_NOT_FOUND`, `ALARM_REFUSED` where none of them allows it, `BAD_BODY`; LogError
   */
  async command(names: readonly AlarmName[], command: AlarmCommand): Promise<AlarmCommandView> {
    const { log, site, system } = this.#options
    const steps: AlarmTransition[] = []
    const refused: (AlarmName & { readonly reason: string })[] = []
    for (const { asset, alarm } of names) {
      const decided = this.#decide(asset, alarm, command)
      if ('refused' in decided) refused.push({ asset, alarm, reason: decided.refused })
      else steps.push(...decided)
    }
    if (steps.length === 0) throw refusal(command, refused[0]!)
    const records = steps.map((step) => stepRecord(step, system.clock.now()))
    await this.#seen(await log.append(topicName(site, 'alarms'), records))
    return { alarms: steps.flatMap(({ asset, alarm }) => this.#view(asset, alarm) ?? []), refused }
  }

  #past(filter: StandingFilter, at: number, signal: AbortSignal) {
    const { log, site } = this.#options
    return alarmsAt({ log, site, topic: topicName(site, 'alarms') }, at, filter, signal)
  }

  #decide(asset: string, alarm: string, command: AlarmCommand) {
    const { alarms } = this.#options
    if (alarms.get(asset, alarm) === undefined) throw notFound(asset, alarm)
    const decided = alarms.decide(asset, alarm, command)
    if (!('refused' in decided)) for (const step of decided) checkTexts(step)
    return decided
  }

  #view(asset: string, alarm: string): AlarmView | undefined {
    const found = this.#options.alarms.get(asset, alarm)
    return found && alarmView(found)
  }

  /** Whoever asks next is to see what was done; a view that is far behind is not waited for. */
  async #seen(appended: readonly Appended[]): Promise<void> {
    const { alarms, system } = this.#options
    const deadline = system.clock.monotonic() + SEEN.withinMs
    const isSeen = () => {
      const positions = new Map(alarms.positions().map(({ partition, offset }) => [partition, offset]))
      return appended.every(({ partition, nextOffset }) => (positions.get(partition) ?? 0) >= nextOffset)
    }
    while (!isSeen() && system.clock.monotonic() < deadline) await system.clock.sleep(SEEN.everyMs)
  }
}

/** What the log would not take back as a step is not written. */
function checkTexts(step: AlarmTransition): void {
  try {
    decodeAlarm(Buffer.from(encodeAlarm(step)))
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new ApiError(400, 'BAD_BODY', error.message.replace('decode alarm', 'command alarms'))
  }
}

function alarmView(shown: ShownAlarm): AlarmView {
  const { isAcknowledged: _a, isLatched: _l, isSuppressed: _s, isOutOfService: _o, ...view } = shown
  return view
}

function groupView({ newest, ...group }: AlarmGroup): AlarmGroupView {
  return { ...group, newest: alarmView(newest) }
}

function entryView({ receivedTime, transition, state, priority }: JournalEntry): AlarmJournalEntry {
  const { asset, alarm, action, time, message, by, comment, until } = transition
  return {
    asset,
    alarm,
    action,
    time,
    receivedTime,
    state,
    priority,
    ...(message !== undefined && { message }),
    ...(by !== undefined && { by }),
    ...(comment !== undefined && { comment }),
    ...(until !== undefined && { until }),
  }
}

/** `1732287000123:0:17`, as `after` takes it. */
function placeText({ receivedTime, partition, offset }: JournalPlace): string {
  return `${receivedTime}:${partition}:${offset}`
}

function refusal({ action }: AlarmCommand, { asset, alarm, reason }: AlarmName & { readonly reason: string }) {
  const subject = `${JSON.stringify(alarm)} of ${JSON.stringify(asset)}`
  return new ApiError(409, 'ALARM_REFUSED', `Cannot ${action} alarm ${subject}: ${reason}`)
}

function notFound(asset: string, alarm: string): ApiError {
  const subject = `${JSON.stringify(alarm.slice(0, 80))} of ${JSON.stringify(asset.slice(0, 200))}`
  return new ApiError(404, 'ALARM_NOT_FOUND', `Cannot find alarm ${subject}: it has never been`)
}
