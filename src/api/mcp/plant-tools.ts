import { z } from 'zod'
import type { AlarmJournalView, AlarmsView, EventsView, HubView, LedgerView, SourceView } from '../contract.ts'
import type { OeeView } from '../contract-oee.ts'
import type { CompareView, MomentValue } from '../contract-past.ts'
import { pathInput, timeInput } from './asset-tools.ts'
import { HubRefused, pathText, queryText, tool, type AskHub, type Tool } from './tool.ts'
import { ago, nameText, percent, quoted, span, timeText, valueText } from './words.ts'

const onInput = z.string().max(1_024).optional().describe('Only of assets that match: press-shop/**')

const listAlarms = tool({
  name: 'list_alarms',
  title: 'Alarms that stand',
  description:
    'The alarms that are not normal now (ISA-18.2), those that want an answer first, with how many there are in all.',
  input: z.object({ on: onInput, limit: z.int().min(1).max(100).default(30) }),
  async run({ on, limit }, hub) {
    const { alarms, total } = (await hub.ask(`/api/v1/alarms${queryText({ on, limit })}`)) as AlarmsView
    return [
      `${total} alarms stand`,
      ...alarms.map(({ asset, alarm, state, priority, message, raisedAt }) => {
        const since = raisedAt === undefined ? '' : `, raised ${ago(raisedAt, hub.now())}`
        return `- ${priority} ${nameText(alarm)} of ${nameText(asset)}: ${state}${since}, ${quoted(message)}`
      }),
    ]
  },
})

const listEvents = tool({
  name: 'list_events',
  title: 'Business events',
  description:
    'Events of the plant, newest first: orders, batches, maintenance advised or done, stock, predictions. A star in the type is any text.',
  input: z.object({
    type: z.string().max(200).optional().describe('maintenance.*, oee.result, order.started'),
    asset: onInput,
    from: timeInput('Received from').optional(),
    to: timeInput('Received before').optional(),
    latest: z.boolean().default(false).describe('Only the newest of each thing'),
    limit: z.int().min(1).max(100).default(20),
  }),
  async run({ latest, ...query }, hub) {
    const view = (await hub.ask(`/api/v1/events${queryText({ ...query, ...(latest && { latest }) })}`)) as EventsView
    return view.events.map(eventText)
  },
})

const getOee = tool({
  name: 'get_oee',
  title: 'OEE',
  description:
    'Overall equipment effectiveness (ISO 22400-2) of a machine, line or place for an hour, shift, day or any span, with the greatest losses of time.',
  input: z.object({
    path: pathInput,
    period: z.enum(['now', 'hour', 'shift', 'day']).default('now').describe('now: the last hour'),
    at: timeInput('A moment in the period; default: now').optional(),
  }),
  async run({ path, period, at }, hub) {
    const view = (await hub.ask(`/api/v1/oee/${pathText(path)}${queryText({ period, at })}`)) as OeeView
    const { kpis, quantities } = view
    return [
      `${view.level} ${nameText(view.asset)}, ${timeText(view.period.from)} to ${timeText(view.period.to)}, known to ${timeText(view.period.knownTo)}`,
      `OEE ${percent(kpis.oee)} = availability ${percent(kpis.availability)} x effectiveness ${percent(kpis.effectiveness)} x quality ${percent(kpis.qualityRatio)}`,
      ...(view.target === undefined ? [] : [`target ${percent(view.target)}`]),
      ...(view.unknownShare > 0 ? [`of ${percent(view.unknownShare)} of the planned time nothing is known`] : []),
      ...(quantities === undefined ? [] : [`produced ${quantities.PQ}, good ${quantities.GQ}`]),
      ...view.flags.map((flag) => `note: ${quoted(flag)}`),
      ...(view.pareto.reason ?? view.pareto.category ?? [])
        .slice(0, 10)
        .map(({ key, name, ms, times }) => `- lost ${span(ms)} in ${times} stops: ${quoted(name ?? key)}`),
    ]
  },
})

const checkHealth = tool({
  name: 'check_health',
  title: 'Is anything lost?',
  description:
    'How the hub, its log and its sources are, and whether the books balance: every message received is stored, set aside with a reason, or dropped by a named policy.',
  input: z.object({}),
  async run(_input, hub) {
    const [status, sources, ledger] = (await Promise.all([
      hub.ask('/api/v1/status'),
      hub.ask('/api/v1/sources'),
      hub.ask('/api/v1/ledger'),
    ])) as [HubView, { readonly sources: readonly SourceView[] }, LedgerView]
    const { log } = status
    return [
      `hub of ${nameText(status.site)}, ${status.assets} assets, ${Math.round(status.recordsPerSecond)} records/s, up ${span(hub.now() - status.startedAt)}`,
      `log: ${log.state}, ${quoted(log.reason)}; acknowledged means ${log.durability}`,
      ledger.balanced
        ? 'the books balance: nothing is lost'
        : 'THE BOOKS DO NOT BALANCE: something is missing, see the books below',
      ...sources.sources.flatMap((source) => sourceLines(source, hub.now())),
    ]
  },
})

