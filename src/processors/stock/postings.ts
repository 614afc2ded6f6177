import { EventData } from '../../component/event-data.ts'
import { EventIds } from '../../component/event-ids.ts'
import type { Fact, Operator, StepContext } from '../../component/topology.ts'
import { badEvent } from '../../model/cloud-event.ts'
import type { Event } from '../../model/event.ts'
import { parsePath, tagFault } from '../../model/path.ts'
import { pathMatcher } from '../../model/path-pattern.ts'
import { severity } from '../../model/quality.ts'
import { qualityOf, type Reading } from '../../model/reading.ts'
import type { CounterConfig } from './config.ts'
import { postingFact, type Account, type Posting } from './posting.ts'

interface AssetState {
  /** Events that have been taken. */
  readonly ids: EventIds
  /** What each counter said last, by tag. */
  readonly counters: Map<string, Count>
}

interface Count {
  readonly time: number
  readonly value: number
}

/** A counter, with the machines that it is at. */
interface Counter extends CounterConfig {
  readonly matches: (asset: string) => boolean
}

/**
 * First stage, by asset: makes postings, each under the key of its material and place, of what happens there. Events are
 * `stock.moved`, `stock.counted`, `stock.booked` and `stock.planned`; a counter that grows consumes and produces.
 */
export function postingsOperator(site: string, counters: readonly CounterConfig[]): Operator<AssetState> {
  const known = counters.map((counter): Counter => {
    const matchers = counter.on.map((pattern) => pathMatcher(site, pattern))
    return { ...counter, matches: (asset) => matchers.some((matches) => matches(asset)) }
  })
  return {
    create: () => ({ ids: new EventIds(), counters: new Map() }),
    take(state, fact, context) {
      if (fact.kind === 'event') takeEvent(state, fact.event, site, context)
      if (fact.kind === 'reading') takeReading(state, fact.reading, known, site, context)
    },
    save: ({ ids, counters: counts }) => ({
      ids: ids.save(),
      counters: [...counts].map(([tag, { time, value }]) => [tag, time, value]),
    }),
    restore(json) {
      const saved = json as unknown as { ids: string[]; counters: [string, number, number][] }
      return {
        ids: new EventIds(saved.ids),
        counters: new Map(saved.counters.map(([tag, time, value]) => [tag, { time, value }])),
      }
    },
    isIdle: ({ ids, counters: counts }) => ids.size === 0 && counts.size === 0,
  }
}

function takeEvent(state: AssetState, event: Event, site: string, context: StepContext): void {
  const postings = postingsOf(event, site)
  if (postings === undefined) return
  if (!state.ids.add(event)) return
  for (const [account, posting] of postings) emit(account, posting, context)
}

/** What an event of stock says; undefined: it is about something else. @throws ModelError `BAD_EVENT`, `BAD_PATH` */
function postingsOf(event: Event, site: string): (readonly [Account, Posting])[] | undefined {
  switch (event.type) {
    case 'stock.moved':
      return moved(EventData.of(event), site)
    case 'stock.counted':
    case 'stock.booked': {
      const data = EventData.of(event)
      const kind = event.type === 'stock.counted' ? 'counted' : 'booked'
      return [[accountIn(data, event, site), { kind, quantity: data.number('quantity'), ...unitOf(data) }]]
    }
    case 'stock.planned': {
      const data = EventData.of(event)
      const until = Date.parse(data.text('until'))
      if (!(until > event.time)) throw badEvent('"until" of "stock.planned" is no later time, want RFC 3339')
      return [[accountIn(data, event, site), { kind: 'planned', quantity: data.amount('quantity'), until }]]
    }
    default:
      return undefined
  }
}

/** Out of one place and into another; one of them may be the world outside. */
function moved(data: EventData, site: string): (readonly [Account, Posting])[] {
  const material = materialIn(data)
  const quantity = data.amount('quantity')
  const [from, to] = ['from', 'to'].map((name) => (data.has(name) ? placeOf(data.text(name), site) : undefined))
  if (from === to) throw badEvent(`"from" and "to" of "stock.moved" are ${from ?? 'missing'}, want two places`)
  const lot = data.optionalText('lot') ?? data.optionalText('batch')
  const rest = { ...(lot !== undefined && { lot }), ...unitOf(data) }
  const legs: (readonly [Account, Posting])[] = []
  if (from !== undefined)
    legs.push([
      { material, place: from },
      { kind: 'moved', quantity: -quantity, ...rest },
    ])
  if (to !== undefined)
    legs.push([
      { material, place: to },
      { kind: 'moved', quantity, ...rest },
    ])
  return legs
}

function accountIn(data: EventData, event: Event, site: string): Account {
  const place = data.optionalText('place')
  return { material: materialIn(data), place: place === undefined ? event.asset : placeOf(place, site) }
}

/** A material is part of the name of a tag. */
function materialIn(data: EventData): string {
  const material = data.text('material')
  const fault = tagFault(`${material}.difference`)
  if (fault !== undefined) throw badEvent(`"material" is ${JSON.stringify(material.slice(0, 60))}: ${fault}`)
  return material
}

function unitOf(data: EventData): { readonly unit?: string } {
  const unit = data.optionalText('unit')
  return unit === undefined ? {} : { unit }
}

function placeOf(path: string, site: string): string {
  return parsePath(path.startsWith(`${site}/`) ? path : `${site}/${path}`)
}

function takeReading(
  state: AssetState,
  reading: Reading,
  counters: readonly Counter[],
  site: string,
  context: StepContext,
): void {
  const { asset, values } = reading
  const grown = new Map<string, number>()
  for (const { tag, rollover, matches } of counters) {
    if (grown.has(tag) || !Object.hasOwn(values, tag) || !matches(asset)) continue
    const value = Number(values[tag])
    if (values[tag] === null || !Number.isFinite(value) || severity(qualityOf(reading, tag)) === 'bad') continue
    grown.set(tag, growth(state, tag, { time: reading.sourceTime, value }, rollover))
  }
  for (const { tag, matches, consumes, produces } of counters) {
    const count = grown.get(tag) ?? 0
    if (count === 0 || !matches(asset)) continue
    for (const [material, { quantity, place }] of Object.entries(consumes)) {
      const account = { material, place: place === undefined ? asset : placeOf(place, site) }
      emit(account, { kind: 'used', quantity: -quantity * count }, context)
    }
    for (const [material, { quantity, place }] of Object.entries(produces)) {
      const account = { material, place: place === undefined ? asset : placeOf(place, site) }
      emit(account, { kind: 'made', quantity: quantity * count }, context)
    }
  }
}

/** By how much a counter has grown. Its first value is where it begins, and one that is older than the last says nothing. */
function growth(state: AssetState, tag: string, count: Count, rollover: number | undefined): number {
  const last = state.counters.get(tag)
  if (last !== undefined && count.time <= last.time) return 0
  state.counters.set(tag, count)
  if (last === undefined) return 0
  if (count.value >= last.value) return count.value - last.value
  return rollover === undefined ? count.value : count.value - last.value + rollover
}

function emit(account: Account, posting: Posting, context: StepContext): void {
  const fact: Fact = postingFact(account, posting, context.time, context.received)
  context.emit(fact)
}
