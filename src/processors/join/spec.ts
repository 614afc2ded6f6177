import { derivedName } from '../../component/operators/derived-name.ts'
import { readingOf } from '../../component/operators/derived-reading.ts'
import { inOrderOperator } from '../../component/operators/in-order.ts'
import { joinAsOfOperator } from '../../component/operators/join-as-of.ts'
import type { Joined, JoinRow } from '../../component/operators/join-row.ts'
import { joinWithinOperator } from '../../component/operators/join-within.ts'
import { keyByOperator } from '../../component/operators/key-by.ts'
import { checkTags } from '../../component/known-tags.ts'
import type { ConfigFault, DeclaredTags, ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Fact, Intake, Operator, Step, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { joinSchema, type JoinConfig } from './config.ts'
import { sidesOf } from './sides.ts'

/** Adds to the tags of machines what is known elsewhere: of their line, of their order. */
export const joinSpec: ProcessorSpec<JoinConfig> = {
  kind: 'join',
  summary: 'Joins tags of assets with tags or events of others: as of their time, with the newest, or near in time',
  config: joinSchema,
  example: `processors:
  with-order:
    join:
      left: { on: "press-shop/{line}/*", tags: [temperature, cycles] }
      right: { on: "press-shop/{line}", event: order.started, fields: [order, product] }
      how: as-of
      tolerance: 8h
`,
  topology: joinTopology,
  check: checkJoin,
}

function checkJoin({ left, right }: JoinConfig, declared: DeclaredTags): readonly ConfigFault[] {
  return Object.entries({ left, right }).flatMap(([side, { on, of, tags = [] }]) => {
    const named = tags.map((tag) => ({ path: [side, 'tags'], tag }))
    return checkTags({ on: [on.pattern], of }, named, 'join', declared)
  })
}

function joinTopology(config: JoinConfig, { name, site }: ProcessorContext): Topology {
  const sides = sidesOf(config, site)
  const operator = keyByOperator((fact) => {
    return sides(fact).map(({ key, side, row }) => ({ key, data: { side, ...row } as unknown as Json }))
  })
  const shown = { left: config.left.on.pattern, right: config.right.on.pattern }
  const keyBy = { name: 'key', does: 'key-by', with: shown, operator: operator as Operator }
  return {
    name,
    stages: [
      { name: 'sides', from: intakes(config), steps: [keyBy] },
      { name: 'join', from: [{ topic: 'keyed' }], steps: joinSteps(config, name) },
    ],
  }
}

function intakes({ left, right }: JoinConfig): Intake[] {
  const from: Intake[] = [{ topic: 'telemetry', on: [left.on.pattern] }]
  if (left.of !== undefined) from.push({ topic: 'derived', on: [left.on.pattern], of: left.of })
  from.push({ topic: right.event === undefined ? 'telemetry' : 'events', on: [right.on.pattern] })
  if (right.of !== undefined) from.push({ topic: 'derived', on: [right.on.pattern], of: right.of })
  return from
}

function joinSteps({ how, tolerance, before, after, late, unmatched, as }: JoinConfig, name: string): Step[] {
  const joined: Joined = (left, right, context) => {
    const figures = [...left.cells, ...right].map(([tag, value, quality]) => {
      return { name: derivedName(as, { tag, processor: name }), value, quality }
    })
    return { kind: 'reading', reading: { ...readingOf(figures, left.time, context), asset: left.asset } }
  }
  if (how === 'within') {
    const bounds = { beforeMs: before, afterMs: after, lateMs: late, unmatched }
    const operator = joinWithinOperator({ ...bounds, sideOf, joined }) as Operator
    return [{ name: 'join', does: 'join-within', with: { ...bounds, as }, operator }]
  }
  const toleranceMs = tolerance ?? Infinity
  const operator = joinAsOfOperator({ sideOf, toleranceMs, unmatched, joined }) as Operator
  const join = {
    name: 'join',
    does: 'join-as-of',
    with: { how, tolerance: tolerance ?? null, unmatched, as },
    operator,
  }
  if (how === 'latest') return [join]
  const order = inOrderOperator({ name, lateMs: late, onLate: 'drop' }) as Operator
  return [{ name: 'order', does: 'in-order', with: { lateMs: late, onLate: 'drop' }, operator: order }, join]
}

/** What the first stage has said of a fact. */
function sideOf(fact: Fact, time: number) {
  if (fact.kind !== 'keyed') return []
  const { side, asset, cells } = fact.data as unknown as JoinRow & { readonly side: 'left' | 'right' }
  return [{ side, row: { time, asset, cells } }]
}
