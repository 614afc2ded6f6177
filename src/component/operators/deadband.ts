import type { Json } from '../../model/json-value.ts'
import { severity } from '../../model/quality.ts'
import type { Operator } from '../topology.ts'
import type { Figure } from './aggregates.ts'
import { readingOf } from './derived-reading.ts'
import { expectOrder } from './order.ts'
import { rowOf, type Cell, type Scalar } from './row.ts'

/** When a value of a tag is worth a report. */
export interface Band {
  /** A number is reported that is further than this from the one reported last; 0: that is another. */
  readonly deadband: number
  /** A value is also reported when the last report is so old, ms; undefined: never for that. */
  readonly atLeastEveryMs?: number
}

export interface DeadbandOptions {
  readonly bands: ReadonlyMap<string, Band>
  /** Name of a derived tag. */
  readonly nameOf: (tag: string) => string
}

/** What was reported last of a tag. */
interface Reported {
  readonly value: Scalar | null
  readonly quality: number
  readonly time: number
}

interface State {
  time: number
  readonly reported: Map<string, Reported>
}

/**
 * Reports by exception: of each reading the tags that have left their deadband (OPC 10000-4, 7.22.2, AbsoluteDeadband), changed
 * their quality, or were reported too long ago. Texts and booleans are reported when they change. Whoever holds the last
 * report is never further from the truth than the deadband. Wants facts in order (`in-order`). Keeps one value a tag.
 */
export function deadbandOperator({ bands, nameOf }: DeadbandOptions): Operator<State> {
  const tags = [...bands.keys()]
  return {
    create: () => ({ time: -Infinity, reported: new Map() }),
    take(state, fact, context) {
      if (fact.kind !== 'reading') return
      const row = rowOf(fact.reading, context.time, tags)
      if (row === undefined) return
      expectOrder(state, row.time)
      const figures = row.cells.flatMap((cell): Figure[] => {
        const [tag, value, quality] = cell
        if (!isWorth(cell, row.time, state.reported.get(tag), bands.get(tag)!)) return []
        state.reported.set(tag, { value, quality, time: row.time })
        return [{ name: nameOf(tag), value, quality }]
      })
      if (figures.length > 0) context.emit({ kind: 'reading', reading: readingOf(figures, row.time, context) })
    },
    save: ({ time, reported }) => [Number.isFinite(time) ? time : null, [...reported]] as unknown as Json,
    restore(json) {
      const [time, reported] = json as unknown as [number | null, [string, Reported][]]
      return { time: time ?? -Infinity, reported: new Map(reported) }
    },
  }
}

function isWorth([, value, quality]: Cell, time: number, last: Reported | undefined, band: Band): boolean {
  if (last === undefined || severity(quality) !== severity(last.quality)) return true
  if (band.atLeastEveryMs !== undefined && time - last.time >= band.atLeastEveryMs) return true
  if (typeof value === 'number' && typeof last.value === 'number') return Math.abs(value - last.value) > band.deadband
  return value !== last.value
}
