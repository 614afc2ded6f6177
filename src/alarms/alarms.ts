import type { View, ViewBatch, ViewPosition } from '../component/view.ts'
import { ViewFile } from '../component/view-file.ts'
import type { AlarmPriority, AlarmTransition } from '../model/alarm.ts'
import { ALARM_PRIORITIES } from '../model/alarm.ts'
import type { Json } from '../model/json-value.ts'
import type { System } from '../system/system.ts'
import { Burden, type BurdenFigures } from './burden.ts'
import { Journal, type JournalEntry, type JournalPage, type JournalQuery } from './journal.ts'
import { atTime, decide, newAlarm, stateOf, unshelving, type AlarmCommand, type Refusal } from './life-cycle.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot.ts'
import {
  groupsOf,
  isUnacknowledged,
  keyOf,
  shown,
  standingOf,
  standingPage,
  type AlarmGroup,
  type GroupsQuery,
  type ShownAlarm,
  type StandingFilter,
  type StandingPage,
  type StandingQuery,
} from './standing.ts'
import { announcedIn, newTracked, restoreTracked, saveTracked, track, type Tracked } from './tracked.ts'

/** One record of the topic `alarms`. */
export interface AlarmEntry {
  readonly offset: number
  readonly transition: AlarmTransition
  /** What led to it, where a processor or the hub says so; '': nothing is named. */
  readonly cause: string
  /** When Millrace was told; ms since the epoch. */
  readonly receivedTime: number
}

export interface AlarmsOptions {
  readonly site: string
  /** Folder of the snapshot; made where it is missing. */
  readonly directory: string
  readonly system: Pick<System, 'clock' | 'disk' | 'logger'>
  /** How often the snapshot is written if something changed, in ms; default 10,000. */
  readonly everyMs?: number
}

export interface AlarmCounts {
  /** Another one after each change. */
  readonly revision: number
  readonly standing: number
  readonly unacknowledged: { readonly [priority in AlarmPriority]: number }
  /** More come than a person can take in (clause 16.5.3). */
  readonly isFlood: boolean
}

/** The figures by which an alarm system is judged (ISA-18.2-2016 clause 16). */
export interface AlarmMetrics extends BurdenFigures {
  readonly from: number
  readonly to: number
  readonly standing: number
  readonly unacknowledged: number
  readonly shelved: number
  readonly chattering: number
  readonly stale: number
  /** Of the annunciations, by hours; the ten that came most often. */
  readonly top: readonly { readonly asset: string; readonly alarm: string; readonly count: number }[]
  /** Alarms that are known, by priority. */
  readonly priorities: { readonly [priority in AlarmPriority]: number }
}

/**
 * All alarms of a site, kept from the topic `alarms`: the state of each, the journal, and the figures. State and positions
 * are written to one file, atomically; without it, or when it is damaged, they are rebuilt from the log, the same to the byte.
 */
export class Alarms implements View<AlarmEntry> {
  readonly name = 'alarms'
  readonly #options: AlarmsOptions
  readonly #listeners = new Set<(alarm: ShownAlarm, transition: AlarmTransition) => void>()
  readonly #tracked = new Map<string, Tracked>()
  readonly #burden = new Burden()
  readonly #journal: Journal
  #positions = new Map<string, ViewPosition>()
  #revision = 0
  readonly #file: ViewFile

