import type { Json } from '../../model/json-value.ts'
import { parseValue, valueJson, type ValueJson } from '../../model/value-json.ts'
import type { Value } from '../../model/reading.ts'
import type { Fact } from '../topology.ts'

/** A fact as JSON, for a state; int64 and bytes come back as they were. */
export function factJson(fact: Fact): Json {
  if (fact.kind !== 'reading') return fact as unknown as Json
  const { values, ...rest } = fact.reading
  const pairs = Object.entries(values).map(([tag, value]) => [tag, valueJson(value)])
  return { kind: 'reading', reading: { ...rest, values: pairs } }
}

export function parseFact(json: Json): Fact {
  const saved = json as unknown as Fact
  if (saved.kind !== 'reading') return saved
  const pairs = saved.reading.values as unknown as [string, ValueJson][]
  const values: [string, Value | null][] = pairs.map(([tag, value]) => [tag, parseValue(value)])
  return { kind: 'reading', reading: { ...saved.reading, values: Object.fromEntries(values) } }
}
