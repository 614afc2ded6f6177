import type { EventsView, EventView, ProblemView, ValuesView } from '../../src/api/contract.ts'
import { fieldOf, numberOf, textOf } from './event-fields.ts'

/** What is left of an asset, and what is advised, as a processor `remaining-life` says it. */
export interface Life {
  readonly path: string
  /** What its tags begin with: `life`. */
  readonly prefix: string
  readonly unit: string
  readonly age: number | undefined
  /** undefined: nothing can be said, or it lies later than can be said. */
  readonly left: number | undefined
  readonly low: number | undefined
  readonly high: number | undefined
  /** Probability of failure within the horizon. */
  readonly failure: number | undefined
  readonly advice: Advice | undefined
}

export interface Advice {
  readonly action: 'plan' | 'now'
  readonly why: string
  /** When it was given, ms since the epoch. */
  readonly time: number
  /** ms since the epoch; NaN: not known as a time. */
  readonly due: number
  readonly until: number
  readonly costOfWaiting: number
}

/** Endings of the tags of a remaining life. */
export const ENDINGS = ['.left', '.left.low', '.left.high', '.failure', '.age'] as const

/** Every asset that has a remaining life: what is due first comes first, then what is left the least. */
export function livesOf(values: ValuesView | undefined, events: EventsView | undefined): Life[] {
  const lives = (values?.assets ?? []).flatMap((row) =>
    prefixesOf(row.values).map((prefix) => lifeOf(prefix, row, events?.events ?? [])),
  )
  return lives.sort((a, b) => rankOf(a) - rankOf(b) || dueOf(a) - dueOf(b) || leftOf(a) - leftOf(b))
}

/** `left` alone may be anybody's; with its interval it is ours. */
function prefixesOf(values: ValuesView['assets'][number]['values']): string[] {
  return Object.keys(values).flatMap((tag) => (tag.endsWith('.left.low') ? [tag.slice(0, -'.left.low'.length)] : []))
}

function lifeOf(prefix: string, { path, values }: ValuesView['assets'][number], events: readonly EventView[]): Life {
  const number = (ending: string) => {
    const value = values[prefix + ending]
    return typeof value === 'number' ? value : undefined
  }
  const told = events.find(({ type, asset }) => type === 'maintenance.advised' && asset === path)
  return {
    path,
    prefix,
    unit: (told && textOf(told.data, 'unit')) ?? '',
    age: number('.age'),
    left: number('.left'),
    low: number('.left.low'),
    high: number('.left.high'),
    failure: number('.failure'),
    advice: told && adviceOf(told),
  }
}

/** undefined: it was taken back. */
function adviceOf({ data, time }: EventView): Advice | undefined {
  const action = fieldOf(data, 'action')
  if (action !== 'plan' && action !== 'now') return undefined
  return {
    action,
    why: textOf(data, 'why') ?? '',
    time,
    due: Date.parse(textOf(data, 'due') ?? ''),
    until: numberOf(data, 'until') ?? 0,
    costOfWaiting: numberOf(data, 'costOfWaiting') ?? 0,
  }
}

function rankOf({ advice }: Life): number {
  if (advice === undefined) return 2
  return advice.action === 'now' ? 0 : 1
}

function dueOf({ advice }: Life): number {
  return advice === undefined || Number.isNaN(advice.due) ? Number.MAX_SAFE_INTEGER : advice.due
}

function leftOf({ left }: Life): number {
  return left ?? Number.MAX_SAFE_INTEGER
}

/** Where the bar of a life ends: at the largest interval of those with its unit, so that bars can be compared. */
export function scaleOf(lives: readonly Life[], unit: string): number {
  const ends = lives.flatMap((life) => (life.unit === unit ? [life.high ?? 1.5 * (life.left ?? 0)] : []))
  return Math.max(...ends, 1e-9)
}

/** Says that maintenance was done; answers why that was not taken, and undefined where it was. */
export async function tellDone(asset: string): Promise<string | undefined> {
  try {
    const answer = await fetch('/api/v1/events', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'maintenance.done', asset, data: {} }),
    })
    return answer.ok ? undefined : ((await answer.json()) as ProblemView).message
  } catch {
    return 'The hub does not answer: nobody knows whether it was stored'
  }
}
