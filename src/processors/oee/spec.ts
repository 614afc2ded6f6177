import type { ProcessorContext, ProcessorSpec } from '../../component/processor.ts'
import type { Stage, Topology } from '../../component/topology.ts'
import type { Json } from '../../model/json-value.ts'
import { under } from '../../model/path.ts'
import { oeeSchema, type OeeConfig } from './config.ts'
import { lineOperator } from './line-operator.ts'
import { machineOperator } from './operator.ts'

/** The state of a machine is tens of KB, most of it the hours that can still be corrected. */
const SAVE_EVERY_MS = 10_000

/** Overall equipment effectiveness of machines and lines. */
export const oeeSpec: ProcessorSpec<OeeConfig> = {
  kind: 'oee',
  summary:
    'Finds availability, effectiveness, quality and OEE of machines and lines (ISO 22400-2), and where the time went',
  config: oeeSchema,
  example: `processors:
  oee-line1:
    oee:
      on: press-shop/line1/*
      line: { asset: press-shop/line1 }
      zone: Europe/Berlin
      shifts:
        - { name: early, from: "06:00", to: "14:00", days: mon-fri }
        - { name: late, from: "14:00", to: "22:00", days: mon-fri }
      tags: { state: state, total: cycles, scrap: scrap }
      idealCycle: 4.2s
`,
  topology: oeeTopology,
}

function oeeTopology(config: OeeConfig, { name, site }: ProcessorContext): Topology {
  const { on, line, settings } = config
  const shown = plain(config)
  const asset = line === undefined ? undefined : under(site, line.asset)
  const machine = machineOperator({ name, settings, ...(asset !== undefined && { line: asset }) })
  const stages: Stage[] = [
    {
      name: 'machines',
      from: [
        { topic: 'telemetry', on },
        { topic: 'events', on },
      ],
      saveEveryMs: SAVE_EVERY_MS,
      steps: [{ name: 'machine', does: 'oee-machine', with: shown, operator: machine }],
    },
  ]
  if (line !== undefined) {
    const machines = line.machines.map((path) => under(site, path))
    const { bottleneck, produced } = line
    const rules = { produced, ...(bottleneck !== undefined && { bottleneck: under(site, bottleneck) }) }
    stages.push({
      name: 'lines',
      from: [{ topic: 'keyed' }],
      steps: [{ name: 'line', does: 'oee-line', with: shown, operator: lineOperator({ name, machines, ...rules }) }],
    })
  }
  return { name, stages }
}

/** Config as JSON: what is not set is left out. */
function plain(config: unknown): Json {
  return JSON.parse(JSON.stringify(config)) as Json
}
