import { EventData } from '../../component/event-data.ts'
import { EventIds } from '../../component/event-ids.ts'
import type { Operator, StepContext } from '../../component/topology.ts'
import { badEvent } from '../../model/cloud-event.ts'
import type { Event } from '../../model/event.ts'
import type { Json } from '../../model/json-value.ts'
import { under } from '../../model/path.ts'
import { severity } from '../../model/quality.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'
import type { SequenceConfig } from './config.ts'

/** A position of the plan. */
export interface Planned {
  readonly position: number
  /** Order, or VIN. */
  readonly order: string
  readonly variant?: string
  readonly part?: string
  /** When it is at the place of fitting, ms since the epoch. */
  readonly due?: number
}

/** What concerns a line. */
export type Sighting =
  /** From the first of these positions on, this is the plan. */
  | { readonly kind: 'planned'; readonly positions: readonly Planned[] }
  | {
      readonly kind: 'seen'
      readonly checkpoint: number
      readonly order: string
      readonly variant?: string
      readonly part?: string
    }
  /** Somebody has put it right. */
  | { readonly kind: 'resolved'; readonly order: string }

interface AssetState {
  readonly ids: EventIds
  /** What each tag said last: a reader says the same until the next one comes. */
  readonly last: Map<string, string>
}

/** Most positions of one plan. */
const MOST_POSITIONS = 1_000

/**
 * First stage, by asset: plans of the line, and what the checkpoints see, under the key of the line. Events are
 * `sequence.planned` and `sequence.resolved` of the line, and those that a checkpoint names.
 */
export function sightingsOperator(site: string, config: SequenceConfig): Operator<AssetState> {
  const line = under(site, config.line)
  const checkpoints = config.checkpoints.map((checkpoint) => ({ ...checkpoint, at: under(site, checkpoint.at) }))
  const emit = (sighting: Sighting, context: StepContext) => {
    const { time, received } = context
    const data = sighting as unknown as Json
    context.emit({ kind: 'keyed', key: line, time, receivedTime: received, data })
  }
  return {
    create: () => ({ ids: new EventIds(), last: new Map() }),
    take(state, fact, context) {
      if (fact.kind === 'event') {
        const { event } = fact
        const sightings = [
          ...(event.asset === line ? sightingsOfLine(event) : []),
          ...checkpoints.flatMap(({ at, event: type }, index) =>
            event.asset === at && event.type === type ? [seenIn(event, index)] : [],
          ),
        ]
        if (sightings.length > 0 && state.ids.add(event)) for (const sighting of sightings) emit(sighting, context)
      }
      if (fact.kind === 'reading') {
        checkpoints.forEach(({ at, tag }, checkpoint) => {
          if (tag === undefined || at !== fact.reading.asset) return
          const order = newOrder(state, fact.reading, tag)
          if (order !== undefined) emit({ kind: 'seen', checkpoint, order }, context)
        })
      }
    },
    save: ({ ids, last }) => ({ ids: ids.save(), last: [...last] }),
    restore(json) {
      const saved = json as unknown as { ids: string[]; last: [string, string][] }
      return { ids: new EventIds(saved.ids), last: new Map(saved.last) }
    },
    isIdle: ({ ids, last }) => ids.size === 0 && last.size === 0,
  }
}

function sightingsOfLine(event: Event): Sighting[] {
  if (event.type === 'sequence.planned') return [{ kind: 'planned', positions: positionsOf(event) }]
  if (event.type === 'sequence.resolved') return [{ kind: 'resolved', order: EventData.of(event).text('order') }]
  return []
}

/** A position without a number is the one after. @throws ModelError `BAD_EVENT` */
function positionsOf(event: Event): Planned[] {
  const list = EventData.of(event).list('positions')
  if (list.length === 0 || list.length > MOST_POSITIONS) {
    throw badEvent(`"positions" of "sequence.planned" has ${list.length} entries, want 1 to ${MOST_POSITIONS}`)
  }
  const orders = new Set<string>()
  let last: number | undefined
  return list.map((data) => {
    const position: number = last === undefined || data.has('position') ? data.number('position') : last + 1
    const order = data.text('order')
    if (!Number.isSafeInteger(position) || (last !== undefined && position <= last)) {
      throw badEvent(`"position" of "${order}" is ${position}, want a whole number above the one before`)
    }
    if (orders.has(order)) throw badEvent(`order "${order}" is planned twice, want it once`)
    orders.add(order)
    last = position
    return { position, order, ...partOf(data), ...dueOf(data) }
  })
}

function seenIn(event: Event, checkpoint: number): Sighting {
  const data = EventData.of(event)
  return { kind: 'seen', checkpoint, order: data.text('order'), ...partOf(data) }
}

function partOf(data: EventData): { readonly variant?: string; readonly part?: string } {
  const [variant, part] = [data.optionalText('variant'), data.optionalText('part')]
  return { ...(variant !== undefined && { variant }), ...(part !== undefined && { part }) }
}

function dueOf(data: EventData): { readonly due?: number } {
  if (!data.has('due')) return {}
  const due = Date.parse(data.text('due'))
  if (Number.isNaN(due)) throw badEvent('"due" is no time, want RFC 3339, e.g. "2025-11-30T08:15:00Z"')
  return { due }
}

/** The order that a tag names, where it is another one than before. */
function newOrder(state: AssetState, reading: Reading, tag: string): string | undefined {
  if (!Object.hasOwn(reading.values, tag) || severity(qualityOf(reading, tag)) === 'bad') return undefined
  const value = reading.values[tag]!
  const order = typeof value === 'string' ? value.trim() : typeof value === 'object' ? '' : String(value)
  if (order === '' || state.last.get(tag) === order) return undefined
  state.last.set(tag, order)
  return order
}