const whatChanged = tool({
  name: 'what_changed',
  title: 'What changed',
  description:
    'What happened between two times at assets that match a pattern: steps of alarms and business events, newest first; for one asset also which values differ between then and then.',
  input: z.object({
    on: z.string().min(1).max(1_024).describe('Pattern below the site (press-shop/**), or the full path of one asset'),
    from: timeInput('Begin'),
    to: timeInput('End').optional(),
    limit: z.int().min(1).max(50).default(20).describe('Of alarms and of events each'),
  }),
  async run({ on, from, to, limit }, hub) {
    const [journal, events, values] = await Promise.all([
      hub.ask(`/api/v1/alarms/journal${queryText({ on, from, to, limit })}`) as Promise<AlarmJournalView>,
      hub.ask(`/api/v1/events${queryText({ asset: on, from, to, limit })}`) as Promise<EventsView>,
      on.includes('*') ? [] : differences(on, from, to, hub),
    ])
    return [
      `alarms: ${journal.entries.length} steps${journal.next === undefined ? '' : ', and more'}`,
      ...journal.entries.map(({ time, asset, alarm, action, state, by, message }) => {
        const who = by === undefined ? '' : ` by ${quoted(by)}`
        return `- ${timeText(time)} ${nameText(alarm)} of ${nameText(asset)}: ${action}${who}, now ${state}${message === undefined ? '' : `, ${quoted(message)}`}`
      }),
      `events: ${events.events.length}${events.next === undefined ? '' : ', and more'}`,
      ...events.events.map(eventText),
      ...values,
    ]
  },
})

/** Which values of one asset are others than they were; why that is not known, where the hub keeps no history. */
async function differences(
  path: string,
  from: string,
  to: string | undefined,
  hub: AskHub,
): Promise<readonly string[]> {
  const query = queryText({ a: from, b: to ?? String(Math.floor(hub.now())) })
  try {
    const view = (await hub.ask(`/api/v1/assets/${pathText(path)}/compare${query}`)) as CompareView
    const unknown = [...new Set([...view.basis.a.unknown, ...view.basis.b.unknown])]
    return [
      `values: ${view.tags.length} differ, ${view.same} are the same`,
      ...view.tags.map(
        ({ tag, a, b, unit }) => `- ${nameText(tag)}: ${momentText(a, unit)} became ${momentText(b, unit)}`,
      ),
      ...(unknown.length === 0 ? [] : [`NOT KNOWN: ${unknown.map(nameText).join(', ')}`]),
    ]
  } catch (error) {
    if (error instanceof HubRefused) return [`values: not known, ${error.message}`]
    throw error
  }
}

function momentText({ value, quality, qualityName }: MomentValue, unit: string | undefined): string {
  return `${valueText(value, unit)}${quality === 0 ? '' : ` (${qualityName})`}`
}

function eventText({ type, asset, time, data }: EventsView['events'][number]): string {
  return `- ${timeText(time)} ${nameText(type)} of ${nameText(asset)}: ${valueText(data)}`
}

function sourceLines(
  { name, kind, state, reason, lastData, rate, parts, book }: SourceView,
  now: number,
): readonly string[] {
  const heard = lastData === undefined ? 'no data yet' : `last data ${ago(lastData, now)}`
  const { received, stored, quarantined, dropped, unacknowledged, inFlight, balanced } = book
  const unbalanced = balanced ? '' : ' DOES NOT BALANCE'
  return [
    `- source ${nameText(name)} (${nameText(kind)}): ${state}, ${quoted(reason)}, ${heard}, ${Math.round(rate)} records/s`,
    `  book: received ${received} = stored ${stored} + quarantined ${quarantined} + dropped ${dropped} + never acknowledged ${unacknowledged} + in flight ${inFlight}${unbalanced}`,
    ...parts.slice(0, 10).map((part) => `  ${nameText(part.name)}: ${quoted(part.reason)}`),
  ]
}

export const PLANT_TOOLS: readonly Tool[] = [listAlarms, listEvents, getOee, checkHealth, whatChanged]
