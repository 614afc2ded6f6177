import { EventIds } from '../../component/event-ids.ts'
import type { Fact, Operator, StepContext } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import type { Reading } from '../../model/reading.ts'
import { entryOf } from './entry.ts'
import { clip } from './judge.ts'
import { countersOf, OeeMachine } from './machine.ts'
import { packState, unpackState } from './pack.ts'
import type { OeeResult, Refusal, Skipped } from './result.ts'
import { saidOf } from './said.ts'
import type { OeeSettings } from './settings.ts'
import {
  eventOf,
  readingOf,
  RESULT,
  RUNNING,
  skippedEvent,
  toldInterval,
  toldResult,
  type LineShare,
  type ToldRunning,
} from './told.ts'
import { HOUR_MS, MINUTE_MS } from './zone.ts'

export interface MachineRules {
  /** Name of the processor. */
  readonly name: string
  readonly settings: OeeSettings
  /** Full path of the line that the machines are part of. */
  readonly line?: string
}

interface MachineKey {
  readonly machine: OeeMachine
  readonly ids: EventIds
  /** Time of the last reading that was taken though it said nothing of OEE: it shows that the machine is there. */
  lifeAt: number
  /** Something has come since the last minute was told. */
  heard: boolean
  /** The running time has been told up to here; 0: not yet. */
  toldTo: number
}

/** Readings that only show that a machine is there are taken so far apart: every one of them would cost state. */
const LIFE_EVERY_MS = 1_000
/** How often the running time of a machine is told, and of one that says nothing. */
const TELL_EVERY_MS = MINUTE_MS
const TELL_SILENT_MS = 15 * MINUTE_MS

/**
 * First stage, by machine: hands what it says and what is said of it to its `OeeMachine`, and tells what comes of it as events
 * `oee.result`, `oee.running` and tags. For a line, shares of its machines go on to the next stage.
 */
export function machineOperator(rules: MachineRules): Operator<MachineKey> {
  const { settings } = rules
  return {
    create: () => newKey(new OeeMachine(settings)),
    take(state, fact, context) {
      const refusal = takeFact(state, fact, settings, context)
      if (refusal === 'nothing') return
      state.heard = true
      tell(state, state.machine.watermark(context.now), rules, context)
      const minute = nextMinute(context.now)
      if (state.toldTo === 0 || minute < state.toldTo + TELL_SILENT_MS) context.setTimer('minute', minute)
      // After its state has been brought up to date: what is refused is counted as a fault, with its reason.
      if (refusal !== undefined) tellRefusal(refusal, rules, context)
    },
    due(state, timer, context) {
      tell(state, state.machine.watermark(context.time), rules, context)
      if (timer === 'minute') tellRunning(state, rules, context)
    },
    save: ({ machine, ids, lifeAt, heard, toldTo }) => ({
      machine: packState(machine.save()),
      ids: ids.save(),
      lifeAt,
      heard,
      toldTo,
    }),
    restore(json) {
      const { machine, ids, ...rest } = json as unknown as Omit<MachineKey, 'ids' | 'machine'> & {
        readonly machine: Json
        readonly ids: string[]
      }
      return { ...newKey(new OeeMachine(settings, unpackState(machine)), ids), ...rest }
    },
  }
}

function newKey(machine: OeeMachine, ids: string[] = []): MachineKey {
  return { machine, ids: new EventIds(ids), lifeAt: 0, heard: false, toldTo: 0 }
}

/** `nothing`: it is not about OEE, or came before. */
function takeFact(
  state: MachineKey,
  fact: Fact,
  settings: OeeSettings,
  { time, cause }: StepContext,
): Refusal | 'nothing' | undefined {
  if (fact.kind === 'event') {
    const said = saidOf(fact.event, time, cause)
    if (said === undefined || !state.ids.add(fact.event)) return 'nothing'
    return state.machine.event(said)
  }
  if (fact.kind !== 'reading') return 'nothing'
  if (!isNews(state, fact.reading, time, settings)) return 'nothing'
  return state.machine.reading({ ...fact.reading, time, cause })
}

function isNews(state: MachineKey, reading: Reading, time: number, settings: OeeSettings): boolean {
  const { set } = entryOf({ ...reading, time, cause: '' }, settings.tags)
  if (set === undefined && time >= state.lifeAt && time < state.lifeAt + LIFE_EVERY_MS) return false
  state.lifeAt = Math.max(state.lifeAt, time)
  return true
}

function tell(
  { machine }: MachineKey,
  results: readonly (OeeResult | Skipped)[],
  rules: MachineRules,
  context: StepContext,
): void {
  const { name, settings } = rules
  const counters = countersOf(settings)
  for (const result of results) {
    if (result.type === 'skipped') {
      context.emitAside(skippedEvent(context.key, name, result, context))
      continue
    }
    const told = toldResult(result, counters)
    context.emitAside(eventOf(RESULT, context.key, name, told, context))
    const { kind, from, to, report } = result
    share({ kind, name: result.name, from, to, totals: report.totals }, rules, context)
  }
  const due = machine.nextDue()
  if (due !== null) context.setTimer('period', due)
}

/** The last minutes as an event, and the last hour as tags of the machine. */
function tellRunning(state: MachineKey, rules: MachineRules, context: StepContext): void {
  const { machine, heard, toldTo } = state
  const { name, settings } = rules
  const { time, key } = context
  const last = machine.report(time - HOUR_MS, time)
  const since = Math.max(last.from, Math.min(toldTo || last.from, time) - overlapMs(settings))
  const counters = [...countersOf(settings)]
  const intervals = clip(last.intervals ?? [], since, time).map(toldInterval)
  const running: ToldRunning = { from: since, to: time, counters, intervals }
  context.emitAside(eventOf(RUNNING, key, name, running, context))
  context.emitAside(readingOf(key, last.report.kpis, last.report.unknownShare, context))
  share({ kind: 'now', name: '', from: last.from, to: last.to, totals: last.report.totals }, rules, context)
  state.heard = false
  state.toldTo = time
  context.setTimer('minute', heard ? nextMinute(time) : time + TELL_SILENT_MS)
}

/** So much of what was told before is told again: late readings and the end of a short stop change it. */
function overlapMs({ latenessMs, microStopMs, movedWithinMs }: OeeSettings): number {
  return MINUTE_MS + Math.max(latenessMs, microStopMs, movedWithinMs)
}

function share(part: Omit<LineShare, 'asset' | 'counters'>, rules: MachineRules, context: StepContext): void {
  if (rules.line === undefined || part.kind === 'order') return
  const { key: asset, time, received } = context
  const data: LineShare = { asset, counters: [...countersOf(rules.settings)], ...part }
  context.emit({ kind: 'keyed', key: rules.line, time, receivedTime: received, data: data as unknown as Json })
}

function tellRefusal({ why, cause, message }: Refusal, { name }: MachineRules, context: StepContext): void {
  context.emitAside(eventOf('oee.refused', context.key, name, { key: cause, why, cause, message }, context))
}

function nextMinute(time: number): number {
  return (Math.floor(time / TELL_EVERY_MS) + 1) * TELL_EVERY_MS
}
