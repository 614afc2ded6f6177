import type { AlarmsView, AlarmView, EventsView, EventView, ValuesView } from '../../src/api/contract.ts'
import { numberOf, textOf } from './event-fields.ts'

/** What there is of a material at a place, as a processor `stock` says it in the tags of the place. */
export interface Account {
  readonly place: string
  readonly material: string
  readonly quantity: number | undefined
  /** Ours less the ERP's, as of the ERP's last figure. */
  readonly difference: number | undefined
  /** What the ERP has. */
  readonly booked: number | undefined
  /** Hours that it lasts; undefined: nothing is used. */
  readonly coverHours: number | undefined
  /** Hours that it must last; known while its alarm stands. */
  readonly wantedHours: number | undefined
  /** Called and not there yet. */
  readonly ordered: number | undefined
  /** The newest call. */
  readonly call: Call | undefined
  readonly alarms: readonly AlarmView[]
  /** When it last changed, or was judged anew; a stock that nobody touches is what it was. */
  readonly receivedTime: number
}

interface Call {
  readonly quantity: number
  readonly cards: number
  readonly from: string | undefined
  readonly time: number
  readonly due: number
}

/** Tags that a material has beside the one of its own name. */
export const ENDINGS = ['.cover', '.ordered', '.difference', '.lots'] as const

/** Names of materials, from the tags that only stock has and from events about stock. */
export function materialsOf(values: ValuesView | undefined, events: readonly EventView[]): string[] {
  const tags = (values?.assets ?? []).flatMap((row) => Object.keys(row.values))
  const named = tags.flatMap((tag) => {
    const ending = ENDINGS.find((one) => tag.endsWith(one))
    return ending === undefined ? [] : [tag.slice(0, -ending.length)]
  })
  const moved = events.flatMap(({ data }) => textOf(data, 'material') ?? [])
  return [...new Set([...named, ...moved])].sort()
}

/** Every account there is, worst first: below zero, then alarms, then how long it lasts. */
export function accountsOf(
  materials: readonly string[],
  values: ValuesView | undefined,
  alarms: AlarmsView | undefined,
  events: readonly EventView[],
): Account[] {
  const accounts = (values?.assets ?? []).flatMap((row) =>
    materials.flatMap((material) => {
      if (![material, ...ENDINGS.map((ending) => material + ending)].some((tag) => tag in row.values)) return []
      return [accountOf(material, row, alarms?.alarms ?? [], events)]
    }),
  )
  return accounts.sort((a, b) => rankOf(a) - rankOf(b) || lasts(a) - lasts(b) || (nameOf(a) < nameOf(b) ? -1 : 1))
}

function accountOf(
  material: string,
  { path: place, values, receivedTime }: ValuesView['assets'][number],
  standing: readonly AlarmView[],
  events: readonly EventView[],
): Account {
  const own = (tag: string) => {
    const value = Object.hasOwn(values, tag) ? values[tag] : undefined
    return typeof value === 'number' ? value : undefined
  }
  const alarms = standing.filter(
    ({ asset, alarm, isActive }) => isActive && asset === place && isAbout(alarm, material),
  )
  const cover = alarms.find(({ alarm }) => alarm.endsWith('.cover'))
  return {
    place,
    material,
    quantity: own(material),
    difference: own(`${material}.difference`),
    booked: bookedIn(events, place, material),
    coverHours: own(`${material}.cover`),
    wantedHours: cover === undefined ? undefined : numberOf(cover.detail, 'wantedHours'),
    ordered: own(`${material}.ordered`),
    call: callIn(events, place, material),
    alarms,
    receivedTime,
  }
}

/** `PROCESSOR.MATERIAL.cover`; both may have dots. */
function isAbout(alarm: string, material: string): boolean {
  return ['cover', 'negative', 'difference', 'late'].some((part) => alarm.endsWith(`.${material}.${part}`))
}

function bookedIn(events: readonly EventView[], place: string, material: string): number | undefined {
  const last = events.find((event) => event.type === 'stock.booked' && concerns(event, place, material))
  return last && numberOf(last.data, 'quantity')
}

function callIn(events: readonly EventView[], place: string, material: string): Call | undefined {
  const last = events.find((event) => event.type === 'kanban.called' && concerns(event, place, material))
  if (last === undefined) return undefined
  return {
    quantity: numberOf(last.data, 'quantity') ?? 0,
    cards: numberOf(last.data, 'cards') ?? 1,
    from: leafOf(textOf(last.data, 'from')),
    time: last.time,
    due: Date.parse(textOf(last.data, 'due') ?? ''),
  }
}

/** Whether an event is about a material at a place: places are written in full, or below the site. */
export function concerns({ asset, data }: EventView, place: string, material: string): boolean {
  if (textOf(data, 'material') !== material) return false
  const named = ['place', 'from', 'to'].flatMap((field) => textOf(data, field) ?? [])
  return (named.length === 0 ? [asset] : named).some((one) => one === place || place.endsWith(`/${one}`))
}

/** What an event has done to a place, in words: `+400 from warehouse`. */
export function changeText({ type, data }: EventView, place: string): string {
  const quantity = numberOf(data, 'quantity') ?? numberOf(data, 'counted') ?? 0
  const [from, to] = [textOf(data, 'from'), textOf(data, 'to')]
  const isHere = (one: string | undefined) => one !== undefined && (one === place || place.endsWith(`/${one}`))
  switch (type) {
    case 'stock.moved':
      return isHere(to)
        ? `+${quantity} from ${leafOf(from) ?? 'outside'}`
        : `\u2212${quantity} to ${leafOf(to) ?? 'outside'}`
    case 'stock.counted':
      return `counted ${quantity}`
    case 'stock.booked':
      return `the ERP has ${quantity}`
    case 'stock.planned':
      return `${quantity} planned until ${textOf(data, 'until') ?? '?'}`
    case 'stock.corrected':
      return `counted ${quantity}, ${numberOf(data, 'expected') ?? '?'} were expected`
    case 'kanban.called':
      return `called ${quantity}${from === undefined ? '' : ` from ${leafOf(from)}`}`
    default:
      return type
  }
}

/** The last name of a place: some write it in full, some below the site. */
function leafOf(place: string | undefined): string | undefined {
  return place?.split('/').at(-1)
}

function rankOf({ quantity, alarms }: Account): number {
  if (quantity !== undefined && quantity < 0) return 0
  return alarms.length > 0 ? 1 : 2
}

function lasts({ coverHours }: Account): number {
  return coverHours ?? Infinity
}

function nameOf({ place, material }: Account): string {
  return `${place} ${material}`
}

/** Events about stock in one list, the newest first. */
export function joined(...views: readonly (EventsView | undefined)[]): EventView[] {
  return views.flatMap((view) => view?.events ?? []).sort((a, b) => b.time - a.time)
}
