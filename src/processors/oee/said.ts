import { EventData } from '../../component/event-data.ts'
import { badEvent, shown } from '../../model/cloud-event.ts'
import type { Event } from '../../model/event.ts'
import type { OeeEvent } from './entry.ts'
import type { StateClass } from './states.ts'

const CLASSES = ['breakdown', 'waiting', 'setup', 'planned-stop'] as const

/**
 * What a business event says of a machine; undefined: nothing that matters here. `time` is the event's, as it is believed.
 * @throws ModelError `BAD_EVENT` where an event of a known type is not as wanted
 */
export function saidOf(event: Event, time: number, cause: string): OeeEvent | undefined {
  const data = () => EventData.of(event)
  switch (event.type) {
    case 'order.started':
      return orderStarted(data(), time, cause)
    case 'order.ended':
      return { kind: 'order', time, order: null, cause }
    case 'machine.offline':
      return { kind: 'offline', time, cause }
    case 'stop.reason':
      return reasonOf(data(), cause)
    case 'stop.planned':
      return plannedOf(data(), event, cause)
    default:
      return undefined
  }
}

function orderStarted(data: EventData, time: number, cause: string): OeeEvent {
  const product = data.optionalText('product')
  const seconds = data.has('idealCycle') ? data.amount('idealCycle') : undefined
  return {
    kind: 'order',
    time,
    order: data.text('order'),
    ...(product !== undefined && { product }),
    ...(seconds !== undefined && { idealCycleMs: seconds * 1000 }),
    cause,
  }
}

function reasonOf(data: EventData, cause: string): OeeEvent {
  const kind = classOf(data)
  const reason = data.optionalText('reason') ?? null
  return { kind: 'reason', ...spanOf(data), reason, ...(kind !== undefined && { class: kind }), cause }
}

function plannedOf(data: EventData, event: Event, cause: string): OeeEvent {
  const { from, to } = data.has('from') ? spanOf(data) : { from: 0, to: 0 }
  const id = data.optionalText('id') ?? event.id
  return { kind: 'planned-stop', id, from, to, reason: data.optionalText('reason') ?? 'planned', cause }
}

function classOf(data: EventData): Exclude<StateClass, 'running'> | undefined {
  const given = data.optionalText('class')
  if (given === undefined) return undefined
  const found = CLASSES.find((one) => one === given)
  if (found === undefined) throw badEvent(`"class" is ${shown(given)}, want one of ${CLASSES.join(', ')}`)
  return found
}

function spanOf(data: EventData): { readonly from: number; readonly to: number } {
  return { from: timeIn(data, 'from'), to: timeIn(data, 'to') }
}

/** ISO 8601. */
function timeIn(data: EventData, name: string): number {
  const text = data.text(name)
  const time = /^\d{10,15}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(time)) return time
  throw badEvent(`"${name}" is ${shown(text)}, want a time as in 2026-01-31T08:00:00Z`)
}
