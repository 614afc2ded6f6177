import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { under } from '../../model/path.ts'
import { stockSchema, type StockConfig } from './config.ts'
import { accountOperator, rulesFor } from './operator.ts'
import { accountKey } from './posting.ts'
import { postingsOperator } from './postings.ts'

/** Stock of every material at every place, from movements, machine counts and counting. */
export const stockSpec: ProcessorSpec<StockConfig> = {
  kind: 'stock',
  summary: 'Keeps the stock of materials at places from movements, machine counts and stocktaking, and calls for more',
  config: stockSchema,
  example: `processors:
  stock:
    stock:
      counters:
        - on: press-shop/line1/*
          tag: cycles
          consumes: { blank-4711: { quantity: 1, place: press-shop/line1/rack } }
          produces: { door-left: { quantity: 1, place: press-shop/line1/out } }
      cover: { window: 8h, below: 2h }
      difference: { above: 5, for: 1h }
      reorder:
        - { material: blank-4711, place: press-shop/line1/rack, below: 200, quantity: 400, from: warehouse, within: 90m }
`,
  topology: stockTopology,
}

function stockTopology(config: StockConfig, { name, site }: ProcessorContext): Topology {
  const { on, counters, materials, cover, difference, reorder } = config
  const calls = reorder.map((rule) => {
    const account = { material: rule.material, place: under(site, rule.place) }
    return [accountKey(account), { ...rule, ...(rule.from !== undefined && { from: under(site, rule.from) }) }] as const
  })
  const rules = rulesFor(
    name,
    { cover: { ...cover, below: cover.below }, difference },
    { materials, reorder: new Map(calls) },
  )
  const machines = counters.flatMap((counter) => counter.on)
  return {
    name,
    stages: [
      {
        name: 'postings',
        from: [
          { topic: 'events', on },
          ...(machines.length === 0 ? [] : [{ topic: 'telemetry' as const, on: machines }]),
        ],
        steps: [
          {
            name: 'postings',
            does: 'stock-postings',
            with: plain({ counters }),
            operator: postingsOperator(site, counters),
          },
        ],
      },
      {
        name: 'accounts',
        from: [{ topic: 'keyed' }],
        steps: [
          {
            name: 'account',
            does: 'stock-account',
            with: plain({ materials, cover, difference, reorder }),
            operator: accountOperator(rules),
          },
        ],
      },
    ],
  }
}

/** Config as JSON: what is not set is left out. */
function plain(config: unknown): Json {
  return JSON.parse(JSON.stringify(config)) as Json
}