  constructor(options: AlarmsOptions) {
    const { directory, system, everyMs } = options
    this.#options = options
    this.#file = new ViewFile({
      view: this.name,
      directory,
      system,
      everyMs,
      encode: () => this.#encoded(),
      restore: (bytes) => this.#restore(bytes),
    })
    this.#journal = new Journal(options.site)
  }

  /** Reads the snapshot, if there is a good one, and begins to write new ones. Called once, before the view is run. */
  open(): Promise<void> {
    return this.#file.open()
  }

  /** Writes the last snapshot. The view must not run any more. */
  close(): Promise<void> {
    return this.#file.close()
  }

  positions(): readonly ViewPosition[] {
    return [...this.#positions.values()]
  }

  take({ topic, partition, entries, nextOffset }: ViewBatch<AlarmEntry>): void {
    for (const entry of entries) this.#take(entry, partition)
    this.#positions.set(`${topic}/${partition}`, { topic, partition, offset: nextOffset })
    this.#file.changed()
  }

  reset(): void {
    this.#tracked.clear()
    this.#burden.reset()
    this.#journal.reset()
    this.#positions = new Map()
    this.#revision += 1
    this.#file.changed()
  }

  /** Calls `listener` with each alarm that changed. It must be cheap and must not throw. @returns ends the subscription */
  subscribe(listener: (alarm: ShownAlarm, transition: AlarmTransition) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  get(asset: string, alarm: string, now = this.#options.system.clock.now()): ShownAlarm | undefined {
    const tracked = this.#tracked.get(keyOf(asset, alarm))
    return tracked && shown(tracked, now)
  }

  /** What a command leads to; to be appended to the log by whoever asked. */
  decide(asset: string, alarm: string, command: AlarmCommand): readonly AlarmTransition[] | Refusal {
    const now = this.#options.system.clock.now()
    return decide(atTime(this.#tracked.get(keyOf(asset, alarm))?.alarm ?? newAlarm(asset, alarm), now), command, now)
  }

  /** Alarms that are not normal, those that want an answer first: unacknowledged, by priority, the newest first. */
  standing(query: StandingQuery): StandingPage {
    return standingPage(this.#standing(query), query)
  }

  /** Standing alarms with those of one name in one place as one: how a flood is shown, in which nothing is left out. */
  groups(query: GroupsQuery): readonly AlarmGroup[] {
    return groupsOf(this.#standing(query), query.limit)
  }

  journal(query: JournalQuery): JournalPage {
    return this.#journal.page(query)
  }

  /** What an operator has to know at a glance. */
  summary(): AlarmCounts {
    const now = this.#options.system.clock.now()
    const standing = this.#standing()
    const calling = standing.filter(isUnacknowledged)
    const of = (priority: AlarmPriority) => calling.filter((one) => one.priority === priority).length
    return {
      revision: this.#revision,
      standing: standing.length,
      unacknowledged: { low: of('low'), medium: of('medium'), high: of('high'), critical: of('critical') },
      isFlood: this.#burden.floods(now - 60_000, now).some(({ until }) => until === undefined),
    }
  }

  /** Another number after each change. */
  get revision(): number {
    return this.#revision
  }

  /** The figures of a stretch of time; `standing` and the like are of now. */
  metrics(from: number, to: number): AlarmMetrics {
    const now = this.#options.system.clock.now()
    const all = [...this.#tracked.values()].map((one) => ({ tracked: one, alarm: shown(one, now) }))
    const count = (is: (alarm: ShownAlarm) => boolean) => all.filter(({ alarm }) => is(alarm)).length
    const top = all
      .map(({ tracked, alarm }) => ({ asset: alarm.asset, alarm: alarm.alarm, count: announcedIn(tracked, from, to) }))
      .filter((one) => one.count > 0)
      .sort((a, b) => b.count - a.count || (keyOf(a.asset, a.alarm) < keyOf(b.asset, b.alarm) ? -1 : 1))
    const priorities = ALARM_PRIORITIES.map((priority) => [priority, count((alarm) => alarm.priority === priority)])
    return {
      from,
      to,
      ...this.#burden.figures(from, to),
      standing: count(({ state }) => state !== 'normal'),
      unacknowledged: count(isUnacknowledged),
      shelved: count(({ state }) => state === 'shelved'),
      chattering: count((alarm) => alarm.isChattering),
      stale: count((alarm) => alarm.isStale),
      top: top.slice(0, 10),
      priorities: Object.fromEntries(priorities) as AlarmMetrics['priorities'],
    }
  }

  /** Transitions that end the shelvings whose time is over, for the hub to append; each with its cause. */
  lapsed(now: number): readonly { readonly transition: AlarmTransition; readonly cause: string }[] {
    return [...this.#tracked.values()].flatMap(({ alarm }) => {
      if (alarm.shelvedUntil === undefined || alarm.shelvedUntil > now) return []
      return [{ transition: unshelving(alarm), cause: `unshelve/${alarm.asset}/${alarm.alarm}/${alarm.shelvedUntil}` }]
    })
  }

  /** Writes state and positions down as they are now. */
  save(): Promise<void> {
    return this.#file.save()
  }

  #take({ transition, cause, receivedTime, offset }: AlarmEntry, partition: number): void {
    const { asset, alarm } = transition
    const key = keyOf(asset, alarm)
    let tracked = this.#tracked.get(key)
    if (tracked === undefined) this.#tracked.set(key, (tracked = newTracked(asset, alarm)))
    const { isNew, isAnnounced } = track(tracked, transition, cause, receivedTime)
    if (!isNew) return
    this.#revision += 1
    if (isAnnounced) this.#burden.add(receivedTime)
    const { priority } = tracked.alarm
    const state = stateOf(tracked.alarm)
    this.#journal.add({ partition, offset, receivedTime, transition, state, priority })
    if (this.#listeners.size === 0) return
    const now = shown(tracked, this.#options.system.clock.now())
    for (const listener of this.#listeners) listener(now, transition)
  }

  #standing(filter: StandingFilter = {}): ShownAlarm[] {
    const { site, system } = this.#options
    return standingOf(this.#tracked.values(), filter, site, system.clock.now())
  }

  #encoded(): readonly Uint8Array[] {
    return encodeSnapshot({
      positions: this.positions(),
      burden: this.#burden.save(),
      incomplete: this.#journal.incomplete(),
      alarms: [...this.#tracked].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, tracked]) => saveTracked(tracked)),
      entries: this.#journal.all() as unknown as readonly Json[],
    })
  }

  #restore(bytes: Uint8Array): string | undefined {
    const snapshot = decodeSnapshot(bytes)
    if (typeof snapshot === 'string') return snapshot
    for (const json of snapshot.alarms) {
      const tracked = restoreTracked(json)
      this.#tracked.set(keyOf(tracked.alarm.asset, tracked.alarm.alarm), tracked)
    }
    this.#burden.restore(snapshot.burden)
    this.#journal.restore(snapshot.entries as unknown as readonly JournalEntry[], snapshot.incomplete)
    for (const at of snapshot.positions) this.#positions.set(`${at.topic}/${at.partition}`, at)
    return undefined
  }
}
