import type { JoinRow } from '../../component/operators/join-row.ts'
import { rowOf, scalarOf, type Cell } from '../../component/operators/row.ts'
import { keyOf, type Fact } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { pathMatcher } from '../../model/path-pattern.ts'
import type { Value } from '../../model/reading.ts'
import type { JoinConfig } from './config.ts'
import { keyOfPlace } from './places.ts'

/** A fact as a side of a join, under the key where it meets the other. */
interface Side {
  readonly side: 'left' | 'right'
  readonly key: string
  readonly row: Omit<JoinRow, 'time'>
}

/** Tells which sides a fact is: the right before the left, so that a fact that is both meets itself. */
export function sidesOf({ left, right }: JoinConfig, site: string): (fact: Fact) => Side[] {
  const shared = [...left.on.names.keys()].filter((name) => right.on.names.has(name))
  const sides = [
    { side: 'right' as const, places: right.on, cells: (fact: Fact) => rightCells(fact, right) },
    { side: 'left' as const, places: left.on, cells: (fact: Fact) => tagCells(fact, left.tags) },
  ].map((one) => ({ ...one, matches: pathMatcher(site, one.places.pattern) }))
  return (fact) => {
    const asset = keyOf(fact)
    return sides.flatMap(({ side, places, cells, matches }): Side[] => {
      if (!matches(asset)) return []
      const found = cells(fact)
      if (found.length === 0) return []
      return [{ side, key: keyOfPlace(asset, site, places, shared), row: { asset, cells: found } }]
    })
  }
}

function rightCells(fact: Fact, { tags, event, fields }: JoinConfig['right']): readonly Cell[] {
  if (tags !== undefined) return tagCells(fact, tags)
  if (fact.kind !== 'event' || fact.event.type !== event) return []
  const { data } = fact.event
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return []
  const object = data as { readonly [field: string]: Json }
  return fields!.flatMap((field) => {
    return Object.hasOwn(object, field) ? [scalarOf(field, object[field] as Value | null, 0)] : []
  })
}

function tagCells(fact: Fact, tags: readonly string[]): readonly Cell[] {
  return fact.kind === 'reading' ? (rowOf(fact.reading, 0, tags)?.cells ?? []) : []
}
